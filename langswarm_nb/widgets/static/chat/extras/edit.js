// A question is written anew in its place; the old one stays as a branch.

function editMessage(item, thread) {
  const from = document.activeElement;
  const box = item.el.closest(".lsnb-panel").querySelector(".lsnb-composer textarea");
  const area = h("textarea", { class: "lsnb-input", "aria-label": "Edit the message", rows: 1, dir: "auto" });
  // The button that was pressed is another by then; the box where one writes is not.
  const end = () => {
    item.update(item.view);
    (from === box ? box : item.el.querySelector("[aria-label=Edit]"))?.focus({ preventScroll: true });
  };
  const send = async () => {
    const text = area.value.trim();
    if ((!text && !item.view.attachments) || text === item.view.text) return end();
    area.readOnly = buttons.inert = true;
    box.focus({ preventScroll: true });
    const { follows } = thread;
    // The reply is what one waits for then.
    thread.follows = true;
    const done = (await item.act.edit(item.id, text)) !== undefined;
    if (!area.isConnected) return;
    thread.follows = follows;
    area.readOnly = buttons.inert = false;
    // What was written stays until it is stored.
    if (done) end();
    else area.focus();
  };
  area.value = item.view.text;
  area.addEventListener("input", () => fitHeight(area));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      end();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  const buttons = h("div", { class: "lsnb-edit-foot" }, textButton("Send", send, { class: "lsnb-button lsnb-primary" }), textButton("Cancel", end));
  item.body.replaceChildren(area, buttons);
  fitHeight(area);
  area.focus();
}
