// Blocks of an answer as elements. Text goes in as text, formulas through math.js: nothing is read as HTML.

import { formula } from "./math.js";

/** An element with a class, attributes and children. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The spans of a line of prose. */
export function prose(spans) {
  return spans.map((span) => {
    if (span.type === "math") return formula(span.formula);
    if (span.type === "code") return make("code", {}, span.text);
    if (span.type === "bold") return make("b", {}, ...prose(span.spans));
    if (span.type === "italic") return make("i", {}, ...prose(span.spans));
    return document.createTextNode(span.text);
  });
}

const BLOCKS = {
  prose: (block) => make("p", {}, ...prose(block.spans)),
  assumptions: (block) => make("p", { class: "assume" }, make("b", {}, "Assumptions. "), ...prose(block.spans)),
  heading: (block) => make("h3", {}, ...prose(block.spans)),
  result: (block) => make("div", { class: "result", tabindex: "0", role: "group", "aria-label": "Result" },
    ...block.formulas.map((one) => make("span", {}, formula(one)))),
  check: (block) => make("div", { class: block.ok ? "check" : "check bad" },
    make("p", {}, make("b", {}, `${block.ok ? "✓" : "✗"} ${block.word}.`), " ", ...prose(block.spans))),
  code: (block) => folding(block.heading, block.folded, make("div", { class: "code" }, make("pre", {}, block.text))),
  proof: (block) => make("div", {}, make("h3", {}, block.heading), make("ul", { class: "proof" }, tree(block.tree))),
  table: (block) => table(block),
  steps: (block) => folding(block.heading, block.folded, make("div", { class: "steps" }, ...block.lines.flatMap(line))),
};

/** A block as an element. */
export function draw(block) {
  const found = BLOCKS[block.type](block);
  found.dataset.block = block.type;
  return found;
}

function folding(heading, folded, inside) {
  return make("details", { open: !folded }, make("summary", {}, heading), inside);
}

function line(data) {
  const left = make("div", { class: "lhs" }, data.lhs ? formula(data.lhs) : null);
  const right = make("div", { class: "rhs" }, formula(data.rhs));
  return [left, make("div", { class: "step" }, right, reason(data))];
}

// A step's reason unfolds to its law; in the full form the law is there at once.
function reason(data) {
  const shape = make("span", { class: "shape" }, data.shape ? formula(data.shape) : null);
  if (!data.why.length && !data.shape) return null;
  const words = prose(data.why);
  const number = data.number ? make("span", { class: "no" }, `${data.number} `) : null;
  let rule;
  if (!data.law) rule = make("span", { class: "rule" }, number, ...words);
  else if (data.number) rule = make("span", { class: "rule" }, number, ...words, make("span", { class: "law" }, formula(data.law)));
  else rule = make("details", { class: "rule" }, make("summary", {}, ...words), make("span", { class: "law" }, formula(data.law)));
  return make("div", { class: "why" }, rule, shape);
}

function tree(node) {
  const below = node.children.length ? make("ul", {}, ...node.children.map(tree)) : null;
  return make("li", {}, formula(node.claim), make("span", { class: "why-inline" }, ...prose(node.why)), below);
}

function table(block) {
  const head = make("tr", {}, ...block.header.map((text) => make("th", { scope: "col" }, text)));
  const rows = block.rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, ...prose(cell)))));
  const body = make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
  return make("div", { class: "wide" }, block.heading ? make("h3", {}, block.heading) : null, body);
}
