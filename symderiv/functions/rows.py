"""The two kinds of row in the function table. A row is data: it holds no derivative rule and does no algebra.

Text bodies are in the package's own NumPy notation, in the formal argument `x` and the row's parameters, and call
nothing but other rows (so every row can be differentiated any number of times). NumPy sources and LaTeX are templates:
`{x}` and `{parameter}` are put in by plain replacement, so that `e^{{x}}` gives `e^{u}`. A template may use `{x}` more
than once: put a name in, not a long expression.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple


class Interval(NamedTuple):
    """An interval of the reals; None is an infinite end.

    >>> Fraction(1, 2) in Interval(Fraction(0), None), 0 in Interval(Fraction(0), None)
    (True, False)
    """

    lo: Fraction | None = None
    hi: Fraction | None = None
    lo_open: bool = True
    hi_open: bool = True

    def __contains__(self, value: Any) -> bool:
        above = self.lo is None or (value > self.lo if self.lo_open else value >= self.lo)
        below = self.hi is None or (value < self.hi if self.hi_open else value <= self.hi)
        return above and below

    @property
    def nonnegative(self) -> bool:
        """Whether every value is ≥ 0."""
        return self.lo is not None and self.lo >= 0

    @property
    def positive(self) -> bool:
        """Whether every value is > 0."""
        return self.lo is not None and (self.lo > 0 or (self.lo == 0 and self.lo_open))


REALS = Interval()


def interval(text: str) -> Interval:
    """Reads an interval as it is written in a book, with `oo` for an infinite end.

    >>> interval("[0, 6]").hi, interval("(-1/2, oo)").lo, interval("(-1/2, oo)").hi
    (Fraction(6, 1), Fraction(-1, 2), None)
    """
    lo, hi = (part.strip() for part in text[1:-1].split(","))
    return Interval(
        None if lo == "-oo" else Fraction(lo), None if hi == "oo" else Fraction(hi), text[0] == "(", text[-1] == ")"
    )


def fill(template: str, values: Mapping[str, str]) -> str:
    """Puts texts in for the `{name}` of a template, by plain replacement.

    >>> fill("e^{{x}}", {"x": "u"})
    'e^{u}'
    """
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template


@dataclass(frozen=True)
class ScalarFunction:
    """A function ℝ → ℝ that is applied elementwise: all facts about it on one screen.

    The facts (parity, range, …) hold on `domain` and for parameters within `param_ranges`.
    """

    name: str
    definition: str | None  #: text in `x`, by other rows; None for the few primitives
    sympy: str  #: a SymPy-parsable body in `x` and the parameters, for zero tests and integrals
    derivative: str  #: text in `x`, by rows, stable; at a kink it takes torch's value
    derivative_note: str  #: the law in LaTeX, as a step is labelled with it
    numpy: str  #: stable NumPy source: no nan and no warning where the value can be represented
    latex: str  #: an operator, written before a bracketed argument, or a template with `{x}`
    source: str  #: where the function comes from
    numpy_helper: str = ""  #: definitions that `numpy` calls, pasted once into generated code
    complex_numpy: str = ""  #: complex-safe NumPy source of an analytic row, where `numpy` isn't
    complex_helper: str = ""  #: definitions that `complex_numpy` calls
    params: tuple[tuple[str, Fraction], ...] = ()  #: (name, default)
    param_ranges: tuple[Interval, ...] = ()  #: for each parameter, where the stated facts hold
    domain: Interval = REALS  #: where it is defined
    excluded: str = ""  #: points within `domain` where it isn't, in words
    range: Interval = REALS  #: encloses the values; exact where the ends are rational
    parity: Literal["even", "odd"] | None = None
    monotone: Literal["increasing", "decreasing"] | None = None  #: in the wide sense
    convexity: Literal["convex", "concave", "affine"] | None = None
    log_concave: bool = False  #: its logarithm is concave; so is that of 1 − f where the range is (0, 1)
    kinks: tuple[str, ...] = ()  #: texts: where, for some parameters, it has no first derivative
    bends: tuple[str, ...] = ()  #: texts: the other points where some higher derivative is missing
    inverse: str | None = None  #: the row g with g(f(x)) = x on the domain
    module: str | None = None  #: the class name of its module, for an activation
    letters: tuple[tuple[str, str], ...] = ()  #: (parameter, its name in formulas), where that isn't the one in calls

    @property
    def analytic(self) -> bool:
        """Whether it is analytic, so that a complex step through `complex_source` may differentiate it."""
        return not self.rough

    @property
    def rough(self) -> tuple[str, ...]:
        """Every point that a numeric derivative of any order must stay away from."""
        return self.kinks + self.bends

    @property
    def activation(self) -> bool:
        """Whether it is offered as a module."""
        return self.module is not None

    @property
    def defaults(self) -> dict[str, Fraction]:
        """The parameters' default values by name."""
        return dict(self.params)

    def facts_hold(self, **values: Fraction) -> bool:
        """Whether the row's facts hold for these parameter values (the others at their defaults)."""
        ranges = zip(self.params, self.param_ranges, strict=True)
        return all(values.get(name, default) in where for (name, default), where in ranges)

    def numpy_source(self, x: str, **values: str) -> str:
        """The stable NumPy source for an argument's text; parameters are given as text too."""
        return fill(self.numpy, {"x": x, **self._texts(values)})

    def complex_source(self, x: str, **values: str) -> str:
        """NumPy source that also holds for complex arguments near the real axis (analytic rows only)."""
        return fill(self.complex_numpy or self.numpy, {"x": x, **self._texts(values)})

    def tex(self, x: str, **values: str) -> str:
        r"""LaTeX of the function at an argument that is already LaTeX; only the parameters given are shown.

        >>> from symderiv.functions import SCALAR
        >>> SCALAR["exp"].tex("u"), SCALAR["tanh"].tex("Wh")
        ('e^{u}', '\\tanh(Wh)')
        """
        if "{x}" in self.latex:
            return fill(self.latex, {"x": x, **self._texts(values)})
        subscript = "_{" + ",".join(values.values()) + "}" if values else ""
        return f"{self.latex}{subscript}({x})"

    def _texts(self, values: Mapping[str, str]) -> dict[str, str]:
        return {name: values.get(name, repr(float(default))) for name, default in self.params}


@dataclass(frozen=True)
class TensorFunction:
    """A function of whole arrays.

    `kind` says what the name is when it has been parsed: a 'definition' stays a node, whose Jacobian is derived from
    the body; a 'macro' is replaced by its body; a 'primitive' has no body, and the engine has a rule for it.
    In a body `axis=None` means all axes, in `size(x, axis)` too; a negative axis counts from the end.
    """

    name: str
    kind: Literal["definition", "macro", "primitive"]
    definition: str | None  #: text in `arguments` and parameter names
    numpy: str  #: stable NumPy source, a template in the arguments and parameters
    latex: str  #: an operator, or a template with the arguments
    source: str
    arguments: tuple[str, ...] = ("x",)
    params: tuple[tuple[str, int | Fraction | bool | None], ...] = ()  #: (name, default), all by keyword
    signature: str = ""  #: of a function of a matrix: the shapes of its argument and value, as in "m n -> n"
    derivative_note: str = ""  #: the law in LaTeX with its condition, as a step through a primitive is labelled
    numpy_helper: str = ""
    range: Interval = REALS  #: encloses every entry
    facts: tuple[str, ...] = ()  #: what holds of a value, in the words of `assume=`; the value is called `p`
    convexity: Literal["convex", "concave", "affine"] | None = None  #: of each entry, in the first argument
    rough: str = ""  #: where it isn't differentiable, in words
    pieces: bool = False  #: made of pieces, with kinks or jumps where they meet
    module: str | None = None
    potential: str = ""  #: text in the arguments: what it is the gradient of; the engine differentiates it to prove so

    def numpy_source(self, *arguments: str, **values: str) -> str:
        """The stable NumPy source for the arguments' texts; parameters are given as text too."""
        params = {name: values.get(name, _python(default)) for name, default in self.params}
        return fill(self.numpy, {**dict(zip(self.arguments, arguments, strict=True)), **params})

    def tex(self, *arguments: str) -> str:
        r"""LaTeX of the function at arguments that are already LaTeX; after a minus only a sum needs its brackets.

        >>> from symderiv.functions import TENSOR
        >>> TENSOR["top_resolvent"].tex("X"), TENSOR["top_resolvent"].tex("A+B")
        ('(\\lambda_{\\max}I-X)^{+}', '(\\lambda_{\\max}I-(A+B))^{+}')
        """
        if "{" + self.arguments[0] + "}" in self.latex:
            latex = self.latex
            for name, text in zip(self.arguments, arguments, strict=True):
                if not re.search(r"[-+]", text):
                    latex = latex.replace(f"-({{{name}}})", f"-{{{name}}}")
            return fill(latex, dict(zip(self.arguments, arguments, strict=True)))
        return f"{self.latex}({', '.join(arguments)})"


def _python(value: int | Fraction | bool | None) -> str:
    return repr(float(value)) if isinstance(value, Fraction) else repr(value)
