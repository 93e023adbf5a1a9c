/*
 * The editor of a formatted text (Quill), over the textarea that is sent. Without it the textarea takes plain lines.
 *
 * The textarea changes only when a person changes something: a form that nobody touched says what it said.
 */
(() => {
  "use strict";

  const find = (selector, within = document) => within.querySelector(selector);
  const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

  const FORMATS = [
    "header", "bold", "italic", "underline", "strike", "list", "indent", "blockquote", "align", "link",
    "table", "table-row", "table-body", "table-container",
  ];

  /** What the editor begins with: HTML as it is, plain lines as paragraphs. */
  function asHtml(text) {
    if (/<\/?[a-z][^<>]*>/i.test(text)) return text;
    const box = document.createElement("div");
    for (const line of text.split(/\r?\n/)) {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      box.append(paragraph);
    }
    return text ? box.innerHTML : "";
  }

  /** What of the editor is sent; nothing when nothing is written. */
  function written(editor) {
    const isEmpty = !editor.getText().trim() && !find("table", editor.root);
    return isEmpty ? "" : editor.getSemanticHTML();
  }

  /** 表格, +行, +列, −行, −列. */
  function grid(value) {
    const table = this.quill.getModule("table");
    const isIn = table.getTable()[0] !== null;
    if (value === true) table.insertTable(3, 3);
    else if (isIn && value === "row") table.insertRowBelow();
    else if (isIn && value === "column") table.insertColumnRight();
    else if (isIn && value === "no-row") table.deleteRow();
    else if (isIn && value === "no-column") table.deleteColumn();
  }

  /** Quill takes a full-width blank, with which Chinese paragraphs begin, for any other: it goes through in disguise. */
  function keepWideBlanks(editor) {
    const convert = editor.clipboard.convert.bind(editor.clipboard);
    editor.clipboard.convert = (data, formats) => {
      const delta = convert({ ...data, html: data.html?.replaceAll("\u3000", "\ue000") }, formats);
      for (const part of delta.ops) {
        if (typeof part.insert === "string") part.insert = part.insert.replaceAll("\ue000", "\u3000");
      }
      return delta;
    };
  }

  function open(box) {
    const area = find("textarea", box);
    const tools = find(".kit-rich-tools", box);
    const page = find("[data-rich-page]", box);
    [tools, page].forEach((one) => (one.hidden = false));
    const editor = new window.Quill(page, {
      theme: "snow",
      bounds: page,
      formats: FORMATS,
      modules: {
        table: true,
        toolbar: { container: tools, handlers: { grid } },
        // the tabulator leads on, as everywhere in a form; in a list it sets the item in
        keyboard: { bindings: { tab: null, "remove tab": null, "table tab": null } },
        history: { userOnly: true },
      },
    });
    keepWideBlanks(editor);
    editor.setContents(editor.clipboard.convert({ html: asHtml(area.value) }), "silent");
    editor.history.clear();
    findAll("[data-sign]", tools).forEach((button) => (button.textContent = button.dataset.sign));
    const tip = find(".ql-tooltip", page);
    const said = Object.entries(box.dataset).filter(([name]) => name.startsWith("say"));
    for (const one of [tip, ...findAll("a", tip)]) said.forEach(([name, words]) => (one.dataset[name] = words));
    const body = editor.root;
    body.setAttribute("role", "textbox");
    body.setAttribute("aria-multiline", "true");
    body.setAttribute("aria-label", find(`label[for="${area.id}"]`)?.lastChild.textContent.trim() || "");
    if (area.getAttribute("aria-invalid")) body.setAttribute("aria-invalid", "true");
    if (area.getAttribute("aria-describedby")) body.setAttribute("aria-describedby", area.getAttribute("aria-describedby"));
    editor.on("text-change", (_change, _before, source) => {
      if (source !== "user") return;
      area.value = written(editor);
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
    area.classList.add("kit-rich-sent");
    area.tabIndex = -1;
    area.addEventListener("focus", () => editor.focus());
  }

  if (!window.Quill) return;
  const { Quill } = window;
  Quill.register(Quill.import("attributors/style/align"), true); // as HTML says it, not by a class of Quill's
  findAll("[data-rich]").forEach(open);
})();
