// One model's column: a conversation like the panel's, over the one connection that all columns share.

/** What a Store takes for its model: of all messages those about its session, and its session's name on what it sends. */
class ColumnModel {
  constructor(model, session) {
    this.model = model;
    this.session = session;
    this.wrapped = new Map();
  }

  get(name) {
    return name === "history" ? this.model.get("histories")?.[this.session] : this.model.get(name);
  }

  on(name, listen) {
    if (name !== "msg:custom") return;
    const own = (message, buffers) => {
      if (!message.session || message.session === this.session) listen(message, buffers);
    };
    this.wrapped.set(listen, own);
    this.model.on(name, own);
  }

  off(name, listen) {
    if (this.wrapped.has(listen)) this.model.off(name, this.wrapped.get(listen));
  }

  send(message) {
    this.model.send({ ...message, column: this.session });
  }
}

class Column {
  /** `act` has: insert (or false), pick(session), changed(), say(text). */
  constructor(model, about, act) {
    this.session = about.session;
    this.act = act;
    this.store = new Store(new ColumnModel(model, about.session), {
      patch: (changed, patch, whole) => this.showPatch(changed, patch, whole),
      delta: (delta) => this.thread.grow(delta),
      waiting: () => act.changed(),
    });
    this.thread = new Thread(this.threadActions(), [], () => this.store.confirmShown());
    this.name = h("h3", { class: "lsnb-model-name", dir: "auto" });
    this.marks = h("span", { class: "lsnb-marks" });
    this.numbers = h("span", { class: "lsnb-numbers" });
    this.stop = h("button", { class: "lsnb-button lsnb-small", hidden: true, onclick: () => this.stopHere() }, h("span", { class: "lsnb-square" }), "Stop");
    this.best = h("button", { class: "lsnb-button lsnb-small lsnb-pick", "aria-pressed": "false", onclick: () => act.pick(this.session) }, icon("check"), h("span", { text: "Best" }));
    this.problem = h("div", { class: "lsnb-error lsnb-problem-card", role: "alert", hidden: true });
    const head = h("div", { class: "lsnb-column-head" }, h("div", { class: "lsnb-column-title" }, this.name, this.stop, this.best), h("div", { class: "lsnb-column-numbers" }, this.numbers, this.marks));
    this.el = h("section", { class: "lsnb-column", "data-session": about.session }, head, this.thread.el, this.problem);
    this.showAbout(about, []);
  }

  start() {
    this.store.start();
  }

  threadActions() {
    return {
      copy: async (text, button) => (await toClipboard(await text)) && tick(button),
      source: (id, el) => this.store.request("source", { id }).catch(() => el.innerText),
      insert: this.act.insert,
      rate: (id, rating, note) => this.ask("feedback", { id, rating, note }),
      regenerate: (id) => this.ask("regenerate", { id }),
      edit: (id, text) => this.ask("edit", { id, text }),
      startEdit: (item) => editMessage(item, this.thread),
      why: (item, rating) => askWhy(item, rating, (note) => this.ask("feedback", { id: item.id, rating, note })),
      branch: (id) => this.ask("switch_branch", { id }),
      earlier: () => this.ask("earlier"),
      picture: () => {},
      save: () => this.act.say("Open this chat in a panel to save what is attached."),
    };
  }

  async ask(kind, fields) {
    try {
      return await this.store.request(kind, fields);
    } catch (error) {
      this.act.say(error.text);
    }
  }

  /** The button goes as soon as it has done its work: the keyboard goes on in the conversation. */
  stopHere() {
    this.ask("stop");
    this.thread.log.focus({ preventScroll: true });
  }

  get running() {
    return Boolean(this.store.header.running);
  }

  /** Shows model, numbers, what could not be begun, and what this column is best at. */
  showAbout(about, marks) {
    this.about = about;
    this.name.textContent = about.model;
    this.name.title = about.model;
    this.el.setAttribute("aria-label", about.model);
    this.best.setAttribute("aria-label", `${about.model} is the best`);
    this.stop.setAttribute("aria-label", `Stop ${about.model}`);
    this.marks.replaceChildren(...marks.map((text) => h("span", { class: "lsnb-mark", text })));
    this.problem.hidden = !about.problem;
    if (about.problem) this.problem.replaceChildren(h("p", { text: about.problem, dir: "auto" }), textButton("Retry", () => this.ask("retry")));
    this.showNumbers();
  }

  showNumbers() {
    const { time, tokens, cost } = this.about;
    if (this.running) this.numbers.textContent = `${((Date.now() - this.since) / 1000).toFixed(1)} s …`;
    else if (this.store.order.length) this.numbers.textContent = `${time}, ${tokens}, ${cost}`;
    else this.numbers.textContent = "";
  }

  showWinner(session) {
    const won = session === this.session;
    this.best.setAttribute("aria-pressed", String(won));
    this.best.title = won ? "Not the best after all" : "Pick this one as the best";
    this.el.classList.toggle("lsnb-won", won);
  }

  showPatch(changed, patch, whole) {
    const { header } = this.store;
    this.el.classList.toggle("lsnb-archived", header.archived);
    this.el.classList.toggle("lsnb-running", this.running);
    this.thread.show(this.store, changed, whole);
    this.stop.hidden = !this.running;
    if (this.running && !this.clock) {
      this.since = Date.now();
      this.clock = setInterval(() => this.showNumbers(), 200);
    } else if (!this.running && this.clock) {
      clearInterval(this.clock);
      this.clock = null;
    }
    this.showNumbers();
    this.act.changed();
  }

  close() {
    clearInterval(this.clock);
    this.store.stop();
    this.thread.dispose();
  }
}
