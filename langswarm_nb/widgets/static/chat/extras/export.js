// The conversation as a file, to keep or to hand on.

const FORMATS = [
  ["markdown", "Markdown", ".md"],
  ["html", "Web page", ".html, without a script"],
  ["ipynb", "Notebook", ".ipynb, its Python runs"],
  ["json", "JSON", ".json, can be imported again"],
];

function exportChat(panel, pictures, request) {
  const { header } = panel;
  const redact = h("input", { type: "checkbox" });
  const save = async (format) => {
    panel.say("The file is being written.");
    try {
      const file = await request("export", { format, redact: redact.checked });
      pictures.download(await pictures.pieces(file), file.name, file.type);
      panel.say(`${file.name} was saved.`);
    } catch (error) {
      panel.fail(error);
    }
  };
  const items = FORMATS.map(([format, label, detail]) => header.item(label, detail, () => save(format)));
  const label = h("label", { class: "lsnb-check" }, redact, h("span", { text: "without keys, addresses and names" }));
  header.toggle(header.menu, () => ({ el: h("div", {}, ...items, label), label: "Export" }));
}
