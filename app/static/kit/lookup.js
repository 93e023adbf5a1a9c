/*
 * An identity number is looked up as soon as it has been typed: form[data-lookup] answers with the dialog of a
 * conflict, or with nothing. Whatever goes wrong here is told again on saving.
 */
(() => {
  "use strict";

  /** The dialog that the server gives for a number; null when it is free, or the look-up did not work. */
  async function conflictOf(form, number) {
    const token = document.querySelector("input[name=csrf_token]")?.value || "";
    const answer = await fetch(form.dataset.lookup, {
      method: "POST",
      credentials: "same-origin",
      headers: { "HX-Request": "true", "X-CSRFToken": token },
      body: new URLSearchParams({ number, csrf_token: token }),
    });
    if (answer.status !== 200 || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector("dialog.kit-conflict");
  }

  function show(dialog, field) {
    document.querySelector("dialog.kit-conflict")?.remove();
    document.body.append(document.adoptNode(dialog));
    dialog.removeAttribute("open");
    dialog.addEventListener("close", () => {
      dialog.remove();
      field.focus();
      field.select();
    });
    dialog.showModal();
  }

  async function onChange(event) {
    const field = event.target;
    const form = field.matches?.("[data-id-card]") && field.closest("form[data-lookup]");
    const number = form && field.value.trim();
    if (!number) return;
    const dialog = await conflictOf(form, number).catch(() => null);
    if (dialog && field.value.trim() === number && !form.dataset.busy) show(dialog, field);
  }

  document.addEventListener("change", onChange);
})();
