// plotly.js, fetched from the kernel once a page; and the host's theme.

const PLOTLY = Symbol.for("langswarm_nb.plotly");

function loadPlotly(ask) {
  if (globalThis.Plotly?.react) return Promise.resolve(globalThis.Plotly);
  globalThis[PLOTLY] ??= fetchPlotly(ask).catch((error) => {
    globalThis[PLOTLY] = undefined;
    throw error;
  });
  return globalThis[PLOTLY];
}

async function fetchPlotly(ask) {
  const { buffers } = await ask("plotly");
  const stream = new Blob([buffers[0]]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = await new Response(stream).text();
  // As a CommonJS module within an ES module: a page's own module loader does not take it away, and a page that
  // forbids to evaluate text runs it.
  const parts = ["const module = { exports: {} }, exports = module.exports, define = undefined;\n", code, "\nexport default module.exports;"];
  const url = URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function isDark() {
  const body = document.body;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (/\bvscode-(dark|high-contrast(?!-light))\b/.test(body.className)) return true;
  if (/\bvscode-(light|high-contrast-light)\b/.test(body.className)) return false;
  const theme = document.documentElement.getAttribute("theme");
  if (theme) return theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function onThemeChange(react) {
  const watcher = new MutationObserver(react);
  const options = { attributes: true, attributeFilter: ["data-jp-theme-light", "class", "theme"] };
  watcher.observe(document.body, options);
  watcher.observe(document.documentElement, options);
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", react);
  return () => {
    watcher.disconnect();
    media.removeEventListener("change", react);
  };
}
