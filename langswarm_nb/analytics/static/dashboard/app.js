// The dashboard: asks for a tab under filters, shows it, and turns what the reader does into filters.

const KINDS = { chart: Chart, sessions: Sessions, search: Search };
const NAMES = { user_id: "User", provider: "Provider", model: "Model", status: "Status" };

class App {
  constructor(root, backend) {
    this.backend = backend;
    this.tab = backend.tab ?? "Overview";
    this.filters = null; // null: whatever the kernel has
    this.cards = new Map();
    this.number = 0;
    this.status = element("div", { class: "lsnb-dash-status", role: "status", "aria-live": "polite" });
    this.tabs = element("div", { class: "lsnb-dash-tabs", role: "tablist", "aria-label": "Dashboard" });
    this.actions = element("div", { class: "lsnb-dash-actions" });
    this.bar = element("div", { class: "lsnb-dash-filters" });
    this.numbers = element("div", { class: "lsnb-dash-numbers" });
    const id = `lsnb-dash-${Math.random().toString(36).slice(2)}`;
    this.grid = element("div", { class: "lsnb-dash-grid", id, role: "tabpanel" });
    this.doing = element("progress", { class: "lsnb-dash-doing", "aria-label": "Working" });
    this.strip = element("div", { class: "lsnb-dash-strip", hidden: true });
    this.root = element(
      "section",
      { class: "lsnb-dash", "aria-label": "Dashboard of conversations" },
      element("header", { class: "lsnb-dash-head" }, this.tabs, this.actions),
      this.strip, this.bar, this.status, this.numbers, this.grid,
    );
    // The host's own shortcuts must not fire while someone uses the dashboard.
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
    // A page with several parts tells when this one comes to the front.
    this.root.addEventListener("lsnb-shown", () => this.show({ refresh: true }));
    root.append(this.root);
    this.stopTheme = onThemeChange(() => this.redraw());
    this.sizes = new ResizeObserver(() => this.number === 0 ? this.showOnceSeen() : this.resize());
    this.sizes.observe(this.grid);
    if (backend.live) {
      this.actions.append(
        this.button("Refresh", () => this.show({ refresh: true }), "Read the store again"),
        this.button("Save as HTML", () => this.saveHtml(), "One file that works without kernel and network"),
      );
    }
    this.showOnceSeen();
  }

  // Nothing is computed for a part of the page that nobody has opened yet; its first size tells that it is open.
  showOnceSeen() {
    if (this.root.isConnected && this.root.checkVisibility()) this.show({});
  }

  close() {
    this.stopTheme();
    this.sizes.disconnect();
    for (const card of this.cards.values()) card.purge();
    this.root.remove();
  }

  button(text, onclick, title) {
    return element("button", { type: "button", class: "lsnb-dash-button", onclick, title }, text);
  }

  // Ask for what should be seen; what is seen stays, dimmed, until the answer is here.
  async show({ refresh = false } = {}) {
    const number = ++this.number;
    this.root.classList.add("lsnb-dash-busy");
    this.root.setAttribute("aria-busy", "true");
    // Said only when it takes long enough to wonder.
    let doing = "Reading the conversations …";
    const say = () => number === this.number && this.status.replaceChildren(this.doing, ` ${doing}`);
    const soon = setTimeout(say, this.frame ? 600 : 0);
    const progress = (step) => {
      doing = step;
      if (this.doing.isConnected) say();
    };
    try {
      const asked = { tab: this.tab, filters: this.filters, refresh, number };
      const [plotly, { value }] = await Promise.all([
        loadPlotly(this.backend.ask), this.backend.ask("show", asked, progress),
      ]);
      if (number !== this.number) return;
      this.plotly = plotly;
      this.take(value);
      this.status.textContent = "";
    } catch (problem) {
      if (number !== this.number) return;
      this.status.replaceChildren(
        element("span", { class: "lsnb-dash-problem" }, problem.message), " ",
        this.backend.live ? this.button("Try again", () => this.show({})) : null,
      );
    } finally {
      clearTimeout(soon);
      if (number === this.number) {
        this.root.classList.remove("lsnb-dash-busy");
        this.root.removeAttribute("aria-busy");
      }
    }
  }

  take(view) {
    this.root.classList.toggle("lsnb-dash-empty", Boolean(view.empty));
    if (view.empty) return this.showEmpty();
    this.frame = view;
    this.tab = view.tab;
    this.filters = { ...view.filters, period: view.period };
    this.strip.hidden = !view.label;
    this.strip.textContent = view.label;
    this.drawTabs();
    if (!this.backend.live) this.bar.textContent = this.filtersInWords();
    // An answer does not take away the form that somebody fills in.
    else if (!this.dates?.isConnected) this.drawFilters();
    this.drawNumbers(view.numbers);
    this.drawCards(view.items);
  }

  showEmpty() {
    this.numbers.replaceChildren();
    this.bar.replaceChildren();
    this.tabs.replaceChildren();
    this.grid.replaceChildren(
      element(
        "div", { class: "lsnb-dash-welcome" },
        element("p", {}, "No conversations yet. Chat in a cell with ls.chat(), then press Refresh."),
        this.button("Look around with demo data", async (event) => {
          event.currentTarget.disabled = true;
          await this.backend.ask("demo").catch(() => {});
          this.filters = null;
          this.grid.replaceChildren();
          this.show({});
        }),
      ),
    );
  }

  drawTabs() {
    const names = this.frame.tabs;
    const choose = (name) => {
      this.tab = name;
      this.backend.remember?.(name);
      this.drawTabs();
      this.show({});
    };
    const focused = this.tabs.contains(document.activeElement);
    this.tabs.replaceChildren(...names.map((name, index) => {
      const on = name === this.tab;
      return element("button", {
        type: "button", role: "tab", class: "lsnb-dash-tab", "aria-selected": String(on), "aria-controls": this.grid.id, tabindex: on ? 0 : -1,
        onclick: () => choose(name),
        onkeydown: (event) => {
          const next = { ArrowRight: index + 1, ArrowLeft: index - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
          if (next === undefined) return;
          event.preventDefault();
          choose(names[next % names.length]);
          this.tabs.querySelector("[aria-selected=true]").focus();
        },
      }, name);
    }));
    this.grid.setAttribute("aria-label", this.tab);
    if (focused) this.tabs.querySelector("[aria-selected=true]").focus();
  }

  // ---- filters ----

  change(changes) {
    this.filters = { ...this.filters, ...changes };
    this.drawFilters();
    this.show({});
  }

  add(kind, value) {
    const chosen = this.filters[kind] ?? [];
    if (!chosen.includes(value)) this.change({ [kind]: [...chosen, value] });
  }

  drawFilters() {
    const { frame, filters } = this;
    const custom = Boolean(filters.start || filters.end);
    const period = element(
      "select",
      { class: "lsnb-dash-select", "aria-label": "Period", onchange: (event) => {
        if (event.target.value === "custom") return this.openDates();
        this.change({ period: event.target.value, start: null, end: null });
      } },
      ...frame.periods.map((name) => element("option", { value: name, selected: !custom && name === filters.period }, name)),
      // What is chosen already cannot be chosen again, and dates are changed more than once.
      custom ? element("option", { value: "", selected: true, hidden: true }, "From … to …") : null,
      element("option", { value: "custom" }, custom ? "Other dates …" : "From … to …"),
    );
    const adders = Object.entries(NAMES).map(([kind, name]) => {
      const left = frame.options[kind].filter((value) => !(filters[kind] ?? []).includes(value));
      return element(
        "select",
        { class: "lsnb-dash-select", "aria-label": `Filter by ${name.toLowerCase()}`, disabled: left.length === 0,
          onchange: (event) => this.add(kind, left[Number(event.target.value)]) },
        element("option", { value: "", selected: true, disabled: true, hidden: true }, name),
        ...left.map((value, index) => element("option", { value: String(index) }, value)),
      );
    });
    const chips = [];
    if (custom) {
      chips.push(this.chip(inWords(filters), () => this.change({ start: null, end: null })));
    }
    for (const kind of Object.keys(NAMES)) {
      for (const value of [filters[kind] ?? []].flat()) {
        const rest = [filters[kind]].flat().filter((other) => other !== value);
        chips.push(this.chip(value, () => this.change({ [kind]: rest }), NAMES[kind]));
      }
    }
    const clear = this.button("Clear", () => this.change({
      start: null, end: null, user_id: [], provider: [], model: [], status: [], period: "All time",
    }), "Show everything");
    clear.disabled = chips.length === 0 && filters.period === "All time";
    this.bar.replaceChildren(period, ...adders, ...chips, clear);
  }

  filtersInWords() {
    const { filters } = this;
    const chosen = Object.entries(NAMES).map(([kind, name]) => [filters[kind] ?? []].flat().length && `${name}: ${[filters[kind]].flat().join(", ")}`);
    return [inWords(filters) || filters.period, ...chosen].filter(Boolean).join(" · ");
  }

  openDates() {
    const { start, end } = this.filters;
    const from = element("input", { type: "date", class: "lsnb-dash-select", "aria-label": "From", value: start?.slice(0, 10) });
    const to = element("input", { type: "date", class: "lsnb-dash-select", "aria-label": "To, this day included", value: end ? lastMoment(end).slice(0, 10) : null });
    const apply = this.button("Apply", () => {
      if (from.value && to.value && from.value > to.value) [from.value, to.value] = [to.value, from.value];
      this.change({ start: from.value || null, end: to.value ? dayAfter(to.value) : null });
    });
    this.dates = from;
    this.bar.replaceChildren(from, to, apply, this.button("Cancel", () => this.drawFilters()));
    from.focus();
  }

  chip(text, onclick, kind) {
    return element(
      "button",
      { type: "button", class: "lsnb-dash-chip", onclick, title: `Remove this filter: ${text}` },
      kind ? element("small", {}, kind) : null, element("span", {}, text), element("span", { "aria-hidden": "true" }, "×"),
    );
  }

  // ---- numbers and cards ----

  drawNumbers(numbers) {
    this.numbers.replaceChildren(...numbers.map(({ label, value, change, note, tone }) => element(
      "div", { class: "lsnb-dash-number" },
      element("span", { class: "lsnb-dash-label" }, label),
      element(
        "span", { class: "lsnb-dash-value", title: value }, value,
        change ? element("span", { class: `lsnb-dash-change lsnb-dash-${tone || "plain"}` }, change) : null,
      ),
      element("span", { class: "lsnb-dash-note" }, note || " "),
    )));
  }

  drawCards(items) {
    const keep = new Set(items.map((item) => item.name));
    for (const [name, card] of this.cards) {
      if (!keep.has(name)) {
        card.purge();
        this.cards.delete(name);
      }
    }
    // What a file without a kernel cannot do is left out of it.
    items = items.filter((item) => this.backend.live || item.kind !== "search");
    const cards = items.map((item) => {
      let card = this.cards.get(item.name);
      if (!card) this.cards.set(item.name, (card = new KINDS[item.kind](this, item)));
      return card;
    });
    this.grid.replaceChildren(...cards.map((card) => card.node));
    items.forEach((item, index) => cards[index].draw(item));
  }

  redraw() {
    for (const card of this.cards.values()) card.draw();
  }

  resize() {
    cancelAnimationFrame(this.pending);
    this.pending = requestAnimationFrame(() => {
      for (const card of this.cards.values()) card.resize?.();
    });
  }

  find(text) {
    const card = this.cards.get("search");
    card?.find(text);
    card?.box.focus();
  }

  async saveParquet(name, extra = {}) {
    const { buffers } = await this.backend.ask("parquet", { name, ...extra });
    download(`${name}.parquet`, buffers[0], "application/vnd.apache.parquet");
  }

  async saveCsv(name, extra = {}) {
    const { value } = await this.backend.ask("csv", { name, ...extra });
    download(`${name}.csv`, value, "text/csv;charset=utf-8");
    return value;
  }

  async saveHtml() {
    this.status.textContent = "Writing the page …";
    try {
      const { value } = await this.backend.ask("html");
      download("dashboard.html", value, "text/html;charset=utf-8");
      this.status.textContent = "";
    } catch (problem) {
      this.status.textContent = problem.message;
    }
  }
}
