// A word to go with a thumb.

function askWhy(item, rating, keep) {
  const why = h("input", { class: "lsnb-why", placeholder: "Why? (optional, Enter keeps it)", "aria-label": "Why", dir: "auto" });
  why.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.stopPropagation();
    // Or the key would press the thumb, which gets the focus, and take it back.
    event.preventDefault();
    if (event.key === "Enter" && why.value.trim()) keep(why.value.trim());
    why.remove();
    item.el.querySelector(`.lsnb-${rating}`)?.focus({ preventScroll: true });
  });
  item.el.querySelector(".lsnb-why")?.remove();
  item.el.append(why);
  why.focus();
}
