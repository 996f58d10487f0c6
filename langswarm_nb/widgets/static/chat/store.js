// One view's copy of the conversation. protocol.py describes the messages.

/**
 * @typedef {{time: string, tokens: string, cost: string, detail: string}} Numbers
 * @typedef {{text: string, details: [string, string][]}} ErrorCard
 * @typedef {{name: string, kind: "image"|"file", type: string, bytes: number, size: string}} Attachment
 * @typedef {{id: string, role: string, author: string, state: "running"|"complete"|"interrupted"|"error",
 *   text?: string, sent?: string, attachments?: Attachment[], html?: string, tail?: string, reasoning?: string, note?: string, tools?: string[],
 *   numbers?: Numbers, error?: ErrorCard, branch?: {at: number, ids: string[]}, rating?: string, time?: string}} MessageView
 * @typedef {{session: string, title: string, tags: string[], model: string, models: string[], cost: string,
 *   archived: boolean, closed: string, reopen: string, mock: boolean, running: string, earlier: number, managed: boolean, set: string[],
 *   asks: {id: string, name: string, arguments: string}[], replay?: string}} Header
 * @typedef {{kind: "patch", session: string, seq: number, base: number, header?: Header, order?: string[],
 *   messages?: MessageView[], answers?: string, to?: string}} Patch
 * @typedef {{kind: "delta", session: string, seq: number, id: string, frozen: string[], keep: number, add: string,
 *   back: number, reasoning?: string}} Delta
 */

const PROTOCOL = 1;
// The address with which the page was opened: JupyterLab changes it meanwhile.
const LINKED = new URL(performance.getEntriesByType("navigation")[0]?.name || location.href).searchParams.get("session");
const ACK_EVERY = 6;
const SILENCE_MS = 2500;

class Store extends Talk {
  /** `on` gets: patch(changedIds, patch), delta(delta), waiting(). */
  constructor(model, on) {
    super(model, () => on.waiting());
    this.on = on;
    this.session = "";
    this.seq = 0;
    /** @type {Header} */
    this.header = { models: [], tags: [], running: "", earlier: 0, set: [], asks: [] };
    this.order = [];
    this.messages = new Map();
    this.resyncing = 0;
    this.patience = 1000;
    this.shown = 0;
    this.acked = 0;
    this.lastNews = Date.now();
    this.receive = (message, buffers) => this.take(message, buffers);
    this.refresh = () => this.takeHistory();
  }

  start() {
    this.model.on("msg:custom", this.receive);
    this.model.on("change:history", this.refresh);
    this.takeHistory();
    this.resync();
    this.clock = setInterval(() => this.watch(), 1000);
  }

  stop() {
    clearInterval(this.clock);
    this.model.off("msg:custom", this.receive);
    this.model.off("change:history", this.refresh);
    this.endTalk();
  }

  /** Asks for whatever came after what is here, and for the answers that did not come. */
  resync() {
    this.resyncing = Date.now();
    this.askOnceMore();
    this.post({ kind: "ready", session: this.session, have: this.seq, version: PROTOCOL, link: LINKED });
  }

  /** Tells the kernel that everything taken in is on the screen. */
  confirmShown() {
    this.shown = this.seq;
    if (this.shown - this.acked < ACK_EVERY) return;
    this.acked = this.shown;
    this.post({ kind: "ack", seq: this.acked });
  }

  take(message, buffers) {
    this.lastNews = Date.now();
    this.gone = false;
    if (message.to && message.to !== this.view) return;
    if (message.kind === "patch") this.takePatch(message);
    else if (message.kind === "delta") this.takeDelta(message);
    else this.takeReply(message, buffers);
  }

  takeHistory() {
    const patch = this.model.get("history");
    if (patch && (patch.session !== this.session || patch.seq > this.seq)) this.takePatch(patch);
  }

  /** @param {Patch} patch */
  takePatch(patch) {
    if (patch.to) {
      this.resyncing = 0;
      this.patience = 1000;
    }
    const whole = patch.base === 0;
    if (!whole) {
      if (patch.session !== this.session || patch.base > this.seq) return this.askAgain();
      if (patch.seq <= this.seq) return;
    }
    if (whole) this.messages = new Map();
    this.session = patch.session;
    this.seq = patch.seq;
    if (patch.header) this.header = patch.header;
    if (patch.order) this.order = patch.order;
    for (const view of patch.messages ?? []) this.messages.set(view.id, view);
    if (patch.order) {
      const shown = new Set(this.order);
      for (const id of [...this.messages.keys()]) if (!shown.has(id)) this.messages.delete(id);
    }
    this.acked = Math.min(this.acked, this.seq);
    this.on.patch(new Set((patch.messages ?? []).map((view) => view.id)), patch, whole);
  }

  /** @param {Delta} delta */
  takeDelta(delta) {
    if (delta.session === this.session && delta.seq <= this.seq) return;
    const view = this.messages.get(delta.id);
    if (delta.session !== this.session || delta.seq !== this.seq + 1 || !view) return this.askAgain();
    this.seq = delta.seq;
    const old = view.tail ?? "";
    view.tail = old.slice(0, delta.keep) + delta.add + (delta.back ? old.slice(-delta.back) : "");
    if (delta.frozen.length) view.html = (view.html ?? "") + delta.frozen.join("");
    if (delta.reasoning != null) view.reasoning = delta.reasoning;
    this.on.delta(delta);
  }

  /** What begins on a busy page and takes two seconds, anywidget gives up: the model hears nothing any more. Then without it. */
  async listen() {
    const manager = this.model.widget_manager;
    // Colab's comm keeps every listener; a kernel's takes the new one for the old.
    if (this.listened && !manager?.kernel) return;
    this.listened = true;
    const model = await manager?.get_model?.(this.model.get("panel_id"));
    const { __proto__: plain } = model?.__proto__ ?? {};
    if (plain?._handle_comm_msg) model.comm?.on_msg?.(plain._handle_comm_msg.bind(model));
  }

  askAgain() {
    if (Date.now() - this.resyncing > 1000) this.resync();
  }

  /** A question that got no answer was lost or waits behind a cell; silence during a reply may mean that its end was. */
  watch() {
    const silent = Date.now() - this.lastNews > SILENCE_MS;
    const unanswered = this.resyncing ? Date.now() - this.resyncing > this.patience : silent && this.unheard.size;
    if (!unanswered && !(silent && this.header.running)) return;
    if (unanswered) this.patience = Math.min(this.patience * 2, 30_000);
    this.lastNews = Date.now();
    if (unanswered) this.listen();
    this.resync();
    if (this.gone && this.header.running) this.lose();
  }

  /** What was coming will not come any more; the kernel has kept it as it is here, or with a word more. */
  lose() {
    const view = this.messages.get(this.header.running);
    Object.assign(this.header, { running: "", asks: [] });
    if (view) Object.assign(view, { state: "interrupted", html: (view.html ?? "") + (view.tail ?? "") });
    this.on.patch(new Set([view?.id]), {}, false);
  }
}
