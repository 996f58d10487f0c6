// The list of sessions: one active row, any number of selected ones, more rows when the reader comes near the end.

const NEAR_END_PX = 400;

class SessionList {
  /** `act` has: open(id), more(), moved(), key(event) for keys that are no moves. */
  constructor(act) {
    this.act = act;
    this.prefix = newId();
    this.rows = [];
    this.els = new Map();
    this.selected = new Set();
    this.active = null;
    this.opened = null;
    this.el = h("div", {
      class: "lsnb-rows",
      role: "listbox",
      tabindex: 0,
      "aria-label": "Sessions",
      "aria-multiselectable": "true",
      onkeydown: (event) => this.key(event),
      onclick: (event) => this.click(event),
      onfocus: () => this.focused(),
    });
    this.el.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  /** Shows `rows` in place of what was there; rows that stay keep their place on the screen. */
  show(rows, total) {
    this.total = total;
    const before = this.els;
    this.rows = rows;
    this.els = new Map();
    for (const row of rows) {
      const known = before.get(row.id);
      const text = JSON.stringify(row);
      const el = known?.dataset.row === text ? known : this.row(row);
      el.dataset.row = text;
      this.els.set(row.id, el);
    }
    this.el.replaceChildren(...this.els.values());
    for (const id of [...this.selected]) if (!this.els.has(id) && rows.length === total) this.selected.delete(id);
    if (!this.els.has(this.active)) this.active = rows[0]?.id ?? null;
    this.mark();
  }

  row(row) {
    const title = h("div", { class: "lsnb-row-title", dir: "auto" }, ...inPieces(row.name));
    if (!row.title) title.replaceChildren(h("i", { text: "Untitled" }));
    const said = row.said.length > 0 && h("div", { class: "lsnb-row-said", dir: "auto" }, ...inPieces(row.said));
    const about = h(
      "div",
      { class: "lsnb-row-about" },
      row.status !== "active" && h("span", { class: "lsnb-badge", text: row.status === "deleted" ? "in the trash" : row.status }),
      h("span", { text: row.model, dir: "auto" }),
      h("span", { text: counted(row.count, "message") }),
      h("span", { text: row.cost, title: row.cost === "–" ? "What it cost is not known" : "What it has cost" }),
      this.showUsers && h("span", { text: row.user, dir: "auto" }),
      ...row.tags.map((text) => h("span", { class: "lsnb-tag", dir: "auto", text })),
    );
    return h(
      "div",
      { class: "lsnb-row-s", role: "option", id: `${this.prefix}-${row.id}`, "data-id": row.id },
      h("span", { class: "lsnb-box", "aria-hidden": "true", title: "Select" }, icon("check")),
      h("div", { class: "lsnb-row-main" }, title, said, about),
      h("time", { datetime: new Date(row.at).toISOString(), title: new Date(row.at).toLocaleString(), text: ago(row.at) }),
    );
  }

  mark() {
    for (const [id, el] of this.els) {
      el.setAttribute("aria-selected", String(this.selected.has(id)));
      el.classList.toggle("lsnb-active", id === this.active);
      el.classList.toggle("lsnb-opened", id === this.opened);
    }
    this.el.classList.toggle("lsnb-selecting", this.selected.size > 0);
    const active = this.els.get(this.active);
    if (active) this.el.setAttribute("aria-activedescendant", active.id);
    else this.el.removeAttribute("aria-activedescendant");
    this.act.moved();
  }

  /** Returns the ids that an action is meant for: the selected ones, else the active one. */
  targets() {
    if (this.selected.size) return [...this.selected];
    return this.active ? [this.active] : [];
  }

  find(id) {
    return this.rows.find((row) => row.id === id);
  }

  moveTo(index, extend) {
    const row = this.rows[Math.max(0, Math.min(index, this.rows.length - 1))];
    if (!row) return;
    if (extend) this.selected.add(this.active).add(row.id);
    this.active = row.id;
    this.mark();
    this.els.get(row.id).scrollIntoView({ block: "nearest" });
    if (index >= this.rows.length - 2) this.act.more();
  }

  key(event) {
    const at = this.rows.findIndex((row) => row.id === this.active);
    const page = Math.max(1, Math.floor(this.el.clientHeight / (this.els.get(this.active)?.offsetHeight || 60)) - 1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rows.length - 1, PageDown: at + page, PageUp: at - page }[event.key];
    if (to !== undefined) this.moveTo(to, event.shiftKey);
    else if (event.key === "Enter" && this.active) this.act.open(this.active);
    else if (event.key === " " && this.active) this.toggle(this.active);
    else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) this.selectAll(this.rows.map((row) => row.id));
    else if (event.key === "Escape" && this.selected.size) this.selectAll([]);
    else return this.act.key(event);
    event.preventDefault();
  }

  click(event) {
    const id = event.target.closest?.(".lsnb-row-s")?.dataset.id;
    if (!id) return;
    if (event.shiftKey) this.selectTo(id);
    else if (event.target.closest(".lsnb-box") || event.ctrlKey || event.metaKey) this.toggle(id);
    else {
      this.active = id;
      this.mark();
      this.act.open(id);
    }
  }

  toggle(id) {
    this.active = id;
    if (!this.selected.delete(id)) this.selected.add(id);
    this.mark();
  }

  selectTo(id) {
    const places = [this.active, id].map((each) => this.rows.findIndex((row) => row.id === each));
    const [from, to] = places.sort((a, b) => a - b);
    for (const row of this.rows.slice(Math.max(from, 0), to + 1)) this.selected.add(row.id);
    this.active = id;
    this.mark();
  }

  selectAll(ids) {
    this.selected = new Set(ids);
    this.mark();
  }

  focused() {
    this.els.get(this.active)?.scrollIntoView({ block: "nearest" });
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.el;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) this.act.more();
  }
}
