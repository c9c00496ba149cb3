"""Names as LaTeX and as plain text; whatever a name holds, nothing but letters, digits and known commands comes out."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache

from symderiv.dims import Dim, dim_latex
from symderiv.ir import Shape

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ",
    "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ",
    "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
    "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}
_SPELLED = {letter: name for name, letter in GREEK.items()} | {"ϵ": "epsilon", "ϕ": "phi", "ϑ": "theta", "ς": "sigma"}
_ALSO = {"lam": "lambda", "lamda": "lambda", "eps": "epsilon", "lmbda": "lambda"}
_ACCENTS = {"hat": r"\hat", "bar": r"\bar", "tilde": r"\tilde", "dot": r"\dot", "vec": r"\vec"}
_MARKS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307", "vec": "\u20d7"}
_PRIMES = {"prime": r"\prime", "star": r"\star", "plus": "+"}
_SHIFTED = re.compile(r"[A-Za-z][+-]\d")
"""an index of a layer, as l-1: in names that symbolic depth makes"""
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def name_latex(name: str) -> str:
    r"""LaTeX for a name; letter for letter where another name beside it would look the same (see `apart`).

    >>> [name_latex(n) for n in ("W1", "delta_z", "x_hat", "W_out", "loss", "σ", "delta_a1")]
    ['W_1', '\\delta_z', '\\hat{x}', 'W_{\\mathrm{out}}', '\\mathrm{loss}', '\\sigma', '\\delta_{a_1}']
    >>> name_latex("x}\\input{y<")
    '\\mathrm{xinputy}'
    """
    shown = _latex(name)
    return _verbatim(name) if _has_double(name, shown, _latex) else shown


@lru_cache(maxsize=4096)
def _latex(name: str) -> str:
    base, subscript, star = _parts(name)
    text = base if not subscript else f"{base}_{_group(subscript)}"
    return f"{text}^{{{star}}}" if star else text


def _verbatim(name: str) -> str:
    return rf"\mathtt{{{''.join(chr(92) + '_' if c == '_' else _character(c) for c in name)}}}"


def has_script(name: str) -> bool:
    """Whether the LaTeX of a name carries a subscript or superscript already, so that indices need brackets.

    >>> has_script("W1"), has_script("x_hat")
    (True, False)
    """
    _, subscript, star = _parts(name)
    return bool(subscript or star)


Named = frozenset[tuple[str, int]]
"""names, each with the number of its axes"""
BESIDE: ContextVar[Named] = ContextVar("beside", default=frozenset())
"""what is printed together, as `apart` knows it"""


def _has_double(name: str, shown: str, printed: Callable[[str], str]) -> bool:
    """Whether another name looks like this one: W1 like W_1, lam like lambda, x like x_."""
    beside = BESIDE.get()
    return bool(beside) and bool(_by_look(beside, printed).get(shown, frozenset()) - {name})


@lru_cache(maxsize=512)
def _by_look(named: Named, printed: Callable[[str], str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, _ in named:
        found[printed(name)] = found.get(printed(name), frozenset()) | {name}
    return found


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, str, str]:
    """(base, subscript, superscript) in LaTeX."""
    pieces = [p for p in name.split("_") if p]
    if not pieces:
        return r"\mathrm{\_}", "", ""
    head, star, accent = pieces[0], "", ""
    rest: list[str] = []
    for piece in pieces[1:]:
        if piece in _ACCENTS and not rest and not accent:
            accent = _ACCENTS[piece]
        elif piece in _PRIMES:
            star += _PRIMES[piece]
        else:
            rest.append(piece)
    match = re.fullmatch(r"(.*?\D)(\d+)", head)
    number = ""
    if match and (_is_letter(match.group(1)) or not rest):
        head, number = match.groups()
    base = _atom(head)
    if accent:
        base = f"{accent}{{{base}}}"
    script = [number] if number else []
    if rest and not number and (base == r"\delta" or (rest[0] == "delta" and len(rest) > 1)):    # of a cotangent
        script.append(_latex("_".join(rest)))
    else:
        script += [_latex(piece) if re.fullmatch(r"\D\d+", piece) else _atom(piece) for piece in rest]
    return base, ",".join(script), star


def _is_letter(text: str) -> bool:
    return len(text) == 1 or text in GREEK or text in _ALSO


def _atom(piece: str) -> str:
    """One letter, Greek name, number or word."""
    piece = _ALSO.get(piece, piece)
    if piece in GREEK:
        return "\\" + piece
    if piece in _SPELLED:
        return "\\" + _SPELLED[piece]
    if (len(piece) == 1 and piece.isascii() and piece.isalnum()) or _SHIFTED.fullmatch(piece):
        return piece
    text = "".join(_character(c) for c in piece)
    if text.isascii() and text.isdigit():
        return text
    return rf"\mathrm{{{text or '?'}}}"


def _character(c: str) -> str:
    if c.isascii():
        return c if c.isalnum() else ""
    if c in _SPELLED:
        return f"\\{_SPELLED[c]} "
    plain = unicodedata.normalize("NFKD", c)
    kept = "".join(x for x in plain if x.isascii() and x.isalnum())
    return kept or (f"U{ord(c):X}" if c.isalnum() else "")


def _group(text: str) -> str:
    return text if len(text) == 1 or re.fullmatch(r"\\[A-Za-z]+", text) else f"{{{text}}}"


def script(text: str, position: str = "_") -> str:
    """A sub- or superscript, with braces where they are needed.

    >>> script("k"), script("ij"), script("2", "^")
    ('_k', '_{ij}', '^2')
    """
    return position + _group(text)


def name_text(name: str) -> str:
    """A name in plain text; letter for letter where another name beside it would look the same.

    >>> [name_text(n) for n in ("W1", "delta_z", "x_hat", "lambda", "W_out")]
    ['W₁', 'δ_z', 'x\u0302', 'λ', 'W_out']
    """
    shown = _text(name)
    return name if _has_double(name, shown, _text) else shown


@lru_cache(maxsize=4096)
def _text(name: str) -> str:
    pieces = [p if _SHIFTED.fullmatch(p) else "".join(c for c in p if c.isalnum()) for p in name.split("_") if p]
    if not pieces:
        return "_"
    head, rest = pieces[0], pieces[1:]
    match = re.fullmatch(r"(.*\D)(\d+)", head)
    number = ""
    if match:
        head, number = match.group(1), match.group(2).translate(_SUBSCRIPTS)
    head = GREEK.get(_ALSO.get(head, head), head)
    if rest and rest[0] in _MARKS:
        head, rest = head + _MARKS[rest[0]], rest[1:]
    tail = "_" + "_".join(f"({r.replace('-', '−')})" if _SHIFTED.fullmatch(r) else _text(r) for r in rest) if rest else ""
    return head + number + tail


def shape_latex(shape: Shape) -> str:
    r"""A shape in LaTeX.

    >>> shape_latex(("o", "n")), shape_latex(())
    ('o\\times n', '1')
    """
    return r"\times ".join(_dim(d, len(shape) > 1) for d in shape) if shape else "1"


def _dim(dim: Dim, factor: bool) -> str:
    text = dim_latex(dim)
    return f"({text})" if factor and (" + " in text or " - " in text) else text
