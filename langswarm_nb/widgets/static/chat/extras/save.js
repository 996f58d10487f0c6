// Ctrl+S in the panel saves the notebook, as it does in a cell.

async function saveNotebook(panel) {
  // What the kernel has held back is to be in the file; a cell that runs is not waited for.
  panel.typed = 0;
  await Promise.race([panel.store.request("keep").catch(() => {}), later(2000)]);
  await panel.model.widget_manager.context.save();
}
