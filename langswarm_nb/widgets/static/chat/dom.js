// Elements, icons, the clipboard. `html` is set nowhere but in message.js, and there only with what the renderer made.

/** Returns an element. `on*` are listeners, `text` is its text, false and null attributes are left out. */
function h(tag, props, ...children) {
  const el = document.createElement(tag);
  if (tag === "button") el.type = "button";
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === false || value == null) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "text") el.textContent = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  el.append(...children.filter((child) => child != null && child !== false));
  return el;
}

const ICONS = {
  check: "M3 8.5l3.2 3L13 4.5",
  clip: "M13 7.5l-5.3 5.3a3 3 0 0 1-4.3-4.3l5.6-5.6a2 2 0 0 1 2.9 2.9L6.4 11.2a1 1 0 0 1-1.5-1.4L9.6 5",
  chevron: "M4.5 6.5L8 10l3.5-3.5",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  cell: "M2.5 3.5h11v5h-11zM8 10.5v4M6 12.5h4",
  down: "M8 3v10M4 9l4 4 4-4",
  edit: "M3 13l.6-2.8 7.2-7.2 2.2 2.2-7.2 7.2z",
  file: "M4 2h5.5L12 4.5V14H4zM9.5 2v2.5H12",
  left: "M10 4L6 8l4 4",
  menu: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  plus: "M8 3v10M3 8h10",
  redo: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  right: "M6 4l4 4-4 4",
  send: "M8 13V3M4 7l4-4 4 4",
  thumb: "M2.5 7h2v6h-2zM4.5 8L7.5 2.5c1 0 1.6.8 1.4 1.8L8.5 6.5h3.7c.9 0 1.5.8 1.3 1.7l-.9 3.6c-.2.7-.8 1.2-1.5 1.2H4.5",
};

/** Returns a drawing of 16 by 16 that takes the text's colour. */
function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const path = document.createElementNS(ns, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `lsnb-icon lsnb-icon-${name}`);
  svg.ariaHidden = true;
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Returns a button that shows an icon only; `label` is read out and shown on hover. */
function iconButton(name, label, onclick, props) {
  return h("button", { class: "lsnb-tool", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

/** Returns a button with words. */
function textButton(label, onclick, props) {
  return h("button", { class: "lsnb-button", text: label, onclick, ...props });
}

/** Returns whether a key is for VS Code, which hears of its shortcuts only from the page. Keys that edit text are not. */
function isForEditor({ key, ctrlKey, metaKey }) {
  const edits = /^([acvxyz]|Enter|Backspace|Delete|Insert|Home|End|Arrow(Left|Right))$/i;
  return document.body.matches("[class*=vscode-]") && (/^F\d/.test(key) || ((ctrlKey || metaKey) && !edits.test(key)));
}

/** Puts text on the clipboard, also where the page is not served securely; returns whether that worked. */
async function toClipboard(text) {
  try {
    // A frame that may not would have the browser log an error.
    if (document.featurePolicy?.allowsFeature("clipboard-write") === false) throw null;
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { style: "position:fixed;opacity:0", "aria-hidden": "true" });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused?.focus?.({ preventScroll: true });
    return copied;
  }
}

/** Shows a tick on a button for a moment. */
function tick(button) {
  const before = button.querySelector("svg");
  if (!before || button.dataset.done) return;
  const done = icon("check");
  button.dataset.done = "1";
  before.replaceWith(done);
  setTimeout(() => {
    done.replaceWith(before);
    delete button.dataset.done;
  }, 1200);
}

/** Lets a textarea be as high as its text, up to its CSS max-height. */
function fitHeight(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
}

/** Opens a popup under `anchor` within `panel`; Escape, a click elsewhere or leaving it by Tab closes it. */
function openPopup(panel, anchor, content, { label, role = "dialog", onclose } = {}) {
  const popup = h("div", { class: "lsnb-popup", role, "aria-label": label }, content);
  const close = (refocus) => {
    document.removeEventListener("pointerdown", outside, true);
    if (!popup.isConnected) return;
    popup.remove();
    anchor.ariaExpanded = false;
    if (refocus) anchor.focus();
    onclose?.();
  };
  const outside = (event) => {
    if (!popup.contains(event.target) && !anchor.contains(event.target)) close(false);
  };
  popup.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close(true);
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const stops = [...popup.querySelectorAll("input,button:not([disabled])")];
    stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length]?.focus();
  });
  popup.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !popup.contains(event.relatedTarget)) close(false);
  });
  document.addEventListener("pointerdown", outside, true);
  anchor.ariaExpanded = true;
  panel.append(popup);
  popup.querySelector("input,button")?.focus();
  return close;
}
