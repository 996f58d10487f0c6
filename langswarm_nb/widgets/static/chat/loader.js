// What anywidget imports anew for every panel. A page never lets go of a module, so this one is small, and the panel's
// own, which comes with the model as text, is imported once for all panels of the page.

export default {
  async render({ model, el }) {
    // Made from what a file keeps of widgets, it would hide the conversation beside it and wait for a kernel for ever.
    try {
      const own = await model.widget_manager.get_model(model.get("panel_id"));
      if (own.comm_live === false) return;
    } catch {
      // A host without a manager that could tell.
    }
    const text = model.get("_script");
    const kept = (globalThis.lsnbModules ??= {});
    const url = kept[text] ? "" : URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const module = await (kept[text] ??= import(url).finally(() => URL.revokeObjectURL(url)));
    return module.default.render({ model, el });
  },
};
