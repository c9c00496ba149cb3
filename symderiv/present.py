"""Derivations as lines of text in three notations: what is written left of the sign, right of it, and beside.

``written`` gives neutral lines (LaTeX and prose); `latex`, `markdown` and `text` print them, handouts lay them out.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symderiv.build import name, transform
from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.facts import Fact, Facts
from symderiv.functions import SCALAR
from symderiv.gauss_newton import GaussNewton
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, Symbol, postorder
from symderiv.lift import lift
from symderiv.render.index import index_latex, index_text
from symderiv.render.letters import Letters
from symderiv.render.matrix import matrix_latex
from symderiv.render.notation import DEFAULT, Notation
from symderiv.render.symbols import name_latex, shape_latex
from symderiv.render.text import plain
from symderiv.tell import Chapter, Line, Why, brief, combined_chapter, differential_chapter, story

PLAIN_KINDS = ("loss", "let", "G", "R", "H")
NOTATIONS = ("matrix", "index", "differential")
DETAILS = ("brief", "normal", "full")


@dataclass(frozen=True)
class Written:
    """One printed line. ``why`` is prose with formulas between dollar signs; ``state`` is what the right side stands for."""

    lhs: str
    rhs: str
    why: str
    law: str
    shape: str
    state: Expr
    plain_lhs: str = ""
    plain_rhs: str = ""
    chapter: int = 0


def chapters_of(derivation: Derivation, detail: str = "normal") -> list[Chapter]:
    """The chapters of all parts, each once."""
    found: dict[tuple[str, Expr], Chapter] = {}
    for proof in derivation.flat:
        for chapter in story(proof, derivation.kind, derivation.subject, detail == "full"):
            found.setdefault((chapter.kind, chapter.goal), chapter)
    chapters = list(found.values())
    return with_lets([brief(c) for c in chapters] if detail == "brief" else chapters)


_LETS = {"softmax": "p", "sigmoid": "p", "tanh": "a", "logsumexp": "s"}


def with_lets(chapters: list[Chapter]) -> list[Chapter]:
    """What stands twice or more in a result, a function of something longer, gets a name for the telling."""
    if not chapters:
        return chapters
    counted: dict[Expr, int] = {}
    for chapter in chapters:
        if chapter.kind != "loss":
            for node, times in _functions_in(chapter.last).items():
                counted[node] = max(counted.get(node, 0), times)
            for line in chapter.lines:
                for node, times in _divisors_in(line.state).items():
                    counted[node] = max(counted.get(node, 0), times)
    taken = {n.name for c in chapters for line in c.lines for n in postorder(line.state, c.subject) if isinstance(n, Symbol | Name)}
    lets: dict[Expr, Expr] = {}
    for node, times in counted.items():
        if times > 1:
            first = _LETS.get(getattr(node, "fn", ""), "s" if isinstance(node, Contract) else "v")
            text = next(t for t in (first, *"pqrsv", *(f"{first}{k}" for k in range(1, 99))) if t not in taken)
            taken.add(text)
            lets[node] = name(text, node, "auto")
    if not lets:
        return chapters

    def renamed(state: Expr) -> Expr:
        return transform(state, lets.get)
    told = [Chapter("let", n, n, (), (Line(node),)) for node, n in lets.items()]
    for c in chapters:
        told.append(replace(c, goal=renamed(c.goal), lines=tuple(Line(renamed(line.state), line.why) for line in c.lines)))
    return told


def _divisors_in(state: Expr) -> dict[Expr, int]:
    """How often each sum is divided by in a formula."""
    counted: dict[Expr, int] = {}
    stack = [state]
    while stack:
        n = stack.pop()
        if isinstance(n, Map) and n.fn == "pow" and n.params[0] < 0 and not n.shape and isinstance(n.arg, Contract) \
                and len(n.arg.dims) > 0 and not is_norm(n.arg):
            counted[n.arg] = counted.get(n.arg, 0) + 1
        elif not isinstance(n, Name):
            stack.extend(n.kids)
    return counted


def is_norm(node: Contract) -> bool:
    """True for Σ x², which has a sign of its own."""
    return len(node.factors) == 1 and isinstance(node.factors[0], Map) and node.factors[0].fn == "pow"


def _functions_in(state: Expr) -> dict[Expr, int]:
    """How often each function of a compound argument stands in a formula; names aren't entered."""
    counted: dict[Expr, int] = {}
    stack = [state]
    while stack and len(counted) < 200:
        n = stack.pop()
        if isinstance(n, Map | Call) and not (isinstance(n, Map) and (n.fn == "pow" or n.kids[0].weight < 2)) \
                and not getattr(n, "abstract", False) and getattr(n, "fn", "") not in ("inv", "det", "logdet", "reshape"):
            counted[n] = counted.get(n, 0) + 1
        elif not isinstance(n, Name):
            repeat = n.params[0] if isinstance(n, Map) and n.fn == "pow" and n.params[0] == 2 else 1
            stack.extend(list(n.kids) * int(repeat))
    return counted


def written(derivation: Derivation, notation: str = "matrix", detail: str = "normal",
            signs: Notation = DEFAULT) -> list[Written]:
    """Every line of a derivation in one notation; raises SymderivError for a notation or detail that isn't known."""
    if notation not in NOTATIONS:
        raise SymderivError(f"notation='{notation}' isn't known", hint=f"take one of {', '.join(NOTATIONS)}")
    if detail not in DETAILS:
        raise SymderivError(f"detail='{detail}' isn't known", hint=f"take one of {', '.join(DETAILS)}")
    lines: list[Written] = []
    for k, chapter in enumerate(chapters_of(derivation, detail)):
        lines.extend(Writer(chapter, notation, derivation.facts, signs, k).lines())
    return lines


# ---------------------------------------------------------------- one chapter
class Writer:
    """Prints a chapter in one notation; what has no matrix form is printed by its entries."""

    def __init__(self, chapter: Chapter, notation: str, facts: Facts, signs: Notation, number: int) -> None:
        self.facts, self.signs, self.number = facts, signs, number
        self.source = chapter
        if notation == "differential" and chapter.kind not in PLAIN_KINDS:
            chapter = differential_chapter(chapter)
        self.chapter = chapter
        self.notation = notation
        states = [line.state for line in chapter.lines]
        wide = any(len(s.shape) > 2 for s in states) or (notation != "index" and any(_no_matrix(s, signs) for s in states))
        self.index = notation == "index" or wide
        self.letters = _letters(chapter)

    def lines(self) -> list[Written]:
        told = list(self.chapter.lines)
        if len(told) > 1 and self.chapter.kind not in ("loss", "let", "G", "R") and told[0].state is self.chapter.goal and not self.index:
            told = told[1:]
        result: list[Written] = []
        previous: Letters | None = None
        for k, line in enumerate(told):
            rhs, bare, previous = self.formula(line.state, previous)
            if result and rhs in (result[-1].rhs, self._bare(result[-1].rhs)) or k and told[k - 1].state is line.state:
                continue
            why = self.reasons(line.why)
            if line.state is self.chapter.goal and not line.why:
                why = _ENTRY.get(self.chapter.kind, "")
            shape = shape_latex(line.state.shape) if not result else ""
            lhs, bare_lhs = self.left() if not result else ("", "")
            law = next((w.law for w in line.why), "")
            if self.chapter.kind == "inner":
                rhs, bare = self._inner(rhs), f"⟨{bare}, d{_symbol(self.chapter.wrt[0])}⟩"
                shape = "1" if shape else ""
            result.append(Written(lhs, rhs, why, law, shape, line.state, bare_lhs, bare, self.number))
        result.extend(self.closing(result))
        return result

    def _inner(self, rhs: str) -> str:
        return rf"\langle {rhs},\,\mathrm{{d}}{name_latex(_symbol(self.chapter.wrt[0]))}\rangle"

    def _bare(self, rhs: str) -> str:
        """The cotangent of a printed inner product."""
        if self.chapter.kind != "inner":
            return rhs
        return rhs.removeprefix(r"\langle ").removesuffix(rf",\,\mathrm{{d}}{name_latex(_symbol(self.chapter.wrt[0]))}\rangle")

    def formula(self, state: Expr, previous: Letters | None) -> tuple[str, str, Letters | None]:
        if not self.index:
            state = transform(state, lambda n: n.body if isinstance(n, Box) else None)  # a unit matrix isn't shown
            return matrix_latex(state, self.signs), plain(state), previous
        text, letters = index_latex(state, self.letters, previous, self.signs)
        return text, index_text(state, self.letters, previous)[0], letters

    # ------------------------------------------------------------ left sides
    def left(self) -> tuple[str, str]:
        """The left side, as LaTeX and as plain text."""
        c = self.chapter
        subject = function_letter(c.subject)
        if c.kind == "let":
            own = c.goal.name  # type: ignore[attr-defined]  # the goal of a let is its name
            return (self._indexed(name_latex(own)), self._indexed_text(own)) if self.index else (name_latex(own), own)
        if c.kind == "loss":
            return subject, subject
        if c.kind == "cotangent":
            own = c.named.name if c.named is not None else f"delta_{getattr(c.wrt[0], 'name', 'v')}"
            return (self._indexed(name_latex(own)), self._indexed_text(own)) if self.index else (name_latex(own), own)
        if c.kind in ("differential", "inner"):
            return self._differential_left(subject)
        if c.kind in ("G", "R", "H"):
            return (self._indexed(c.kind), self._indexed_text(c.kind)) if self.index else (c.kind, c.kind)
        return self._derivative_left(subject)

    def _differential_left(self, subject: str) -> tuple[str, str]:
        c = self.chapter
        if c.kind == "inner":
            own = _symbol(c.wrt[0])
            delta = name_latex(c.named.name) if c.named is not None else rf"\nabla_{{{name_latex(own)}}} {subject}"
            bare = c.named.name if c.named is not None else f"∇_{own} {subject}"
            return rf"\langle {delta},\mathrm{{d}}{name_latex(own)}\rangle", f"⟨{bare}, d{own}⟩"
        letter = name_latex(subject)
        if len(c.by) == 1:
            return rf"\mathrm{{d}}{letter}", f"d{subject}"
        if c.subject.shape:
            return rf"\mathrm{{d}}J_{{{letter}}}", f"dJ_{subject}"
        if len(c.by) == 2:
            return rf"\mathrm{{d}}(\nabla_{{{name_latex(_symbol(c.by[0]))}}} {letter})", f"d(∇{subject})"
        return rf"\mathrm{{d}}(\nabla^{{{len(c.by) - 1}}} {letter})", f"d(∇^{len(c.by) - 1} {subject})"

    def _derivative_left(self, subject: str) -> tuple[str, str]:
        c = self.chapter
        letter = name_latex(subject)
        names = [name_latex(_symbol(x)) for x in c.by]
        texts = [_symbol(x) for x in c.by]
        if self.index:
            used = list(self.letters)
            head = _with_index(letter, "".join(used[:len(c.subject.shape)]))
            used = used[len(c.subject.shape):]
            below = []
            for x, text in zip(c.by, names, strict=True):
                below.append(rf"\partial {_with_index(text, ''.join(used[:len(x.shape)]))}")
                used = used[len(x.shape):]
            power_ = f"^{len(c.by)}" if len(c.by) > 1 else ""
            under_bar = r"\,".join(below)
            return rf"\frac{{\partial{power_} {head}}}{{{under_bar}}}", f"∂{power_}{subject}/∂{' ∂'.join(texts)}[{','.join(self.letters)}]"
        turned = f"^{self.signs.transpose}" if c.by[-1].shape else ""
        if len(c.by) == 1 and not c.subject.shape:
            return rf"\nabla_{{{names[0]}}} {letter}", f"∇_{texts[0]} {subject}"
        if len(c.by) == 1:
            return rf"\frac{{\partial {letter}}}{{\partial {names[0]}{turned}}}", f"∂{subject}/∂{texts[0]}{'ᵀ' if turned else ''}"
        if len(set(c.by)) == 1 and len(c.by) == 2 and not c.subject.shape:
            return rf"\nabla^{{2}}_{{{names[0]}}} {letter}", f"∇²_{texts[0]} {subject}"
        below_text = r"\,".join(rf"\partial {n}" for n in names)
        return rf"\frac{{\partial^{{{len(names)}}} {letter}}}{{{below_text}{turned}}}", f"∂^{len(names)}{subject}/∂{' ∂'.join(texts)}"

    def _indexed(self, text: str) -> str:
        return _with_index(text, "".join(self.letters)) if self.letters else text

    def _indexed_text(self, text: str) -> str:
        return f"{text}[{','.join(self.letters)}]" if self.letters else text

    # ------------------------------------------------------------ the last line, and reasons
    def closing(self, lines: Sequence[Written]) -> list[Written]:
        """Index form is read as a matrix, a differential identifies its derivative."""
        last = self.source.lines[-1].state
        if not lines or len(last.shape) > 2 or self.chapter.kind in ("loss", "let"):
            return []
        plain_writer = Writer(self.source, "matrix", self.facts, self.signs, self.number)
        if plain_writer.index:
            return []
        lhs, bare = plain_writer.left()
        rhs = matrix_latex(last, self.signs)
        if self.notation == "index" and last.shape and lift(last) is not None:
            return [Written(lhs, rhs, "read as matrix", r"[\,\sum_k A_{ik}B_{kj}\,]=AB", "", last, bare, plain(last), self.number)]
        if self.notation == "differential" and self.chapter.kind in ("differential", "inner"):
            scalar = self.chapter.kind == "inner" or (not self.source.subject.shape and len(self.source.by) == 1)
            title = "identify gradient" if scalar else "identify Jacobian"
            law = r"\mathrm{d}L=\langle G,\mathrm{d}X\rangle\Rightarrow\nabla_XL=G" if scalar else \
                r"\mathrm{d}N=A\,\mathrm{d}x\Rightarrow J=A"
            return [Written(lhs, rhs, title, law, shape_latex(last.shape), last, bare, plain(last), self.number)]
        return []

    def reasons(self, whys: Sequence[Why]) -> str:
        parts: list[str] = []
        for why in whys:
            text = why.title
            if why.note:
                text += f", ${why.note}$"
            if why.facts:
                text = ", ".join(f"assumption ${fact_latex(f)}$" for f in self._facts(why.facts)) if why.title == "assumption" \
                    else f"{text}, " + ", ".join(f"${fact_latex(f)}$" for f in self._facts(why.facts))
            if why.through is not None:
                operation = self.operation(why.through)
                text += f" through ${operation}$" if operation else ""
            parts.append(text)
        kept = [p for p in dict.fromkeys(parts) if not any(q != p and q.startswith(p) for q in parts)]
        return ", ".join(kept)

    def _facts(self, texts: Sequence[str]) -> list[Fact]:
        return [next(f for f in self.facts if f.text == text) for text in texts]

    def operation(self, node: Expr) -> str:
        """A short formula for the operation that a cotangent is pulled back through; empty where it would be long."""
        if isinstance(node, Add):
            return "+"
        if isinstance(node, Map) and node.fn != "pow" and not node.generic:
            return SCALAR[node.fn].tex(r"\cdot") if "{x}" in SCALAR[node.fn].latex else SCALAR[node.fn].latex
        text = matrix_latex(node, self.signs) if len(node.shape) <= 2 else ""
        return text if len(plain(node)) < 16 else ""


_ENTRY = {"jacobian": "Jacobian entry", "gradient": "gradient entry", "hessian": "Hessian entry", "derivative": "entry"}


def _no_matrix(state: Expr, signs: Notation) -> bool:
    """True for what a matrix formula would have to leave out."""
    return len(state.shape) <= 2 and lift(state) is None and r"\cdots" in matrix_latex(state, signs)


def _letters(chapter: Chapter) -> tuple[str, ...]:
    """Letters of the output: i is the output's, j and k the parameter's."""
    shape = chapter.lines[-1].state.shape
    scalar_by_vector = chapter.kind in ("gradient", "hessian") and not chapter.subject.shape and \
        all(len(x.shape) == 1 for x in chapter.by) and len(shape) <= 2
    letters = "jk" if scalar_by_vector else "ijklmnpqrs"
    return tuple(letters[:len(shape)])


def _symbol(node: Expr) -> str:
    return node.name if isinstance(node, Symbol | Name) else "v"


def _with_index(text: str, index: str) -> str:
    if not index:
        return text
    scripted = index if len(index) == 1 else f"{{{index}}}"
    return f"({text})_{scripted}" if "_" in text or "^" in text else f"{text}_{scripted}"


def function_letter(f: Expr) -> str:
    """What a function is called: its own name where it has one, N for a vector, L for a scalar."""
    if isinstance(f, Name):
        return f.name
    taken = _names_in(f)
    wanted = ("L", "C", "E", "L_0") if not f.shape else ("N", "C", "F", "N_0")
    return next((w for w in wanted if w not in taken), wanted[-1])


def _names_in(f: Expr) -> set[str]:
    """Every name in use: of symbols, names, abstract modules and generic functions."""
    return {getattr(n, "name", "") or getattr(n, "fn", "") for n in postorder(f)}


def fact_latex(fact: Fact) -> str:
    """A fact as a formula."""
    subject = fact.subject
    if isinstance(subject, str):
        return rf"{name_latex(subject)}\text{{ {fact.kind}}}"
    text = matrix_latex(subject) if len(subject.shape) <= 2 else name_latex(_symbol(subject))
    if fact.kind == "sum" and fact.value is not None:
        right = matrix_latex(fact.value)
        if len(subject.shape) == 1:
            return rf"\mathbf{{1}}^\top {text}={right}"
        return rf"{text}\,\mathbf{{1}}={right}" if fact.axes == (1,) else rf"\textstyle\sum {text}={right}"
    if fact.kind == "equal" and fact.value is not None:
        return rf"{text}={matrix_latex(fact.value)}"
    signs = {"positive": ">0", "negative": "<0", "nonnegative": r"\ge 0", "nonpositive": r"\le 0", "psd": r"\succeq 0",
             "pd": r"\succ 0", "symmetric": rf"={text}^\top"}
    if fact.kind in signs:
        return text + signs[fact.kind]
    return rf"{text}\text{{ {fact.kind}}}"


# ---------------------------------------------------------------- a Gauss–Newton split
def split_chapters(parts: GaussNewton, detail: str = "normal") -> list[Chapter]:
    """G and R, each from its definition to its result."""
    at = parts.at.name
    whys = {"G": Why("Gauss–Newton term", f"\\text{{split at }}{name_latex(at)}"),
            "R": Why("remainder", f"\\text{{split at }}{name_latex(at)}")}
    told = [combined_chapter(d.flat[0], d.kind, d.subject, parts.wrt, whys[d.kind], detail == "full") for d in (parts.G, parts.R)]
    if detail == "brief":
        told = [Chapter(c.kind, c.goal, c.subject, c.wrt, (c.lines[0], c.lines[-1])[:len(c.lines)], c.named) for c in told]
    return with_lets(told)


def split_written(parts: GaussNewton, notation: str = "matrix", detail: str = "normal", signs: Notation = DEFAULT) -> list[Written]:
    """The lines of a split."""
    lines: list[Written] = []
    for k, chapter in enumerate(split_chapters(parts, detail)):
        lines.extend(Writer(chapter, notation, parts.facts, signs, k).lines())
    return lines


def split_latex(parts: GaussNewton, notation: str = "matrix", detail: str = "normal") -> str:
    return _aligned(split_written(parts, notation, detail))


def split_text(parts: GaussNewton, notation: str = "matrix", detail: str = "normal") -> str:
    return _plain_rows(split_written(parts, notation, detail))


# ---------------------------------------------------------------- whole derivations
def latex(derivation: Derivation, notation: str = "matrix", detail: str = "normal", signs: Notation = DEFAULT) -> str:
    """The steps as one ``aligned`` block: formula, reason, shape."""
    return _aligned(written(derivation, notation, detail, signs))


def _aligned(lines: Sequence[Written]) -> str:
    rows = []
    for line in lines:
        why = _text_with_math(line.why)
        shape = rf" && \quad {line.shape}" if line.shape else ""
        rows.append(rf"{line.lhs} &= {line.rhs} && \quad {why}{shape}")
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _text_with_math(prose: str) -> str:
    r"""Prose with $…$ as LaTeX in mathematics: \text{…} around the words."""
    parts = re.split(r"\$([^$]*)\$", prose)
    out = []
    for k, part in enumerate(parts):
        if part:
            out.append(part if k % 2 else rf"\text{{{part}}}")
    return "".join(out)


def markdown(derivation: Derivation, notation: str = "matrix", detail: str = "normal") -> str:
    """The steps for GitHub and notebooks: ``aligned`` inside ``$$``."""
    return f"$$\n{latex(derivation, notation, detail)}\n$$\n"


def text(derivation: Derivation, notation: str = "matrix", detail: str = "normal") -> str:
    """The steps as plain text, reasons at the right."""
    return _plain_rows(written(derivation, notation, detail))


def _plain_rows(lines: Sequence[Written]) -> str:
    rows = []
    width = max((len(line.plain_lhs) for line in lines), default=0)
    wide = min(max((len(line.plain_rhs) for line in lines), default=0), 60)
    for line in lines:
        why = re.sub(r"\$([^$]*)\$", lambda m: _untex(m.group(1)), line.why)
        rows.append(f"{line.plain_lhs:>{width}} = {line.plain_rhs:<{wide}}  {why}".rstrip())
    return "\n".join(rows)


_UNTEX = ((r"^{\prime}", "′"), (r"\,", " "), (r"\top", "ᵀ"), (r"\operatorname", ""), (r"\mathbf", ""), (r"\sigma", "σ"),
          (r"\le", "≤"), (r"\ge", "≥"), (r"\text", ""), (r"\odot", "⊙"), (r"\delta", "δ"), ("\\", ""), ("{", ""), ("}", ""))


def _untex(latex_text: str) -> str:
    for old, new in _UNTEX:
        latex_text = latex_text.replace(old, new)
    return latex_text


def expr_latex(expr: Expr, notation: str = "matrix") -> str:
    """LaTeX of an expression; index letters i, j, k, …"""
    if notation not in NOTATIONS:
        raise SymderivError(f"notation='{notation}' isn't known", hint=f"take one of {', '.join(NOTATIONS)}")
    if notation == "index" or len(expr.shape) > 2:
        return index_latex(expr, tuple("ijklmnpqrs"[:len(expr.shape)]))[0]
    return matrix_latex(expr)


def expr_text(expr: Expr) -> str:
    """Plain text of an expression."""
    if len(expr.shape) > 2:
        return index_text(expr, tuple("ijklmnpqrs"[:len(expr.shape)]))[0]
    return plain(expr)


__all__ = ["Line", "Written", "chapters_of", "expr_latex", "expr_text", "fact_latex", "function_letter", "latex", "markdown",
           "text", "written"]
