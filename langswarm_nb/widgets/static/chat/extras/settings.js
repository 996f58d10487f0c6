// Instructions and parameters of the session, over the conversation; they hold from the next message on.

async function openSettings(panel) {
  if (panel.root.querySelector(".lsnb-pane")) return;
  const fields = await panel.ask("settings");
  if (!fields) return;
  const ids = newId();
  const boxes = new Map();
  const { archived, closed } = panel.store.header;
  const row = ({ name, label, kind, value, help, choices }) => {
    const id = `${ids}-${name}`;
    const props = { id, class: "lsnb-search", "aria-describedby": `${id}-help ${id}-problem`, disabled: archived };
    let box;
    if (kind === "text") box = h("textarea", { ...props, rows: 5, dir: "auto" });
    else if (kind === "choice") box = h("select", props, h("option", { value: "", text: "Provider's default" }), ...choices.map((text) => h("option", { value: text, text })));
    else box = h("input", { ...props, inputmode: "decimal", placeholder: "Provider's default", autocomplete: "off" });
    box.value = value;
    boxes.set(name, box);
    return h("div", { class: "lsnb-field" }, h("label", { for: id, text: label }), box, h("small", { id: `${id}-help`, text: help }), h("small", { id: `${id}-problem`, class: "lsnb-wrong", role: "alert" }));
  };
  const save = async (event) => {
    event.preventDefault();
    const problems = await panel.ask("set_settings", { values: Object.fromEntries([...boxes].map(([name, box]) => [name, box.value])) });
    if (!problems) return;
    for (const [name, box] of boxes) {
      box.setAttribute("aria-invalid", String(name in problems));
      box.parentElement.querySelector(".lsnb-wrong").textContent = problems[name] ?? "";
    }
    const wrong = Object.keys(problems)[0];
    if (wrong) return boxes.get(wrong).focus();
    close();
    panel.say("The settings hold from the next message on.");
  };
  const form = h(
    "form",
    { onsubmit: save, novalidate: true },
    h("h2", { id: `${ids}-title`, text: "Settings of this chat" }),
    ...fields.map(row),
    h("p", { class: "lsnb-none", text: archived ? closed : "They hold from the next message on. What is empty is the provider's default." }),
    h("div", { class: "lsnb-pane-foot" }, h("button", { type: "submit", class: "lsnb-button lsnb-primary", text: "Save", disabled: archived }), textButton("Cancel", () => close())),
  );
  const close = openPane(panel, `${ids}-title`, form);
}
