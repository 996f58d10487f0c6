// Title, model, cost, and the menu with what is done now and then.

const OPENS = { "aria-haspopup": "true", "aria-expanded": "false" };

class Header {
  /** `act` has: newChat(), extra(name), archive(), unarchive(). */
  constructor(act, panel) {
    this.act = act;
    this.panel = panel;
    this.title = h("button", { class: "lsnb-title", title: "Rename", dir: "auto", onclick: () => act.extra("rename") });
    this.modelName = h("span", { class: "lsnb-model-name" });
    this.model = h("button", { class: "lsnb-model", ...OPENS, onclick: () => act.extra("models") }, this.modelName, icon("chevron"));
    this.cost = h("button", { class: "lsnb-cost", ...OPENS, onclick: () => act.extra("numbers") });
    this.fresh = iconButton("plus", "New chat", () => act.newChat());
    this.menu = iconButton("menu", "More", () => act.extra("menu"), OPENS);
    this.el = h("div", { class: "lsnb-header" }, this.title, this.model, this.cost, this.fresh, this.menu);
    this.tags = h("button", { class: "lsnb-tags", title: "Tags and settings", hidden: true, onclick: () => act.extra(this.header.tags.length ? "tags" : "settings") });
  }

  /** @param {Header} header */
  show(header) {
    this.header = header;
    this.title.textContent = header.title || "New chat";
    this.modelName.textContent = header.model;
    this.model.title = `Model: ${header.model}`;
    this.model.ariaLabel = `Model: ${header.model}`;
    this.cost.textContent = header.cost;
    this.cost.title = header.cost === "–" ? "Numbers of this chat; its cost is not known" : "Cost and numbers of this chat";
    this.cost.ariaLabel = `Cost ${header.cost}. Numbers of this chat`;
    this.fresh.hidden = !header.managed || header.replay;
    this.title.disabled = this.tags.disabled = header.replay;
    const words = header.tags.map((tag) => h("bdi", { class: "lsnb-tag", text: tag }));
    if (header.set.length) words.push(h("span", { text: header.set.join(", ") }));
    this.tags.hidden = !words.length;
    this.tags.replaceChildren(...words);
  }

  toggle(anchor, content) {
    if (anchor.getAttribute("aria-expanded") === "true") return this.close?.(true);
    const { el, label } = content();
    this.close = openPopup(this.panel, anchor, el, { label });
  }

  item(label, detail, onclick, props) {
    return h("button", { class: "lsnb-item", onclick: () => { this.close(true); onclick(); }, ...props }, h("span", { text: label, dir: "auto" }), detail && h("small", { text: detail }));
  }
}
