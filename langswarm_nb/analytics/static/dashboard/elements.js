// Elements, and small things to read and to keep.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

function shortTime(text) {
  return String(text).replace("T", " ").replace(/ 00:00(:00)?(\+00:00)?$/, "").replace(/:00(\+00:00)?$/, "").slice(0, 16);
}

function dayAfter(day, count = 1) {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + count);
  return next.toISOString().slice(0, 10);
}

// A time without one is a day; an end is not included, so that a day's end is the day before.
function isDay(text) {
  return Boolean(text) && shortTime(text).length === 10;
}

function lastMoment(end) {
  return isDay(end) ? dayAfter(shortTime(end), -1) : shortTime(end);
}

function inWords({ start, end }) {
  if (isDay(start) && isDay(end) && lastMoment(end) === shortTime(start)) return `on ${shortTime(start)}`;
  return [start && `from ${shortTime(start)}`, end && `to ${lastMoment(end)}`].filter(Boolean).join(" ");
}

function readable(number) {
  const digits = Number.isInteger(number) ? 0 : Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 1 ? 2 : 4;
  return number.toLocaleString("en-US", { maximumFractionDigits: digits });
}

function parseCsv(text) {
  const rows = [];
  let row = [];
  const cells = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g;
  for (let match; cells.lastIndex < text.length && (match = cells.exec(text)); ) {
    row.push(match[1] !== undefined ? match[1].replaceAll('""', '"') : match[2]);
    if (match[3] !== ",") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

// The text in pieces, those that begin like one of the words marked.
function marked(text, words) {
  const wanted = words.map((word) => word.replace(/[^\p{L}\p{N} ]/gu, "").replaceAll(" ", "[^\\p{L}\\p{N}]+")).filter(Boolean);
  if (!wanted.length) return [text];
  const pieces = text.split(new RegExp(`(?<![\\p{L}\\p{N}])((?:${wanted.join("|")})[\\p{L}\\p{N}]*)`, "giu"));
  return pieces.map((piece, index) => (index % 2 ? element("mark", {}, piece) : piece));
}

// Plotly reads some HTML in titles.
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
