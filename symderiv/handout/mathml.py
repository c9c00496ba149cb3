r"""Formulas as MathML, through the ``math-core`` package: one adapter, which remembers what it has converted.

>>> mathml("x_i")
'<math><msub><mi>x</mi><mi>i</mi></msub></math>'
>>> mathml("f'")
'<math><mrow><mi>f</mi><mo lspace="0" rspace="0">′</mo></mrow></math>'
>>> try:
...     mathml(r"\nonsense{x}")
... except FormulaError as error:
...     print(error)
this formula can't be shown as MathML: Unknown command "\nonsense". (line 1, column 1)
    \nonsense{x}
    ^
use LaTeX's and amsmath's own commands
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from math_core import LatexError, LatexToMathML

from symderiv.errors import SymderivError
from symderiv.handout.formula import PRODUCTS, RELATIONS, SUMS, parse, pieces

_HINT = "use LaTeX's and amsmath's own commands"
_PRIME = re.compile("(?:<mo>[′″‴⁗]</mo>|<mrow>(?:<mo>[′″‴⁗]</mo>)+</mrow>)</msup>")


class FormulaError(SymderivError):
    """A formula that can't be shown in a page; it holds the LaTeX text."""


@cache
def _converter() -> LatexToMathML:
    return LatexToMathML(fancy_error=False)


@lru_cache(maxsize=16384)
def mathml(latex: str, display: bool = False) -> str:
    """The ``<math>`` element of a formula; ``display`` sets sums and fractions large, still within the line."""
    try:
        plain = latex.replace(r"\big/", "/")                     # which would be spaced as a relation
        made: str = _converter().convert_with_local_state(plain, displaystyle=display)
    except LatexError as error:
        place = re.match(r"(\d+): ", str(error))
        at = min(int(place[1]), len(latex)) if place else 0
        reason = str(error)[place.end() if place else 0 :].strip()
        span = (at, at + 1)
        raise FormulaError(f"this formula can't be shown as MathML: {reason}", latex, span, hint=_HINT) from None
    return _low_primes(made.replace('<math display="block">', '<math displaystyle="true">', 1))


def _low_primes(made: str) -> str:
    """Primes beside their letter: the sign is high already, and as a superscript browsers would lift it once more."""
    while prime := _PRIME.search(made):
        start, depth = prime.start(), 1
        while depth:
            tag = max(made.rfind("<msup>", 0, start), made.rfind("</msup>", 0, start))
            depth += 1 if made.startswith("</", tag) else -1
            start = tag
        signs = "".join(f'<mo lspace="0" rspace="0">{sign}</mo>' for sign in prime[0] if sign in "′″‴⁗")
        inside = made[start + len("<msup>") : prime.start()]
        made = f"{made[:start]}<mrow>{inside}{signs}</mrow>{made[prime.end() :]}"
    return made


def broken(latex: str, before: str = "", display: bool = True) -> str:
    """A formula as several ``<math>`` elements, between which the browser may begin a new line.

    Lines end before relations, sums and products outside of all brackets; a part that is wider than the screen even so
    has to scroll in its box: brackets that are torn apart are harder to read. ``before`` is a relation to set before it.
    """
    found: list[str] = []
    for index, (piece, _) in enumerate(pieces(latex)):
        first = parse(piece)[:1]
        infix = bool(first) and first[0].text in RELATIONS | SUMS | PRODUCTS
        start = f"{before} " if not index and before else "{}" if index and infix else ""
        found.append(mathml(start + piece, display))
    return "<wbr>".join(found)
