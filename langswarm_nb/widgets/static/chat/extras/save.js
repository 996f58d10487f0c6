// Ctrl+S in the panel saves the notebook, as it does in a cell.

async function saveNotebook(panel) {
  // What the kernel has held back is to be in the file.
  panel.typed = 0;
  panel.store.post({ kind: "typing", over: true });
  await later(200);
  await panel.model.widget_manager.context.save();
}
