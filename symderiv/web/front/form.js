// The form: its state, the symbols with their shapes, the variables to choose from, which fields a kind needs.

import { make } from "./draw.js";

const field = (name) => document.getElementById(name);
const HOW = {
  given: ["given by you", "✎"], follows: ["follows from the formula", "✓"],
  assumed: ["usual for this name; change it if wrong", "?"], needed: ["please give it", "!"],
  later: ["proposed once the formula can be read", "…"],
};
const OTHER = { prove: "Equal to", matching: "Loss, in the module's output p and the target y" };
let kinds = {};
let variables = [];

/** Fills the list of kinds. */
export function begin(given) {
  kinds = Object.fromEntries(given.map((kind) => [kind.name, kind]));
  field("kind").replaceChildren(...given.map((kind) => make("option", { value: kind.name }, kind.label)));
}

/** What is asked now. */
export function state() {
  const chosen = [...field("variables").querySelectorAll("input:checked")].map((box) => box.value);
  const shapes = {};
  for (const input of field("symbols").querySelectorAll("input")) if (input.dataset.given) shapes[input.dataset.name] = input.value.trim();
  const kind = kinds[field("kind").value];
  const uses = (name) => (kind?.fields.includes(name) ? field(name).value : "");
  return {
    text: field("text").value, kind: field("kind").value, wrt: kind?.fields.includes("wrt") ? chosen.join(", ") : "",
    shapes, assume: field("assume").value.trim(), order: kind?.fields.includes("order") ? field("order").value : "",
    at: uses("at").trim(), other: uses("other"),
  };
}

/** Puts a state into the form; the symbols and variables come with the next answer about shapes. */
export function fill(given) {
  field("text").value = given.text ?? "";
  field("kind").value = given.kind && kinds[given.kind] ? given.kind : "auto";
  field("assume").value = given.assume ?? "";
  field("order").value = given.order || "2";
  field("at").value = given.at ?? "";
  field("other").value = given.other ?? "";
  const rows = Object.entries(given.shapes ?? {}).map(([name, shape]) => ({ name, shape, how: "given" }));
  symbols(rows);
  choices((given.wrt ?? "").split(/[\s,]+/).filter(Boolean), (given.wrt ?? "").split(/[\s,]+/).filter(Boolean));
  fit();
}

/** Shows the fields that the kind needs, and grows the text fields to their content. */
export function fit() {
  const kind = kinds[field("kind").value];
  if (!kind) return;
  field("kind-hint").textContent = kind.hint;
  field("by").hidden = !kind.fields.includes("wrt");
  for (const name of ["order", "at", "other"]) field(`${name}-field`).hidden = !kind.fields.includes(name);
  field("other-label").textContent = OTHER[kind.name] ?? "Other";
  for (const area of [field("text"), field("other")])
    area.rows = Math.min(12, Math.max(1, area.value.split("\n").length));
}

/** Takes over an answer about shapes: rows for the symbols, boxes for the variables, names to split at. */
export function take(answer) {
  symbols(answer.symbols ?? []);
  if (!answer.variables) return;
  const chosen = [...field("variables").querySelectorAll("input:checked")].map((box) => box.value);
  const still = chosen.filter((name) => answer.variables.includes(name));
  choices(answer.variables, still.length ? still : [answer.wrt].filter(Boolean));
  field("names").replaceChildren(...answer.names.map((name) => make("option", { value: name })));
  if (!field("at").value && answer.names.length) field("at").placeholder = answer.names.at(-1);
}

function choices(names, chosen) {
  if (names.join() === variables.join() && field("variables").childElementCount) {
    for (const box of field("variables").querySelectorAll("input")) box.checked = chosen.includes(box.value);
    return;
  }
  variables = names;
  field("variables").replaceChildren(...names.map((name) => {
    const box = make("input", { type: "checkbox", value: name, id: `by-${name}` });
    box.checked = chosen.includes(name);
    return make("label", { for: `by-${name}` }, box, name);
  }));
}

// Rows are kept where their symbol stays, so that what one is typing in isn't taken away.
function symbols(rows) {
  const area = field("symbols");
  const known = new Map([...area.children].map((row) => [row.dataset.name, row]));
  area.replaceChildren(...rows.map((row) => {
    const kept = known.get(row.name) ?? symbol(row.name);
    const input = kept.querySelector("input");
    if (row.how === "later" && known.has(row.name)) return kept;
    if (row.how === "given" && !input.dataset.given) input.dataset.given = "yes";
    if (document.activeElement !== input && !(input.dataset.given && row.how !== "given")) input.value = row.shape;
    else if (!input.dataset.given) input.value = row.shape;
    const how = input.dataset.given ? "given" : row.how;
    const [words, sign] = HOW[how];
    kept.dataset.how = how;
    kept.querySelector(".how").replaceChildren(make("span", { "aria-hidden": "true" }, sign), ` ${words}`);
    return kept;
  }));
  field("shapes").hidden = !rows.length;
}

function symbol(name) {
  const id = `shape-${name}`;
  const input = make("input", { id, "data-name": name, spellcheck: "false", autocapitalize: "off",
    "aria-describedby": `how-${name}`, placeholder: "number" });
  input.addEventListener("input", () => { input.dataset.given = "yes"; });
  input.addEventListener("change", () => { if (!input.value.trim() && input.dataset.cleared) delete input.dataset.given; });
  const reset = make("button", { type: "button", class: "quiet reset", "aria-label": `Propose the shape of ${name} again` }, "↺");
  reset.addEventListener("click", () => {
    delete input.dataset.given;
    input.dispatchEvent(new Event("proposed", { bubbles: true }));
    input.focus();
  });
  const row = make("div", { class: "symbol" }, make("label", { for: id }, make("code", {}, name)), input, reset,
    make("small", { class: "how", id: `how-${name}` }));
  row.dataset.name = name;
  return row;
}

/** Marks the field that an error is about, and shows the error; without one all marks go. */
export function problem(error, focus) {
  for (const marked of document.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
  const area = field("problem");
  if (!error) {
    area.replaceChildren();
    return;
  }
  const where = error.line ? ` (line ${error.line}, column ${error.column})` : "";
  area.replaceChildren(
    make("p", {}, make("b", {}, "✗ "), `${error.message}${where}`),
    ...(error.excerpt ? [make("pre", {}, error.excerpt)] : []),
    ...(error.hint ? [make("p", { class: "hint" }, error.hint)] : []),
  );
  const guilty = field(error.field ?? "text");
  if (!guilty) return;
  guilty.setAttribute("aria-invalid", "true");
  if (!focus) return;
  guilty.focus();
  if (error.span && guilty.setSelectionRange) guilty.setSelectionRange(error.span[0], error.span[1]);
}
