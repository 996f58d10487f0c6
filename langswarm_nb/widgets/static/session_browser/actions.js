// What is done to sessions: the bar above the list, what it asks, and the way back.

const UNDO_MS = 12_000;
const BETWEEN_PIECES_MS = 280;

class Actions {
  /** `act` has: request(kind, fields) -> answer or null, targets() -> rows, query(), selectAll(ids), open(id), focus(). */
  constructor(root, act) {
    this.root = root;
    this.act = act;
    this.about = h("span", { class: "lsnb-about" });
    this.all = h("button", { class: "lsnb-link", hidden: true, onclick: () => this.selectEverything() });
    const tool = (name, label, keys, press) => iconButton(name, label, (event) => press(event.currentTarget), { class: "lsnb-tool lsnb-act", "aria-keyshortcuts": keys });
    this.tools = {
      rename: tool("edit", "Rename", "F2", (button) => this.rename(button)),
      tag: tool("tag", "Tags", "T", (button) => this.tags(button)),
      export: tool("down2", "Export", "X", (button) => this.export(button)),
      archive: tool("archive", "Archive", "E", () => this.archive()),
      trash: tool("bin", "Delete", "Delete", () => this.trash()),
      restore: textButton("Restore", () => this.restore(), { class: "lsnb-button lsnb-small" }),
      purge: textButton("Delete for good", (event) => this.purge(event.currentTarget), { class: "lsnb-button lsnb-small lsnb-danger" }),
    };
    this.el = h("div", { class: "lsnb-bar", role: "toolbar", "aria-label": "Actions" }, this.about, this.all, h("span", { class: "lsnb-gap" }), ...Object.values(this.tools));
    this.toast = h("div", { class: "lsnb-toast", role: "status", hidden: true });
    for (const kind of ["pointerenter", "focusin"]) this.toast.addEventListener(kind, () => clearTimeout(this.timer));
    for (const kind of ["pointerleave", "focusout"]) this.toast.addEventListener(kind, () => this.fade());
  }

  /** Shows what the actions would be done to. */
  show({ selected, loaded, total, trash, text }) {
    const rows = this.act.targets();
    this.about.textContent = selected ? `${counted(selected, "session")} selected` : text;
    this.all.hidden = !selected || selected >= total || selected < loaded;
    this.all.textContent = `Select all ${total.toLocaleString("en")}`;
    const archived = rows.length > 0 && rows.every((row) => row.status === "archived");
    const { rename, tag, archive, trash: bin, restore, purge, export: out } = this.tools;
    for (const button of Object.values(this.tools)) button.disabled = !rows.length || this.busy;
    rename.hidden = tag.hidden = archive.hidden = bin.hidden = trash;
    restore.hidden = purge.hidden = !trash;
    rename.disabled ||= selected > 1;
    out.disabled ||= !rows.length;
    archive.setAttribute("aria-label", archived ? "Unarchive" : "Archive");
    archive.title = archived ? "Unarchive: lets it go on (E)" : "Archive: makes it read-only (E)";
    bin.title = "Delete: moves it to the trash (Delete)";
    rename.title = "Rename (F2)";
    tag.title = "Tags (T)";
    out.title = "Export (X)";
  }

  /** Does what a key stands for; returns whether it stands for anything. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const name = { F2: "rename", t: "tag", T: "tag", e: "archive", E: "archive", x: "export", X: "export", Delete: "trash", Backspace: "trash" }[event.key];
    const button = name && this.tools[name];
    if (!button || button.hidden || button.disabled) return false;
    button.click();
    return true;
  }

  async run(kind, fields, said) {
    const ids = fields.sessions;
    this.busy = true;
    this.el.setAttribute("aria-busy", "true");
    try {
      const answer = await this.act.request(kind, fields);
      if (!answer) return;
      const { done, failed, problems } = answer;
      const trouble = failed ? ` ${counted(failed, "session")} ${failed === 1 ? "was" : "were"} not: ${problems.join(" ")}` : "";
      this.say(`${done.length ? said.text(done.length) : ""}${trouble}`.trim(), done.length && said.undo ? () => this.run(said.undo, { sessions: done }, { text: () => "Undone." }) : null);
    } finally {
      this.busy = false;
      this.el.removeAttribute("aria-busy");
      this.act.changed(ids, kind);
    }
  }

  ids() {
    return this.act.ids();
  }

  archive() {
    const rows = this.act.targets();
    const back = rows.every((row) => row.status === "archived");
    const one = rows.length === 1 ? "It" : "They";
    return back
      ? this.run("unarchive", { sessions: this.ids() }, { text: (n) => `${counted(n, "session")} can go on.`, undo: "archive" })
      : this.run("archive", { sessions: this.ids() }, { text: (n) => `${counted(n, "session")} archived. ${one} can be read, not written to.`, undo: "unarchive" });
  }

  trash() {
    return this.run("trash", { sessions: this.ids() }, { text: (n) => `${counted(n, "session")} moved to the trash.`, undo: "restore" });
  }

  restore() {
    return this.run("restore", { sessions: this.ids() }, { text: (n) => `${counted(n, "session")} restored.`, undo: "trash" });
  }

  purge(button) {
    const ids = this.ids();
    const sure = textButton(`Delete ${counted(ids.length, "session")} for good`, () => {
      close(true);
      this.run("purge", { sessions: ids }, { text: (n) => `${counted(n, "session")} deleted for good.` });
    }, { class: "lsnb-button lsnb-danger" });
    const content = h("div", { class: "lsnb-ask" }, h("p", { text: "Their messages are removed from the store. This cannot be undone." }), sure, textButton("Keep", () => close(true)));
    const close = openBelow(this.root, button, content, { label: "Delete for good" });
  }

  rename(button) {
    const [row] = this.act.targets();
    const box = h("input", { class: "lsnb-search", "aria-label": "Title", maxlength: 200, dir: "auto", value: row.title, placeholder: "Untitled" });
    const close = openBelow(this.root, button, h("div", {}, box), { label: "Rename" });
    box.select();
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      close(true);
      this.act.focus();
      if (box.value.trim() !== row.title) this.run("rename", { sessions: [row.id], title: box.value }, { text: () => "Renamed." });
    });
  }

  tags(button) {
    const rows = this.act.targets();
    const ids = this.ids();
    const present = [...new Set(rows.flatMap((row) => row.tags))].sort();
    const known = this.act.knownTags().filter((tag) => !present.includes(tag));
    const list = newId();
    const box = h("input", { class: "lsnb-search", "aria-label": "Add a tag", placeholder: "Add a tag, Enter keeps it", maxlength: 60, dir: "auto", list });
    const change = (fields, text) => {
      close(true);
      this.act.focus();
      this.run("tag", { sessions: ids, ...fields }, { text: () => text });
    };
    const chips = present.map((tag) => h("button", { class: "lsnb-chip lsnb-on", "aria-label": `Take away the tag ${tag}`, title: "Take it away", onclick: () => change({ remove: [tag] }, `“${tag}” taken away.`) }, h("span", { text: tag, dir: "auto" }), icon("close")));
    const content = h("div", { class: "lsnb-tagging" }, box, h("datalist", { id: list }, ...known.map((value) => h("option", { value }))), chips.length > 0 && h("div", { class: "lsnb-chips" }, ...chips));
    const close = openBelow(this.root, button, content, { label: "Tags" });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || !box.value.trim()) return;
      event.preventDefault();
      change({ add: [box.value.trim()] }, `Tagged with “${box.value.trim()}”.`);
    });
  }

  async export(button) {
    const ids = this.ids();
    const formats = await this.act.request("formats", {});
    if (!formats) return;
    const redact = h("input", { type: "checkbox", id: newId() });
    const items = formats.map(([format, label, detail]) =>
      h("button", { class: "lsnb-item", onclick: () => (close(true), this.act.focus(), this.save(ids, format, redact.checked)) }, h("span", { text: label }), h("small", { text: detail })),
    );
    const check = h("label", { class: "lsnb-redact", for: redact.id }, redact, h("span", {}, "Redact", h("small", { text: "keys, e-mail addresses, phone and card numbers, names of users" })));
    const close = openBelow(this.root, button, h("div", {}, check, ...items), { label: `Export ${counted(ids.length, "session")}` });
  }

  async save(ids, format, redact) {
    const file = await this.act.request("export", { sessions: ids, format, redact });
    if (!file) return;
    const pieces = [];
    for (let at = 0; at < file.bytes; at += pieces.at(-1).byteLength) {
      // Jupyter Server drops what comes faster than about 1 MB a second.
      if (at) await new Promise((resolve) => setTimeout(resolve, BETWEEN_PIECES_MS));
      const answer = await this.act.request("piece", { token: file.token, at });
      if (!answer) return;
      pieces.push(answer[0]);
    }
    const url = URL.createObjectURL(new Blob(pieces, { type: file.type }));
    h("a", { href: url, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    this.say(`${counted(ids.length, "session")}: ${file.told}.`);
  }

  async selectEverything() {
    const ids = await this.act.request("ids", this.act.query());
    if (ids) this.act.selectAll(ids);
  }

  /** Says what was done, for a while, with the way back. */
  say(text, undo) {
    if (!text) return;
    this.toast.replaceChildren(
      h("span", { text, dir: "auto" }),
      ...(undo ? [textButton("Undo", () => { this.hush(); undo(); }, { class: "lsnb-button lsnb-small" })] : []),
      iconButton("close", "Dismiss", () => this.hush()),
    );
    this.toast.hidden = false;
    this.fade();
  }

  fade() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.hush(), UNDO_MS);
  }

  hush() {
    clearTimeout(this.timer);
    if (this.toast.contains(document.activeElement)) this.act.focus();
    this.toast.hidden = true;
  }
}
