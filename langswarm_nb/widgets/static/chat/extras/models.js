// The models to choose from; what is chosen answers from the next turn on.

function openModels(panel) {
  const { header: bar } = panel;
  const { models, model, archived, managed, running } = bar.header;
  const locked = archived || !managed || Boolean(running);
  const choose = (name) => name !== model && panel.ask("model", { model: name });
  const items = models.map((name) => bar.item(name, "", () => choose(name), { "aria-current": name === model ? "true" : null, disabled: locked && name !== model }));
  const other = h("input", { class: "lsnb-search", placeholder: "Another: provider/model", "aria-label": "Another model", disabled: locked });
  other.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !other.value.trim()) return;
    // Or the key would press the button that gets the focus, and open this again.
    event.preventDefault();
    bar.close(true);
    choose(other.value.trim());
  });
  bar.toggle(bar.model, () => ({ el: h("div", {}, ...items, managed && other), label: "Model" }));
}
