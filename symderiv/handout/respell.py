r"""The notation of a project of handouts: one file, ``notation.toml``, beside the sources, and pages written in it.

    layout = "denominator"        # a Jacobian is printed as ∂Nᵀ/∂x, the transpose of ∂N/∂xᵀ
    bold_vectors = true

    [signs]                       # LaTeX for the signs of transpose, hadamard, quotient, kron, ones, zeros
    transpose = 'T'
    hadamard = '\circ'

    [names]                       # how a name of the formulas is printed
    p = '\hat{y}'

    [macros]                      # commands of one's own, for prose and for the signs and names above
    RR = '\mathbb{R}'
    norm = '\lVert #1\rVert'

>>> written = Spelling(signs={r"\top": "T", r"\odot": r"\circ"}, names={"p": r"\hat{y}"}, macros={"RR": r"\mathbb{R}"})
>>> written.formula(r"(p\odot p)^\top"), written.formula(r"\operatorname{softplus}(p_i)\in\RR^{n}")
('({\\hat{y}}\\circ {\\hat{y}})^{T}', '\\operatorname{softplus}({\\hat{y}}_i)\\in{\\mathbb{R}}^{n}')
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from symderiv.errors import UnknownNameError
from symderiv.handout.calls import Place, SourceError
from symderiv.handout.model import CardRow, Code, Example, Figure, Line, Page, ProofNode, Result, Section, Symbols, Task
from symderiv.render.notation import DEFAULT, LAYOUTS, Notation
from symderiv.render.symbols import name_latex

FILE = "notation.toml"
SIGNS = {"transpose": r"\top", "hadamard": r"\odot", "quotient": r"\oslash", "kron": r"\otimes",
         "ones": r"\mathbf{1}", "zeros": r"\mathbf{0}"}  # fmt: skip
NUMERATOR = "Numerator layout: $i$ is the output, $j$ and $k$ the parameter;"
DENOMINATOR = (
    r"Denominator layout: a Jacobian is printed as $\partial N^\top/\partial x$, a row for each parameter, which is the transpose "
    r"of $\partial N/\partial x^\top$; $i$ is the output, $j$ and $k$ the parameter;"
)
_OPERATORS = {r"\odot", r"\oslash", r"\otimes"}
_LATEX: dict[type, tuple[str, ...]] = {
    Line: ("lhs", "rhs", "law", "shape"), Result: ("parts",), Example: ("parts",), ProofNode: ("claim",), CardRow: ("law",),
}  # fmt: skip
_LEFT = (Code, Figure, Task)
_GROUP = re.compile(r"\\(?:operatorname\*?|text|mathrm|mathtt|mathbb|mathcal|begin|end)\{[^{}]*\}")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_MATH = re.compile(r"(?<!\\)(\$\$?)((?:[^$\\]|\\.)+)\1")


@dataclass(frozen=True)
class Spelling:
    """What is written in place of signs, names and commands; and the notation in which formulas are made."""

    notation: Notation = DEFAULT
    signs: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        return self == Spelling()

    def formula(self, latex: str) -> str:
        """A formula with its signs, names and commands as they are wanted."""
        found, at = [], 0
        while at < len(latex):
            text, end = self._next(latex, at)
            found.append(text)
            at = end
        return "".join(found)

    def prose(self, text: str) -> str:
        """Prose, in which formulas stand between dollar signs."""
        return _MATH.sub(lambda m: m[1] + self.formula(m[2]) + m[1], text)

    def _next(self, latex: str, at: int) -> tuple[str, int]:
        """(what is written for the next part, where the part ends)."""
        for sign, text in self.signs.items():
            if latex.startswith(sign, at) and not (sign[-1].isalpha() and latex[at + len(sign) : at + len(sign) + 1].isalpha()):
                end = at + len(sign)
                apart = " " if text[-1:].isalpha() and latex[end : end + 1].isalpha() else ""
                return (text + apart if sign in _OPERATORS else f"{{{text}}}"), end
        for name, text in self.names.items():                   # loss is \mathrm{loss}: before what is left as it is
            if latex.startswith(name, at) and _ends(latex, at + len(name), name):
                return f"{{{text}}}", at + len(name)
        if group := _GROUP.match(latex, at):
            return group[0], group.end()
        if command := _COMMAND.match(latex, at):
            body = self.macros.get(command[0][1:])
            return self._expanded(body, latex, command.end()) if body is not None else (command[0], command.end())
        width = 2 if latex[at] == "\\" else 1
        return latex[at : at + width], at + width

    def _expanded(self, body: str, latex: str, at: int) -> tuple[str, int]:
        """A command of one's own with its arguments put in."""
        for number in range(1, max((int(n) for n in re.findall(r"#(\d)", body)), default=0) + 1):
            argument, at = _argument(latex, at)
            body = body.replace(f"#{number}", self.formula(argument))
        return f"{{{body}}}", at


def _ends(latex: str, end: int, name: str) -> bool:
    """Whether a name ends here: W isn't printed as a part of W_1, nor \\p of \\pi."""
    after = latex[end : end + 1]
    return not (name[-1].isalpha() and name.startswith("\\") and after.isalpha()) and not re.match(r"_\{?\d", latex[end:])


def _argument(latex: str, at: int) -> tuple[str, int]:
    """(the next argument, where it ends): a group, a command or a sign."""
    at += len(latex[at:]) - len(latex[at:].lstrip())
    if latex[at : at + 1] != "{":
        command = _COMMAND.match(latex, at)
        end = command.end() if command else at + 1
        return latex[at:end], end
    depth = 0
    for end in range(at, len(latex)):
        depth += {"{": 1, "}": -1}.get(latex[end], 0)
        if not depth:
            return latex[at + 1 : end], end + 1
    return latex[at + 1 :], len(latex)


# ---------------------------------------------------------------- pages
def respelled(page: Page, spelling: Spelling) -> Page:
    """A page with every formula in the notation wanted; what is code or drawn stays."""
    if spelling.plain:
        return page
    if spelling.notation.turned and page.convention is not None:
        page = replace(page, convention=replace(page.convention, text=page.convention.text.replace(NUMERATOR, DENOMINATOR)))
    made: Page = _walked(page, spelling)
    return made


def _walked(value: Any, spelling: Spelling, formula: bool = False) -> Any:
    if isinstance(value, str):
        return spelling.formula(value) if formula else spelling.prose(value)
    if isinstance(value, tuple):
        return tuple(_walked(part, spelling, formula) for part in value)
    if not is_dataclass(value) or isinstance(value, _LEFT):
        return value
    if isinstance(value, Symbols):
        rows = tuple((spelling.formula(sign), spelling.formula(shape), spelling.prose(role)) for sign, shape, role in value.rows)
        return replace(value, rows=rows)
    kept = ("slug", "anchor") if isinstance(value, Page | Section | CardRow) else ()
    latex = _LATEX.get(type(value), ())
    law = replace(spelling, names={})                           # the letters of a law are nobody's names
    parts = {f.name: _walked(getattr(value, f.name), law if f.name == "law" else spelling, f.name in latex)
             for f in fields(value) if f.name not in kept}  # fmt: skip
    return replace(value, **parts)  # type: ignore[type-var]  # a dataclass, as was asked above


# ---------------------------------------------------------------- the file
def spelling_of(source: Path) -> Spelling:
    """The notation for a source: that of ``notation.toml`` in its folder, if there is one; raises SourceError for a wrong one."""
    path = source.parent / FILE
    return spelling_in(path) if path.is_file() else Spelling()


def spelling_in(path: Path) -> Spelling:
    """The notation that a file states; raises SourceError for a wrong one."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        raise SourceError(Place(str(path), int(line[1]) if line else 1), f"it isn't TOML: {error}") from None
    return _read(given, path)


def _read(given: Mapping[str, Any], path: Path) -> Spelling:
    _known(given, ("layout", "bold_vectors", "signs", "names", "macros"), "key", path)
    tables = {key: _table(given, key, path) for key in ("signs", "names", "macros")}
    _known(tables["signs"], tuple(SIGNS), "sign", path)
    layout, bold = given.get("layout", LAYOUTS[0]), given.get("bold_vectors", False)
    if layout not in LAYOUTS:
        unknown = UnknownNameError.among(str(layout), LAYOUTS, "layout", f"layouts: {', '.join(LAYOUTS)}")
        raise SourceError(_place(path, "layout"), str(unknown))
    if not isinstance(bold, bool):
        raise SourceError(_place(path, "bold_vectors"), "bold_vectors takes true or false")
    macros = {key.removeprefix("\\"): text for key, text in tables["macros"].items()}
    own = Spelling(macros=macros)
    signs = {SIGNS[key]: own.formula(text) for key, text in tables["signs"].items()}
    names = {name_latex(key): own.formula(text) for key, text in tables["names"].items()}
    longest_first = dict(sorted(names.items(), key=lambda n: -len(n[0])))
    return Spelling(replace(DEFAULT, layout=layout, bold_vectors=bold), signs, longest_first, macros)


def _closed(text: str) -> bool:
    """Whether every brace is closed, and none before it is opened."""
    depth = 0
    for sign in re.sub(r"\\.", "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    return not depth


def _table(given: Mapping[str, Any], key: str, path: Path) -> dict[str, str]:
    table = given.get(key, {})
    for name, text in table.items() if isinstance(table, dict) else [(key, None)]:
        if not isinstance(text, str) or not _closed(text):
            raise SourceError(_place(path, name), f"{key}: {name} takes LaTeX between quotes, with every brace closed")
    return dict(table)


def _known(given: Mapping[str, Any], known: Sequence[str], kind: str, path: Path) -> None:
    for key in given:
        if key not in known:
            raise SourceError(_place(path, key), str(UnknownNameError.among(key, known, kind, f"{kind}s: {', '.join(known)}")))


def _place(path: Path, key: str) -> Place:
    """The line that gives a key its value, or opens its table."""
    begins = re.compile(rf"""\s*\[?\s*["']?{re.escape(key)}["']?\s*[=\]]""")
    lines = path.read_text(encoding="utf-8").splitlines()
    return Place(str(path), next((number for number, line in enumerate(lines, 1) if begins.match(line)), 1))
