// The chat as a file: to the browser, or beside the notebook.

async function openExport(panel, pictures) {
  if (panel.root.querySelector(".lsnb-pane")) return;
  const offered = await panel.ask("exports");
  if (!offered) return;
  const ids = newId();
  const format = h("select", { id: `${ids}-format`, class: "lsnb-search", "aria-describedby": `${ids}-for`, onchange: () => showUse() }, ...offered.formats.map(([value, text]) => h("option", { value, text })));
  const use = h("small", { id: `${ids}-for` });
  const redact = h("input", { type: "checkbox", id: `${ids}-redact`, "aria-describedby": `${ids}-redacts` });
  const done = h("p", { class: "lsnb-done", role: "status", dir: "auto" });
  const wrong = h("p", { class: "lsnb-wrong", role: "alert", dir: "auto" });
  const showUse = () => {
    use.textContent = offered.formats.find(([value]) => value === format.value)[2];
    done.textContent = wrong.textContent = "";
  };
  const make = async (to) => {
    done.textContent = wrong.textContent = "";
    for (const button of buttons) button.disabled = true;
    try {
      const fields = { format: format.value, redact: redact.checked, to };
      let about;
      if (to === "page") pictures.download(await pictures.fetch("export", fields, (answer) => (about = answer)), about.name, about.type);
      else about = await panel.store.request("export", fields);
      done.textContent = `Saved: ${about.told}.`;
    } catch (error) {
      wrong.textContent = error.text ?? error.message;
    }
    for (const button of buttons) button.disabled = false;
    if (panel.root.contains(document.activeElement) || document.activeElement === document.body) buttons[to === "page" ? 0 : 1].focus();
  };
  const buttons = [
    h("button", { type: "submit", class: "lsnb-button lsnb-primary", text: "Download" }),
    textButton("Save beside the notebook", () => make("notebook"), { title: offered.folder }),
  ];
  const onsubmit = (event) => {
    event.preventDefault();
    make("page");
  };
  const form = h(
    "form",
    { onsubmit },
    h("h2", { id: `${ids}-title`, text: "Export this chat" }),
    h("div", { class: "lsnb-field" }, h("label", { for: format.id, text: "Format" }), format, use),
    h("div", { class: "lsnb-field" }, h("label", { class: "lsnb-check", for: redact.id }, redact, "Redact"), h("small", { id: `${ids}-redacts`, text: "Takes out keys, passwords, e-mail addresses, phone and card numbers, and hides names of users. Read it before you share it." })),
    done,
    wrong,
    h("div", { class: "lsnb-pane-foot" }, ...buttons, textButton("Close", () => close())),
  );
  const close = openPane(panel, `${ids}-title`, form);
  showUse();
}
