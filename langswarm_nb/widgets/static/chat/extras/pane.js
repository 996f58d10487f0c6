// A form over the conversation. What it covers is out of reach meanwhile.

/** Opens it and returns what closes it. `form` has a heading with the id `titled`. */
function openPane(panel, titled, form) {
  const covered = [...panel.root.children].filter((el) => !el.matches("style, .lsnb-hidden, [inert]"));
  const pane = h("div", { class: "lsnb-pane", role: "dialog", "aria-labelledby": titled }, form);
  const close = () => {
    pane.remove();
    for (const el of covered) el.inert = false;
    panel.header.menu.focus();
  };
  pane.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  for (const el of covered) el.inert = true;
  panel.root.append(pane);
  pane.querySelector("textarea, input, select, button").focus();
  return close;
}
