"""torch's losses as rows of the loss table; their targets are probabilities or one-hot, in the input's shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symderiv.errors import NoRuleError
from symderiv.torch_models.functions import reads
from symderiv.torch_models.reading import Reading, Value, only

Read = Callable[..., Value]

#: torch's name of a loss: our row, and our name of each parameter that torch's call may give.
ROWS: dict[str, tuple[str, dict[str, str]]] = {
    "mse_loss": ("mse", {}),
    "l1_loss": ("l1", {}),
    "huber_loss": ("huber", {"delta": "delta"}),
    "smooth_l1_loss": ("smooth_l1", {"beta": "beta"}),
    "cross_entropy": ("cross_entropy", {}),
    "nll_loss": ("nll", {}),
    "binary_cross_entropy": ("binary_cross_entropy", {}),
    "binary_cross_entropy_with_logits": ("bce_with_logits", {}),
    "soft_margin_loss": ("soft_margin", {}),
    "poisson_nll_loss": ("poisson_nll", {}),
}
#: Settings that would change the value: what each must be.
PLAIN = {"weight": None, "pos_weight": None, "label_smoothing": 0.0, "log_input": True, "full": False, "size_average": None,
         "reduce": None}  # fmt: skip
_IGNORED = frozenset({"ignore_index", "eps"})


def _reader(row: str, params: dict[str, str]) -> Read:
    def read(r: Reading, input: Value, target: Value, reduction: str = "mean", **given: Any) -> Value:
        only(given, row, **{name: value for name, value in PLAIN.items() if name in given})
        unknown = set(given) - set(params) - set(PLAIN) - _IGNORED
        if unknown:
            raise NoRuleError(f"{row} with {', '.join(sorted(unknown))}= can't be read")
        if input.shape != target.shape:
            raise NoRuleError(f"{row} with a target of another shape", hint="give the target as probabilities or one-hot")
        texts = "".join(f", {params[name]}={value!r}" for name, value in given.items() if name in params)
        return r.line("v", f'{row}({input.text}, {target.text}{texts}, reduction="{reduction}")', input, target)

    return read


for _name, (_row, _params) in ROWS.items():
    reads(_name)(_reader(_row, _params))


@reads("kl_div")
def kl_div(r: Reading, input: Value, target: Value, reduction: str = "mean", log_target: bool = False, **given: Any) -> Value:
    """The input is a log-probability; "mean" is over all entries, "batchmean" over samples."""
    only({"log_target": log_target, **given}, "kl_div", log_target=False, size_average=None, reduce=None)
    each = f"{target.text}*(log({target.text}) - {input.text})"
    total = {"mean": f"mean({each})", "sum": f"sum({each})", "none": each,
             "batchmean": f"sum({each})/{input.shape[0] if input.shape else 1}"}  # fmt: skip
    return r.line("v", total[reduction], input, target)


#: torch's loss modules: the function that each calls, and the attributes that it passes on.
MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "MSELoss": ("mse_loss", ()),
    "L1Loss": ("l1_loss", ()),
    "HuberLoss": ("huber_loss", ("delta",)),
    "SmoothL1Loss": ("smooth_l1_loss", ("beta",)),
    "CrossEntropyLoss": ("cross_entropy", ("weight", "label_smoothing")),
    "NLLLoss": ("nll_loss", ("weight",)),
    "BCELoss": ("binary_cross_entropy", ("weight",)),
    "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", ("weight", "pos_weight")),
    "SoftMarginLoss": ("soft_margin_loss", ()),
    "PoissonNLLLoss": ("poisson_nll_loss", ("log_input", "full")),
    "KLDivLoss": ("kl_div", ("log_target",)),
}
