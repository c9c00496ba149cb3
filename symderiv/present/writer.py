"""One chapter in one notation: left sides, formulas and reasons."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from symderiv.build import identity, transform
from symderiv.derive import IDENTITY, is_whole
from symderiv.facts import Fact, Facts
from symderiv.functions import SCALAR, TENSOR
from symderiv.functions.constants import decimal, long
from symderiv.ir import Add, Box, Call, Der, Expr, Map, Shape, free_name, names_in, number_of
from symderiv.lift import lift, lift_any
from symderiv.ops import transpose
from symderiv.present.naming import fact_latex, function_letter, goal_latex, symbol_text
from symderiv.render.index import index_latex, index_text
from symderiv.render.joined import joined, joined_axes
from symderiv.render.letters import OUTPUT_POOL, Letters, output_letters
from symderiv.render.matrix import matrix_latex
from symderiv.render.notation import Notation, chosen
from symderiv.render.signs import signed, signs_of
from symderiv.render.style import Style
from symderiv.render.symbols import name_latex, name_text, shape_latex
from symderiv.render.text import plain
from symderiv.render.tree import Opaque, postorder
from symderiv.tell import Chapter, Why, differential_chapter

PLAIN_KINDS = ("loss", "let", "G", "R", "H")
NOTATIONS = ("matrix", "index", "differential")
DETAILS = ("brief", "normal", "full")


@dataclass(frozen=True)
class Written:
    """One printed line. ``why`` is prose with formulas between dollar signs; ``state`` is what the right side stands for.

    ``lemma`` is the number of the lemma that ends with the line, or 0; ``why`` says it too.
    """

    lhs: str
    rhs: str
    why: str
    law: str
    shape: str
    state: Expr
    plain_lhs: str = ""
    plain_rhs: str = ""
    chapter: int = 0
    lemma: int = 0


class Writer:
    """Prints a chapter in one notation; what has no matrix form is printed by its entries."""

    def __init__(self, chapter: Chapter, notation: str, facts: Facts, signs: Notation, number: int) -> None:
        self.facts, self.signs, self.number = facts, chosen(signs), number
        self.source = chapter
        if notation == "differential" and chapter.kind not in PLAIN_KINDS and not is_whole(chapter.kind):
            chapter = differential_chapter(chapter)
        self.chapter = chapter
        self.notation = notation
        states = [line.state for line in chapter.lines]
        wide = any(len(s.shape) > 2 for s in states) or (notation != "index" and any(_no_matrix(s) for s in states))
        self.index = notation == "index" or wide
        self.letters = _letters(chapter, self.index)
        self.kept = signs_of(facts.sums, self.source.subject)

    def lines(self) -> list[Written]:
        told = list(self.chapter.lines)
        if len(told) > 1 and chapter_is_told(self.chapter.kind) and told[0].state is self.chapter.goal and not self.index:
            told = told[1:]
        result: list[Written] = []
        previous: Letters | None = None
        for k, line in enumerate(told):
            rhs, bare, previous = self.formula(line.state, previous)
            if (result and rhs in (result[-1].rhs, self._bare(result[-1].rhs))) or (k and told[k - 1].state is line.state):
                continue
            why = self.reasons(line.why)
            if line.state is self.chapter.goal and not line.why:
                why = _ENTRY.get(self.chapter.kind, "")
            shape = shape_latex(self.shown(line.state).shape) if not result else ""
            lhs, bare_lhs = self.left() if not result else ("", "")
            if lhs == rhs and k + 1 < len(told):                # x = x says nothing
                continue
            law = next((w.law for w in line.why), "")
            if self.chapter.kind == "inner":
                rhs, bare = self._inner(rhs), readable(f"⟨{bare}, d{symbol_text(self.chapter.wrt[0])}⟩")
                shape = "1" if shape else ""
            result.append(Written(lhs, rhs, why, law, shape, line.state, readable(bare_lhs), bare, self.number))
        result.extend(self.closing(result))
        if self.chapter.lemma and result:
            end = result[-1]
            result[-1] = replace(end, why=f"{end.why} (lemma {self.chapter.lemma})".strip(), lemma=self.chapter.lemma)
        return result

    def _unit(self, node: Expr) -> Expr | None:
        """A unit matrix isn't shown in a product; nor is ∂x/∂xᵀ, transposed, in a gradient."""
        if isinstance(node, Box):
            return node.body
        if isinstance(node, Der) and node.body is node.wrt and not self.chapter.subject.shape and len(self.chapter.by) == 1:
            return identity(node.wrt.shape)
        return None

    def _inner(self, rhs: str) -> str:
        return rf"\langle {rhs},\,\mathrm{{d}}{name_latex(symbol_text(self.chapter.wrt[0]))}\rangle"

    def _bare(self, rhs: str) -> str:
        """The cotangent of a printed inner product."""
        if self.chapter.kind != "inner":
            return rhs
        return rhs.removeprefix(r"\langle ").removesuffix(rf",\,\mathrm{{d}}{name_latex(symbol_text(self.chapter.wrt[0]))}\rangle")

    def shown(self, state: Expr) -> Expr:
        """A state as it is written: in denominator layout a Jacobian's is its transpose."""
        return transpose(state) if not self.index and is_turned(self.chapter, self.signs) and len(state.shape) == 2 else state

    def formula(self, state: Expr, previous: Letters | None) -> tuple[str, str, Letters | None]:
        value = number_of(state) if self.chapter.kind == "let" else None
        if value is not None and long(value):                   # what a constant's name stands for
            return str(decimal(value)), str(decimal(value)), previous
        if not self.index:
            state = signed(self.shown(transform(state, self._unit)), self.kept)
            return matrix_latex(state, self.signs), plain(state), previous
        state = signed(state, self.kept)
        text, letters = index_latex(state, self.letters, previous, self.signs)
        return text, index_text(state, self.letters, previous)[0], letters

    # ------------------------------------------------------------ left sides
    def left(self) -> tuple[str, str]:
        """The left side, as LaTeX and as plain text."""
        c = self.chapter
        subject = function_letter(c.subject)
        if c.kind == "let":
            own = c.goal.name  # type: ignore[attr-defined]  # the goal of a let is its name
            latex = self._letter(own, c.goal.shape)
            return (self._indexed(latex), self._indexed_text(own)) if self.index else (latex, own)
        if c.kind == "loss":
            return subject, subject
        if c.kind == "cotangent":
            own = c.named.name if c.named is not None else self._cotangent(symbol_text(c.wrt[0]))
            latex = self._letter(own, c.wrt[0].shape)
            return (self._indexed(latex), self._indexed_text(own)) if self.index else (latex, own)
        if c.kind in ("differential", "inner"):
            return self._differential_left(subject)
        if " times " in c.kind:
            matrix, v = c.kind.split(" times ")
            sign = rf"\nabla^{{2}}{subject}" if matrix == "hessian" else matrix
            vs = ",".join(map(name_latex, v.split(", ")))
            text, bare = f"{sign}[{vs}]", f"{'∇²' + subject if matrix == 'hessian' else matrix} {v}"
            if c.by:
                text, bare = rf"({text})_{{{name_latex(symbol_text(c.by[0]))}}}", f"({bare})_{symbol_text(c.by[0])}"
            return (self._indexed(text), self._indexed_text(f"({bare})")) if self.index else (text, bare)
        if c.kind in ("G", "R", "H") or c.kind.startswith(IDENTITY):
            below, own = [symbol_text(x) for x in c.by], c.kind.removeprefix(IDENTITY)
            text = own_latex(own) + (rf"_{{{' '.join(map(name_latex, below))}}}" if below else "")
            bare = own + ("_" + ",".join(below) if below else "")
            return (self._indexed(text), self._indexed_text(bare)) if self.index else (text, bare)
        return self._derivative_left(subject)

    def _cotangent(self, of: str) -> str:
        """What a cotangent is called that is a symbol itself, and so has got no name."""
        return free_name(names_in(self.chapter.subject), f"delta_{of}", f"g_{of}")

    def _letter(self, text: str, shape: Shape) -> str:
        """A name on a left side, bold where vectors are."""
        latex = name_latex(text)
        return rf"\boldsymbol{{{latex}}}" if self.signs.bold_vectors and len(shape) == 1 else latex

    def _differential_left(self, subject: str) -> tuple[str, str]:
        c = self.chapter
        if c.kind == "inner":
            own = symbol_text(c.wrt[0])
            delta = name_latex(c.named.name) if c.named is not None else rf"\nabla_{{{name_latex(own)}}} {subject}"
            bare = c.named.name if c.named is not None else f"∇_{own} {subject}"
            return rf"\langle {delta},\mathrm{{d}}{name_latex(own)}\rangle", f"⟨{bare}, d{own}⟩"
        letter = self._letter(subject, c.subject.shape)
        if len(c.by) == 1:
            return rf"\mathrm{{d}}{letter}", f"d{subject}"
        if c.subject.shape:
            return rf"\mathrm{{d}}J_{{{letter}}}", f"dJ_{subject}"
        if len(c.by) == 2:
            return rf"\mathrm{{d}}(\nabla_{{{name_latex(symbol_text(c.by[0]))}}} {letter})", f"d(∇{subject})"
        return rf"\mathrm{{d}}(\nabla^{{{len(c.by) - 1}}} {letter})", f"d(∇^{len(c.by) - 1} {subject})"

    def _derivative_left(self, subject: str) -> tuple[str, str]:
        c = self.chapter
        letter = self._letter(subject, c.subject.shape)
        names = [self._letter(symbol_text(x), x.shape) for x in c.by]
        texts = [symbol_text(x) for x in c.by]
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
            bare = self._indexed_text(f"∂{_POWERS[len(c.by)]}{subject}/∂{' ∂'.join(texts)}")
            return rf"\frac{{\partial{power_} {head}}}{{{under_bar}}}", bare
        turned = f"^{self.signs.transpose}" if c.by[-1].shape else ""
        if len(c.by) == 1 and not c.subject.shape:
            return rf"\nabla_{{{names[0]}}} {letter}", f"∇_{texts[0]} {subject}"
        if is_turned(c, self.signs):
            return rf"\frac{{\partial {letter}^{self.signs.transpose}}}{{\partial {names[0]}}}", f"∂{subject}ᵀ/∂{texts[0]}"
        if len(c.by) == 1:
            return rf"\frac{{\partial {letter}}}{{\partial {names[0]}{turned}}}", f"∂{subject}/∂{texts[0]}{'ᵀ' if turned else ''}"
        if len(set(c.by)) == 1 and len(c.by) == 2 and not c.subject.shape:
            return rf"\nabla^{{2}}_{{{names[0]}}} {letter}", f"∇²_{texts[0]} {subject}"
        below_text = r"\,".join(rf"\partial {n}" for n in names)
        bare = f"∂{_POWERS[len(names)]}{subject}/∂{' ∂'.join(texts)}"
        return rf"\frac{{\partial^{{{len(names)}}} {letter}}}{{{below_text}{turned}}}", bare

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
        if _no_matrix(last):
            return []
        reader = Writer(self.source, "matrix", self.facts, self.signs, self.number)
        reader.index = False
        lhs, bare = reader.left()
        last = reader.shown(last)
        printed = signed(last, self.kept)
        rhs, plain_rhs = matrix_latex(printed, self.signs), plain(printed)
        if self.index and last.shape and self.notation != "differential":
            law = r"[\,\sum_k A_{ik}B_{kj}\,]=AB"
            return [Written(lhs, rhs, "read as matrix", law, "", last, readable(bare), plain_rhs, self.number)]
        if self.notation == "differential" and self.chapter.kind in ("differential", "inner"):
            scalar = self.chapter.kind == "inner" or (not self.source.subject.shape and len(self.source.by) == 1)
            title = "identify gradient" if scalar else "identify Jacobian"
            law = r"\mathrm{d}L=\langle G,\mathrm{d}X\rangle\Rightarrow\nabla_XL=G" if scalar else \
                r"\mathrm{d}N=A\,\mathrm{d}x\Rightarrow J=A"
            if is_turned(self.source, self.signs):
                law = r"\mathrm{d}N=A\,\mathrm{d}x\Rightarrow\partial N^\top/\partial x=A^\top"
            return [Written(lhs, rhs, title, law, shape_latex(last.shape), last, readable(bare), plain_rhs, self.number)]
        return []

    def reasons(self, whys: Sequence[Why]) -> str:
        parts: list[str] = []
        for why in whys:
            text = why.title
            if why.cited is not None:
                text += f" {why.cited}" if isinstance(why.cited, int) else f" ${goal_latex(why.cited)}$"
            if why.note:
                text += f", ${why.note}$"
            if why.facts:
                text = ", ".join(f"assumption ${fact_latex(f)}$" for f in self._facts(why.facts)) if why.title == "assumption" \
                    else f"{text}, " + ", ".join(f"${fact_latex(f)}$" for f in self._facts(why.facts))
            if why.through is not None:
                operation = self.operation(why.through)
                text += f" through ${operation}$" if operation else ""
                if isinstance(why.through, Call) and why.through.fn in TENSOR and TENSOR[why.through.fn].derivative_note:
                    text += f", ${TENSOR[why.through.fn].derivative_note}$"
                if isinstance(why.through, Map) and why.through.fn in SCALAR and not why.through.generic:
                    text += f", ${SCALAR[why.through.fn].derivative_note}$"
            parts.append(text)
        kept = [p for p in dict.fromkeys(parts) if not any(q.startswith((f"{p},", f"{p} ")) for q in parts)]
        shown = [b.removeprefix(f"{a.partition(', $')[0]}, ") if ", $" in a else b for a, b in pairwise(["", *kept])]
        return ", ".join(shown)                                 # a rule's name once, with a note for each function

    def _facts(self, texts: Sequence[str]) -> list[Fact]:
        return [next(f for f in self.facts if f.text == text) for text in texts]

    def operation(self, node: Expr) -> str:
        """A short formula for the operation that a cotangent is pulled back through; empty where it would be long."""
        if isinstance(node, Add):
            return "+"
        if isinstance(node, Map) and node.fn != "pow" and not node.generic:
            return SCALAR[node.fn].tex(r"\cdot") if "{x}" in SCALAR[node.fn].latex else SCALAR[node.fn].latex
        node = signed(node, self.kept)
        text = matrix_latex(node, self.signs) if len(node.shape) <= 2 else ""
        return text if len(plain(node)) < 16 else ""


def is_turned(chapter: Chapter, signs: Notation) -> bool:
    """Whether a chapter is a Jacobian, of a vector by a vector, that is written transposed."""
    plain_kind = chapter.kind in ("jacobian", "derivative") and len(chapter.by) == 1
    return signs.turned and plain_kind and len(chapter.subject.shape) == len(chapter.by[0].shape) == 1


def chapter_is_told(kind: str) -> bool:
    """False where the first line is itself what is told."""
    return kind not in ("loss", "let") and not is_whole(kind)


def own_latex(name: str) -> str:
    r"""LaTeX of the name of an expression of derivatives.

    >>> own_latex("F"), own_latex("E[H]")
    ('F', '\\mathbb{E}[H]')
    """
    if name.isidentifier():
        return name_latex(name)
    latex = re.sub(r"\bE\[", r"\\mathbb{E}[", name)
    for sign, command in (("ᵀ", r"^\top"), (" ", r"\,"), ("μ", r"\mu"), ("θ", r"\theta")):
        latex = latex.replace(sign, command)
    return latex


def readable(text: str) -> str:
    """Plain text with each name as formulas have it: δ_z, W₁."""
    return re.sub(r"[A-Za-z]\w*?_[A-Za-z][+-]\d(?!\d)|[A-Za-z]\w*", lambda m: name_text(m.group()), text)


_POWERS = ("", "", "²", "³", *(f"^{k}" for k in range(4, 100)))
_ENTRY = {"jacobian": "Jacobian entry", "gradient": "gradient entry", "hessian": "Hessian entry", "derivative": "entry"}


def _no_matrix(state: Expr) -> bool:
    """True for what a matrix formula would have to leave out."""
    return len(state.shape) <= 2 and lift(state) is None and any(isinstance(t, Opaque) for t in postorder(lift_any(state)))


def _letters(chapter: Chapter, index: bool) -> tuple[str, ...]:
    """Letters of the output: i is the output's, j and k the parameter's; in index form a joined axis has several."""
    shape = chapter.lines[-1].state.shape
    scalar_by_vector = chapter.kind in ("gradient", "hessian") and not chapter.subject.shape and \
        all(len(x.shape) == 1 for x in chapter.by) and len(shape) <= 2
    states = [line.state for line in chapter.lines]
    wide = joined_axes(chapter.lines[-1].state) if index else {}
    count = len(shape) + sum(width - 1 for width in wide.values())
    letters = list(output_letters(count, *states, pool=OUTPUT_POOL[1:] if scalar_by_vector else OUTPUT_POOL))
    plain_ = [letters.pop(0) for _ in shape]
    return tuple(joined([x, *(letters.pop(0) for _ in range(wide[k] - 1))]) if k in wide else x for k, x in enumerate(plain_))


def _with_index(text: str, index: str) -> str:
    if not index:
        return text
    scripted, text = index if len(index) == 1 else f"{{{index}}}", Style.entry(text)
    return f"({text})_{scripted}" if "_" in text or "^" in text else f"{text}_{scripted}"
