/*
 * 自定义显示选项: what is ticked stands in the list of shown columns, in an order that is dragged or moved by buttons;
 * the choice of sort columns follows, and the preview is fetched anew after every change.
 */
(() => {
  "use strict";

  const form = document.querySelector("[data-options]");
  if (!form) return;
  const list = form.querySelector("[data-chosen]");
  const blank = form.querySelector("[data-blank]");
  const sort = form.querySelector("[name=sort_column]");
  const boxOf = (name) => form.querySelector(`[data-column][value="${name}"]`);
  const labelOf = (item) => item.querySelector(".kit-chosen-label").textContent;
  let dragged = null;
  let waiting = 0;
  let asked = 0;

  // ── the shown columns ─────────────────────────────────────────────────────────────────────────────────

  function add(box) {
    const item = blank.content.firstElementChild.cloneNode(true);
    const label = box.closest("label").textContent.trim();
    item.dataset.name = box.value;
    item.dataset.sort = box.dataset.sort;
    item.querySelector(".kit-chosen-label").textContent = label;
    item.querySelector("input").value = box.value;
    for (const button of item.querySelectorAll("button")) {
      button.setAttribute("aria-label", button.getAttribute("aria-label").replace("%name%", label));
    }
    list.append(item);
    item.scrollIntoView({ block: "nearest" });
  }

  /** Up or down by one place; the button keeps the focus. */
  function move(item, step, button) {
    const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(item);
    else other.after(item);
    button?.focus();
    item.scrollIntoView({ block: "nearest" });
    changed();
  }

  function drop(item) {
    const next = item.nextElementSibling || item.previousElementSibling;
    boxOf(item.dataset.name).checked = false;
    item.remove();
    next?.querySelector("[data-drop]").focus();
    changed();
  }

  // ── what follows ──────────────────────────────────────────────────────────────────────────────────────

  /** One can sort by what is shown (AID-R116). */
  function refillSort() {
    const chosen = sort.value;
    while (sort.options.length > 1) sort.remove(1);
    for (const item of list.children) {
      if (!item.dataset.sort) continue;
      const star = item.dataset.sort === "slow" ? " *" : "";
      sort.add(new Option(labelOf(item) + star, item.dataset.name, false, item.dataset.name === chosen));
    }
  }

  function changed() {
    refillSort();
    form.querySelector("[data-number]").textContent = list.children.length ? ` (${list.children.length})` : "";
    clearTimeout(waiting);
    waiting = setTimeout(preview, 250);
  }

  async function preview() {
    const url = new URL(form.dataset.preview, location.href);
    for (const [name, value] of new FormData(form)) {
      if (!["csrf_token", "next", "version"].includes(name) && value !== "") url.searchParams.append(name, value);
    }
    const mine = ++asked;
    try {
      const answer = await fetch(url, { credentials: "same-origin", headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine === asked) document.querySelector("#kit-preview").replaceChildren(...page.body.childNodes);
    } catch {
      /* the preview stays as it was; saving tells what is wrong */
    }
  }

  // ── events ────────────────────────────────────────────────────────────────────────────────────────────

  form.addEventListener("change", (event) => {
    const box = event.target.closest("[data-column]");
    if (box?.checked) add(box);
    else if (box) list.querySelector(`[data-name="${box.value}"]`)?.remove();
    changed();
  });
  form.querySelector("[name=page_size]").addEventListener("input", changed);

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const item = button.closest("li");
    if (button.hasAttribute("data-drop")) drop(item);
    else move(item, Number(button.dataset.move), button);
  });

  list.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const item = event.target.closest("li");
    if (!step || !item || !event.altKey) return;
    event.preventDefault();
    move(item, step, event.target);
  });

  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("li");
    if (!dragged) return;
    dragged.classList.add("kit-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.name);
  });
  list.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const over = event.target.closest("li");
    if (!over || over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
  });
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", () => {
    dragged?.classList.remove("kit-dragged");
    dragged = null;
    changed();
  });

  form.querySelector("[data-number]").textContent = ` (${list.children.length})`;
})();
