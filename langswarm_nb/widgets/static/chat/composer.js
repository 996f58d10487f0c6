// Where the reader writes. Enter sends, Shift+Enter breaks the line, Escape stops, Up in the empty box edits.

class Composer {
  /** `act` has: send(text), stop(), editLast(), complete(prefix) -> [[name, kind]], attach(files), typing(over), and `variables`. */
  constructor(act) {
    this.act = act;
    this.ids = newId();
    this.known = [];
    this.area = h("textarea", {
      class: "lsnb-input",
      rows: 1,
      dir: "auto",
      placeholder: `Ask anything.  Shift+Enter: new line.${act.variables ? "  {{df}}: a variable" : ""}`,
      "aria-label": "Message",
      autocomplete: "off",
      oninput: () => this.typed(),
      onkeydown: (event) => this.key(event),
      onblur: () => this.left(),
    });
    this.button = h("button", { class: "lsnb-button lsnb-primary lsnb-send", onclick: () => this.press() });
    this.files = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files to attach", onchange: () => this.act.attach(this.files.files) });
    this.clip = iconButton("clip", "Attach files", () => this.pickFiles(), { class: "lsnb-tool lsnb-clip" });
    this.names = h("div", { class: "lsnb-names", role: "listbox", "aria-label": "Variables", hidden: true });
    this.status = h("div", { class: "lsnb-status", "aria-live": "polite", hidden: true });
    this.el = h("div", { class: "lsnb-composer" }, this.status, this.names, h("div", { class: "lsnb-row" }, this.clip, this.files, this.area, this.button));
    this.setRunning(false);
    new ResizeObserver(() => fitHeight(this.area)).observe(this.clip.parentElement);
  }

  setRunning(running) {
    this.running = running;
    this.button.replaceChildren(running ? h("span", { class: "lsnb-square" }) : icon("send"), running ? "Stop" : "Send");
    this.button.classList.toggle("lsnb-stop", running);
    this.enable();
  }

  setReadOnly(readOnly) {
    this.readOnly = readOnly;
    this.area.disabled = this.clip.disabled = readOnly;
    this.enable();
  }

  enable() {
    this.button.disabled = !this.running && (this.readOnly || !this.hasSomething());
  }

  /** Whether there is a text, or a file without one. */
  hasSomething() {
    return this.area.value.trim() || this.el.querySelector(".lsnb-tray:not([hidden])");
  }

  /** Says what the reader should know, with what can be done about it. */
  say(text, action) {
    // Said once, it is not read out again; and a button that has the focus stays.
    const told = `${text} ${action ? action.textContent : ""}`;
    if (told === this.told) return;
    this.told = told;
    const { activeElement: held } = document;
    const focused = this.status.contains(held) || (held === this.button && this.area.disabled);
    this.status.hidden = !text;
    this.status.replaceChildren(h("span", { text: text ?? "" }), ...(action ? [action] : []));
    if (focused) (action || (this.area.disabled ? this.button : this.area)).focus();
  }

  fill(text) {
    this.area.value = text;
    fitHeight(this.area);
    this.enable();
    this.area.focus();
  }

  pickFiles() {
    // The same file may be picked again.
    this.files.value = "";
    this.files.click();
  }

  press() {
    if (this.running) this.act.stop();
    else this.send();
    // The button is soon disabled, and what is disabled has no focus.
    this.area.focus();
  }

  send() {
    const text = this.area.value.trim();
    if (this.running || this.readOnly || !this.hasSomething()) return;
    this.area.value = "";
    fitHeight(this.area);
    this.enable();
    this.hideNames();
    this.act.send(text);
  }

  key(event) {
    if (event.isComposing) return;
    if (!this.names.hidden && this.keyInNames(event)) return event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && this.running) {
      this.act.stop();
    } else if (event.key === "ArrowUp" && !this.area.value && !this.running && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.act.editLast();
    }
  }

  left() {
    this.hideNames();
    this.act.typing(true);
  }

  typed() {
    this.act.typing(false);
    fitHeight(this.area);
    this.enable();
    const before = this.area.value.slice(0, this.area.selectionStart);
    const open = before.match(/\{\{\s*([\p{L}_]?[\p{L}\p{N}_]*)$/u);
    if (!open) return this.hideNames();
    this.prefix = open[1];
    this.showNames();
    this.act.complete(this.prefix).then((names) => {
      this.known = names;
      this.showNames();
    }, () => this.hideNames());
  }

  /** Shows the known names that go on from what is typed by now, which may be more than was asked about. */
  showNames() {
    const names = this.prefix == null ? [] : this.known.filter(([name]) => name.startsWith(this.prefix));
    this.names.hidden = !names.length || !this.area.matches(":focus");
    if (this.names.hidden) return;
    this.names.replaceChildren(
      ...names.map(([name, kind], index) =>
        h("div", { class: "lsnb-name", role: "option", id: `${this.ids}-${index}`, "data-name": name, onpointerdown: (event) => this.pick(event, name) }, h("code", { text: name }), h("span", { text: kind })),
      ),
    );
    this.mark(0);
  }

  mark(index) {
    const options = [...this.names.children];
    this.marked = (index + options.length) % options.length;
    options.forEach((option, at) => (option.ariaSelected = at === this.marked));
    options[this.marked].scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", options[this.marked].id);
  }

  keyInNames(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.mark(this.marked + step);
    else if (event.key === "Enter" || event.key === "Tab") this.pick(event, this.names.children[this.marked].dataset.name);
    else if (event.key === "Escape") this.hideNames();
    else return false;
    return true;
  }

  pick(event, name) {
    event.preventDefault();
    const at = this.area.selectionStart;
    const rest = this.area.value.slice(at);
    this.area.setRangeText(name.slice(this.prefix.length) + (/^\s*\}\}/.test(rest) ? "" : "}}"), at, at, "end");
    this.hideNames();
    fitHeight(this.area);
  }

  hideNames() {
    this.prefix = null;
    this.names.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }
}
