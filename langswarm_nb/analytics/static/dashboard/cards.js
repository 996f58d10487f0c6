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
      this.saver(item.kind === "chart"),
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

  // What stands before a name of a file: "CSV" saves what is seen in that form.
  saver(isChart) {
    const { app } = this;
    const forms = [
      ["CSV", "for a spreadsheet", () => app.saveCsv(this.item.name, this.extra())],
      app.backend.live && ["Parquet", "for pandas, with types", () => app.saveParquet(this.item.name, this.extra())],
      isChart && ["PNG", "a picture", () => this.savePng()],
    ].filter(Boolean);
    const list = element("div", { class: "lsnb-dash-menu" });
    const opener = element("summary", { class: "lsnb-dash-link", "aria-label": `Save: ${this.heading.textContent}` }, "Save");
    const menu = element("details", { class: "lsnb-dash-saver", onkeydown: (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      event.stopPropagation();
      close();
    }, onfocusout: (event) => {
      if (!menu.contains(event.relatedTarget)) menu.open = false;
    } }, opener, list);
    const close = () => {
      menu.open = false;
      opener.focus();
    };
    list.append(...forms.map(([form, what, save]) => element("button", {
      type: "button", class: "lsnb-dash-form", onclick: () => {
        close();
        this.guard(save());
      },
    }, form, element("small", {}, what))));
    return menu;
  }

  extra() {
    return {};
  }

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
    // What the axes' labels took of the room stays taken, unless a chart without axes begins anew.
    if (this.item.empty && this.plot.data) {
      plotly.purge(this.plot);
      this.listening = false;
    }
    plotly.react(this.plot, data, full, { displayModeBar: false, showSendToCloud: false, responsive: false });
    this.plot.classList.toggle("lsnb-dash-clickable", Boolean(backend.live && filter));
    if (this.listening || !backend.live) return this.fillTable();
    this.listening = true;
    this.plot.on("plotly_click", ({ points }) => {
      const kind = this.item.filter;
      const value = [points[0].customdata].flat()[0];
      if (!kind || typeof value !== "string") return;
      if (kind === "search") this.app.find(value);
      else this.app.add(kind, value);
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
    const isNumber = (cell) => cell !== "" && !Number.isNaN(Number(cell));
    const figures = names.map((_, index) => rows.some((row) => isNumber(row[index])) && rows.every((row) => row[index] === "" || isNumber(row[index])));
    this.table.replaceChildren(element(
      "table", {},
      element("thead", {}, element("tr", {}, ...names.map((name, index) =>
        element("th", { class: figures[index] ? "lsnb-dash-figure" : null }, name.replaceAll("_", " "))))),
      element("tbody", {}, ...rows.slice(0, 500).map((row) => element("tr", {}, ...row.map((cell, index) => {
        const number = figures[index] && cell !== "";
        const time = /^\d{4}-\d\d-\d\dT\d\d:/.test(cell);
        const text = number ? readable(Number(cell)) : cell === "" ? "–" : time ? shortTime(cell) : cell;
        return element("td", { class: figures[index] ? "lsnb-dash-figure" : null }, text);
      })))),
    ));
    if (rows.length > 500) this.table.append(element("p", {}, `${(rows.length - 500).toLocaleString()} more rows are in the CSV.`));
  }

  // Drawn anew by the page itself: no server, no browser beside it.
  async savePng() {
    const { plotly, frame, root } = this.app;
    const theme = frame.templates[isDark() ? "dark" : "light"];
    const { question, note, data, layout } = this.item;
    const picture = {
      ...layout, template: theme, paper_bgcolor: getComputedStyle(root).backgroundColor,
      title: { text: escaped(question), subtitle: note ? { text: escaped(note), font: { size: 11 } } : undefined },
      margin: { l: 24, r: 32, b: 24, ...layout.margin, t: 76 }, showlegend: Boolean(this.item.key),
    };
    const url = await plotly.toImage({ data, layout: picture }, { format: "png", width: 900, height: 500, scale: 2 });
    const bytes = await (await fetch(url)).arrayBuffer();
    download(`${this.item.name}.png`, bytes, "image/png");
  }

  resize() {
    if (this.plot.isConnected && !this.plot.hidden && this.plot.data) this.app.plotly.Plots.resize(this.plot);
  }

  purge() {
    if (this.plot.data) this.app.plotly.purge(this.plot);
  }
}
