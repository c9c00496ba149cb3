// The page: what is typed is asked, what is answered is shown. The engine is a server, or Python in this browser.

import { draw, make } from "./draw.js";
import * as form from "./form.js";
import * as link from "./link.js";

const field = (name) => document.getElementById(name);
const COPIES = [
  ["latex", "LaTeX"], ["steps", "LaTeX with steps"], ["markdown", "Markdown"], ["numpy", "NumPy"], ["sympy", "SymPy"], ["text", "Text"],
];
const PAUSE = 300;
let engine;
let asked = 0;
let proposing = 0;
let timer;

async function begin() {
  if (location.protocol === "file:")
    return form.problem({ message: "this page can't be opened as a file", hint: "serve its folder: python3 -m http.server" });
  say("starting …");
  const { connect } = await import(`./engine-${document.documentElement.dataset.engine}.js`);
  engine = await connect((state) => say(state === "ready" ? "" : state));
  field("where").textContent = engine.where;
  const answer = await engine.ask({ do: "begin" });
  if (!answer.ok) return form.problem(answer.error);
  form.begin(answer.kinds);
  examples(answer.examples);
  say("");
  document.documentElement.dataset.ready = "yes";
  await restore();
}

// ------------------------------------------------------------------------------------------------ asking
async function restore() {
  const given = link.read(location.hash);
  form.fill(given ?? { text: "softmax(W @ h + b)", wrt: "h" });
  await propose();
  if (given) await derive(false);
}

/** Asks for shapes and variables; what was typed meanwhile makes an answer stale. */
async function propose() {
  clearTimeout(timer);
  const number = ++proposing;
  const state = form.state();
  form.fit();
  if (!state.text.trim()) {
    form.take({ symbols: [], variables: [], names: [], wrt: "" });
    return form.problem(null);
  }
  const answer = await engine.ask({ do: "shapes", ...state });
  if (number !== proposing || answer.stopped) return;
  if (answer.symbols) form.take(answer);
  form.problem(answer.ok || answer.error.field === "other" ? null : answer.error);
}

async function derive(focus = true) {
  const number = ++asked;
  proposing++;
  clearTimeout(timer);
  form.problem(null);
  const state = form.state();
  history.replaceState(null, "", link.write(state));
  field("answer").setAttribute("aria-busy", "true");
  const slow = setTimeout(() => { say("deriving …"); field("stop").hidden = false; }, 300);
  const answer = await engine.ask({ do: "derive", ...state });
  clearTimeout(slow);
  if (number !== asked) return;
  field("stop").hidden = true;
  field("answer").removeAttribute("aria-busy");
  if (answer.stopped) return say("stopped");
  if (!answer.ok) {
    say("");
    field("answer").replaceChildren();
    document.title = "symderiv: derivatives, step by step";
    if (answer.symbols) form.take(answer);
    return form.problem(answer.error, focus);
  }
  show(answer);
  say(`${answer.title}: done`);
  if (answer.symbols) form.take({ symbols: answer.symbols });
  if (answer.check) await check(number, state);
  for (const [name] of COPIES.filter(([known]) => answer.copies[known] === null)) {
    const found = await engine.ask({ do: "copy", form: name, ...state });
    if (number !== asked) return;
    ready(field("answer").querySelector(`[data-copy=${name}]`), found);
  }
}

async function check(number, state) {
  const place = field("answer").querySelector(".checking");
  const answer = await engine.ask({ do: "check", ...state });
  if (number !== asked || !place) return;
  if (answer.ok && answer.block) place.replaceWith(draw(answer.block));
  else place.textContent = answer.stopped ? "" : `✗ Not checked: ${answer.error?.message ?? ""}`;
}

// ------------------------------------------------------------------------------------------------ showing
function show(answer) {
  document.title = `${answer.title} · symderiv`;
  const check = answer.check ? [make("p", { class: "checking", role: "status" }, "checking with numbers …")] : [];
  const steps = answer.steps.length ? [make("h3", { class: "unseen" }, "Steps"), ...answer.steps.map(draw)] : [];
  field("answer").replaceChildren(
    make("h2", { id: "title" }, answer.title), ...answer.top.map(draw), ...check, copies(answer.copies), ...steps,
  );
}

function copies(given) {
  const known = COPIES.filter(([name]) => name in given);
  const area = make("div", { class: "copies", role: "group", "aria-label": "Copy the result" });
  if (!known.length) return area;
  area.append(make("span", { "aria-hidden": "true" }, "Copy as"));
  for (const [name, label] of known) {
    const button = make("button", { type: "button", class: "quiet", "data-copy": name, "aria-label": `Copy ${label}`,
      disabled: true, title: "being written …" }, label);
    if (given[name]) ready(button, given[name]);
    area.append(button);
  }
  return area;
}

// A button that copies its text; where there is none, it says why.
function ready(button, { text, error }) {
  button.disabled = text === undefined;
  button.title = text === undefined ? error?.message ?? "" : "";
  const label = button.textContent;
  if (text !== undefined) button.addEventListener("click", () => copy(text, button, label));
}

async function copy(text, button, label) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    say(`${label} copied`);
  } catch {
    const area = make("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.textContent = done ? "Copied" : "Not allowed";
    button.focus();
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}

function examples(given) {
  const groups = new Map();
  for (const one of given) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  field("examples").replaceChildren(...[...groups].map(([group, rows]) => make("div", { class: "group" }, make("h3", {}, group),
    make("ul", {}, ...rows.map((row) => make("li", {}, make("a", { class: "link", href: link.write(row) }, row.title)))))));
}

function say(text) {
  field("status").textContent = text;
}

// ------------------------------------------------------------------------------------------------ events
function later() {
  form.fit();
  clearTimeout(timer);
  timer = setTimeout(propose, PAUSE);
}

field("form").addEventListener("submit", (event) => { event.preventDefault(); derive(); });
field("form").addEventListener("input", (event) => { if (event.target.type !== "checkbox") later(); });
field("form").addEventListener("change", (event) => { if (event.target.type === "checkbox" || event.target.id === "kind") later(); });
field("form").addEventListener("proposed", propose);
field("form").addEventListener("keydown", (event) => {
  const lines = event.target.tagName === "TEXTAREA";
  if (event.key !== "Enter" || event.target.tagName === "BUTTON" || (lines && !(event.ctrlKey || event.metaKey))) return;
  event.preventDefault();
  derive();
});
field("stop").addEventListener("click", () => engine.stop());
field("link").addEventListener("click", (event) => {
  const address = new URL(link.write(form.state()), location.href).href;
  history.replaceState(null, "", link.write(form.state()));
  copy(address, event.target, "link");
});
addEventListener("hashchange", async () => {
  await restore();
  field("answer").focus({ preventScroll: true });
  field("form").scrollIntoView({ block: "start" });
});

begin();
