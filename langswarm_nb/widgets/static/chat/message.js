// One message on the screen. The only file that sets innerHTML, and only to what the kernel's renderer made.

/** `act` has: copy, insert (or null), rate, regenerate, edit, branch, startEdit, picture, save, why; all but copy take the message's id first. */
class MessageItem {
  constructor(view, act) {
    this.act = act;
    this.id = view.id;
    this.body = h("div", { class: "lsnb-body" });
    this.who = h("div", { class: "lsnb-who", dir: "auto" });
    this.el = h("article", { class: "lsnb-msg", "data-id": view.id, "data-role": view.role }, this.who, this.body);
    this.update(view);
  }

  /** Shows `view` anew. @param {MessageView} view */
  update(view) {
    this.view = view;
    const running = view.state === "running";
    this.el.dataset.state = view.state;
    this.el.setAttribute("aria-busy", String(running));
    this.el.setAttribute("aria-label", view.role === "assistant" ? `Reply of ${view.author}` : `Message of ${view.author}`);
    this.who.textContent = view.author;
    if (view.time) this.who.title = new Date(view.time).toLocaleString();
    this.frozen = this.tail = this.thought = null;
    const parts = view.role === "assistant" ? this.replyParts(view, running) : this.saidParts(view);
    this.body.replaceChildren(...parts.filter(Boolean));
    if (running) this.showWaiting();
  }

  replyParts(view, running) {
    this.content = h("div", { class: "lsnb-md", dir: "auto" });
    this.frozen = view.html ?? "";
    this.setHtml(this.content, this.frozen);
    if (running) {
      this.tail = h("div", { class: "lsnb-tail" });
      this.content.append(this.tail);
      this.showTail(view.tail ?? "");
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

  saidParts(view) {
    const said = h("div", { class: "lsnb-said", dir: "auto", text: view.text ?? "" });
    const sent = view.sent && h("details", { class: "lsnb-sent" }, h("summary", { text: "With values" }), h("pre", { dir: "auto", text: view.sent }));
    return [this.files(view.attachments), said, sent, this.foot(view)];
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
    this.thought = h("div", { class: "lsnb-thought", dir: "auto", text: view.reasoning ?? "" });
    this.thinking = h("details", { class: "lsnb-reasoning", hidden: !view.reasoning }, h("summary", { text: running ? "Thinking …" : "Reasoning" }), this.thought);
    return this.thinking;
  }

  /** Appends what a delta brought; the store has it in `view` already. @param {Delta} delta */
  grow(delta) {
    if (!this.tail) return;
    if (delta.frozen.length) {
      const block = document.createElement("template");
      block.innerHTML = delta.frozen.join("");
      this.finishHtml(block.content, true);
      this.tail.before(block.content);
    }
    this.showTail(this.view.tail);
    if (delta.reasoning != null) {
      this.thinking.hidden = false;
      this.thought.textContent = delta.reasoning;
    }
    this.showWaiting();
  }

  showTail(html) {
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

  setHtml(el, html) {
    el.innerHTML = html;
    this.finishHtml(el, this.view.state !== "running");
  }

  /** Adds what the renderer leaves to us: bars over code, buttons for images that would be loaded from elsewhere. */
  finishHtml(root, final) {
    for (const block of root.querySelectorAll(".lsnb-code:not(.lsnb-continued)")) {
      if (block.firstElementChild?.classList.contains("lsnb-codebar")) continue;
      const code = () => block.querySelector("code").textContent;
      const bar = h("div", { class: "lsnb-codebar" }, h("span", { text: block.dataset.lang ?? "" }));
      if (final) {
        bar.append(iconButton("copy", "Copy code", (event) => this.act.copy(Promise.resolve(code()), event.currentTarget)));
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
      iconButton("left", "Version before", () => go(at - 1), { disabled: at === 1 }),
      h("span", { text: `${at}/${ids.length}` }),
      iconButton("right", "Next version", () => go(at + 1), { disabled: at === ids.length }),
    );
  }

  dispose() {
    clearInterval(this.dotsClock);
  }
}
