// The conversation: messages in order, what is on its way, and a scroll position that belongs to the reader.

const NEAR_PX = 32;
// So long a frame may be busy with what came: the rest is for painting it, and for the reader's keys.
const FRAME_MS = 22;

class Thread {
  /** `act` as MessageItem takes it, with earlier() and example(text) besides; `shown` is called when all is shown. */
  constructor(act, examples, shown) {
    this.act = act;
    this.shown = shown;
    this.growing = new Set();
    this.portion = 10_000;
    this.examples = examples;
    this.items = new Map();
    this.follows = true;
    this.list = h("div", { class: "lsnb-list" });
    this.earlier = textButton("Show earlier messages", () => act.earlier(), { class: "lsnb-button lsnb-earlier", hidden: true });
    this.empty = this.emptyState();
    this.log = h("div", { class: "lsnb-log", role: "log", "aria-label": "Conversation", "aria-live": "off", tabindex: 0 }, this.earlier, this.empty, this.list);
    this.pill = h("button", { class: "lsnb-pill", hidden: true, onclick: () => this.toNewest() }, icon("down"), "newest");
    this.el = h("div", { class: "lsnb-thread" }, this.log, this.pill);
    this.log.addEventListener("scroll", () => this.noteScroll(), { passive: true });
    this.log.addEventListener("click", (event) => this.followNote(event));
    this.resizes = new ResizeObserver(() => this.stay());
    this.resizes.observe(this.log);
    this.resizes.observe(this.list);
  }

  emptyState() {
    return h(
      "div",
      { class: "lsnb-empty" },
      h("p", { text: "Ask anything. The conversation is kept." }),
      h("div", { class: "lsnb-examples" }, ...this.examples.map((text) => h("button", { class: "lsnb-example", text, onclick: () => this.act.example(text) }))),
    );
  }

  /** Shows `order`, remaking only what is among `changed`. @param {Store} store */
  show(store, changed, whole) {
    const held = this.list.contains(document.activeElement) && document.activeElement;
    const at = held && [...this.list.children].findIndex((el) => el.contains(held));
    const top = this.list.firstElementChild;
    const offset = top?.getBoundingClientRect().top;
    if (whole) this.clear();
    for (const [id, item] of this.items) {
      if (store.messages.has(id)) continue;
      item.dispose();
      item.el.remove();
      this.items.delete(id);
      this.growing.delete(item);
    }
    let place = this.list.firstElementChild;
    for (const id of store.order) {
      const view = store.messages.get(id);
      if (!view) continue;
      let item = this.items.get(id);
      if (!item) this.items.set(id, (item = new MessageItem(view, this.act)));
      else if (changed.has(id)) item.update(view);
      if (changed.has(id)) this.growing.add(item);
      if (item.el === place) place = place.nextElementSibling;
      else this.list.insertBefore(item.el, place);
    }
    if (this.pending) this.list.append(this.pending);
    this.earlier.hidden = !store.header.earlier;
    this.earlier.textContent = `Show earlier messages (${store.header.earlier})`;
    this.showEmpty();
    // What was put in above must not push away what is being read.
    if (!this.follows && top?.isConnected) this.log.scrollTop += top.getBoundingClientRect().top - offset;
    this.stay();
    this.schedule();
    this.settling ??= setTimeout(() => this.settle(), 500);
    // A button that was pressed is made anew: who came by the keyboard goes on from the same place.
    if (held && !held.isConnected) {
      const same = `[aria-label="${CSS.escape(held.ariaLabel ?? "")}"]:enabled`;
      const item = this.list.children[at];
      // At the first or last version there is only the way back.
      const next = item?.querySelector(same) ?? (held.matches(".lsnb-go") && item?.querySelector(".lsnb-go:enabled"));
      (next || this.log).focus({ preventScroll: true });
    }
  }

  settle() {
    this.settling = null;
    for (const el of this.list.querySelectorAll(".lsnb-fresh")) el.classList.remove("lsnb-fresh");
  }

  grow(delta) {
    const item = this.items.get(delta.id);
    item?.take(delta);
    if (item) this.growing.add(item);
    this.schedule();
  }

  /** Shows what came with the next frames, as much with each as it has time for. */
  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      const began = performance.now();
      for (const item of this.growing) if (item.advance(this.portion)) this.growing.delete(item);
      // Asked where the end is, the browser lays out what came: most of the work.
      this.stay();
      const took = performance.now() - began;
      this.portion = Math.min(Math.max((this.portion * FRAME_MS) / took, 8_000), 1.5 * this.portion, 40_000);
      if (this.growing.size) this.schedule();
      else this.shown();
    });
  }

  /** Shows a question that the kernel has not stored yet. */
  showPending(text, files) {
    this.pending?.remove();
    this.pending = (text || files) && h("article", { class: "lsnb-msg lsnb-pending", "data-role": "user" }, h("div", { class: "lsnb-who", text: "you" }), h("div", { class: "lsnb-body" }, files && h("div", { class: "lsnb-note", text: files }), text && h("div", { class: "lsnb-said", dir: "auto", text })));
    if (this.pending) this.list.append(this.pending);
    this.showEmpty();
    if (this.pending) this.toNewest();
  }

  showEmpty() {
    this.empty.hidden = this.items.size > 0 || Boolean(this.pending);
  }

  /** Returns the last item of a role. */
  last(role) {
    return [...this.items.values()].filter((item) => item.view.role === role).at(-1);
  }

  noteScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    // The reader went up; that the end moved away below her is no wish of hers.
    const up = scrollTop < this.top && scrollHeight >= this.height;
    this.follows = scrollHeight - scrollTop - clientHeight < NEAR_PX || (this.follows && !up);
    this.pill.hidden = this.follows;
    this.top = scrollTop;
    this.height = scrollHeight;
  }

  stay() {
    const end = this.log.scrollHeight;
    if (this.follows) this.log.scrollTop = end;
    else this.pill.hidden = false;
  }

  toNewest() {
    this.follows = true;
    this.pill.hidden = true;
    this.stay();
  }

  /** A footnote's link must not change the page's address. */
  followNote(event) {
    const link = event.target.closest?.(".lsnb-md a[href^='#']");
    if (!link) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    const target = id && this.log.querySelector(`#${CSS.escape(id)}`);
    if (!target) return;
    target.scrollIntoView({ block: "nearest" });
    // Who came by the keyboard goes on from there: the way back is one key away.
    (target.querySelector(".lsnb-fn-back") ?? target).focus({ preventScroll: true });
  }

  clear() {
    for (const item of this.items.values()) item.dispose();
    this.items.clear();
    this.growing.clear();
    this.list.replaceChildren();
    this.follows = true;
    this.pill.hidden = true;
  }

  dispose() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.settling);
    this.resizes.disconnect();
    this.clear();
  }
}
