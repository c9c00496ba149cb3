"""The table of exponential families: one row each. A row is data; what follows from it is derived.

The density of an entry is exp((y θ − b(θ))/φ + c(y, φ)) with natural parameter θ (`t` in the texts), mean μ = b′(θ) (`m`)
and variance φ b″(θ) = φ V(μ); φ = 1 here. Entries are independent, but for the categorical family: there a row is one
sample, and its entries sum to one. That `mean`, `canonical` and `variance` follow from `cumulant` is proved by the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from symderiv.errors import UnknownNameError


@dataclass(frozen=True)
class Family:
    """A family: texts in `t` (the natural parameter), `m` (the mean) and parameters."""

    name: str
    cumulant: str  #: b(t), of one entry; of the categorical family, of a row
    mean: str  #: b′(t)
    canonical: str  #: the t that has the mean m: the canonical link
    variance: str  #: V(m), of one entry; empty for the categorical family, whose covariance is diag m − m mᵀ
    source: str
    needs: tuple[str, ...] = ()  #: facts about `t`, in the words of `assume=`
    mean_needs: tuple[str, ...] = ()  #: facts about `m`
    params: tuple[str, ...] = ()  #: scalar parameters besides t
    facts: tuple[str, ...] = ()  #: what is certain of a target `y`
    by_row: bool = False
    means: str = "real"  #: where the mean lies: "real", "positive", or "unit", between 0 and 1 (times `total`)
    total: str = ""  #: what a mean of 1 of a link stands for
    latex: str = ""


_MN = "McCullagh & Nelder 1989, table 2.1"
# fmt: off
_ROWS = (
    Family("gaussian", "t**2/2", "t", "m", "1 + 0*m", _MN, latex=r"\mathcal{N}(\mu,1)"),
    Family("bernoulli", "log(1 + exp(t))", "sigmoid(t)", "log(m/(1 - m))", "m*(1 - m)", _MN,
           mean_needs=("m > 0", "m < 1"), means="unit", latex=r"\mathrm{Bernoulli}(\mu)"),
    Family("binomial", "k*log(1 + exp(t))", "k*sigmoid(t)", "log(m/(k - m))", "m*(1 - m/k)", _MN + ": k trials, m successes",
           needs=("k > 0",), mean_needs=("m > 0", "k > 0", "k - m > 0"), params=("k",), means="unit", total="k",
           latex=r"\mathrm{Binomial}(k,\mu/k)"),
    Family("poisson", "exp(t)", "exp(t)", "log(m)", "m", _MN, mean_needs=("m > 0",), means="positive", latex=r"\mathrm{Poisson}(\mu)"),
    Family("gamma", "-log(-t)", "-1/t", "-1/m", "m**2", _MN + ": unit shape", needs=("t < 0",), mean_needs=("m > 0",),
           means="positive", latex=r"\mathrm{Gamma}(\mu)"),
    Family("inverse_gaussian", "-sqrt(-2*t)", "1/sqrt(-2*t)", "-1/(2*m**2)", "m**3", _MN, needs=("t < 0",),
           mean_needs=("m > 0",), means="positive", latex=r"\mathrm{IG}(\mu)"),
    Family("negative_binomial", "-r*log(1 - exp(t))", "r*exp(t)/(1 - exp(t))", "log(m/(r + m))", "m + m**2/r",
           "McCullagh & Nelder 1989, 6.2: r failures", needs=("t < 0", "r > 0"), mean_needs=("m > 0", "r > 0"), params=("r",),
           means="positive", latex=r"\mathrm{NB}(r,\mu)"),
    Family("categorical", "logsumexp(t, axis=-1)", "softmax(t, axis=-1)", "log(m)", "", "McCullagh & Nelder 1989, 5.2: one trial",
           mean_needs=("m > 0",), facts=("onehot(y)",), by_row=True, latex=r"\mathrm{Cat}(\mu)"),
)
# fmt: on

#: The function that an expectation over a target is.
EXPECTATION = "expectation"

#: Families by name.
FAMILIES: dict[str, Family] = {row.name: row for row in _ROWS}


def family(name: str) -> Family:
    """The row of a name; UnknownNameError with the nearest one.

    >>> family("poisson").variance
    'm'
    """
    if not isinstance(name, str) or name not in FAMILIES:
        raise UnknownNameError.among(str(name), FAMILIES, "family", f"take one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
