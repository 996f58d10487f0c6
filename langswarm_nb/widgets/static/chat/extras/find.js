// Search in what the panel shows. Matches are painted over the text, which stays as the renderer made it; where the
// browser cannot paint, they are wrapped in marks that are taken out again.

const MOST_MATCHES = 2000;
const TEXTS = ".lsnb-said, .lsnb-body > .lsnb-md, .lsnb-thought, .lsnb-call";
const BLOCKS = "p,li,td,th,h1,h2,h3,h4,h5,h6,pre,dt,dd,summary,blockquote,div";

/** Returns a match as pieces of text nodes: [node, start, end]. */
function matchesIn(block, pattern, most) {
  const nodes = [];
  let text = "";
  let inBlock = null;
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    if (node.parentElement.closest(".lsnb-codebar, .lsnb-image")) continue;
    const own = node.parentElement.closest(BLOCKS);
    // Two cells of a table are not one word.
    if (inBlock && own !== inBlock) text += "\0";
    inBlock = own;
    nodes.push([node, text.length]);
    text += node.data;
  }
  const found = [];
  for (const { index, 0: words } of text.matchAll(pattern)) {
    if (found.length >= most) break;
    const end = index + words.length;
    const pieces = nodes
      .filter(([node, at]) => at < end && at + node.length > index)
      .map(([node, at]) => [node, Math.max(0, index - at), Math.min(node.length, end - at)]);
    if (pieces.length) found.push(pieces);
  }
  return found;
}

/** Paints with the CSS Custom Highlight API; all panels of the page share its two names. */
class Painter {
  constructor() {
    const shared = (name) => {
      if (!CSS.highlights.has(name)) CSS.highlights.set(name, new Highlight());
      return CSS.highlights.get(name);
    };
    this.all = shared("lsnb-find");
    this.now = shared("lsnb-find-now");
    this.now.priority = 1;
    this.ranges = [];
  }

  paint(matches) {
    this.ranges = matches.map((pieces) => {
      const range = new Range();
      range.setStart(pieces[0][0], pieces[0][1]);
      range.setEnd(pieces.at(-1)[0], pieces.at(-1)[2]);
      this.all.add(range);
      return range;
    });
  }

  /** Marks one match as the current one, and returns what it is in and where. */
  point(at) {
    if (this.current) this.now.delete(this.current);
    this.current = this.ranges[at];
    this.now.add(this.current);
    const range = this.current;
    return { parent: range.startContainer.parentElement, where: () => range.getBoundingClientRect() };
  }

  clear() {
    for (const range of this.ranges) this.all.delete(range);
    if (this.current) this.now.delete(this.current);
    this.current = null;
    this.ranges = [];
  }
}

class Marker {
  constructor() {
    this.marks = [];
  }

  paint(matches) {
    this.marks = matches.map(() => []);
    // From the end, so that what is split off is not looked for any more.
    for (let at = matches.length - 1; at >= 0; at -= 1) {
      for (const [node, start, end] of matches[at].toReversed()) {
        const part = start ? node.splitText(start) : node;
        if (end - start < part.length) part.splitText(end - start);
        const mark = h("mark", { class: "lsnb-hit" });
        part.replaceWith(mark);
        mark.append(part);
        this.marks[at].unshift(mark);
      }
    }
  }

  point(at) {
    for (const mark of this.marks.flat()) mark.classList.toggle("lsnb-hit-now", this.marks[at].includes(mark));
    const [mark] = this.marks[at];
    return { parent: mark, where: () => mark.getBoundingClientRect() };
  }

  clear() {
    for (const mark of this.marks.flat()) {
      const parent = mark.parentNode;
      mark.replaceWith(...mark.childNodes);
      parent?.normalize();
    }
    this.marks = [];
  }
}

class Finder {
  constructor(panel) {
    this.panel = panel;
    this.painter = globalThis.CSS?.highlights && globalThis.Highlight ? new Painter() : new Marker();
    this.input = h("input", { class: "lsnb-search", type: "text", placeholder: "Find in this chat", "aria-label": "Find in this chat", dir: "auto", autocomplete: "off", oninput: () => this.search(true) });
    this.count = h("span", { class: "lsnb-count", role: "status" });
    this.back = iconButton("up", "Match before", () => this.go(-1));
    this.on = iconButton("under", "Next match", () => this.go(1));
    this.more = textButton("", () => this.searchEarlier(), { class: "lsnb-button lsnb-find-more" });
    this.el = h("div", { class: "lsnb-finder", role: "search", "aria-label": "Find in this chat", hidden: true }, this.input, this.count, this.back, this.on, iconButton("close", "Close the search", () => this.close(true)), this.more);
    this.el.addEventListener("keydown", (event) => this.key(event));
    this.watcher = new MutationObserver(() => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.search(false), 150);
    });
    panel.thread.el.before(this.el);
  }

  open() {
    this.el.hidden = false;
    this.input.focus();
    this.input.select();
    this.search(true);
  }

  close(refocus) {
    clearTimeout(this.timer);
    this.watcher.disconnect();
    this.painter.clear();
    this.el.hidden = true;
    if (refocus) this.panel.composer.area.focus();
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.close(true);
    } else if (event.key === "Enter" && event.target === this.input) {
      event.preventDefault();
      this.go(event.shiftKey ? -1 : 1);
    }
  }

  /** Looks anew; with `jump` the view goes to the first match from where the reader is. */
  search(jump) {
    const { list } = this.panel.thread;
    this.watcher.disconnect();
    this.painter.clear();
    const words = this.input.value.trim().split(/\s+/).filter(Boolean);
    const pattern = words.length && new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\/-]/g, (sign) => (sign === "-" ? "-" : `\\${sign}`))).join("\\s+"), "giu");
    const matches = [];
    if (pattern) for (const block of list.querySelectorAll(TEXTS)) matches.push(...matchesIn(block, pattern, MOST_MATCHES - matches.length));
    this.painter.paint(matches);
    this.found = matches.length;
    this.at = jump ? this.firstSeen(matches) : Math.min(this.at ?? 0, Math.max(0, this.found - 1));
    this.show(jump);
    this.watcher.observe(list, { childList: true, subtree: true, characterData: true });
  }

  firstSeen(matches) {
    const top = this.panel.thread.log.getBoundingClientRect().top;
    const at = matches.findIndex(([[node]]) => (node.parentElement?.getBoundingClientRect().bottom ?? 0) > top);
    return Math.max(0, at);
  }

  go(step) {
    if (!this.found) return;
    this.at = (this.at + step + this.found) % this.found;
    this.show(true);
  }

  show(jump) {
    const { earlier } = this.panel.store.header;
    this.back.disabled = this.on.disabled = !this.found;
    this.more.hidden = !earlier || !this.input.value.trim();
    this.more.textContent = `Search ${earlier} earlier messages, too`;
    const total = this.found >= MOST_MATCHES ? `${MOST_MATCHES}+` : this.found;
    this.count.textContent = this.found ? `${this.at + 1}/${total}` : this.input.value.trim() ? "No match" : "";
    if (this.found) this.reveal(this.painter.point(this.at), jump);
  }

  /** Scrolls whatever scrolls around a match: a wide table, a long message, the conversation, the notebook. */
  reveal({ parent, where }, jump) {
    if (!jump) return;
    for (let closed; (closed = parent.closest("details:not([open])")); ) closed.open = true;
    for (let el = parent; el; el = el.parentElement) {
      const page = el === document.scrollingElement;
      if (!page && !/auto|scroll/.test(getComputedStyle(el).overflow)) continue;
      const found = where();
      const box = found.height ? found : parent.getBoundingClientRect();
      const { top, left } = page ? { top: 0, left: 0 } : el.getBoundingClientRect();
      const { clientHeight: high, clientWidth: wide } = el;
      if (box.top - top < 20 || box.top - top > high - 50) el.scrollTop += box.top - top - high / 3;
      if (box.left < left || box.right > left + wide) el.scrollLeft += box.left - left - wide / 3;
    }
  }

  async searchEarlier() {
    this.more.disabled = true;
    while (this.panel.store.header.earlier && (await this.panel.ask("earlier")) !== undefined);
    this.more.disabled = false;
    this.search(true);
    this.input.focus();
  }
}
