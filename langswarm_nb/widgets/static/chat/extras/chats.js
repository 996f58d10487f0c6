// The reader's earlier chats, to open one of them here.

function earlierChats(panel) {
  const { header } = panel;
  const rows = h("div", { class: "lsnb-sessions" });
  const search = h("input", { class: "lsnb-search", type: "search", placeholder: "Search your chats", "aria-label": "Search your chats" });
  const row = ({ id, title, count, when, model, archived }) => {
    const messages = count == null ? "" : `${count} message${count === 1 ? "" : "s"}, `;
    const detail = `${messages}${when}, ${model}${archived ? ", archived" : ""}`;
    return header.item(title, detail, () => panel.ask("open", { session: id }), { "aria-current": id === panel.store.session ? "true" : null });
  };
  const fill = async () => {
    const wanted = search.value.trim();
    const found = await panel.ask("sessions", { text: wanted });
    if (!found || wanted !== search.value.trim()) return;
    if (found.length) rows.replaceChildren(...found.map(row));
    else rows.replaceChildren(h("p", { class: "lsnb-none", text: wanted ? "No chat says that." : "There is no chat yet." }));
  };
  let timer;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(fill, 200);
  });
  fill();
  header.toggle(header.menu, () => ({ el: h("div", {}, search, rows), label: "Earlier chats" }));
}
