// What a panel needs now and then. A module of its own, which comes over the comm when it is first used; what it shares
// with the panel's own module is handed in.

let h, icon, iconButton, textButton, fitHeight, newId, later;

/** Says what was done, and lets it be undone for a while. */
function notify(panel, text, undo) {
  clearTimeout(panel.notice?.timer);
  panel.notice = { text, undo, timer: setTimeout(() => panel.undo(true), 15_000) };
  panel.say(text);
  panel.showStatus();
}

export default function extras(kit, panel) {
  ({ h, icon, iconButton, textButton, fitHeight, newId, later } = kit);
  Object.assign(kit.ICONS, { close: "M4 4l8 8M12 4l-8 8", up: "M4 10l4-4 4 4", under: "M4 6l4 4 4-4" });
  const request = (kind, fields) => panel.store.request(kind, fields);
  const pictures = new Pictures(request, () => panel.thread.stay());
  const tray = new Tray({
    request,
    keep: (id, at, file) => pictures.keep(id, at, file),
    changed: (said) => panel.say(said),
    problem: (error) => panel.fail(error),
    focus: () => panel.composer.area.focus(),
    shown: () => panel.composer.enable(),
  });
  panel.composer.el.querySelector(".lsnb-row").before(tray.el);
  panel.tray = tray;
  const asks = new Asks(panel);
  const finder = new Finder(panel);
  const tags = new TagEditor(panel);
  return {
    tray,
    pictures,
    asks: (waiting) => asks.show(waiting),
    chats: () => earlierChats(panel),
    edit: (item) => editMessage(item, panel.thread),
    exporting: () => openExport(panel, pictures),
    find: () => finder.open(),
    numbers: () => showNumbers(panel),
    menu: () => openMenu(panel),
    models: () => openModels(panel),
    rename: () => startRename(panel),
    save: () => saveNotebook(panel),
    settings: () => openSettings(panel),
    tags: () => tags.open(),
    why: (item, rating) => askWhy(item, rating, (note) => panel.ask("feedback", { id: item.id, rating, note })),
    close() {
      tray.close();
      pictures.close();
      finder.close(false);
    },
  };
}
