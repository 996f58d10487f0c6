// The title is written anew in its place.

function startRename(panel) {
  const { title } = panel.header;
  const before = panel.store.header.title;
  const box = h("input", { class: "lsnb-title", "aria-label": "Title", maxlength: 200, dir: "auto" });
  box.value = before;
  let done = false;
  const end = (keep) => {
    if (done) return;
    done = true;
    box.replaceWith(title);
    if (keep && box.value.trim() !== before) rename(panel, box.value.trim(), before);
  };
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    // Or the key would press the button that gets the focus.
    event.preventDefault();
    end(event.key === "Enter");
    title.focus();
  });
  box.addEventListener("blur", () => end(true));
  title.replaceWith(box);
  box.select();
}

async function rename(panel, title, before) {
  const renamed = (await panel.ask("rename", { title })) !== undefined;
  if (renamed && before) notify(panel, "The title was changed.", () => panel.ask("rename", { title: before }));
}
