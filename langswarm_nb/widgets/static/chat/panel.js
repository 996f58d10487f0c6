// The panel: what happens on the page becomes requests, what the kernel says becomes what is shown.

const LONG_CHAT = 60;

class Panel {
  constructor(model, el) {
    this.model = model;
    this.host = hostOf(model);
    this.typed = 0;
    this.root = h("div", { class: "lsnb-panel", "data-lm-suppress-shortcuts": "true", role: "region", "aria-label": "Chat" });
    this.root.style.height = `${model.get("height")}px`;
    this.store = new Store(model, {
      patch: (changed, patch, whole) => this.showPatch(changed, patch, whole),
      delta: (delta) => this.thread.grow(delta),
      waiting: () => this.showStatus(),
    });
    this.thread = new Thread(this.threadActions(), model.get("examples") ?? [], () => this.store.confirmShown());
    this.composer = new Composer({
      send: (text) => this.send(text),
      stop: () => this.stop(),
      editLast: () => this.startEdit(this.thread.last("user")),
      complete: (prefix) => this.store.request("complete", { prefix }),
      attach: (files) => this.attach([...files]),
      typing: (over) => this.noteTyping(over),
      variables: model.get("variables"),
    });
    this.header = new Header(this.headerActions(), this.root);
    this.strip = h("div", { class: "lsnb-strip", hidden: true, text: "Mock replies. Set OPENAI_API_KEY or ANTHROPIC_API_KEY, or pick a model." });
    this.said = h("div", { class: "lsnb-hidden", role: "status", "aria-live": "polite" });
    this.id = model.get("panel_id");
    this.root.append(h("style", { text: transcriptRule(this.id) }), this.header.el, this.header.tags, this.strip, this.thread.el, this.composer.el, this.said);
    this.keepKeysHere(el);
    el.append(this.root);
    this.endKernelWatch = this.host.onKernelChange(() => this.showStatus(), () => this.store.resync());
    this.store.start();
  }

  /** Nothing that is typed here may reach the notebook's own shortcuts. */
  keepKeysHere() {
    this.root.addEventListener("keydown", (event) => {
      const plain = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
      const use = plain && { f: "find", s: this.host.canInsert && "save" }[event.key];
      // Where we cannot save the notebook, its program may.
      if (use || !(isForEditor(event) || (plain && event.key === "s"))) event.stopPropagation();
      if (use) {
        event.preventDefault();
        this.withExtras((extras) => extras[use]());
      }
      if (event.key === "Escape" && this.store.header.running && !event.defaultPrevented) this.stop();
    });
    for (const kind of ["keyup", "keypress", "paste", "copy", "cut"]) this.root.addEventListener(kind, (event) => event.stopPropagation());
    this.root.addEventListener("paste", (event) => {
      const { files, types } = event.clipboardData;
      // What is copied from a sheet or a document is text and a picture of it: the text is meant.
      if (!files.length || types.includes("text/plain")) return;
      event.preventDefault();
      this.attach([...files]);
    });
    for (const kind of ["dragover", "dragleave", "drop"]) this.root.addEventListener(kind, (event) => this.drag(event));
  }

  drag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    this.root.classList.toggle("lsnb-drop", event.type === "dragover" && !this.store.header.archived);
    if (event.type === "drop") this.attach([...event.dataTransfer.files]);
  }

  /** Returns what is used now and then; every panel carries the rest. */
  extras() {
    this.loading ??= this.loadExtras().catch((error) => {
      this.loading = null;
      throw error;
    });
    return this.loading;
  }

  async loadExtras() {
    const { script, style } = await this.store.request("extras");
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    try {
      // A page never lets go of a module: its panels share one.
      const module = await ((globalThis.lsnbExtras ??= {})[script] ??= import(url));
      this.root.append(h("style", { text: style }));
      return module.default({ h, ICONS, icon, iconButton, textButton, fitHeight, newId, later }, this);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /** Runs `use` with the extras; what fails is shown. */
  async withExtras(use) {
    try {
      return await use(await this.extras());
    } catch (error) {
      this.fail(error.text ? error : { text: `That did not work: ${error.message}.` });
    }
  }

  /** In a long chat, lets the kernel know: what it writes into the notebook holds the page up. */
  noteTyping(over) {
    const now = Date.now();
    if (over ? !this.typed : now - this.typed < 500 || this.store.order.length < LONG_CHAT) return;
    this.typed = over ? 0 : now;
    this.store.post({ kind: "typing", over });
  }

  startEdit(item) {
    if (item) this.withExtras(({ edit }) => edit(item));
  }

  attach(files) {
    if (files.length && !this.store.header.archived) this.withExtras(({ tray }) => tray.add(files));
  }

  threadActions() {
    return {
      copy: async (text, button) => (await toClipboard(await text)) && tick(button),
      source: (id, el) => Promise.race([this.store.request("source", { id }), later(1500).then(() => el.innerText)]).catch(() => el.innerText),
      insert: this.host.canInsert && ((code, button) => (this.host.insertBelow(code) ? tick(button) : toClipboard(code).then((copied) => this.composer.say(`The notebook took no new cell. ${copied ? "The code is copied: paste it into one." : "Copy the code."}`)))),
      rate: (id, rating, note) => this.ask("feedback", { id, rating, note }),
      regenerate: (id) => this.ask("regenerate", { id }),
      edit: (id, text) => this.ask("edit", { id, text }),
      branch: (id) => this.ask("switch_branch", { id }),
      earlier: () => this.ask("earlier"),
      example: (text) => {
        this.send(text);
        this.composer.area.focus();
      },
      picture: (id, at, about, item) => this.withExtras(({ pictures }) => pictures.show(id, at, about, item)),
      startEdit: (item) => this.startEdit(item),
      why: (item, rating) => this.withExtras((extras) => extras.why(item, rating)),
      save: (id, at, about) => this.withExtras(({ pictures }) => pictures.save(id, at, about)),
    };
  }

  headerActions() {
    return {
      extra: (name) => this.withExtras((extras) => extras[name]()),
      newChat: () => this.ask("new_chat").then(() => this.composer.area.focus()),
      archive: () => this.ask("archive"),
      unarchive: () => this.ask("unarchive"),
    };
  }

  /** Requests something and returns the answer, null where there is none; what fails is shown, and is undefined. */
  async ask(kind, fields) {
    this.problem = null;
    try {
      return await this.store.request(kind, fields);
    } catch (error) {
      this.problem = error;
      return undefined;
    } finally {
      this.showStatus();
    }
  }

  async send(text) {
    const uploads = this.tray?.take() ?? [];
    const rid = (this.pendingRid = newId());
    this.thread.showPending(text, uploads.map(({ file }) => file.name).join(", "));
    this.composer.setRunning(true);
    this.problem = null;
    try {
      const files = await Promise.all(uploads.map((upload) => upload.sent));
      if (rid !== this.pendingRid) throw { text: "It was stopped before it was sent." };
      this.sending = uploads;
      await this.store.request("send", { text, files }, rid);
    } catch (error) {
      this.problem = error;
      if (this.answered !== rid) {
        this.tray?.put(uploads);
        if (!this.composer.area.value) this.composer.fill(text);
      }
    }
    if (rid === this.pendingRid) this.dropPending();
    this.composer.setRunning(Boolean(this.store.header.running));
    this.showStatus();
  }

  stop() {
    // While files are on their way there is no turn yet.
    if (this.pendingRid && !this.store.requests.has(this.pendingRid)) this.dropPending();
    else this.ask("stop");
  }

  dropPending() {
    this.pendingRid = null;
    this.thread.showPending(null);
  }

  showPatch(changed, patch, whole) {
    if (patch.answers === (this.pendingRid || 0)) {
      this.answered = patch.answers;
      this.store.hear(patch.answers);
      this.tray?.keep(this.sending, patch.messages?.findLast((view) => view.role === "user"));
      this.dropPending();
    }
    const { header } = this.store;
    this.header.show(header);
    this.strip.hidden = !header.mock;
    this.root.classList.toggle("lsnb-archived", header.archived);
    this.root.classList.toggle("lsnb-recording", Boolean(header.replay));
    this.root.classList.toggle("lsnb-running", Boolean(header.running));
    if (header.asks.length || this.asking) this.withExtras((extras) => extras.asks(header.asks));
    this.asking = header.asks.length > 0;
    this.composer.setReadOnly(header.archived);
    this.composer.setRunning(Boolean(header.running || this.pendingRid));
    this.thread.show(this.store, changed, whole);
    this.announce(header);
    this.showStatus();
    skipMaths(this.id, true);
  }

  /** Read out once when a reply begins and once when it ends, never in between. */
  announce(header) {
    const was = this.running;
    this.running = header.running;
    if (header.running && !was) this.said.textContent = "The reply is coming.";
    if (!header.running && was) {
      const view = this.store.messages.get(was);
      const item = this.thread.items.get(was);
      if (!view || !item) return;
      const text = item.content?.textContent.trim() ?? "";
      const goesOn = text.length > 400 || item.coming.length > 0;
      this.said.textContent = view.error ? view.error.text : `Reply: ${goesOn ? `${text.slice(0, 400)} …` : text}`;
    }
  }

  showStatus() {
    const { header, unheard } = this.store;
    const status = this.host.kernelStatus();
    if (this.store.gone || status === "dead" || status === "terminating") this.composer.say(NO_KERNEL);
    else if (unheard.size) this.composer.say(status === "busy" || status === null ? "Waiting for the kernel: a cell is running. This goes on when it is done." : "Waiting for the kernel. If it was restarted, run this cell again.");
    else if (this.problem) this.composer.say(this.problem.text, textButton("Dismiss", () => this.dismiss()));
    else if (this.notice) this.composer.say(this.notice.text, textButton("Undo", () => this.undo()));
    else if (header.replay) this.composer.say(header.replay, !header.running && textButton("Replay", () => this.ask("replay")));
    else if (header.archived) this.composer.say(header.closed, textButton(header.reopen, () => this.ask("unarchive")));
    else this.composer.say(null);
    this.composer.status.classList.toggle("lsnb-problem", Boolean(this.problem) && !unheard.size);
  }

  undo(keep) {
    const { undo, timer } = this.notice;
    clearTimeout(timer);
    this.notice = null;
    if (!keep) {
      undo();
      this.composer.area.focus();
    }
    this.showStatus();
  }

  say(text) {
    this.said.textContent = text;
  }

  fail(error) {
    this.problem = error;
    this.showStatus();
  }

  dismiss() {
    this.problem = null;
    this.showStatus();
    this.composer.area.focus();
  }

  close() {
    this.loading?.then((extras) => extras.close(), () => {});
    clearTimeout(this.notice?.timer);
    this.endKernelWatch();
    this.store.stop();
    this.thread.dispose();
    this.header.close?.(false);
    this.root.remove();
    skipMaths(this.id, false);
  }
}

function later(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function render({ model, el }) {
  const panel = new Panel(model, el);
  return () => panel.close();
}

export default { render };
