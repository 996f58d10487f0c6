// The tags of a chat, each with a cross, and a box for the next one. What is removed can be brought back.

class TagEditor {
  constructor(panel) {
    this.panel = panel;
    this.list = h("ul", { "aria-label": "Tags" });
    this.input = h("input", { class: "lsnb-search", placeholder: "Add a tag", "aria-label": "Add a tag", maxlength: 40, dir: "auto", autocomplete: "off" });
    this.el = h("div", { class: "lsnb-tag-editor", role: "group", "aria-label": "Tags", hidden: true }, this.list, this.input, textButton("Done", () => this.close()));
    this.el.addEventListener("keydown", (event) => this.key(event));
    panel.header.tags.before(this.el);
  }

  open() {
    this.el.hidden = false;
    this.panel.root.classList.add("lsnb-tags-open");
    this.show();
    this.input.focus();
  }

  close() {
    this.el.hidden = true;
    this.panel.root.classList.remove("lsnb-tags-open");
    this.panel.composer.area.focus();
  }

  get tags() {
    return this.panel.store.header.tags;
  }

  show() {
    this.list.replaceChildren(...this.tags.map((tag) => h("li", { class: "lsnb-tag" }, h("bdi", { text: tag }), iconButton("close", `Remove ${tag}`, () => this.remove(tag)))));
  }

  async set(tags) {
    const done = await this.panel.ask("tags", { tags });
    this.show();
    return done !== undefined;
  }

  async remove(tag) {
    const before = this.tags;
    if (!(await this.set(before.filter((other) => other !== tag)))) return;
    notify(this.panel, `The tag “${tag}” was removed.`, async () => {
      await this.set([...this.tags, tag].sort((a, b) => before.indexOf(a) - before.indexOf(b)));
    });
    this.input.focus();
  }

  async key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.target === this.input && (event.key === "Enter" || event.key === ",")) {
      event.preventDefault();
      const tag = this.input.value.trim();
      if (tag && (await this.set([...this.tags, tag]))) this.input.value = "";
    } else if (event.target === this.input && event.key === "Backspace" && !this.input.value && this.tags.length) {
      this.remove(this.tags.at(-1));
    }
  }
}
