"""The table of losses: one row each. A row is data; gradients, Hessians and matching pairs are derived from its text.

Conventions, the same for every row:

- `input` is what the network gives, `target` what it ought to give; both have one shape, (o,) for one sample or (B, o)
  for a batch.
- `each` is the loss before it is reduced. Where `over` is "element" it has a value per entry, and the reduction runs
  over all entries, B·o of them (torch's rule). Where `over` is "sample" the last axis is summed already, it has a
  value per sample, and the reduction runs over the batch alone: one sample needs none.
- `reduction` is the default; rows named after a torch loss have torch's default, "mean". A factor ½ is there exactly
  where `each` shows it: `mse` has none, `half_squared_error`, `huber` and `gaussian_nll` have it.
- `sign` is +1 where the loss is to be minimised, and -1 where it is to be maximised.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from symderiv.functions.rows import REALS, Interval, fill, interval
from symderiv.functions.sources import LOG_SOFTMAX

Reduction = Literal["mean", "sum", "none"]


@dataclass(frozen=True)
class Loss:
    """A loss: its text in the formal arguments and parameters, and what is claimed of it.

    The claims (convexity, range, matching) hold under the facts of `needs`; each is tested.
    """

    name: str
    module: str  #: the class name of its module
    each: str  #: text of the loss before its reduction
    numpy: str  #: stable NumPy source of the same, a template in the arguments and parameters
    convention: str  #: in words: sign, factor, logarithms, reduction
    source: str
    over: Literal["element", "sample"] = "element"
    reduction: Reduction = "mean"
    input_kind: Literal["output", "logits", "log_rate", "probabilities", "log_probabilities", "natural"] = "output"
    arguments: tuple[str, ...] = ("input", "target")
    params: tuple[tuple[str, Fraction], ...] = ()
    numpy_helper: str = ""
    needs: tuple[str, ...] = ()  #: facts, in the words of `assume=`, for the claims
    convexity: Literal["convex", "concave"] | None = None  #: in `input`, whatever the target that `needs` allows
    matching: str | None = None  #: the module class M with gradient A·M(u) + b: of L at u, or of L∘M (see below)
    sign: Literal[1, -1] = 1
    range: Interval = REALS  #: encloses `each`
    kinks: tuple[str, ...] = ()  #: texts: no first derivative where one of them is zero
    bends: tuple[str, ...] = ()  #: texts: some higher derivative is missing where one of them is zero

    @property
    def after_module(self) -> bool:
        """Whether `matching` speaks of L∘M: the loss is written in M's output, and doesn't hold M itself."""
        return self.matching is not None and self.input_kind in ("output", "probabilities")

    @property
    def convex_in_input(self) -> bool:
        """Whether the loss is convex in `input`."""
        return self.convexity == "convex"

    @property
    def definition(self) -> str:
        """The loss of one sample, with its default reduction.

        >>> LOSSES["mse"].definition, LOSSES["log_likelihood"].definition
        ('mean((input - target)**2)', 'sum(target*log(input), axis=-1)')
        """
        return self.text()

    @property
    def batched(self) -> str:
        """The loss of a batch, with its default reduction."""
        return self.text(batch=True)

    @property
    def defaults(self) -> dict[str, Fraction]:
        """The parameters' default values by name."""
        return dict(self.params)

    def text(self, reduction: Reduction | None = None, batch: bool = False) -> str:
        """The loss in the text notation: of one sample (o,), or with `batch` of a matrix (B, o)."""
        reduction = reduction or self.reduction
        if reduction == "none" or (self.over == "sample" and not batch):
            return self.each
        return f"{reduction}({self.each})"

    def numpy_source(self, *arguments: str, reduction: Reduction | None = None, **values: str) -> str:
        """Stable NumPy source for one sample or a batch alike; the arguments' texts may be used more than once."""
        params = {name: values.get(name, repr(float(default))) for name, default in self.params}
        source = fill(self.numpy, {**dict(zip(self.arguments, arguments, strict=True)), **params})
        reduction = reduction or self.reduction
        return source if reduction == "none" else f"np.{reduction}({source})"


_SIMPLEX = ("target >= 0", "sum(target, axis=-1) == 1")
_UNIT = ("target >= 0", "target <= 1")
_SIGNS = ("target**2 == 1",)
_NONNEGATIVE = interval("[0, oo)")

# fmt: off
_ROWS: tuple[Loss, ...] = (
    Loss("mse", "MSE", "(input - target)**2", numpy="({input} - {target})**2", convexity="convex", matching="Linear",
         range=_NONNEGATIVE, convention="no ½; the mean over all entries", source="torch.nn.MSELoss"),
    Loss("half_squared_error", "HalfSquaredError", "(input - target)**2/2", numpy="0.5*({input} - {target})**2",
         reduction="sum", convexity="convex", matching="Linear", range=_NONNEGATIVE,
         convention="with ½; the sum over all entries", source="Bishop 2006, (5.11)"),
    Loss("l1", "L1", "abs(input - target)", numpy="np.abs({input} - {target})", convexity="convex",
         range=_NONNEGATIVE, kinks=("input - target",), convention="the mean over all entries",
         source="torch.nn.L1Loss"),
    Loss("huber", "Huber", "((input - target)**2 - relu(abs(input - target) - delta)**2)/2",
         numpy="np.where(np.abs({input} - {target}) <= {delta}, 0.5*({input} - {target})**2,"
               " {delta}*(np.abs({input} - {target}) - 0.5*{delta}))",
         params=(("delta", Fraction(1)),), needs=("delta > 0",), convexity="convex", range=_NONNEGATIVE,
         bends=("abs(input - target) - delta",), source="Huber 1964; torch.nn.HuberLoss",
         convention="½ r² for |r| ≤ δ, δ(|r| - ½ δ) beyond; the mean over all entries"),
    Loss("smooth_l1", "SmoothL1", "((input - target)**2 - relu(abs(input - target) - beta)**2)/(2*beta)",
         numpy="np.where(np.abs({input} - {target}) <= {beta}, 0.5*({input} - {target})**2/{beta},"
               " np.abs({input} - {target}) - 0.5*{beta})",
         params=(("beta", Fraction(1)),), needs=("beta > 0",), convexity="convex", range=_NONNEGATIVE,
         bends=("abs(input - target) - beta",), source="Girshick 2015; torch.nn.SmoothL1Loss",
         convention="huber divided by β; the mean over all entries"),
    Loss("log_cosh", "LogCosh", "logcosh(input - target)",
         numpy="np.abs({input} - {target}) + np.log1p(np.exp(-2.0*np.abs({input} - {target}))) - np.log(2.0)",
         convexity="convex", range=_NONNEGATIVE, convention="the mean over all entries", source="Green 1990"),
    Loss("quantile", "Quantile", "q*relu(target - input) + (1 - q)*relu(input - target)",
         numpy="np.maximum({q}*({target} - {input}), (1.0 - {q})*({input} - {target}))",
         params=(("q", Fraction(1, 2)),), needs=("q >= 0", "q <= 1"), convexity="convex", range=_NONNEGATIVE,
         kinks=("input - target",), convention="half of l1 at q = 1/2; the mean over all entries",
         source="Koenker & Bassett 1978"),

    Loss("cross_entropy", "CrossEntropy", "-sum(target*log_softmax(input, axis=-1), axis=-1)",
         numpy="-np.sum({target}*_log_softmax({input}, axis=-1), axis=-1)", numpy_helper=LOG_SOFTMAX, over="sample",
         input_kind="logits", needs=_SIMPLEX, convexity="convex", matching="Softmax", range=_NONNEGATIVE,
         convention="takes logits; class probabilities or one-hot as target; the mean over the batch",
         source="torch.nn.CrossEntropyLoss"),
    Loss("nll", "NLL", "-sum(target*input, axis=-1)", numpy="-np.sum({target}*{input}, axis=-1)", over="sample",
         input_kind="log_probabilities", convexity="convex", source="torch.nn.NLLLoss, with a one-hot target",
         convention="takes log-probabilities; the mean over the batch"),
    Loss("log_likelihood", "LogLikelihood", "sum(target*log(input), axis=-1)",
         numpy="np.sum({target}*np.log({input}), axis=-1)", over="sample", reduction="sum",
         input_kind="probabilities", needs=("input > 0", *_SIMPLEX), convexity="concave", matching="Softmax", sign=-1,
         convention="to be maximised; takes probabilities; the sum over the batch",
         source="the logarithm of the multinomial likelihood; Bishop 2006, (4.108) with its sign turned"),
    Loss("kl_divergence", "KLDivergence", "sum(target*(log(target) - log(input)), axis=-1)",
         numpy="np.sum({target}*(np.log({target}) - np.log({input})), axis=-1)", over="sample",
         input_kind="probabilities", needs=("input > 0", "target > 0", "sum(target, axis=-1) == 1",
                                            "sum(input, axis=-1) == 1"),
         convexity="convex", matching="Softmax", range=_NONNEGATIVE, source="Kullback & Leibler 1951",
         convention="KL(target ‖ input), both probabilities (torch.nn.KLDivLoss takes log-probabilities); the mean"
                    " over the batch (torch's 'batchmean')"),

    Loss("binary_cross_entropy", "BinaryCrossEntropy", "-(target*log(input) + (1 - target)*log(1 - input))",
         numpy="-({target}*np.log({input}) + (1.0 - {target})*np.log1p(-{input}))", input_kind="probabilities",
         needs=("input > 0", "input < 1", *_UNIT), convexity="convex", matching="Sigmoid", range=_NONNEGATIVE,
         convention="takes probabilities, and doesn't clamp the logarithm; the mean over all entries",
         source="torch.nn.BCELoss"),
    Loss("bce_with_logits", "BCEWithLogits", "softplus(input) - target*input",
         numpy="np.maximum({input}, 0.0) - {target}*{input} + np.log1p(np.exp(-np.abs({input})))",
         input_kind="logits", needs=_UNIT, convexity="convex", matching="Sigmoid", range=_NONNEGATIVE,
         convention="binary_cross_entropy after sigmoid; the mean over all entries",
         source="torch.nn.BCEWithLogitsLoss"),
    Loss("bipolar_nll", "BipolarNLL", "logcosh(input) + log(2) - target*input",
         numpy="np.abs({input}) - {target}*{input} + np.log1p(np.exp(-2.0*np.abs({input})))", input_kind="natural",
         needs=("target >= -1", "target <= 1"), convexity="convex", matching="Tanh", range=_NONNEGATIVE,
         convention="log(2 cosh u) - y u, for targets ±1 and their means; the mean over all entries",
         source="the two-point exponential family on ±1"),
    Loss("soft_margin", "SoftMargin", "softplus(-target*input)",
         numpy="np.maximum(-{target}*{input}, 0.0) + np.log1p(np.exp(-np.abs({target}*{input})))",
         input_kind="logits", needs=_SIGNS, convexity="convex", matching="Sigmoid", range=interval("(0, oo)"),
         convention="the logistic loss for targets ±1; the mean over all entries", source="torch.nn.SoftMarginLoss"),
    Loss("hinge", "Hinge", "relu(1 - target*input)", numpy="np.maximum(1.0 - {target}*{input}, 0.0)",
         needs=_SIGNS, convexity="convex", range=_NONNEGATIVE, kinks=("1 - target*input",),
         convention="for targets ±1; the mean over all entries", source="Cortes & Vapnik 1995"),
    Loss("squared_hinge", "SquaredHinge", "relu(1 - target*input)**2",
         numpy="np.maximum(1.0 - {target}*{input}, 0.0)**2", needs=_SIGNS, convexity="convex", range=_NONNEGATIVE,
         bends=("1 - target*input",), convention="for targets ±1, no ½; the mean over all entries",
         source="Chang, Hsieh & Lin 2008"),
    Loss("exponential", "Exponential", "exp(-target*input)", numpy="np.exp(-{target}*{input})", needs=_SIGNS,
         convexity="convex", range=interval("(0, oo)"), convention="for targets ±1; the mean over all entries",
         source="Freund & Schapire 1997"),

    Loss("poisson_nll", "PoissonNLL", "exp(input) - target*input", numpy="np.exp({input}) - {target}*{input}",
         input_kind="log_rate", convexity="convex", matching="Exp", source="torch.nn.PoissonNLLLoss",
         convention="takes the logarithm of the rate, without the term in the target alone; the mean over all entries"),
    Loss("gaussian_nll", "GaussianNLL", "(log(variance) + (input - target)**2/variance)/2",
         numpy="0.5*(np.log({variance}) + ({input} - {target})**2/{variance})",
         arguments=("input", "target", "variance"), needs=("variance > 0",), convexity="convex",
         convention="with ½ and a variance per entry, without ½ log 2π and torch's clamp of it; the mean over all"
         " entries", source="torch.nn.GaussianNLLLoss"),
    Loss("gamma_nll", "GammaNLL", "-log(-input) - target*input", numpy="-np.log(-{input}) - {target}*{input}",
         input_kind="natural", needs=("input < 0",), convexity="convex", source="McCullagh & Nelder 1989, 8.3",
         convention="takes u = -1/mean, unit shape, without terms in the target alone; the mean over all entries"),
    Loss("gamma_log_nll", "GammaLogNLL", "input + target*exp(-input)", numpy="{input} + {target}*np.exp(-{input})",
         input_kind="log_rate", needs=("target >= 0",), convexity="convex", source="McCullagh & Nelder 1989, 8.3",
         convention="takes the logarithm of the mean, unit shape; the mean over all entries"),
    Loss("inverse_gaussian_nll", "InverseGaussianNLL", "-sqrt(-2*input) - target*input",
         numpy="-np.sqrt(-2.0*{input}) - {target}*{input}", input_kind="natural", needs=("input < 0",),
         convexity="convex", convention="takes u = -1/(2 mean²), without terms in the target alone; the mean over all"
         " entries", source="McCullagh & Nelder 1989, 2.2"),
    Loss("negative_binomial_nll", "NegativeBinomialNLL", "-r*log(1 - exp(input)) - target*input",
         numpy="-{r}*np.log(-np.expm1({input})) - {target}*{input}", params=(("r", Fraction(1)),),
         input_kind="natural", needs=("input < 0", "r > 0"), convexity="convex", source="McCullagh & Nelder 1989, 6.2",
         convention="takes the logarithm of the success probability, r failures, without terms in the target alone; the"
                    " mean over all entries"),
)
# fmt: on

#: Losses by name.
LOSSES: dict[str, Loss] = {row.name: row for row in _ROWS}

#: Losses by the class name of their module.
LOSS_MODULES: dict[str, Loss] = {row.module: row for row in _ROWS}

#: Other names in use for the same losses.
LOSS_ALIASES: dict[str, str] = {
    "mean_squared_error": "mse",
    "mae": "l1",
    "mean_absolute_error": "l1",
    "smoothl1": "smooth_l1",
    "logcosh_loss": "log_cosh",
    "pinball": "quantile",
    "softmax_cross_entropy": "cross_entropy",
    "negative_log_likelihood": "nll",
    "kl": "kl_divergence",
    "kl_div": "kl_divergence",
    "bce": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "logistic_loss": "soft_margin",
    "poisson": "poisson_nll",
    "huber_loss": "huber",
    "hinge_loss": "hinge",
}


def canonical_loss_name(name: str) -> str:
    """The row's own name for an alias or a module's class name; any other name is returned as it is.

    >>> canonical_loss_name("bce"), canonical_loss_name("CrossEntropy")
    ('binary_cross_entropy', 'cross_entropy')
    """
    return LOSS_MODULES[name].name if name in LOSS_MODULES else LOSS_ALIASES.get(name, name)


def loss_names() -> tuple[str, ...]:
    """Every loss name that the table knows, aliases among them, sorted."""
    return tuple(sorted({*LOSSES, *LOSS_ALIASES}))
