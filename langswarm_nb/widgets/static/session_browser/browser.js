// The browser: looks for sessions, shows them, and keeps in step with the store.

const PAGE = 50;
const MOST = 1000;
const PULSE_MS = 50_000;

class Browser {
  constructor(model, el) {
    this.model = model;
    this.root = h("div", { class: "lsnb-panel lsnb-browser", "data-lm-suppress-shortcuts": "true", role: "region", "aria-label": "Session browser" });
    this.root.style.height = `${model.get("height")}px`;
    this.talk = new Talk(model, () => this.showBar());
    this.list = new SessionList({
      open: (id) => this.open(id),
      more: () => this.more(),
      moved: () => this.showBar(),
      key: (event) => this.listKey(event),
    });
    this.filters = new Filters(this.root, { changed: () => this.restart(), down: (open) => this.toList(open) });
    this.actions = new Actions(this.root, {
      request: (kind, fields) => this.ask(kind, fields),
      targets: () => this.list.targets().map((id) => this.list.find(id)).filter(Boolean),
      ids: () => this.list.targets(),
      query: () => this.filters.query(),
      knownTags: () => (this.filters.facets.tag ?? []).map(([tag]) => tag),
      selectAll: (ids) => this.list.selectAll(ids),
      changed: (ids, kind) => this.afterChange(ids, kind),
      focus: () => this.list.el.focus(),
    });
    this.empty = h("div", { class: "lsnb-empty", hidden: true });
    this.side = h("section", { class: "lsnb-side", "aria-label": "Conversation", hidden: true });
    const stage = h("div", { class: "lsnb-stage" }, h("div", { class: "lsnb-column" }, this.actions.el, this.list.el, this.empty), this.side);
    this.root.append(this.filters.el, stage, this.actions.toast);
    this.keepKeysHere();
    el.append(this.root);
    this.receive = (message, buffers) => this.take(message, buffers);
    this.showOpened = () => this.showSide();
    model.on("msg:custom", this.receive);
    model.on("change:opened", this.showOpened);
    this.talk.post({ kind: "ready" });
    this.connection = model.widget_manager?.kernel?.connectionStatusChanged;
    this.connected = (_, status) => {
      if (status !== "connected") return;
      this.talk.askOnceMore();
      this.refresh();
    };
    this.connection?.connect(this.connected);
    this.pulse = setInterval(() => this.talk.post({ kind: "ack" }), PULSE_MS);
    this.total = 0;
    this.skeleton();
    this.restart();
    this.showSide();
  }

  keepKeysHere() {
    this.root.addEventListener("keydown", (event) => {
      if (!isForEditor(event)) event.stopPropagation();
      if (event.key === "/" && !event.target.matches("input, textarea, select")) {
        event.preventDefault();
        this.filters.search.focus();
        this.filters.search.select();
      }
    });
    for (const kind of ["keyup", "keypress", "paste", "copy", "cut"]) this.root.addEventListener(kind, (event) => event.stopPropagation());
  }

  listKey(event) {
    if (this.actions.key(event)) event.preventDefault();
    else if (event.key === "Escape" && !this.side.hidden) {
      event.preventDefault();
      this.ask("shut", {});
    }
  }

  take(message, buffers) {
    if (message.kind === "changed") this.refresh();
    else if (message.kind === "progress" && this.talk.requests.has(message.rid)) this.say(`${message.done.toLocaleString("en")} of ${message.total.toLocaleString("en")} …`);
    else this.talk.takeReply(message, buffers);
  }

  /** Requests something; what fails is shown, and the answer is null. */
  async ask(kind, fields) {
    try {
      return (await this.talk.request(kind, fields)) ?? true;
    } catch (error) {
      this.actions.say(error.text);
      return null;
    } finally {
      this.say(null);
    }
  }

  /** Looks anew from the first row on. */
  restart() {
    this.wanted = PAGE;
    this.list.el.scrollTop = 0;
    this.filters.draw();
    this.look(true);
  }

  /** Looks again for as much as is shown. */
  refresh() {
    this.look(true);
  }

  more() {
    const { rows } = this.list;
    if (rows.length >= this.total || this.looking || this.wanted >= 20 * MOST) return;
    this.wanted = rows.length + PAGE;
    this.look(false);
  }

  /** One search at a time; what is asked for meanwhile is asked for afterwards, once. */
  async look(anew) {
    this.stale ||= anew;
    if (this.looking) return (this.again = true);
    this.looking = true;
    this.root.querySelector(".lsnb-rows")?.setAttribute("aria-busy", "true");
    const slow = setTimeout(() => this.say("Searching …"), 400);
    try {
      do {
        this.again = false;
        const fresh = this.stale;
        this.stale = false;
        await this.lookOnce(fresh);
      } while (this.again);
    } catch (error) {
      this.again = false;
      this.showProblem(error);
    } finally {
      clearTimeout(slow);
      this.looking = false;
      this.list.el.removeAttribute("aria-busy");
      this.say(null);
    }
  }

  async lookOnce(fresh) {
    const kept = fresh ? [] : this.list.rows;
    const query = { ...this.filters.query(), offset: kept.length, limit: Math.min(Math.max(this.wanted - kept.length, PAGE), MOST), facets: fresh };
    const found = await this.talk.request("search", query);
    const known = new Set(kept.map((row) => row.id));
    this.total = found.total;
    if (found.facets) {
      this.filters.setFacets(found.facets);
      this.list.showUsers = found.facets.user.length > 1;
    }
    this.list.show([...kept, ...found.rows.filter((row) => !known.has(row.id))], found.total);
    this.showEmpty();
  }

  afterChange(ids, kind) {
    if (["trash", "restore", "purge"].includes(kind)) for (const id of ids) this.list.selected.delete(id);
    this.refresh();
  }

  skeleton() {
    this.list.el.replaceChildren(...Array.from({ length: 6 }, () => h("div", { class: "lsnb-bone", "aria-hidden": "true" })));
  }

  showEmpty() {
    const none = !this.list.rows.length;
    this.list.el.hidden = none;
    this.empty.hidden = !none;
    if (!none) return;
    if (this.filters.showsTrash && !this.filters.search.value.trim()) this.empty.replaceChildren(h("p", { text: "The trash is empty." }), textButton("Show all sessions", () => this.filters.reset()));
    else if (this.filters.isNarrow) this.empty.replaceChildren(h("p", { text: "No session matches." }), textButton("Clear search and filters", () => this.filters.reset()));
    else this.empty.replaceChildren(h("p", { text: "There is no session yet." }), h("p", { class: "lsnb-hint" }, h("code", { text: "ls.chat()" }), " starts one."));
  }

  showProblem(error) {
    this.list.el.hidden = true;
    this.empty.hidden = false;
    const card = h("div", { class: "lsnb-error", role: "alert" }, h("p", { text: error.text, dir: "auto" }), textButton("Retry", () => this.restart()));
    this.empty.replaceChildren(card);
  }

  say(text) {
    this.saying = text;
    this.showBar();
  }

  showBar() {
    if (!this.actions) return;
    const waiting = this.talk.unheard.size > 0 && "Waiting for the kernel: a cell is running.";
    const total = counted(this.total, "session");
    this.actions.show({
      selected: this.list.selected.size,
      loaded: this.list.rows.length,
      total: this.total,
      trash: this.filters.showsTrash,
      text: waiting || this.saying || (this.filters.showsTrash ? `${total} in the trash` : this.filters.isNarrow ? `${total} found` : total),
    });
  }

  toList(open) {
    this.list.el.focus();
    if (open && this.list.active) this.open(this.list.active);
  }

  async open(id) {
    if (this.list.find(id)?.status === "deleted") return this.actions.say("It is in the trash. Restore it to read it.");
    this.list.opened = id;
    this.list.mark();
    this.wantsFocus = true;
    await this.ask("open", { session: id });
  }

  /** Shows the panel that the kernel opened, beside the list or, where there is no room, in its place. */
  async showSide() {
    const { session, panel } = this.model.get("opened") ?? {};
    this.list.opened = session ?? null;
    this.list.mark();
    this.root.classList.toggle("lsnb-split", Boolean(session));
    this.side.hidden = !session;
    if (!session) {
      this.dropView();
      if (this.wantsFocus) this.list.el.focus();
      return;
    }
    if (this.shownPanel !== panel) {
      this.dropView();
      this.shownPanel = panel;
      const manager = this.model.widget_manager;
      const child = await manager.get_model(panel);
      const view = await manager.create_view(child);
      if (this.shownPanel !== panel || this.closed) return view.remove();
      this.view = view;
      const shut = () => this.ask("shut", {});
      const back = h("button", { class: "lsnb-button lsnb-small lsnb-back", onclick: shut }, icon("left"), "Sessions");
      this.side.replaceChildren(h("div", { class: "lsnb-side-head" }, back, h("span", { class: "lsnb-gap" }), iconButton("close", "Close the conversation", shut, { class: "lsnb-tool lsnb-shut" })), view.el);
    }
    if (this.wantsFocus) this.focusPanel(panel);
  }

  /** Puts the cursor where one writes, as soon as that is there: the panel's script may come first. */
  async focusPanel(panel) {
    for (let tries = 0; tries < 100 && this.shownPanel === panel; tries += 1) {
      const box = this.side.querySelector("textarea");
      if (box) return box.focus({ preventScroll: true });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  dropView() {
    this.view?.remove();
    this.view = this.shownPanel = null;
    this.side.replaceChildren();
  }

  close() {
    this.closed = true;
    this.connection?.disconnect(this.connected);
    clearInterval(this.pulse);
    clearTimeout(this.filters.timer);
    clearTimeout(this.actions.timer);
    this.model.off("msg:custom", this.receive);
    this.model.off("change:opened", this.showOpened);
    this.talk.endTalk();
    this.dropView();
    this.root.remove();
  }
}

function render({ model, el }) {
  const browser = new Browser(model, el);
  return () => browser.close();
}

export default { render };
