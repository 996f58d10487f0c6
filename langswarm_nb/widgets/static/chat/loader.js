// What anywidget imports anew for every panel. A page never lets go of a module, so this one is small, and the panel's
// own, which comes with the model as text, is imported once for all panels of the page.

export default {
  async render({ model, el }) {
    const text = model.get("_script");
    const kept = (globalThis.lsnbModules ??= {});
    const url = kept[text] ? "" : URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const module = await (kept[text] ??= import(url).finally(() => URL.revokeObjectURL(url)));
    return module.default.render({ model, el });
  },
};
