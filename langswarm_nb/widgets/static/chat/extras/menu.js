// What is done now and then.

function openMenu(panel) {
  const { header: bar } = panel;
  const { act } = bar;
  const { managed, archived, reopen, running, replay } = bar.header;
  const out = bar.item("Export …", "", () => act.extra("exporting"));
  const reads = [
    managed && bar.item(replay ? "Other chats …" : "Earlier chats …", "", () => act.extra("chats")),
    replay && out,
    bar.item("Find …", navigator.platform.startsWith("Mac") ? "⌘F" : "Ctrl+F", () => act.extra("find")),
  ];
  const writes = [
    bar.item("Settings …", "instructions, temperature, length", () => act.extra("settings")),
    bar.item("Tags …", "", () => act.extra("tags")),
    bar.item("Rename", "", () => act.extra("rename")),
    out,
    archived
      ? bar.item(reopen, "lets it go on", () => act.unarchive())
      : bar.item("Archive", "makes it read-only", () => act.archive(), { disabled: Boolean(running) }),
  ];
  const el = replay ? h("div", {}, ...reads) : h("div", {}, managed && bar.item("New chat", "", () => act.newChat()), ...reads, ...writes);
  bar.toggle(bar.menu, () => ({ el, label: "More" }));
}
