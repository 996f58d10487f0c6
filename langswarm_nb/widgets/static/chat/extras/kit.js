// What a panel needs now and then. A module of its own, which comes over the comm when it is first used; what it shares
// with the panel's own module is handed in.

let h, icon, iconButton, textButton, newId, later;

export default function extras(kit, panel) {
  ({ h, icon, iconButton, textButton, newId, later } = kit);
  Object.assign(kit.ICONS, { close: "M4 4l8 8M12 4l-8 8" });
  const request = (kind, fields, buffers) => panel.store.request(kind, fields, undefined, buffers);
  const pictures = new Pictures(request, () => panel.thread.stay());
  const tray = new Tray({
    request,
    keep: (id, at, file) => pictures.keep(id, at, file),
    changed: (said) => panel.say(said),
    problem: (error) => panel.fail(error),
    focus: () => panel.composer.area.focus(),
  });
  panel.composer.el.querySelector(".lsnb-row").before(tray.el);
  panel.tray = tray;
  const close = () => {
    tray.close();
    pictures.close();
  };
  return { tray, pictures, close };
}
