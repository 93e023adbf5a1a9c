// 合并: the number of persons follows the ticks, and typing a value chooses it.
(() => {
  const form = document.querySelector("[data-merge]");
  if (!form) return;
  const size = form.querySelector("[data-merge-size]");
  const count = () => {
    const ticks = [...form.querySelectorAll("[data-merge-person] > input[type=checkbox]")];
    ticks.forEach((tick) => tick.parentElement.classList.toggle("merge-left", !tick.checked));
    size.textContent = ticks.filter((tick) => tick.checked).length + 1;
  };
  form.addEventListener("input", (event) => {
    const typed = event.target.closest(".merge-typed");
    if (typed && event.target.type !== "radio") typed.querySelector("[data-merge-other]").checked = true;
    if (event.target.closest("[data-merge-person]")) count();
  });
  form.addEventListener("reset", () => setTimeout(count));
  count();
})();
