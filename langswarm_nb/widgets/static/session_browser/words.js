// Words and numbers as the browser shows them, and the drawings that only it has.

Object.assign(ICONS, {
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3L14 14",
  archive: "M2.5 3h11v3h-11zM3.5 6v7h9V6M6.5 8.5h3",
  bin: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.8 7v3.5M9.2 7v3.5",
  close: "M4 4l8 8M12 4l-8 8",
  down2: "M8 2.5v8M4.5 7L8 10.5 11.5 7M3 13.5h10",
  tag: "M8.5 2.5H3v5.5l6 6 5.5-5.5zM5.6 5.6h.01",
});

/** Returns "1 session", "1,445 sessions". */
function counted(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

/** Returns how long ago a moment was, in few words. */
function ago(ms) {
  const minutes = Math.floor((Date.now() - ms) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  if (minutes < 48 * 60) return "yesterday";
  return new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** Returns pieces of text as nodes; what was looked for is marked. */
function inPieces(pieces) {
  return pieces.map(([text, found]) => (found ? h("mark", { text }) : document.createTextNode(text)));
}

/** Opens a popup just below `anchor`, wherever that stands. Who opened it with a key in the list is there again afterwards. */
function openBelow(root, anchor, content, options) {
  const from = document.activeElement;
  const back = () => document.activeElement === anchor && from.focus({ preventScroll: true });
  const close = openPopup(root, anchor, content, { ...options, onclose: back });
  const popup = root.lastElementChild;
  const [box, around] = [anchor.getBoundingClientRect(), root.getBoundingClientRect()];
  const top = box.bottom - around.top + 4;
  popup.style.top = `${top}px`;
  popup.style.maxHeight = `${Math.max(around.height - top - 8, 120)}px`;
  popup.style.insetInlineEnd = "auto";
  popup.style.left = `${Math.max(8, Math.min(box.left - around.left, around.width - popup.offsetWidth - 8))}px`;
  return close;
}
