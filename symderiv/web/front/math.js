// Formulas as MathML. A server sends it; without one Temml makes it here. Either way only MathML gets into the page.

const MATHML = "http://www.w3.org/1998/Math/MathML";
const KEPT = new Set((
  "class display displaystyle scriptlevel mathvariant stretchy symmetric lspace rspace form fence separator accent " +
  "accentunder minsize maxsize movablelimits largeop columnalign rowspacing columnspacing columnlines rowlines width " +
  "height depth voffset linethickness style"
).split(" "));
const SCRIPT = /([_^](?:\{[^{}]*\}|\\?\w+))(?=\\operatorname)/g;
const INFIX = /^(?:[=<>+\-:]|\\(?:le|ge|leq|geq|ne|neq|pm|mp|odot|oslash|otimes|times|cdot|circ|in|to|succeq|preceq|Rightarrow)(?![A-Za-z]))/;

/** A span that shows a formula; where it can't be shown, its LaTeX. */
export function formula(data) {
  const shown = document.createElement("span");
  shown.className = data.inline ? "formula inline" : "formula";
  if (data.long) {
    shown.textContent = `a formula of ${data.long.toLocaleString("en")} characters: too long to show; copy it below`;
    shown.classList.add("long");
    return shown;
  }
  try {
    shown.append(...cleaned(data.mathml ?? made(data)));
  } catch {
    const code = document.createElement("code");
    code.textContent = data.latex;
    shown.replaceChildren(code);
  }
  return shown;
}

function made(data) {
  const style = data.inline ? "" : "\\displaystyle ";
  return data.pieces.map((piece, k) => {
    const start = k === 0 && data.relation ? `${data.relation} ` : k > 0 && INFIX.test(piece) ? "{}" : "";
    const spaced = piece.replace(SCRIPT, "$1\\,");  // Temml puts no space between W₂ and diag
    return window.temml.renderToString(`${style}${start}${spaced}`, { throwOnError: true, trust: false });
  }).join("<wbr>");
}

function cleaned(text) {
  const parsed = new DOMParser().parseFromString(text, "text/html");
  for (const element of [...parsed.body.querySelectorAll("*")]) {
    const isMath = element.namespaceURI === MATHML;
    if (!isMath && element.localName !== "wbr") {
      element.remove();
      continue;
    }
    for (const { name, value } of [...element.attributes])
      if (!KEPT.has(name) || (name === "style" && /url|expression|@|\\/i.test(value))) element.removeAttribute(name);
  }
  return [...parsed.body.childNodes].map((node) => document.importNode(node, true));
}
