/* Runs in <head>, before the first paint: what must not flicker. */
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  let theme = dark ? "dark" : "light";
  try {
    theme = localStorage.getItem("kit.theme") || theme;
    if (localStorage.getItem("kit.menu") === "closed") root.classList.add("kit-menu-closed");
  } catch {
    /* no storage: the defaults do */
  }
  root.dataset.bsTheme = theme;
  root.classList.add("kit-scripted");
})();
