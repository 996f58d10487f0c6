// One message on the screen. The only file that sets innerHTML, and only to what the kernel's renderer made.

// So much HTML is put in at once when a reply ends, its last words mostly; more waits for the next frames.
const AT_ONCE = 10_000;

/** `act` has: copy, insert (or null), rate, regenerate, edit, branch, startEdit, picture, save, why; all but copy take the message's id first. */
class MessageItem {
  constructor(view, act) {
    this.act = act;
    this.id = view.id;
    this.body = h("div", { class: "lsnb-body" });
    this.who = h("div", { class: "lsnb-who", dir: "auto" });
    this.el = h("article", { class: "lsnb-msg lsnb-fresh", "data-id": view.id, "data-role": view.role }, this.who, this.body);
    // What stands before the tail, in order, each with how many nodes it is; and what waits for a frame of its own.
    this.blocks = [];
    this.coming = [];
    this.update(view);
  }

  /** Shows `view` anew. Of a reply that came in here, what stands already stays. @param {MessageView} view */
  update(view) {
    this.view = view;
    this.ends = Boolean(this.tail) && view.state !== "running" && this.hasRest(view.html ?? "");
    if (!this.ends) return this.show();
    this.advance(AT_ONCE);
  }

  show() {
    const { view } = this;
    const running = view.state === "running";
    this.el.dataset.state = view.state;
    this.el.ariaBusy = running;
    this.el.ariaLabel = `${view.role === "assistant" ? "Reply" : "Message"} of ${view.author}`;
    this.who.textContent = view.author;
    if (view.time) this.who.title = new Date(view.time).toLocaleString();
    this.thought = null;
    if (view.role === "assistant") this.showReply(view, running);
    else this.body.replaceChildren(...this.saidParts(view).filter(Boolean));
    this.showWaiting();
  }

  showReply(view, running) {
    this.content ??= h("div", { class: "lsnb-md", dir: "auto" });
    if (this.content.parentNode !== this.body) this.body.replaceChildren(this.content);
    // What is taken out and put in again is laid out again, and a long reply takes its time.
    for (const part of [...this.body.children]) if (part !== this.content && part !== this.dots) part.remove();
    const parts = this.replyParts(view, running).filter(Boolean);
    this.content.before(...parts.splice(0, parts.indexOf(this.content)));
    this.content.after(...parts.slice(1));
  }

  replyParts(view, running) {
    this.coming = [];
    const rest = this.keep(view.html ?? "");
    if (rest) this.put(rest);
    this.whole = running ? null : view.html;
    if (running) {
      if (!this.tail) this.content.append((this.tail = h("div", { class: "lsnb-tail" })));
      this.showTail(view.tail ?? "");
    } else {
      this.tail?.remove();
      this.tail = null;
    }
    return [
      this.reasoning(view, running),
      this.content,
      ...(view.tools ?? []).map((call) => h("code", { class: "lsnb-call", text: call })),
      (this.note = h("div", { class: "lsnb-note", text: view.note ?? "" })),
      view.state === "interrupted" && h("div", { class: "lsnb-stopped", text: view.html ? "Stopped here." : "Stopped before anything came." }),
      view.error && this.errorCard(view.error),
      !running && this.foot(view),
    ];
  }

  saidParts({ text, sent, attachments }) {
    // Who has no mouse scrolls what may be longer than its box, once it has the focus.
    const tabindex = text.length + 40 * text.split("\n").length > 600 && 0;
    const said = text && h("div", { class: "lsnb-said", dir: "auto", tabindex, text });
    const values = sent && h("details", { class: "lsnb-sent" }, h("summary", { text: "With values" }), h("pre", { dir: "auto", tabindex: 0, text: sent }));
    return [this.files(attachments), said, values, this.foot(this.view)];
  }

  /** What was attached: files by name, each can be saved; pictures follow when their bytes are here. */
  files(attachments) {
    if (!attachments) return null;
    const items = attachments.map((about, at) => {
      const save = h("button", { class: "lsnb-file", title: `Save ${about.name}`, onclick: () => this.act.save(this.id, at, about) }, icon("file"), h("bdi", { text: about.name }), h("small", { text: about.size }));
      const item = h("li", {}, save);
      if (about.kind === "image") this.act.picture(this.id, at, about, item);
      return item;
    });
    return h("ul", { class: "lsnb-files", "aria-label": "Attachments" }, ...items);
  }

  reasoning(view, running) {
    if (!view.reasoning && !running) return null;
    this.thought = h("div", { class: "lsnb-thought", dir: "auto", tabindex: 0, text: view.reasoning ?? "" });
    this.thinking = h("details", { class: "lsnb-reasoning", hidden: !view.reasoning }, h("summary", { text: running ? "Thinking …" : "Reasoning" }), this.thought);
    return this.thinking;
  }

  /** Takes in what a delta brought; `advance` shows it. The store has it in `view` already. @param {Delta} delta */
  take(delta) {
    if (!this.tail || this.ends) return;
    this.coming.push(...delta.frozen);
    if (delta.reasoning != null) {
      this.thinking.hidden = false;
      this.thought.textContent = delta.reasoning;
    }
  }

  /** Shows what came, about `most` characters of it; returns whether all of it is shown. */
  advance(most) {
    if (this.coming.length) this.showTail("");
    for (let size = 0; this.coming.length && size < most; ) {
      const block = this.coming.shift();
      size += block.length ?? 3 * block.textContent.length;
      this.put(block);
    }
    if (this.coming.length) return false;
    if (this.ends) {
      this.ends = false;
      this.whole = this.view.html;
      this.show();
    } else if (this.tail) {
      this.showTail(this.view.tail ?? "");
      this.showWaiting();
    }
    return true;
  }

  /** Returns whether the final `html` goes on where the blocks end; what it has besides is to come, piece by piece. */
  hasRest(html) {
    const before = this.blocks.length;
    const rest = this.keep(html);
    if (!rest || this.blocks.length < before) return false;
    const piece = document.createElement("template");
    piece.innerHTML = rest;
    this.coming = [...piece.content.childNodes];
    return true;
  }

  /** Takes away what stands before the tail and is not how `html` begins; returns what `html` has besides. */
  keep(html) {
    if (this.whole === html) return "";
    let [at, nodes, kept] = [0, 0, 0];
    for (const block of this.blocks) {
      if (!html.startsWith(block.html, at)) break;
      at += block.html.length;
      nodes += block.nodes;
      kept += 1;
    }
    this.blocks.length = kept;
    for (const node of [...this.content.childNodes].slice(nodes)) if (node !== this.tail) node.remove();
    return html.slice(at);
  }

  /** Puts a block at the end: HTML, or a node that was made from it. */
  put(block) {
    const piece = document.createElement("template");
    if (typeof block === "string") piece.innerHTML = block;
    else piece.content.append(block);
    this.finishHtml(piece.content, true);
    if (typeof block === "string") this.blocks.push({ html: block, nodes: piece.content.childNodes.length });
    if (this.tail) this.tail.before(piece.content);
    else this.content.append(piece.content);
  }

  showTail(html) {
    if (html === this.tailShown && this.tail.hasChildNodes()) return;
    this.tailShown = html;
    this.tail.innerHTML = html;
    this.finishHtml(this.tail, false);
  }

  /** Until the first text comes, says so; from the third second on with the time. */
  showWaiting() {
    const waits = this.view.state === "running" && !this.view.html && !this.view.tail;
    if (waits && !this.dots) {
      const since = Date.now();
      const passed = h("span", { class: "lsnb-passed" });
      this.dots = h("div", { class: "lsnb-dots", role: "img", "aria-label": "Waiting for the reply" }, h("i"), h("i"), h("i"), passed);
      this.content.before(this.dots);
      this.dotsClock = setInterval(() => {
        const seconds = Math.round((Date.now() - since) / 1000);
        if (seconds > 2) passed.textContent = `${seconds} s`;
      }, 1000);
    } else if (!waits && this.dots) {
      clearInterval(this.dotsClock);
      this.dots.remove();
      this.dots = null;
    }
  }

  /** Adds what the renderer leaves to us: bars over code, buttons for images that would be loaded from elsewhere. */
  finishHtml(root, final) {
    for (const block of root.querySelectorAll(".lsnb-code:not(.lsnb-continued)")) {
      if (block.firstElementChild?.classList.contains("lsnb-codebar")) continue;
      const code = () => block.querySelector("code").textContent;
      const bar = h("div", { class: "lsnb-codebar" }, h("span", { text: block.dataset.lang ?? "" }));
      if (final) {
        bar.append(iconButton("copy", "Copy code", (event) => this.act.copy(Promise.resolve(code()), event.currentTarget), !this.act.insert && { title: "Copy code. To run it, paste it into a cell." }));
        if (this.act.insert) bar.append(iconButton("cell", "Put into a new cell below", (event) => this.act.insert(code(), event.currentTarget)));
      }
      block.prepend(bar);
    }
    for (const image of root.querySelectorAll("img[data-src]")) this.guardImage(image);
  }

  guardImage(image) {
    let url;
    try {
      url = new URL(image.dataset.src);
    } catch {
      return;
    }
    if (url.protocol !== "https:" && url.protocol !== "http:") return;
    const load = () => {
      const loaded = h("img", { src: url.href, alt: image.alt, title: image.title, referrerpolicy: "no-referrer" });
      button.replaceWith(loaded);
    };
    const about = image.alt ? `: ${image.alt}` : "";
    const button = textButton(`Show image from ${url.host}${about}`, load, { class: "lsnb-button lsnb-image", title: url.href });
    image.replaceWith(button);
  }

  errorCard(error) {
    const rows = error.details.flatMap(([name, value]) => [h("dt", { text: name }), h("dd", { text: value })]);
    return h(
      "div",
      { class: "lsnb-error", role: "alert" },
      h("p", { text: error.text, dir: "auto" }),
      h(
        "div",
        { class: "lsnb-error-foot" },
        textButton("Retry", () => this.act.regenerate(this.id), { class: "lsnb-button lsnb-retry" }),
        rows.length > 0 && h("details", {}, h("summary", { text: "Details" }), h("dl", {}, ...rows)),
      ),
    );
  }

  foot(view) {
    const foot = h("div", { class: "lsnb-foot" });
    const reply = view.role === "assistant";
    if (view.numbers && view.state !== "error") {
      const { time, tokens, cost, detail } = view.numbers;
      foot.append(h("span", { class: "lsnb-numbers", text: `${time}, ${tokens}, ${cost}`, title: detail }));
    }
    const tools = h("span", { class: "lsnb-tools" });
    if (reply && view.html) tools.append(this.thumb(view, "up"), this.thumb(view, "down"));
    if (view.html || view.text) {
      tools.append(iconButton("copy", "Copy message", (event) => this.act.copy(this.act.source(this.id, this.content ?? this.body), event.currentTarget)));
    }
    if (reply && view.state !== "error") {
      tools.append(iconButton("redo", "Regenerate", () => this.act.regenerate(this.id), { "data-writes": true }));
    }
    if (view.role === "user") tools.append(iconButton("edit", "Edit", () => this.act.startEdit(this), { "data-writes": true }));
    foot.append(tools);
    if (view.branch) foot.append(this.branches(view.branch));
    return foot;
  }

  thumb(view, rating) {
    const label = rating === "up" ? "Good reply" : "Bad reply";
    const pressed = view.rating === rating;
    const press = () => {
      this.act.rate(this.id, pressed ? "" : rating, "");
      if (!pressed) this.act.why(this, rating);
    };
    return iconButton("thumb", label, press, { class: `lsnb-tool lsnb-${rating}`, "aria-pressed": String(pressed) });
  }

  branches({ at, ids }) {
    const go = (place) => this.act.branch(ids[place - 1]);
    return h(
      "span",
      { class: "lsnb-branches", role: "group", "aria-label": `Version ${at} of ${ids.length}` },
      iconButton("left", "Version before", () => go(at - 1), { disabled: at === 1, class: "lsnb-tool lsnb-go" }),
      h("span", { text: `${at}/${ids.length}` }),
      iconButton("right", "Next version", () => go(at + 1), { disabled: at === ids.length, class: "lsnb-tool lsnb-go" }),
    );
  }

  dispose() {
    clearInterval(this.dotsClock);
  }
}
