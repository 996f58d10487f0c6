// What the whole chat has used.

async function showNumbers(panel) {
  const { header: bar } = panel;
  const rows = await panel.ask("numbers");
  if (!rows) return;
  const cells = rows.flatMap(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })]);
  bar.toggle(bar.cost, () => ({ el: h("dl", { class: "lsnb-totals", tabindex: 0 }, ...cells), label: "This chat in numbers" }));
  panel.root.querySelector(".lsnb-totals")?.focus();
}
