/*
 * Lines that are put in order: dragged, or moved by 上移, 下移 and, on those buttons, by the arrow keys.
 * A line carries a hidden input; in layers the input is named after the list that the line lies in.
 */
(() => {
  "use strict";

  const form = document.querySelector("[data-sort]");
  if (!form) return;
  const lists = [...form.querySelectorAll("[data-sort-lines]")];
  const status = form.querySelector("[data-sort-status]");
  const lines = () => [...form.querySelectorAll("[data-sort-line]")];
  const atOpening = lists.map((list) => [...list.children]);

  /** Names and numbers follow the places. */
  function settle() {
    lists.forEach((list) =>
      [...list.children].forEach((line, index) => {
        line.querySelector("input").name = list.dataset.sortLines;
        line.querySelector("[data-sort-place]").textContent = index + 1;
      }),
    );
    const all = lines();
    all.forEach((line) => {
      const [up, down] = line.querySelectorAll("[data-sort-by]");
      const at = lists.indexOf(line.parentElement);
      up.disabled = !line.previousElementSibling && at === 0;
      down.disabled = !line.nextElementSibling && at === lists.length - 1;
    });
  }

  function tell(line) {
    const list = lists.indexOf(line.parentElement);
    const place = line.querySelector("[data-sort-place]").textContent;
    const layer = lists.length > 1 ? form.querySelectorAll(".sort-layer")[list].textContent : "";
    status.textContent = `${line.querySelector(".sort-name").textContent} ${layer} ${form.dataset.sortTold}${place}`;
  }

  /** One place up or down; past the end of a layer into the next one. */
  function move(line, by) {
    const beside = by < 0 ? line.previousElementSibling : line.nextElementSibling;
    const next = lists[lists.indexOf(line.parentElement) + by];
    if (beside) by < 0 ? beside.before(line) : beside.after(line);
    else if (next) by < 0 ? next.append(line) : next.prepend(line);
    settle();
    tell(line);
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sort-by]");
    if (button) {
      move(button.closest("[data-sort-line]"), Number(button.dataset.sortBy));
      const other = button.parentElement.querySelector("[data-sort-by]:not(:disabled)");
      (button.disabled ? other : button)?.focus();
    } else if (event.target.closest("[data-sort-again]")) {
      lists.forEach((list, at) => list.replaceChildren(...atOpening[at]));
      settle();
    }
  });

  form.addEventListener("keydown", (event) => {
    const button = event.target.closest("[data-sort-by]");
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!button || !by) return;
    event.preventDefault();
    const line = button.closest("[data-sort-line]");
    const wanted = line.querySelector(`[data-sort-by="${by}"]`);
    if (!wanted.disabled) move(line, by);
    (wanted.disabled ? button : wanted).focus();
  });

  // ── dragging ──────────────────────────────────────────────────────────────────────────────────────────

  let dragged = null;

  form.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-sort-line]");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.querySelector(".sort-name").textContent);
    dragged.classList.add("sort-dragged");
  });

  form.addEventListener("dragover", (event) => {
    const list = event.target.closest("[data-sort-lines]");
    if (!dragged || !list) return;
    event.preventDefault();
    const under = event.target.closest("[data-sort-line]");
    if (!under) list.append(dragged);
    else if (under !== dragged) {
      const box = under.getBoundingClientRect();
      if (event.clientY < box.top + box.height / 2) under.before(dragged);
      else under.after(dragged);
    }
  });

  form.addEventListener("drop", (event) => dragged && event.preventDefault());

  form.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("sort-dragged");
    settle();
    tell(dragged);
    dragged = null;
  });

  settle();
})();
