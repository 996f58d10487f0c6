// Ctrl+S in the panel saves the notebook, as it does in a cell.

async function saveNotebook(panel) {
  // What the kernel has held back while someone typed is to be in the file.
  panel.noteTyping(true);
  await later(200);
  await panel.model.widget_manager.context.save();
}
