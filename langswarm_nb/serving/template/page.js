// Voila calls these two while it runs the cells and when the widgets may be shown.
window.voila_heartbeat = () => {};
window.voila_finish = () => {};

const tabs = [...document.querySelectorAll("header [role=tab]")];

function choose(chosen, focus) {
  for (const tab of tabs) {
    const on = tab === chosen;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
  }
  if (focus) chosen.focus();
  const shown = document.getElementById(chosen.getAttribute("aria-controls"));
  for (const part of shown.querySelectorAll(".lsnb-dash")) part.dispatchEvent(new Event("lsnb-shown"));
  history.replaceState(null, "", `#${chosen.textContent.toLowerCase()}`);
}

tabs.forEach((tab, index) => {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (next !== undefined) choose(tabs[next % tabs.length], true);
  });
});
const named = tabs.find((tab) => `#${tab.textContent.toLowerCase()}` === location.hash);
if (named) choose(named);

// The word is taken away when the first widget is there.
const doing = document.getElementById("doing");
doing.textContent = "Opening …";
new MutationObserver((_, watching) => {
  if (!document.querySelector("main .lsnb-panel, main [role=alert]")) return;
  doing.remove();
  watching.disconnect();
}).observe(document.querySelector("main"), { childList: true, subtree: true });
