/*
 * What the pages do beyond plain links and forms. No build step, no inline handler, no eval.
 *
 * Everything hangs on data-* attributes and is delegated from the document, so that it also works for what
 * htmx swaps in; boot(root) prepares what needs preparing. Contents:
 *   words · asking · dialogs · lists · unit box · selects · entry · child rows · autofill · drafts · charts · frame · start
 */
(() => {
  "use strict";

  const root = document.documentElement;
  const find = (selector, within = document) => within.querySelector(selector);
  const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ── words ─────────────────────────────────────────────────────────────────────────────────────────────

  const words = JSON.parse(find("#kit-words")?.textContent || "{}");

  /** The translated sentence, with {name} replaced. */
  function say(key, values = {}) {
    return (words[key] || key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }

  function element(tag, className = "", text = "") {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  /** A sentence in the corner, for some seconds. */
  function toast(text, tone = "red") {
    const host = find("#kit-toasts");
    if (!host) return;
    const note = element("div", `kit-alert kit-alert-${tone}`, text);
    host.append(note);
    setTimeout(() => note.remove(), 6000);
  }

  /** sessionStorage and localStorage may be forbidden; then nothing is remembered. */
  function remember(store, key, value) {
    try {
      if (value === undefined) return window[store].getItem(key);
      window[store].setItem(key, value);
    } catch {
      /* not remembered */
    }
    return null;
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────

  const csrfToken = () => find("input[name=csrf_token]")?.value || "";

  /** A request of ours. The server sees HX-Request, so that it answers with a fragment or HX-Redirect. */
  async function ask(url, options = {}) {
    const answer = await fetch(url, {
      credentials: "same-origin",
      ...options,
      headers: { "HX-Request": "true", "HX-Current-URL": location.href, "X-CSRFToken": csrfToken(), ...options.headers },
    });
    if (leadsToLogin(answer.url) || answer.status === 401) {
      goTo(loginUrl());
      throw new Error("logged out");
    }
    if (answer.headers.has("Retry-After")) throw await tooBusy(answer);
    return answer;
  }

  /** The server could not serve us now: its own words; the page stays with what was typed. */
  async function tooBusy(answer) {
    const error = new Error(answer.statusText);
    error.words = (await answer.json().catch(() => ({}))).message;
    return error;
  }

  /** What a failed request is to tell. */
  const wordsOf = (error) => error.words || say(navigator.onLine ? "failed" : "offline");

  async function askJson(url) {
    const answer = await ask(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  }

  function leadsToLogin(url) {
    return Boolean(url) && /^\/login\/?$/.test(new URL(url, location.href).pathname) && !/^\/login\/?$/.test(location.pathname);
  }

  function loginUrl() {
    return `/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
  }

  /** To another page, or to this one again. */
  function goTo(url) {
    leavingOnPurpose = true;
    const target = new URL(url, location.href);
    if (target.href.split("#")[0] === location.href.split("#")[0]) location.reload();
    else location.assign(target);
  }

  let leavingOnPurpose = false;

  // ── dialogs ───────────────────────────────────────────────────────────────────────────────────────────

  const host = () => find("#kit-dialog");

  /** Ask before something happens: resolves to true after 确定. With `only`, there is nothing to cancel. */
  function confirmed(text, { only = false } = {}) {
    const box = find("#kit-confirm");
    const [yes, no] = findAll("button", box);
    find("p", box).textContent = text;
    yes.textContent = only ? say("known") : say("ok");
    no.hidden = only;
    box.showModal();
    yes.focus();
    return new Promise((resolve) => {
      const answer = (event) => {
        if (event.type === "click" && !event.target.closest("button")) return;
        box.removeEventListener("click", answer);
        box.removeEventListener("close", answer);
        if (box.open) box.close();
        resolve(event.target === yes);
      };
      box.addEventListener("click", answer);
      box.addEventListener("close", answer);
    });
  }

  const tell = (text) => confirmed(text, { only: true });

  /** Show the fragment behind a link in the dialog host. */
  async function openDialog(url) {
    const box = host();
    box.replaceChildren(element("p", "kit-empty", say("loading")));
    if (!box.open) box.showModal();
    try {
      const answer = await ask(url);
      if (await followed(answer)) return;
      showInDialog(await answer.text());
    } catch (error) {
      closeDialog();
      toast(wordsOf(error));
    }
  }

  function showInDialog(html) {
    const box = host();
    const page = new DOMParser().parseFromString(html, "text/html");
    const form = find("[data-dialog-form]", page) || find("#kit-error, main", page);
    if (!form) {
      closeDialog();
      toast(say("failed"));
      return;
    }
    box.replaceChildren(document.adoptNode(form));
    boot(box);
    (firstWrong(box) || find("input:not([type=hidden]), select, textarea, button[type=submit]", box))?.focus();
  }

  function closeDialog() {
    host()?.close();
  }

  /** Whether the answer sends us elsewhere; then we go. */
  async function followed(answer) {
    const url = answer.headers.get("HX-Redirect") || answer.headers.get("HX-Location") || (answer.redirected ? answer.url : "");
    if (url) goTo(url);
    else if (answer.headers.get("HX-Refresh") === "true" || answer.status === 204) goTo(location.href);
    else return false;
    return true;
  }

  async function submitDialog(form, submitter) {
    if (form.dataset.busy) return;
    busy(form, submitter);
    const data = new FormData(form, submitter);
    const hasFile = form.enctype === "multipart/form-data";
    try {
      const answer = await ask(form.action, { method: "POST", body: hasFile ? data : new URLSearchParams(data) });
      if (await followed(answer)) return;
      showInDialog(await answer.text());
    } catch (error) {
      idle(form);
      toast(wordsOf(error));
    }
  }

  /** While a form is on its way: no second click. */
  function busy(form, submitter) {
    form.dataset.busy = "1";
    const button = submitter || find("[data-save], [type=submit]", form);
    if (!button) return;
    const label = find("span", button) || button;
    button.dataset.label = label.textContent;
    label.textContent = button.dataset.saving || say("saving");
    button.classList.add("kit-busy");
    setTimeout(() => findAll("[type=submit]", form).forEach((one) => (one.disabled = true)));
  }

  function idle(form) {
    delete form.dataset.busy;
    findAll("[type=submit]", form).forEach((one) => (one.disabled = false));
    findAll(".kit-busy", form).forEach((button) => {
      (find("span", button) || button).textContent = button.dataset.label;
      button.classList.remove("kit-busy");
    });
  }

  // ── lists ─────────────────────────────────────────────────────────────────────────────────────────────

  const tickedIds = () => findAll("[data-tick]:checked").map((box) => box.value);

  function countTicks() {
    const boxes = findAll("[data-tick]");
    const ticked = boxes.filter((box) => box.checked).length;
    findAll("[data-tick-all]").forEach((all) => {
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    });
    const note = find("[data-ticked]");
    if (note) note.textContent = ticked ? say("ticked", { n: ticked }) : "";
  }

  function tickAll(state) {
    findAll("[data-tick]").forEach((box) => (box.checked = state));
    countTicks();
  }

  /** A click on a row opens the record, unless it was meant for something else. */
  function openRow(event) {
    const row = event.target.closest("tr[data-href]");
    if (!row || event.defaultPrevented || event.button !== 0) return;
    if (event.target.closest("a, button, input, select, label, .dropdown, .kit-tick, .kit-ends")) return;
    if (String(window.getSelection())) return;
    if (event.ctrlKey || event.metaKey) window.open(row.dataset.href, "_blank", "noopener");
    else goTo(row.dataset.href);
  }

  function withIds(url, ids) {
    const target = new URL(url, location.href);
    ids.forEach((id) => target.searchParams.append("ids", id));
    return target.href;
  }

  function toggleQuery(form, open = !form.classList.contains("kit-open")) {
    form.classList.toggle("kit-open", open);
    find("[data-toggle-query]", form)?.setAttribute("aria-expanded", String(open));
    const later = find("[data-later]", form);
    if (open && later) window.htmx?.trigger(later, "unfold");
  }

  /** Go to a page by number. */
  function jump(form) {
    const number = find("[name=page]", form).value.trim();
    if (!/^\d+$/.test(number)) return;
    const target = new URL(form.getAttribute("action"), location.href);
    target.searchParams.set("page", number);
    loadRegion(target.pathname + target.search);
  }

  /** Exchange the list for the one at another address. */
  function loadRegion(url) {
    const region = find("[data-region]");
    if (!region || !window.htmx) return goTo(url);
    return window.htmx.ajax("GET", url, {
      source: region,
      target: region,
      select: `#${region.id}`,
      swap: "outerHTML",
      push: url,
    });
  }

  /** Leave out what was not asked, so that the address stays short. */
  function dropEmpty(event) {
    if (event.detail.verb !== "get") return;
    const parameters = event.detail.parameters;
    for (const name of [...Object.keys(parameters)]) if (parameters[name] === "") delete parameters[name];
  }

  // ── unit box ──────────────────────────────────────────────────────────────────────────────────────────

  function toggleUnits(box) {
    const open = find(".kit-unit-panel", box);
    if (open) return closeUnits(box);
    const panel = element("div", "kit-unit-panel");
    const search = element("input", "form-control");
    const list = element("ul", "kit-unit-list");
    search.type = "search";
    search.placeholder = say("find_unit");
    search.setAttribute("aria-label", say("find_unit"));
    list.setAttribute("role", "tree");
    list.setAttribute("aria-label", say("units"));
    panel.append(search, list);
    box.append(panel);
    find("[data-unit-toggle]", box).setAttribute("aria-expanded", "true");
    let waiting = 0;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => fillUnits(box, list, { q: search.value.trim() }), 250);
    });
    fillUnits(box, list, {});
    search.focus();
    return undefined;
  }

  function closeUnits(box) {
    find(".kit-unit-panel", box)?.remove();
    find("[data-unit-toggle]", box)?.setAttribute("aria-expanded", "false");
  }

  async function fillUnits(box, list, question) {
    const url = new URL(box.dataset.url, location.href);
    Object.entries(question).forEach(([name, value]) => value && url.searchParams.set(name, value));
    list.dataset.asked = url.href;
    try {
      const { results } = await askJson(url);
      if (list.dataset.asked !== url.href) return; // a later question is on its way
      list.replaceChildren(...results.map(unitItem));
      if (!results.length) list.append(element("li", "kit-none", say("nothing")));
      if (results.length >= 50) list.append(element("li", "kit-none", say("type_more")));
    } catch {
      list.replaceChildren(element("li", "kit-none", say("failed")));
    }
  }

  function unitItem(unit) {
    const item = element("li");
    const line = element("div", "kit-unit-item");
    item.setAttribute("role", "treeitem");
    item.tabIndex = -1;
    item.dataset.unit = unit.value;
    if (unit.children) item.setAttribute("aria-expanded", "false");
    line.append(element("span", "kit-unit-open"), element("span", "", unit.text));
    if (unit.note) line.append(element("span", "kit-hint", unit.note));
    item.append(line);
    return item;
  }

  /** Show or hide the units below one; they are read when first wanted. */
  async function expandUnit(item, open) {
    if (!item.hasAttribute("aria-expanded")) return;
    item.setAttribute("aria-expanded", String(open));
    let below = find(":scope > ul", item);
    if (!below && open) {
      below = element("ul");
      below.setAttribute("role", "group");
      item.append(below);
      await fillUnits(item.closest("[data-unit-box]"), below, { parent: item.dataset.unit });
    }
    if (below) below.hidden = !open;
  }

  function chooseUnit(item) {
    const box = item.closest("[data-unit-box]");
    const input = find("[data-unit-value]", box);
    input.value = item.dataset.unit;
    find("#kit-unit-name", box).textContent = find(".kit-unit-item > span:nth-child(2)", item).textContent;
    closeUnits(box);
    input.form.requestSubmit();
  }

  function unitKey(event) {
    const box = event.target.closest("[data-unit-box]");
    const panel = box && find(".kit-unit-panel", box);
    if (!panel) return;
    const item = event.target.closest("[role=treeitem]");
    const visible = findAll("[role=treeitem]", panel).filter((one) => one.offsetParent);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      closeUnits(box);
      find("[data-unit-toggle]", box).focus();
    } else if (step) {
      const next = visible[visible.indexOf(item) + step];
      (next || (step < 0 ? find("input", panel) : item))?.focus();
    } else if (item && event.key === "ArrowRight") expandUnit(item, true);
    else if (item && event.key === "ArrowLeft") {
      if (item.getAttribute("aria-expanded") === "true") expandUnit(item, false);
      else item.parentElement.closest("[role=treeitem]")?.focus();
    } else if (item && event.key === "Enter") chooseUnit(item);
    else if (!item && event.key === "Enter") visible[0]?.focus();
    else return;
    event.preventDefault();
  }

  function unitClick(event) {
    const item = event.target.closest("[role=treeitem]");
    if (!item) return;
    if (event.target.closest(".kit-unit-open")) expandUnit(item, item.getAttribute("aria-expanded") !== "true");
    else chooseUnit(item);
  }

  // ── selects ───────────────────────────────────────────────────────────────────────────────────────────

  /** Long code lists become searchable; references ask the server. */
  function searchable(select) {
    if (select.tomselect || !window.TomSelect || select.closest("template")) return;
    const common = {
      allowEmptyOption: false,
      maxOptions: null,
      refreshThrottle: 0,
      openOnFocus: false, // Enter must pass by, not choose; typing, a click or the down arrow opens it
      dropdownParent: select.closest(".kit-scroll") ? "body" : null, // a scrolling table would cut it off
      placeholder: select.options[0]?.value === "" ? select.options[0].text : "",
      render: { option: optionLine, no_results: () => element("div", "no-results", say("nothing")) },
      onInitialize() {
        const label = select.getAttribute("aria-label");
        if (label) this.control_input.setAttribute("aria-label", label);
        const about = select.getAttribute("aria-describedby");
        if (about) this.control_input.setAttribute("aria-describedby", about);
      },
    };
    const made = new window.TomSelect(select, select.dataset.remote ? { ...common, ...remote(select) } : common);
    made.wrapper.classList.toggle("kit-clearable", !select.hasAttribute("aria-required"));
    made.on("focus", () => made.control_input.select());
    let wasOpen = false;
    made.control.addEventListener("mousedown", () => (wasOpen = made.isOpen), true);
    made.control.addEventListener("click", () => wasOpen || made.open());
  }

  /** In a row of a child table only the chosen option stands; the whole list is that of the blank row. */
  function shareOptions(select) {
    const blank = find("[data-child-blank]", select.closest("[data-child]")).content;
    const whole = find("select", find("tr", blank).cells[select.closest("td").cellIndex]);
    const [chosen] = select.selectedOptions;
    const options = [...whole.options].map((one) => (one.value === chosen.value ? chosen : one.cloneNode(true)));
    if (!options.includes(chosen)) options.push(chosen); // retired, but here in use
    for (const one of options) if (one !== chosen) one.defaultSelected = false;
    select.replaceChildren(...options);
    select.removeAttribute("data-shared");
    select.toggleAttribute("data-search", whole.hasAttribute("data-search"));
  }

  function optionLine(data) {
    const line = element("div", "option", data.text);
    if (data.note) line.append(element("span", "kit-hint", data.note));
    return line;
  }

  /** Forget every option but the chosen one. */
  function dropOptions() {
    const [chosen] = this.items;
    Object.keys(this.options).forEach((value) => value !== chosen && this.removeOption(value, true));
  }

  function remote(select) {
    return {
      valueField: "value",
      labelField: "text",
      searchField: [],
      sortField: [],
      preload: "focus",
      loadThrottle: 250,
      shouldLoad: () => true,
      score: () => () => 1,
      onType: dropOptions, // Enter must not take what an earlier question found
      load(question, done) {
        const url = new URL(select.dataset.remote, location.href);
        if (question) url.searchParams.set("q", question);
        askJson(url).then(
          ({ results }) => {
            dropOptions.call(this);
            done(results);
          },
          () => done(),
        );
      },
    };
  }

  // ── entry ─────────────────────────────────────────────────────────────────────────────────────────────

  const firstWrong = (within) => find("[aria-invalid=true]", within);

  function focusField(field) {
    if (field.tomselect) field.tomselect.focus();
    else field.focus();
    field.closest(".kit-field, td")?.scrollIntoView({ block: "center" });
  }

  /** The fields of a form in the order of the eye. */
  function fieldsOf(form) {
    return findAll("input, select, textarea, button[data-save]", form).filter(
      (one) => !one.disabled && one.type !== "hidden" && one.tabIndex >= 0 && one.offsetParent && !(one.type === "radio" && !isTabStop(one)),
    );
  }

  /** The field of a form that asks for one thing: one may type at once, and Enter sends it. */
  function onlyField(form) {
    const [one, another] = fieldsOf(form).filter((field) => field.tagName !== "BUTTON");
    return another ? null : one;
  }

  /** Of a group of radio buttons only one is stepped on. */
  function isTabStop(radio) {
    const group = findAll(`input[name="${CSS.escape(radio.name)}"]`, radio.form);
    return radio === (group.find((one) => one.checked) || group[0]);
  }

  /** Enter goes to the next field; in the last field of a child table it adds a row. */
  function enterKey(event) {
    const form = event.target.form || event.target.closest("form");
    if (event.key !== "Enter" || event.isComposing || !form?.hasAttribute("data-entry")) return;
    const search = event.target.closest(".ts-wrapper"); // tom-select takes its choice first, then we go on
    if (event.defaultPrevented && (!search || search.classList.contains("dropdown-active"))) return;
    if (event.target.matches("textarea, button, a, [type=file]") || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    const row = event.target.closest("[data-child-row]");
    const last = row && fieldsOf(form).filter((one) => row.contains(one)).pop();
    if (row && !row.nextElementSibling && (last === event.target || last?.closest("td") === event.target.closest("td"))) {
      const table = row.closest("[data-child]");
      if (rowHasWords(row) && !isFull(table)) return void addRow(table);
    }
    const fields = fieldsOf(form);
    if (onlyField(form)) return void find("[data-save]", form)?.click();
    const here = event.target.type === "radio" ? fields.findIndex((one) => one.name === event.target.name) : fields.indexOf(event.target);
    const next = fields[here + 1];
    next?.focus();
    if (next?.select && next.type === "text") next.select();
  }

  function saveKey(event) {
    if (!event.altKey || event.ctrlKey || event.code !== "KeyS") return;
    const button = find(host()?.open ? "#kit-dialog [data-save]" : "main [data-save]");
    if (!button) return;
    event.preventDefault();
    button.click();
  }

  // ── child rows ────────────────────────────────────────────────────────────────────────────────────────

  function rowHasWords(row) {
    return findAll("input:not([type=hidden]), select, textarea", row).some((one) => one.name && one.value.trim());
  }

  const isFull = (table) => findAll("[data-child-row]", table).length >= (Number(table.dataset.most) || Infinity);

  function addRow(table) {
    const body = find("[data-child-rows]", table);
    const index = body.children.length;
    const rows = find("[data-child-blank]", table).content.cloneNode(true);
    body.append(rows);
    const row = body.lastElementChild;
    renumber(table);
    boot(row);
    changed(table);
    const field = find("input:not([type=hidden]), select, textarea", row);
    if (field) focusField(field);
    return index;
  }

  /** A saved row goes after 确定; either kind comes back with 撤销. */
  function removeRow(row) {
    const table = row.closest("[data-child]");
    table.removed = { row, before: row.nextElementSibling };
    const neighbour = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    renumber(table);
    changed(table);
    find("[data-undo]", table).hidden = false;
    const field = neighbour && find("[data-remove-row]", neighbour);
    (field || find("[data-undo-row]", table)).focus();
  }

  function undoRemove(table) {
    if (!table.removed) return;
    const { row, before } = table.removed;
    const body = find("[data-child-rows]", table);
    body.insertBefore(row, before?.parentElement === body ? before : null);
    table.removed = null;
    find("[data-undo]", table).hidden = true;
    renumber(table);
    changed(table);
  }

  /** Names, ids and labels count from 0 without a gap. */
  function renumber(table) {
    const name = table.dataset.child;
    const start = new RegExp(`^(f-)?${name}-(?:\\d+|__index__)-`);
    const rows = findAll("[data-child-row]", table);
    rows.forEach((row, index) => {
      find("[data-row-number]", row).textContent = index + 1;
      findAll("[name], [id], [for], [aria-describedby]", row).forEach((one) => {
        for (const attribute of ["name", "id", "for", "aria-describedby"]) {
          const old = one.getAttribute(attribute);
          if (old && start.test(old)) one.setAttribute(attribute, old.replace(start, (_, mark) => `${mark || ""}${name}-${index}-`));
        }
      });
    });
    find("[data-add-row]", table).hidden = isFull(table);
    hintSizes(table.closest("form"));
    sumColumns(table.closest("form"));
  }

  function changed(within) {
    within.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // ── dates ─────────────────────────────────────────────────────────────────────────────────────────────

  /** 19800101, 1980/1/1 and 1980.1.1 become 1980-01-01; anything else stays as typed and is judged on saving. */
  function tidyDate(field) {
    const parts = /^(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?$/.exec(field.value.normalize("NFKC").trim());
    if (parts) field.value = `${parts[1]}-${parts[2].padStart(2, "0")}-${parts[3].padStart(2, "0")}`;
  }

  /** The browser's own calendar behind the button; what it picks is written into the text field. */
  function pickDate(button) {
    const box = button.closest(".kit-date");
    const field = find("[data-date]", box);
    const calendar = find("input[type=date]", box);
    calendar.value = field.value;
    calendar.onchange = () => {
      field.value = calendar.value;
      changed(field);
    };
    calendar.showPicker();
  }

  // ── autofill ──────────────────────────────────────────────────────────────────────────────────────────

  /** "birth:birth_date gender" → [["birth", "birth_date"], ["gender", "gender"]] */
  const pairs = (text) =>
    text
      .split(/\s+/)
      .filter(Boolean)
      .map((pair) => pair.split(":"))
      .map(([key, name]) => [key, name || key]);

  /** Birth date and sex of a resident number of 15 or 18 digits. */
  function readIdCard(text) {
    const card = text.normalize("NFKC").replace(/\s/g, "").toUpperCase();
    const long = /^\d{6}(\d{4})(\d\d)(\d\d)\d\d(\d)[\dX]$/.exec(card);
    const short = /^\d{6}(\d\d)(\d\d)(\d\d)\d\d(\d)$/.exec(card);
    if (!long && !short) return null;
    const [, year, month, day, order] = long || short;
    const birth = `${short ? "19" : ""}${year}-${month}-${day}`;
    const date = new Date(`${birth}T00:00:00Z`);
    if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== birth) return null;
    return { birth, gender: order % 2 ? "male" : "female" };
  }

  function sibling(field, name) {
    const prefix = /^(.*-\d+-)[^-]+$/.exec(field.name)?.[1] || "";
    return field.form?.elements.namedItem(prefix + name);
  }

  /** Fill what is empty, or what we filled before; never what a person typed. */
  function fill(target, value) {
    if (!target || !value) return;
    const one = target instanceof RadioNodeList ? target[0] : target;
    const current = target.value;
    if (current && one.dataset.filled !== current) return;
    const wanted = matching(target, value);
    if (wanted === null || wanted === current) return;
    if (one.tomselect) one.tomselect.setValue(wanted);
    else target.value = wanted;
    one.dataset.filled = wanted;
    one.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** The option that means the derived value: by its code, its data-gender, or its word. */
  function matching(target, value) {
    if (target instanceof RadioNodeList) return [...target].some((one) => one.value === value) ? value : null;
    if (target.tagName !== "SELECT") return value;
    const word = { male: "男", female: "女" }[value];
    const option = [...target.options].find((one) => one.value === value || one.dataset.gender === value || one.text.trim() === word);
    return option ? option.value : null;
  }

  function autofill(field) {
    let known = null;
    if (field.tagName === "SELECT") known = field.selectedOptions[0]?.dataset;
    else if (field.hasAttribute("data-id-card")) known = readIdCard(field.value);
    if (!known) return;
    pairs(field.dataset.autofill).forEach(([key, name]) => fill(sibling(field, name), known[key]));
  }

  /** "size:members" on a field: say how many rows the child table has; it stays a hint. */
  function hintSizes(form) {
    if (!form) return;
    findAll("[data-autofill*='size:']", form).forEach((field) => {
      const [, name] = pairs(field.dataset.autofill).find(([key]) => key === "size");
      const rows = findAll(`[data-child="${name}"] [data-child-row]`, form).length;
      const control = field.closest(".kit-control");
      let hint = find("[data-size-hint]", control);
      if (!hint) {
        hint = element("div", "kit-hint");
        hint.dataset.sizeHint = "";
        control.append(hint);
      }
      hint.textContent = rows ? say("household", { n: rows, m: rows + 1 }) : "";
    });
  }

  /** "sum:measures-amount" on an output: what a column of a child table comes to; saved rows that are locked count too. */
  function sumColumns(form) {
    if (!form) return;
    findAll("[data-autofill^='sum:']", form).forEach((output) => {
      const [, name] = pairs(output.dataset.autofill)[0];
      const [table, column] = name.split("-");
      const cents = findAll(`[data-child="${table}"] [data-child-row] [id$="-${column}"]`, form)
        .map((one) => Math.round(Number(one.value.normalize("NFKC").replace(/,/g, "")) * 100) || 0)
        .reduce((sum, one) => sum + one, 0);
      output.textContent = (cents / 100).toFixed(2);
    });
  }

  // ── drafts ────────────────────────────────────────────────────────────────────────────────────────────

  const EVERY = 5000;

  /** Keep what is typed at the server, every five seconds and on leaving. */
  function keepDraft(form) {
    if (form.draft) return;
    const state = find("[data-draft-state]", form);
    const draft = { dirty: form.hasAttribute("data-unsaved"), failed: false, sending: false, ended: false };
    form.draft = draft;
    const waiting = () => Boolean(find("[data-draft-bar]"));
    const body = () => {
      const data = new FormData(form);
      [...data.entries()].forEach(([name, value]) => value instanceof File && data.delete(name));
      return new URLSearchParams(data);
    };
    const show = (text, tone = "") => {
      state.textContent = text;
      state.dataset.tone = tone;
    };
    const save = async () => {
      if (!draft.dirty || draft.sending || draft.ended || form.dataset.busy) return;
      if (waiting()) return show(say("draft_waiting"), "red");
      draft.dirty = false;
      draft.sending = true;
      try {
        const answer = await ask(form.dataset.draft, { method: "POST", body: body() });
        if (!answer.ok) throw new Error(answer.statusText);
        draft.failed = false;
        show(say("draft_saved", { time: clock() }));
      } catch {
        draft.failed = true;
        draft.dirty = true;
        show(say("draft_failed"), "red");
      }
      draft.sending = false;
      return undefined;
    };
    const touch = (event) => {
      if (event.target.name || event.target.hasAttribute?.("data-child")) draft.dirty = true;
    };
    form.addEventListener("input", touch);
    form.addEventListener("change", touch);
    form.addEventListener("submit", (event) => (draft.ended = !event.defaultPrevented));
    setInterval(save, EVERY);
    window.addEventListener("pageshow", (event) => event.persisted && (draft.ended = false));
    window.addEventListener("pagehide", () => {
      if (draft.dirty && !draft.ended && !waiting()) navigator.sendBeacon(form.dataset.draft, body());
    });
    window.addEventListener("beforeunload", (event) => {
      const lost = draft.dirty && (draft.failed || waiting());
      if (lost && !draft.ended && !leavingOnPurpose) event.preventDefault();
    });
  }

  function clock() {
    return new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
  }

  async function discardDraft(button) {
    try {
      const answer = await ask(button.getAttribute("formaction"), {
        method: "POST",
        body: new URLSearchParams({ csrf_token: csrfToken() }),
      });
      if (!answer.ok) throw new Error(answer.statusText);
      button.closest("[data-draft-bar]").remove();
      const state = find("[data-draft-state]");
      if (state) state.textContent = "";
      find("main [data-entry] :is(input:not([type=hidden]), select, textarea)")?.focus();
    } catch (error) {
      toast(wordsOf(error));
    }
  }

  async function restoreDraft(link) {
    const form = find("form[data-draft]");
    if (form?.draft?.dirty && !(await confirmed(say("draft_overwrite")))) return;
    goTo(link.href);
  }

  // ── charts ────────────────────────────────────────────────────────────────────────────────────────────

  const RED_FIRST = ["#c8161d", "#5b7a99", "#d9a441", "#6f9a7e", "#8a7ba8", "#b5765a", "#7f8791", "#3f6f8f"];

  const ink = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function drawChart(box) {
    if (!window.echarts) return;
    box.chart?.dispose();
    box.option ||= JSON.parse(box.dataset.chart);
    box.chart = window.echarts.init(box, null, { renderer: "canvas" });
    box.chart.setOption({
      color: RED_FIRST,
      animation: false,
      backgroundColor: "transparent",
      textStyle: { color: ink("--kit-ink"), fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: 44, bottom: 8, containLabel: true },
      ...box.option,
      series: box.option.series?.map(inTone),
      title: { left: 0, top: 4, ...box.option.title, textStyle: { color: ink("--kit-ink"), fontSize: 14, ...box.option.title?.textStyle } },
      legend: box.option.legend && { type: "scroll", top: 4, right: 8, ...box.option.legend, textStyle: { color: ink("--kit-ink-soft") } },
      tooltip: {
        renderMode: "richText",
        trigger: "axis",
        backgroundColor: ink("--kit-panel"),
        borderColor: ink("--kit-line"),
        ...box.option.tooltip,
        textStyle: { color: ink("--kit-ink") },
      },
      xAxis: axes(box.option.xAxis),
      yAxis: axes(box.option.yAxis),
    });
  }

  /** A series that stands for a state has the colour of its chip. */
  const inTone = (series) => (series.tone ? { ...series, itemStyle: { color: ink(`--kit-bar-${series.tone}`) } } : series);

  function axes(axis) {
    if (!axis) return undefined;
    const dress = (one) => ({
      ...one,
      axisLabel: { color: ink("--kit-ink-soft"), ...one.axisLabel },
      axisLine: { lineStyle: { color: ink("--kit-line") }, ...one.axisLine },
      axisTick: { show: false, ...one.axisTick },
      splitLine: { lineStyle: { color: ink("--kit-line-soft") }, ...one.splitLine },
    });
    return Array.isArray(axis) ? axis.map(dress) : dress(axis);
  }

  /** Draw another measure in the chart that a button controls. */
  function drawOther(button) {
    const box = find("[data-chart]", document.getElementById(button.getAttribute("aria-controls")));
    box.dataset.chart = button.dataset.draw;
    box.option = undefined;
    drawChart(box);
    for (const one of button.parentElement.children) one.setAttribute("aria-pressed", String(one === button));
  }

  const drawCharts = () => findAll("[data-chart]").forEach(drawChart);

  // ── frame ─────────────────────────────────────────────────────────────────────────────────────────────

  function toggleTheme() {
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    root.dataset.bsTheme = theme;
    remember("localStorage", "kit.theme", theme);
    drawCharts();
  }

  function toggleMenu() {
    if (window.matchMedia("(max-width: 991px)").matches) root.classList.toggle("kit-menu-shown");
    else remember("localStorage", "kit.menu", root.classList.toggle("kit-menu-closed") ? "closed" : "open");
    findAll("[data-chart]").forEach((box) => box.chart?.resize());
  }

  /** A greyed button says why, to the keyboard and the finger too. */
  function showTip(target) {
    hideTip();
    const tip = element("div", "kit-tip", target.title);
    tip.id = "kit-tip";
    tip.setAttribute("role", "tooltip");
    (target.closest("dialog") || document.body).append(tip);
    const place = target.getBoundingClientRect();
    const below = place.bottom + 6 + tip.offsetHeight < window.innerHeight;
    tip.style.left = `${Math.max(8, Math.min(place.left, window.innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${below ? place.bottom + 6 : place.top - tip.offsetHeight - 6}px`;
    target.setAttribute("aria-describedby", "kit-tip");
  }

  function hideTip() {
    find("#kit-tip")?.remove();
    findAll("[aria-describedby=kit-tip]").forEach((one) => one.removeAttribute("aria-describedby"));
  }

  /** 查看 of a masked number: the server logs it and answers with the number. */
  async function reveal(button) {
    button.disabled = true;
    try {
      const answer = await ask(button.dataset.reveal, {
        method: "POST",
        body: new URLSearchParams({ csrf_token: csrfToken() }),
      });
      const text = await answer.text();
      const json = answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : null;
      if (!answer.ok) throw new Error(json?.message || say("failed"));
      find("[data-reveal-text]", button.parentElement).textContent = json ? (json.text ?? json.value) : text;
      button.remove();
    } catch (error) {
      button.disabled = false;
      toast(error.words || error.message || say("failed"));
    }
  }

  // ── trees, secrets ────────────────────────────────────────────────────────────────────────────────────

  /** The chosen line of a tree, while only the pane beside it is exchanged. */
  function mark(one, event) {
    if (event.ctrlKey || event.metaKey) return;
    findAll("[aria-current]", one.closest("[data-marks]")).forEach((other) => other.removeAttribute("aria-current"));
    one.setAttribute("aria-current", "true");
  }

  /** To the clipboard; where it is forbidden, at least selected. */
  async function copy(button) {
    const source = find(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      find("span", button).textContent = button.dataset.copied;
    } catch {
      window.getSelection().selectAllChildren(source);
    }
  }

  // ── start ─────────────────────────────────────────────────────────────────────────────────────────────

  /** What a fresh piece of page needs; called for the page and for all that comes later. */
  function boot(within) {
    findAll("select[data-shared]", within).forEach(shareOptions);
    findAll("select[data-remote], select[data-search]", within).forEach(searchable);
    findAll("form[data-draft]", within).forEach(keepDraft);
    findAll("form[data-entry]", within).forEach((form) => {
      hintSizes(form);
      sumColumns(form);
      findAll("[data-most]", form).forEach(renumber);
      onlyField(form)?.focus();
    });
    [within, ...findAll("[data-chart]", within)].forEach((box) => box.matches?.("[data-chart]") && drawChart(box));
    countTicks();
  }

  /** Clicks, by what was clicked. */
  const CLICKS = {
    "[data-date-pick]": pickDate,
    "[data-draw]": drawOther,
    "[data-refusal]": (one, event) => {
      event.preventDefault();
      showTip(one);
    },
    "[data-close-dialog]": (one, event) => {
      const box = one.closest("dialog");
      if (!box) return;
      event.preventDefault();
      box.close();
    },
    "a[data-dialog]": (one, event) => {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      if (one.dataset.confirm) confirmed(one.dataset.confirm).then((yes) => yes && openDialog(one.href));
      else openDialog(one.href);
    },
    "[data-close-alert]": (one) => one.closest("[data-alert]").remove(),
    "[data-toggle-theme]": toggleTheme,
    "[data-toggle-menu]": toggleMenu,
    "[data-toggle-query]": (one, event) => {
      event.preventDefault();
      one.removeAttribute("name"); // its value is for where no script runs
      toggleQuery(one.closest(".kit-query"));
    },
    "[data-unit-toggle]": (one) => toggleUnits(one.closest("[data-unit-box]")),
    "[data-add-row]": (one) => addRow(one.closest("[data-child]")),
    "[data-remove-row]": (one) => removeRow(one.closest("[data-child-row]")),
    "[data-undo-row]": (one) => undoRemove(one.closest("[data-child]")),
    "[data-reveal]": reveal,
    "[data-print]": () => window.print(),
    "[data-mark]": mark,
    "[data-copy]": copy,
    "[data-to-field]": (one, event) => {
      const field = document.getElementById(one.hash.slice(1));
      if (!field) return;
      event.preventDefault();
      focusField(field);
    },
    "[data-restore-draft]": (one, event) => {
      event.preventDefault();
      restoreDraft(one);
    },
    "[data-discard-draft]": (one, event) => {
      event.preventDefault();
      discardDraft(one);
    },
  };

  function onClick(event) {
    if (!event.target.closest("[data-unit-box]")) findAll("[data-unit-box]").forEach(closeUnits);
    if (!event.target.closest("[data-refusal]")) hideTip();
    findAll("details[data-popover][open]").forEach((one) => one.contains(event.target) || (one.open = false));
    for (const [selector, act] of Object.entries(CLICKS)) {
      const one = event.target.closest(selector);
      if (one) return void act(one, event);
    }
    unitClick(event);
    openRow(event);
  }

  /** Every submission passes here: rows to tick, a question to confirm, the dialog, no second click. */
  function onSubmit(event) {
    const form = event.target;
    const button = event.submitter;
    if (form.matches("[data-jump]")) {
      event.preventDefault();
      event.stopPropagation();
      return void jump(form);
    }
    if (form.dataset.busy) return void event.preventDefault();
    if (button?.hasAttribute("data-rows") && !tickedIds().length) {
      event.preventDefault();
      return void tell(say("choose_rows"));
    }
    const question = button?.dataset.confirm || form.dataset.confirm;
    if (question && !form.agreed) {
      event.preventDefault();
      event.stopPropagation();
      return void confirmed(question).then((yes) => yes && submitAgreed(form, button));
    }
    if (button?.hasAttribute("data-dialog")) {
      event.preventDefault();
      return void openDialog(withIds(button.getAttribute("formaction"), tickedIds()));
    }
    if (form.hasAttribute("data-dialog-form") && form.closest("dialog")) {
      event.preventDefault();
      return void submitDialog(form, button);
    }
    if (form.hasAttribute("data-guard")) {
      leavingOnPurpose = true;
      busy(form, button);
    } else if ((button?.formMethod || form.method) === "post") {
      form.dataset.busy = "1"; // a download leaves us on this page
      setTimeout(() => delete form.dataset.busy, 3000);
    }
    return undefined;
  }

  /** What was doubted has been changed: the next save judges it afresh. */
  function forgetConfirmed(field) {
    findAll("input[name=confirmed]", field.form).forEach((one) => one.remove());
    field.removeAttribute("data-warned");
  }

  function submitAgreed(form, button) {
    form.agreed = true;
    form.requestSubmit(button);
    form.agreed = false;
  }

  function onChange(event) {
    const one = event.target;
    if (one.matches?.("[data-warned]")) forgetConfirmed(one);
    if (one.matches?.("[data-date]")) tidyDate(one);
    if (one.matches?.("[data-tick-all]")) tickAll(one.checked);
    else if (one.matches?.("[data-tick]")) countTicks();
    else if (one.matches?.("[data-submit-on-change]")) one.form?.requestSubmit();
    if (one.dataset?.autofill) autofill(one);
    if (one.form) sumColumns(one.form);
  }

  function onKey(event) {
    if (event.key === "Escape") {
      hideTip();
      root.classList.remove("kit-menu-shown");
      findAll("details[data-popover][open]").forEach((one) => (one.open = false));
    }
    unitKey(event);
    enterKey(event);
    saveKey(event);
  }

  /** 重填 asks first, and tom-select has to be told. */
  async function onReset(event) {
    const button = find("[data-confirm-reset]", event.target);
    if (!button || event.target.agreed) return;
    event.preventDefault();
    if (!(await confirmed(button.dataset.confirmReset))) return;
    leavingOnPurpose = true;
    goTo(location.href);
  }

  function busyWords(xhr) {
    try {
      return JSON.parse(xhr.responseText).message || say("failed");
    } catch {
      return say("failed");
    }
  }

  // htmx: only for lists; an answer that is not a list is shown as a page of its own.
  function beforeSwap(event) {
    const { xhr, target, requestConfig } = event.detail;
    if (leadsToLogin(xhr.responseURL) || xhr.status === 401) {
      event.detail.shouldSwap = false;
      goTo(loginUrl());
    } else if (xhr.getResponseHeader("Retry-After")) {
      event.detail.shouldSwap = false;
      toast(busyWords(xhr));
    } else if (target.hasAttribute?.("data-region") && !xhr.responseText.includes(`id="${target.id}"`)) {
      event.detail.shouldSwap = false;
      goTo(requestConfig.path);
    }
  }

  function setBusy(event) {
    const region = event.detail.target;
    if (region?.hasAttribute?.("data-region")) region.setAttribute("aria-busy", String(event.type === "htmx:beforeRequest"));
  }

  function start() {
    document.addEventListener("click", onClick);
    document.addEventListener("submit", onSubmit, true);
    document.addEventListener("reset", onReset);
    document.addEventListener("change", onChange);
    document.addEventListener("keydown", onKey);
    document.addEventListener("focusin", (event) => (event.target.matches("[data-refusal]:focus-visible") ? showTip(event.target) : hideTip()));
    document.addEventListener("htmx:configRequest", dropEmpty);
    document.addEventListener("htmx:beforeRequest", setBusy);
    document.addEventListener("htmx:afterRequest", setBusy);
    document.addEventListener("htmx:beforeSwap", beforeSwap);
    document.addEventListener("htmx:sendError", () => toast(say("offline")));
    document.addEventListener("htmx:load", (event) => event.detail.elt !== document.body && boot(event.detail.elt));
    // a group that is opened at the foot of the menu shows what it holds: at once, and when its lines have come
    const bringUp = (event) => event.target.closest?.(".kit-menu details[open]")?.scrollIntoView({ block: "nearest" });
    document.addEventListener("toggle", bringUp, true);
    document.addEventListener("htmx:afterSettle", bringUp);
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) findAll("form[data-busy]").forEach(idle);
    });
    window.addEventListener("resize", () => findAll("[data-chart]").forEach((box) => box.chart?.resize()));
    findAll("[data-lines]").forEach((group) => {
      const { of } = group.closest(".kit-menu").dataset;
      group.setAttribute("hx-get", `/menu/${group.dataset.lines}?of=${of}`);
      group.setAttribute("hx-trigger", "toggle from:closest details once");
      htmx.process(group);
    });
    boot(document);
    findAll(".kit-leaf[aria-current], [data-marks] [aria-current]").forEach((one) => one.scrollIntoView({ block: "nearest" }));
    const wrong = find("form[data-entry] [aria-invalid=true], form[data-entry] [data-warned]");
    const told = find("dialog[data-open]");
    if (told) {
      told.removeAttribute("open"); // shown as a plain box where no script runs
      told.showModal();
      if (wrong) told.addEventListener("close", () => focusField(wrong), { once: true });
    } else if (wrong) focusField(wrong);
  }

  start();
})();
