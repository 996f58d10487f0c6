// A card is one question: its chart or its table, and what can be done with it.

class Card {
  constructor(app, item) {
    this.app = app;
    this.heading = element("h3", { class: "lsnb-dash-question" }, item.question);
    this.note = element("p", { class: "lsnb-dash-note" });
    this.body = element("div", { class: "lsnb-dash-body" });
    const tools = element(
      "div", { class: "lsnb-dash-tools" },
      item.kind === "chart"
        ? element("button", { type: "button", class: "lsnb-dash-link", "aria-pressed": "false",
          onclick: (event) => this.toggleTable(event.currentTarget) }, "Table")
        : null,
      element("button", { type: "button", class: "lsnb-dash-link", onclick: () => this.guard(app.saveCsv(item.name)) }, "CSV"),
    );
    this.node = element(
      "article", { class: "lsnb-dash-card", "data-name": item.name, "aria-label": item.question },
      element("div", { class: "lsnb-dash-title" }, this.heading, tools), this.note, this.body,
    );
  }

  draw(item = this.item) {
    this.item = item;
    this.heading.textContent = item.question;
    this.note.textContent = item.note || " ";
  }

  purge() {}

  async guard(work) {
    try {
      return await work;
    } catch (problem) {
      this.note.textContent = problem.message;
    }
  }
}

class Chart extends Card {
  constructor(app, item) {
    super(app, item);
    this.key = element("p", { class: "lsnb-dash-key" });
    this.plot = element("div", { class: "lsnb-dash-plot", role: "img", "aria-label": item.question });
    this.table = element("div", { class: "lsnb-dash-table", hidden: true, tabindex: 0 });
    this.body.append(this.key, this.plot, this.table);
  }

  draw(item) {
    super.draw(item);
    const { plotly, frame, backend } = this.app;
    const { data, layout, brush, filter } = this.item;
    this.key.replaceChildren(...(this.item.key ?? []).map(([name, color]) =>
      element("span", {}, element("i", { style: `background:${color}` }), name)));
    this.plot.setAttribute("aria-label", `${this.item.question} ${this.item.note ?? ""}`);
    const margin = { l: 8, r: 16, b: 8, ...layout.margin, t: 14 };
    const canBrush = backend.live && brush && matchMedia("(pointer: fine)").matches;
    const full = {
      ...layout, margin, autosize: true, template: frame.templates[isDark() ? "dark" : "light"], selections: [],
      dragmode: canBrush ? "select" : false, selectdirection: "h",
      font: { family: getComputedStyle(this.app.root).fontFamily },
    };
    for (const axis of ["xaxis", "yaxis"]) full[axis] = { ...full[axis], fixedrange: true };
    plotly.react(this.plot, data, full, { displayModeBar: false, showSendToCloud: false, responsive: false });
    this.plot.classList.toggle("lsnb-dash-clickable", Boolean(backend.live && filter));
    if (this.listening || !backend.live) return this.fillTable();
    this.listening = true;
    this.plot.on("plotly_click", ({ points }) => {
      const kind = this.item.filter;
      const value = [points[0].customdata].flat()[0];
      if (kind && typeof value === "string") this.app.add(kind, value);
    });
    this.plot.on("plotly_selected", (selected) => {
      const range = selected?.range?.x;
      if (this.item.brush && range) {
        const [start, end] = range.map((moment) => String(moment).replace(" ", "T").slice(0, 19)).sort();
        if (start < end) this.app.change({ start, end });
      }
    });
    this.fillTable();
  }

  async toggleTable(button) {
    const on = this.table.hidden;
    this.table.hidden = !on;
    this.plot.hidden = on;
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Chart" : "Table";
    await this.fillTable();
    if (!on) this.resize();
  }

  async fillTable() {
    if (this.table.hidden) return;
    const answer = await this.guard(this.app.backend.ask("csv", { name: this.item.name }));
    if (!answer) return;
    const [names, ...rows] = parseCsv(answer.value);
    this.table.replaceChildren(element(
      "table", {},
      element("thead", {}, element("tr", {}, ...names.map((name) => element("th", {}, name.replaceAll("_", " "))))),
      element("tbody", {}, ...rows.slice(0, 500).map((row) => element("tr", {}, ...row.map((cell) => {
        const number = cell !== "" && !Number.isNaN(Number(cell));
        const text = number ? readable(Number(cell)) : cell === "" ? "–" : cell;
        return element("td", { class: number ? "lsnb-dash-figure" : null }, text);
      })))),
    ));
    if (rows.length > 500) this.table.append(element("p", {}, `${(rows.length - 500).toLocaleString()} more rows are in the CSV.`));
  }

  resize() {
    if (this.plot.isConnected && !this.plot.hidden && this.plot.data) this.app.plotly.Plots.resize(this.plot);
  }

  purge() {
    if (this.plot.data) this.app.plotly.purge(this.plot);
  }
}

class Sessions extends Card {
  draw(item) {
    super.draw(item);
    this.node.classList.add("lsnb-dash-wide");
    const { columns, rows } = this.item;
    if (!rows.length) return this.body.replaceChildren();
    this.body.replaceChildren(element("div", { class: "lsnb-dash-table", tabindex: 0 }, element(
      "table", {},
      element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", {}, name)))),
      element("tbody", {}, ...rows.map(({ session_id, cells }) => element("tr", {}, ...cells.map((cell, index) => element(
        "td", { class: index === 3 || index === 4 ? "lsnb-dash-figure" : null },
        index === 0 && this.app.backend.live
          ? element("button", { type: "button", class: "lsnb-dash-open", onclick: () => this.guard(this.open(session_id, cell)) }, cell)
          : cell,
      ))))),
    )));
  }

  async open(session_id, title) {
    const { value } = await this.app.backend.ask("transcript", { session_id });
    const close = () => {
      dialog.remove();
      opener?.focus();
    };
    const opener = document.activeElement;
    const back = this.app.button("Close", close);
    const dialog = element(
      "div", { class: "lsnb-dash-transcript", role: "dialog", "aria-label": title,
        onkeydown: (event) => event.key === "Escape" && close() },
      element("div", { class: "lsnb-dash-title" }, element("h3", { class: "lsnb-dash-question" }, title), back),
      element("div", { class: "lsnb-dash-messages", tabindex: 0 }, ...value.map(({ who, role, status, html }) => {
        const text = element("div", { class: "lsnb-md" });
        text.innerHTML = html; // sanitized by the package's one renderer
        const mark = status === "error" || status === "interrupted" ? ` · ${status}` : "";
        return element("article", { class: `lsnb-dash-message lsnb-dash-from-${role === "user" ? "user" : "other"}` },
          element("small", {}, who + mark), text);
      })),
    );
    this.app.root.append(dialog);
    back.focus();
  }
}
