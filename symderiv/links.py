"""The table of link functions: one row each, by the inverse link, the mean as a text in the linear predictor `x`."""

from __future__ import annotations

from dataclasses import dataclass

from symderiv.errors import UnknownNameError


@dataclass(frozen=True)
class Link:
    """A link: ``mean`` is its inverse; ``into`` is where the means lie: "real", "positive" or "unit", (0, 1)."""

    name: str
    mean: str
    into: str
    source: str
    needs: tuple[str, ...] = ()  #: facts about `x`


_MN = "McCullagh & Nelder 1989, 2.2 and 4.3"
# fmt: off
_ROWS = (
    Link("identity", "x", "real", _MN),
    Link("logit", "sigmoid(x)", "unit", _MN),
    Link("probit", "(1 + erf(x/sqrt(2)))/2", "unit", _MN),
    Link("cloglog", "1 - exp(-exp(x))", "unit", _MN),
    Link("loglog", "exp(-exp(-x))", "unit", _MN),
    Link("cauchit", "1/2 + atan(x)/pi", "unit", "Koenker & Yoon 2009"),
    Link("log", "exp(x)", "positive", _MN),
    Link("inverse", "1/x", "positive", _MN, ("x > 0",)),
    Link("inverse_squared", "1/sqrt(x)", "positive", _MN, ("x > 0",)),
    Link("sqrt", "x**2", "positive", _MN, ("x > 0",)),
    Link("softplus", "softplus(x)", "positive", "Wiemann, Kneib & Hambuckers 2023"),
)
# fmt: on

#: Links by name.
LINKS: dict[str, Link] = {row.name: row for row in _ROWS}


def link(name: str) -> Link:
    """The row of a name; UnknownNameError with the nearest one.

    >>> link("log").mean
    'exp(x)'
    """
    if not isinstance(name, str) or name not in LINKS:
        raise UnknownNameError.among(str(name), (*LINKS, "canonical"), "link", f"take canonical, {', '.join(LINKS)}")
    return LINKS[name]
