// What is looked for: text, filters, order.

const FACETS = [
  ["provider", "Provider"],
  ["model", "Model"],
  ["status", "Status"],
  ["tag", "Tag"],
  ["user", "User"],
];
const SPANS = [
  ["Today", 0],
  ["Last 7 days", 6],
  ["Last 30 days", 29],
  ["Last year", 364],
];
const STATUS_NAMES = { active: "active", idle: "idle", archived: "archived", deleted: "in the trash", error: "failed" };
const ORDERS = [
  ["activity", "Last activity"],
  ["created", "Newest"],
  ["messages", "Most messages"],
  ["cost", "Highest cost"],
  ["title", "Title"],
];
const TYPING_MS = 150;

class Filters {
  /** `changed` is called when something else is looked for; `down` when the reader goes on to the list. */
  constructor(root, { changed, down }) {
    this.root = root;
    this.changed = changed;
    this.facets = {};
    this.chosen = {};
    this.span = null;
    this.search = h("input", {
      class: "lsnb-search",
      type: "search",
      placeholder: "Search titles and messages",
      "aria-label": "Search titles and messages",
      "aria-keyshortcuts": "/",
      autocomplete: "off",
      dir: "auto",
      oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(changed, TYPING_MS);
      },
      onkeydown: (event) => {
        if (event.key === "Escape" && this.search.value) {
          event.preventDefault();
          this.search.value = "";
          changed();
        } else if (event.key === "ArrowDown" || event.key === "Enter") {
          event.preventDefault();
          down(event.key === "Enter");
        }
      },
    });
    this.order = h(
      "select",
      { class: "lsnb-order", "aria-label": "Order", onchange: () => changed() },
      ...ORDERS.map(([value, text]) => h("option", { value, text })),
    );
    this.chips = h("div", { class: "lsnb-chips", role: "group", "aria-label": "Filters" });
    this.el = h("div", { class: "lsnb-find" }, h("div", { class: "lsnb-find-row" }, icon("search"), this.search, this.order), this.chips);
    this.buttons = new Map();
    for (const [name, label] of [...FACETS, ["date", "Date"]]) {
      const button = h("button", { class: "lsnb-chip", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => this.open(name, label, button) });
      this.buttons.set(name, button);
    }
    this.clear = h("button", { class: "lsnb-chip lsnb-clear", text: "Clear", onclick: () => this.reset() });
    this.chips.append(...this.buttons.values(), this.clear);
    this.draw();
  }

  /** Returns what is looked for, as a request says it. */
  query() {
    return { text: this.search.value.trim(), filters: { ...this.chosen, ...this.moments() }, sort: this.order.value };
  }

  get isNarrow() {
    return Boolean(this.search.value.trim() || this.span || Object.values(this.chosen).some((values) => values.length));
  }

  get showsTrash() {
    const status = this.chosen.status ?? [];
    return status.length === 1 && status[0] === "deleted";
  }

  moments() {
    if (!this.span) return {};
    const { from, to } = this.span;
    const until = to && new Date(`${to}T00:00`);
    until?.setDate(until.getDate() + 1);
    return { since: from ? new Date(`${from}T00:00`).toISOString() : null, until: until?.toISOString() ?? null };
  }

  setFacets(facets) {
    this.facets = facets;
    this.draw();
  }

  reset() {
    this.search.value = "";
    this.chosen = {};
    this.span = null;
    this.draw();
    this.changed();
    this.search.focus();
  }

  showTrash() {
    this.chosen = { status: ["deleted"] };
    this.draw();
    this.changed();
  }

  draw() {
    for (const [name, label] of FACETS) {
      const button = this.buttons.get(name);
      const chosen = this.chosen[name] ?? [];
      const shown = chosen.length > 1 ? `${label}: ${chosen.length}` : chosen.length ? this.nameOf(name, chosen[0]) : label;
      button.hidden = !chosen.length && (this.facets[name] ?? []).length < (name === "tag" ? 1 : 2);
      this.drawChip(button, shown, chosen.length > 0, chosen.length ? `${label}: ${chosen.map((value) => this.nameOf(name, value)).join(", ")}` : `Filter by ${label.toLowerCase()}`);
    }
    const { label } = this.span ?? {};
    this.drawChip(this.buttons.get("date"), label ?? "Date", Boolean(label), label ? `Date: ${label}` : "Filter by date");
    this.clear.hidden = !this.isNarrow;
  }

  drawChip(button, text, on, label) {
    button.replaceChildren(h("span", { text, dir: "auto" }), icon("chevron"));
    button.classList.toggle("lsnb-on", on);
    button.setAttribute("aria-label", label);
    button.title = label;
  }

  nameOf(name, value) {
    return name === "status" ? (STATUS_NAMES[value] ?? value) : value;
  }

  open(name, label, button) {
    if (button.getAttribute("aria-expanded") === "true") return this.close?.(true);
    const content = name === "date" ? this.dates() : this.values(name, label);
    this.close = openBelow(this.root, button, content, { label });
  }

  values(name, label) {
    const chosen = new Set(this.chosen[name] ?? []);
    const known = this.facets[name] ?? [];
    const values = [...known, ...[...chosen].filter((value) => !known.some(([other]) => other === value)).map((value) => [value, 0])];
    const items = values.map(([value, count]) => {
      const item = h("button", { class: "lsnb-item lsnb-choice", "aria-pressed": String(chosen.has(value)), "data-value": this.nameOf(name, value) }, icon("check"), h("span", { text: this.nameOf(name, value), dir: "auto" }), h("small", { text: count.toLocaleString("en") }));
      item.addEventListener("click", () => {
        if (!chosen.delete(value)) chosen.add(value);
        item.setAttribute("aria-pressed", String(chosen.has(value)));
        this.chosen = { ...this.chosen, [name]: [...chosen] };
        this.draw();
        this.changed();
      });
      return item;
    });
    if (items.length < 9) return h("div", {}, ...items);
    const narrow = h("input", { class: "lsnb-search", type: "search", placeholder: `Find a ${label.toLowerCase()}`, "aria-label": `Find a ${label.toLowerCase()}` });
    narrow.addEventListener("input", () => {
      for (const item of items) item.hidden = !item.dataset.value.toLowerCase().includes(narrow.value.trim().toLowerCase());
    });
    return h("div", {}, narrow, ...items);
  }

  dates() {
    const set = (span) => {
      this.span = span;
      this.draw();
      this.changed();
    };
    const items = SPANS.map(([label, days]) =>
      h("button", { class: "lsnb-item", "aria-current": this.span?.label === label ? "true" : null, text: label, onclick: () => (this.close(true), set({ label, from: dayOf(days), to: null })) }),
    );
    const any = h("button", { class: "lsnb-item", text: "Any time", "aria-current": this.span ? null : "true", onclick: () => (this.close(true), set(null)) });
    const from = h("input", { type: "date", class: "lsnb-search", "aria-label": "From", value: this.span?.from });
    const to = h("input", { type: "date", class: "lsnb-search", "aria-label": "To", value: this.span?.to });
    const own = () => set(from.value || to.value ? { label: `${from.value || "…"} – ${to.value || "today"}`, from: from.value, to: to.value } : null);
    for (const input of [from, to]) input.addEventListener("change", own);
    return h("div", {}, any, ...items, h("div", { class: "lsnb-dates" }, from, h("span", { text: "to" }), to));
  }
}

/** Returns the day `days` before today, as yyyy-mm-dd of the reader's own calendar. */
function dayOf(days) {
  const day = new Date();
  day.setDate(day.getDate() - days);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}
