// A question is written anew in its place; the old one stays as a branch.

function editMessage(item) {
  const area = h("textarea", { class: "lsnb-input", "aria-label": "Edit the message", rows: 1, dir: "auto" });
  const from = document.activeElement;
  const end = () => {
    item.update(item.view);
    const back = from?.isConnected && from.matches("textarea") ? from : item.el.querySelector("[aria-label=Edit]");
    back?.focus({ preventScroll: true });
  };
  const send = () => {
    const text = area.value.trim();
    const edited = (text || item.view.attachments) && text !== item.view.text;
    end();
    if (!edited) return;
    item.act.edit(item.id, text);
    item.el.closest(".lsnb-panel").querySelector(".lsnb-composer textarea").focus();
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
