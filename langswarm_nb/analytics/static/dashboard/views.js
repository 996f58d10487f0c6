// Where the data come from: a kernel (`render`), or what stands in an HTML file (`showSaved`).

const PATIENCE_MS = 60_000;

function showSaved(root, { frame, tabs, csv }) {
  const answers = {
    show: ({ tab }) => ({ ...frame, ...tabs[tab] }),
    csv: ({ name }) => csv[name],
  };
  const ask = async (type, content) => ({ value: answers[type](content) });
  return new App(root, { live: false, ask });
}

function render({ model, el }) {
  const view = crypto.randomUUID?.() ?? String(Math.random());
  const waiting = new Map();
  let next = 0;
  const ask = (type, content = {}, progress = () => {}) => new Promise((resolve, reject) => {
    const id = `${view}:${next++}`;
    const giveUp = () => {
      waiting.delete(id);
      reject(new Error("The kernel does not answer. If it was restarted, run this cell again."));
    };
    waiting.set(id, { resolve, reject, progress, giveUp, late: setTimeout(giveUp, PATIENCE_MS) });
    model.send({ ...content, type, id, view });
  });
  const hear = (message, buffers) => {
    if (message.type === "stale") return app.number > 0 && app.show({ refresh: true });
    const asked = waiting.get(message.re);
    if (!asked) return;
    clearTimeout(asked.late);
    if (message.type === "progress") {
      asked.late = setTimeout(asked.giveUp, PATIENCE_MS); // it works on it
      return asked.progress(message.doing);
    }
    waiting.delete(message.re);
    if (message.problem) asked.reject(new Error(message.problem));
    else asked.resolve({ value: message.value, buffers });
  };
  model.on("msg:custom", hear);
  const remember = (tab) => {
    model.set("tab", tab);
    model.save_changes();
  };
  const app = new App(el, { live: true, tab: model.get("tab"), ask, remember });
  return () => {
    model.off("msg:custom", hear);
    for (const { late } of waiting.values()) clearTimeout(late);
    app.close();
  };
}

export default { render };
