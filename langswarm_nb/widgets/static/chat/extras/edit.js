// A question is written anew in its place; the old one stays as a branch.

function editMessage(item) {
  const area = h("textarea", { class: "lsnb-input", "aria-label": "Edit the message", rows: 1, dir: "auto" });
  const end = () => item.update(item.view);
  const send = () => {
    const text = area.value.trim();
    if ((text || item.view.attachments) && text !== item.view.text) item.act.edit(item.id, text);
    end();
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
