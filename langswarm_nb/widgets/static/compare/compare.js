// Several models side by side. What is written below goes to all of them.

class Comparison {
  constructor(model, el) {
    this.model = model;
    this.host = hostOf(model);
    this.talk = new Talk(model, () => this.showStatus());
    this.root = h("div", { class: "lsnb-panel lsnb-compare", "data-lm-suppress-shortcuts": "true", role: "region", "aria-label": "Comparison" });
    this.root.style.height = `${model.get("height")}px`;
    const insert = this.host.canInsert && ((code, button) => (this.host.insertBelow(code) ? tick(button) : toClipboard(code).then((copied) => this.say(`The notebook took no new cell. ${copied ? "The code is copied: paste it into one." : "Copy the code."}`))));
    this.columns = model.get("columns").map((about) => new Column(model, about, { insert, pick: (column) => this.ask("pick", { column }), changed: () => this.showStatus(), say: (text) => this.say(text) }));
    this.row = h("div", { class: "lsnb-columns", role: "group", "aria-label": "Models", tabindex: 0 }, ...this.columns.map((column) => column.el));
    this.composer = new Composer({
      send: (text) => this.send(text),
      stop: () => this.ask("stop_all"),
      editLast: () => {},
      complete: (prefix) => this.talk.request("complete", { prefix }),
      attach: () => {},
      typing: () => {},
    });
    this.composer.clip.hidden = true;
    this.composer.area.placeholder = this.columns.length > 1 ? "Ask them all.  Shift+Enter: new line.  {{df}}: a variable" : "Ask on";
    this.said = h("div", { class: "lsnb-hidden", role: "status", "aria-live": "polite" });
    this.id = model.get("panel_id");
    this.root.append(h("style", { text: transcriptRule(this.id) }), this.row, this.composer.el, this.said);
    this.keepKeysHere();
    el.append(this.root);
    this.receive = (message, buffers) => this.talk.takeReply(message, buffers);
    this.showAll = () => this.showColumns();
    model.on("msg:custom", this.receive);
    model.on("change:columns", this.showAll);
    model.on("change:winner", this.showAll);
    this.endKernelWatch = this.host.onKernelChange(() => this.showStatus(), () => {
      this.talk.askOnceMore();
      for (const column of this.columns) column.store.resync();
    });
    for (const column of this.columns) column.start();
    this.showColumns();
  }

  keepKeysHere() {
    this.root.addEventListener("keydown", (event) => {
      if (!isForEditor(event)) event.stopPropagation();
      if (event.key === "Escape" && this.running && !event.defaultPrevented) this.ask("stop_all");
    });
    for (const kind of ["keyup", "keypress", "paste", "copy", "cut"]) this.root.addEventListener(kind, (event) => event.stopPropagation());
  }

  get running() {
    return this.columns.some((column) => column.running);
  }

  async ask(kind, fields) {
    this.problem = null;
    try {
      return await this.talk.request(kind, fields);
    } catch (error) {
      this.problem = error.text;
      return undefined;
    } finally {
      this.showStatus();
    }
  }

  async send(text) {
    this.problem = null;
    this.sending = true;
    this.showStatus();
    try {
      await this.talk.request("send", { text });
    } catch (error) {
      this.problem = error.text;
      if (!this.composer.area.value) this.composer.fill(text);
    }
    this.sending = false;
    this.showStatus();
  }

  say(text) {
    this.problem = text;
    this.showStatus();
  }

  showColumns() {
    const abouts = this.model.get("columns");
    const marks = bestAt(abouts);
    for (const column of this.columns) {
      const about = abouts.find((each) => each.session === column.session);
      if (about) column.showAbout(about, marks.get(column.session) ?? []);
      column.showWinner(this.model.get("winner"));
    }
    skipMaths(this.id, true);
  }

  showStatus() {
    if (!this.composer) return;
    const { running } = this;
    const archived = this.columns.every((column) => column.store.header.archived);
    this.composer.setReadOnly(archived);
    this.composer.setRunning(running || Boolean(this.sending));
    if (running) this.composer.button.setAttribute("aria-label", "Stop all");
    else this.composer.button.removeAttribute("aria-label");
    const status = this.host.kernelStatus();
    const unheard = this.talk.unheard.size + this.columns.reduce((sum, column) => sum + column.store.unheard.size, 0);
    if (this.columns.some(({ store }) => store.gone) || status === "dead" || status === "terminating") this.composer.say(NO_KERNEL);
    else if (unheard) this.composer.say("Waiting for the kernel. If it was restarted, run this cell again.");
    else if (this.problem) this.composer.say(this.problem, textButton("Dismiss", () => this.say(null)));
    else if (archived) this.composer.say("These chats are archived and read-only.");
    else this.composer.say(null);
    if (this.wasRunning && !running) this.said.textContent = "All replies are here.";
    if (!this.wasRunning && running) this.said.textContent = "The replies are coming.";
    this.wasRunning = running;
  }

  close() {
    this.model.off("msg:custom", this.receive);
    this.model.off("change:columns", this.showAll);
    this.model.off("change:winner", this.showAll);
    this.endKernelWatch();
    this.talk.endTalk();
    for (const column of this.columns) column.close();
    this.root.remove();
    skipMaths(this.id, false);
  }
}

/** Returns, by session, what it is alone the best at; what is unknown somewhere is compared nowhere. */
function bestAt(abouts) {
  const marks = new Map();
  if (abouts.length < 2) return marks;
  for (const [key, word] of [["seconds", "fastest"], ["dollars", "cheapest"]]) {
    const values = abouts.map((about) => about[key]);
    if (values.some((value) => value == null)) continue;
    const least = Math.min(...values);
    const best = abouts.filter((about) => about[key] === least);
    if (best.length === 1) marks.set(best[0].session, [...(marks.get(best[0].session) ?? []), word]);
  }
  return marks;
}

function render({ model, el }) {
  const comparison = new Comparison(model, el);
  return () => comparison.close();
}

export default { render };
