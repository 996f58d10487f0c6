// Cards that are tables: conversations, and what was found in them; and the transcript that they lead to.

class Sessions extends Card {
  draw(item) {
    super.draw(item);
    this.node.classList.add("lsnb-dash-wide");
    const { columns, rows } = this.item;
    const figure = (index) => (index >= 3 && index <= 5 ? "lsnb-dash-figure" : null);
    if (!rows.length) return this.body.replaceChildren();
    if (!this.app.backend.live) this.note.textContent = " "; // none of them can be opened in a file
    this.body.replaceChildren(element("div", { class: "lsnb-dash-table", tabindex: 0 }, element(
      "table", {},
      element("thead", {}, element("tr", {}, ...columns.map((name, index) =>
        element("th", { class: figure(index) }, name)))),
      element("tbody", {}, ...rows.map(({ session_id, cells }) => element("tr", {}, ...cells.map((cell, index) => element(
        "td", { class: figure(index) },
        index === 0 && this.app.backend.live
          ? element("button", { type: "button", class: "lsnb-dash-open", onclick: () => this.guard(openTranscript(this.app, session_id, cell)) }, cell)
          : cell,
      ))))),
    )));
  }
}

class Search extends Card {
  constructor(app, item) {
    super(app, item);
    this.node.classList.add("lsnb-dash-wide");
    this.text = "";
    this.box = element("input", {
      type: "search", class: "lsnb-dash-search", placeholder: "Words, or \"words in a row\"", "aria-label": "Search in all messages",
      autocomplete: "off", spellcheck: "false", maxlength: "1000",
    });
    const form = element("form", { role: "search", onsubmit: (event) => {
      event.preventDefault();
      this.find(this.box.value);
    } }, this.box, app.button("Search", null));
    form.querySelector("button").type = "submit";
    this.found = element("div", { class: "lsnb-dash-found", "aria-live": "polite" });
    this.body.append(form, this.found);
    this.save = this.node.querySelector(".lsnb-dash-saver");
    this.save.hidden = true;
  }

  extra() {
    return { text: this.text };
  }

  draw(item = this.item) {
    super.draw(item);
    if (this.text) this.find(this.text); // the filters may be others now
  }

  async find(text) {
    this.box.value = text;
    this.text = text.trim();
    if (!this.text) {
      this.save.hidden = true;
      this.note.textContent = this.item.note;
      return this.found.replaceChildren();
    }
    const number = (this.number = (this.number ?? 0) + 1);
    this.note.textContent = "Searching …";
    const answer = await this.guard(this.app.backend.ask("search", { text: this.text }));
    if (number !== this.number) return;
    if (!answer) return this.found.replaceChildren();
    const { rows, words, note } = answer.value;
    this.note.textContent = rows.length ? note : "Nothing was found in this period and under these filters.";
    this.save.hidden = rows.length === 0;
    this.found.replaceChildren(...rows.map(({ session_id, title, where, snippet }) => element(
      "article", { class: "lsnb-dash-hit" },
      element("button", { type: "button", class: "lsnb-dash-open",
        onclick: () => this.guard(openTranscript(this.app, session_id, title)) }, title),
      element("small", {}, where),
      element("p", {}, ...marked(snippet, words)),
    )));
  }
}

async function openTranscript(app, session_id, title) {
  const { value } = await app.backend.ask("transcript", { session_id });
  const opener = document.activeElement;
  const others = [...app.root.children];
  const close = () => {
    dialog.remove();
    for (const other of others) other.inert = false;
    opener?.focus();
  };
  const back = app.button("Close", close, "Back to the dashboard (Esc)");
  const like = app.button("Similar conversations", async () => {
    like.disabled = true;
    like.textContent = "Looking …";
    try {
      const { value: near } = await app.backend.ask("similar", { session_id });
      list.hidden = false;
      list.replaceChildren(...near.map((one) => element("li", {}, element("button", {
        type: "button", class: "lsnb-dash-open", title: one.note, onclick: () => {
          close();
          openTranscript(app, one.session_id, one.title);
        },
      }, one.title), element("small", {}, one.note))));
      if (near.length) list.querySelector("button").focus();
      else list.append(element("li", {}, "None is about the same."));
    } catch (problem) {
      list.hidden = false;
      list.replaceChildren(element("li", {}, problem.message));
    }
    like.textContent = "Similar conversations";
  }, "Conversations with the same words");
  const list = element("ul", { class: "lsnb-dash-similar", hidden: true, "aria-live": "polite" });
  const dialog = element(
    "div", { class: "lsnb-dash-transcript", role: "dialog", "aria-modal": "true", "aria-label": title,
      onkeydown: (event) => event.key === "Escape" && close() },
    element("div", { class: "lsnb-dash-title" }, element("h3", { class: "lsnb-dash-question" }, title),
      element("div", { class: "lsnb-dash-tools" }, like, back)),
    list,
    element("div", { class: "lsnb-dash-messages", tabindex: 0, "aria-label": "Messages" }, ...value.map(({ who, role, status, at, html }) => {
      const text = element("div", { class: "lsnb-md" });
      text.innerHTML = html; // sanitized by the package's one renderer
      const mark = status === "error" || status === "interrupted" ? status : "";
      return element("article", { class: `lsnb-dash-message lsnb-dash-from-${role === "user" ? "user" : "other"}` },
        element("small", {}, [who, at, mark].filter(Boolean).join(" · ")), text);
    })),
  );
  for (const other of others) other.inert = true;
  app.root.append(dialog);
  back.focus();
}
