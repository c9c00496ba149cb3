r"""The tables as pages of the documentation: ``python -m symderiv.reference docs/`` writes them anew.

Each page is made of the rows alone, so that it can't say anything else than the code does.

>>> sorted(PAGES)
['conventions.md', 'functions.md', 'losses.md', 'rules.md']
>>> functions_page().splitlines()[0]
'# Functions'
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from inspect import getdoc, getmodule
from itertools import groupby
from pathlib import Path

from symderiv.conventions import CONVENTIONS, loss_of
from symderiv.functions import ALIASES, POWERS, REALS, SCALAR, TENSOR, Interval, ScalarFunction, TensorFunction
from symderiv.functions.constants import decimal, long
from symderiv.losses import LOSS_ALIASES, LOSSES, Loss
from symderiv.rules import RULES, Rule

NOTE = "<!-- Written by `python -m symderiv.reference docs/`. Change the row, not this page. -->"


# ---------------------------------------------------------------- Markdown
def code(text: str) -> str:
    """A text as code in a cell of a table.

    >>> code("a | b"), code("")
    ('`a \\\\| b`', '')
    """
    return "`" + text.replace("|", r"\|") + "`" if text else ""


def math(latex: str) -> str:
    """A formula in a cell of a table."""
    return "$" + latex.replace("|", r"\vert ") + "$" if latex else ""


def prose(text: str) -> str:
    """Words in a cell of a table."""
    return text.replace("|", r"\|").replace("*", r"\*").replace("\n", " ")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns that are empty in every row are left out."""
    cells = [list(row) for row in rows]
    kept = [k for k, _ in enumerate(header) if any(row[k] for row in cells)]
    lines = [[header[k] for k in kept], ["--"] * len(kept), *([row[k] for k in kept] for row in cells)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """A page, its parts with empty lines between."""
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def interval_text(where: Interval) -> str:
    """An interval as a formula; nothing for the whole line.

    >>> from symderiv.functions import interval
    >>> interval_text(interval("[0, oo)")), interval_text(REALS)
    ('[0,\\\\infty)', '')
    """
    if where == REALS:
        return ""
    lo = r"-\infty" if where.lo is None else str(where.lo)
    hi = r"\infty" if where.hi is None else str(where.hi)
    return f"{'(' if where.lo_open else '['}{lo},{hi}{')' if where.hi_open else ']'}"


def params_text(params: Iterable[tuple[str, object]]) -> str:
    """Parameters with their defaults.

    >>> params_text((("axis", -1), ("keepdims", False)))
    'axis=-1, keepdims=False'
    """
    return ", ".join(f"{name}={_value_text(value)}" for name, value in params)


def _value_text(value: object) -> str:
    """A default, with all its digits where it is long."""
    return decimal(value) or str(value) if isinstance(value, Fraction) and long(value) else str(value)


# ---------------------------------------------------------------- functions
def _scalar_row(row: ScalarFunction) -> tuple[str, ...]:
    facts: list[str | None] = [row.parity, row.monotone, row.convexity, "log-concave" if row.log_concave else None]
    facts += [f"no f′ at {', '.join(row.kinks)}"] if row.kinks else []
    facts += [f"f′ bends at {', '.join(row.bends)}"] if row.bends else []
    facts += [f"not at {row.excluded}"] if row.excluded else []
    facts += [f"inverse {row.inverse}"] if row.inverse else []
    return (
        code(row.name), code(params_text(row.params)), code(row.definition or ""), math(row.derivative_note),
        math(interval_text(row.domain)), math(interval_text(row.range)), prose(", ".join(filter(None, facts))),
        code(row.module or ""), prose(row.source),
    )  # fmt: skip


def _tensor_row(row: TensorFunction) -> tuple[str, ...]:
    facts: list[str | None] = [row.convexity, *(code(fact) for fact in row.facts)]
    facts += [f"rough {row.rough}"] if row.rough else []
    return (
        code(row.name), row.kind, code(params_text(row.params)), code(row.definition or ""),
        math(interval_text(row.range)), ", ".join(filter(None, facts)), code(row.module or ""), prose(row.source),
    )  # fmt: skip


def _numpy_row(row: ScalarFunction) -> tuple[str, ...]:
    values = {name: name for name, _ in row.params}
    return code(row.name), code(row.numpy_source("x", **values)), code(row.derivative)


def functions_page() -> str:
    """Every function of the tables."""
    scalar = ("name", "parameters", "definition", "derivative", "domain", "values", "facts", "module", "source")
    tensor = ("name", "kind", "parameters", "definition", "values", "of a value `p`", "module", "source")
    others = [*((name, f"power {q}") for name, q in POWERS.items()), *ALIASES.items()]
    return page(
        "Functions",
        "One row each; adding one is described in [extending.md](extending.md). A row without a definition is a "
        "primitive. Domain and values are all of ℝ where nothing stands.",
        f"## Elementwise ({len(SCALAR)})",
        table(scalar, map(_scalar_row, SCALAR.values())),
        "`H` is the step with `H(0) = 0`; derivatives at a kink are torch's. Facts hold for parameters at their "
        "defaults.",
        f"## Of whole arrays ({len(TENSOR)})",
        "A *definition* stays a node, and its Jacobian is derived from the text; a *macro* is replaced by its text; "
        "for a *primitive* the engine has a rule. `axis=None` means all axes.",
        table(tensor, map(_tensor_row, TENSOR.values())),
        "## What is evaluated",
        "The NumPy form has no overflow, no nan and no warning where the value can be represented. The derivative is "
        "in the text notation, in terms of other rows, so that it can be differentiated again; a test compares it with "
        "the definition.",
        table(("name", "NumPy", "derivative, as text"), map(_numpy_row, SCALAR.values())),
        "## Other names",
        table(("name", "is"), ((code(name), code(row)) for name, row in others)),
    )


# ---------------------------------------------------------------- losses
def _loss_row(row: Loss) -> tuple[str, ...]:
    matching = f"{code(row.matching)}, {'L∘M at u' if row.after_module else 'L at u'}" if row.matching else ""
    rough = [f"no derivative where {code(k)} is 0" for k in row.kinks]
    rough += [f"a higher derivative is missing where {code(k)} is 0" for k in row.bends]
    claims = [*filter(None, [row.convexity]), *rough]
    return (
        code(row.name), code(row.module), code(row.text()), code(params_text(row.params)), prose(row.convention),
        ", ".join(map(code, row.needs)), ", ".join(claims), matching, prose(row.source),
    )  # fmt: skip


def losses_page() -> str:
    """Every loss of the table."""
    header = ("name", "module", "of one sample", "parameters", "convention", "needs", "claims", "matches", "source")
    return page(
        "Losses",
        "One row each; adding one is described in [extending.md](extending.md). `input` is what the network gives, "
        "`target` what it ought to give, both of one shape: (o,), or (B, o) for a batch. The text shown has the row's "
        "own reduction; `reduction=` may be given as `mean`, `sum` or `none`.",
        "The claims hold under the facts in *needs*. *matches* names the module M for which the gradient is affine in "
        "M's output: of the loss itself at its input u (the loss takes what comes before M), or of L∘M.",
        table(header, map(_loss_row, LOSSES.values())),
        "## Other names",
        table(("name", "is"), ((code(name), code(row)) for name, row in LOSS_ALIASES.items())),
    )


# ---------------------------------------------------------------- rules
def example_of(rule: Rule) -> tuple[str, str, tuple[str, ...]] | None:
    """A rule's example as text: before, after, and the facts that it used; None where it has none."""
    if rule.example is None:
        return None
    node, context = rule.example()
    for choice in rule.choices(node, context) if rule.choices else (None,):
        used = rule.fire(node, context, choice)
        if used is not None:
            return node.text(), used.after.text(), tuple(fact.text for fact in used.facts)
    return None


def _needs(rule: Rule, facts: Sequence[str]) -> str:
    if facts:
        return "an assumption, as in " + ", ".join(map(code, facts))
    if "Used" in str(rule.apply.__annotations__.get("return")):
        return "an assumption"
    return "a lemma, cited" if rule.family == "lemma" else ""


Fired = Mapping[str, Mapping[str, Sequence[str]]]
"""for each rule the derivations and handouts in which it was seen to fire, and its tests"""
FIRED = "rules_fired.json"
SHOWN = 3


def fired_in(folder: Path) -> Fired:
    """What the tests' tables found out about the rules, where the folder has it."""
    path = folder / FIRED
    found: Fired = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _rule_row(rule: Rule, seen: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    before, after, facts = example_of(rule) or ("", "", ())
    example = f"{code(before)} → {code(after)}" if before else ""
    numbers = ", ".join(dict.fromkeys(name.partition("_")[0] for name in seen.get("handouts", ())))
    fires = [*map(code, seen.get("derivations", ())), *([f"handouts {numbers}"] if numbers else [])]
    return (
        f"**{rule.title}**<br>{code(rule.name)}", math(rule.law), example, _needs(rule, facts),
        "<br>".join(fires), _tests_shown(seen.get("tests", ())), prose(rule.source),
    )  # fmt: skip


def _tests_shown(tests: Sequence[str]) -> str:
    """The first tests; those that differ in the case alone are shown as that case, once."""
    cases = list(dict.fromkeys(test.partition("[")[2].removesuffix("]") for test in tests))
    shown = cases if all(cases) else list(tests)
    more = [f"and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    return "<br>".join([*map(code, shown[:SHOWN]), *more])


def rules_page(fired: Fired) -> str:
    """Every rule, module by module."""
    parts = []
    for module, rules in groupby(RULES.values(), key=lambda rule: getmodule(rule.apply)):
        assert module is not None
        intro = (getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
        parts += [f"## `{module.__name__.removeprefix('symderiv.')}`", intro]
        header = ("rule", "law", "example", "rests on", "fires in", "tested by", "source")
        parts.append(table(header, (_rule_row(rule, fired.get(rule.name, {})) for rule in rules)))
    return page(
        "Rules",
        "A step of a derivation is one of these at one node. The title is what readers see, the name is the "
        "function's; several rules may share a title. Each example is a node at which the rule fires, and what it "
        "gives there. Adding a rule is described in [extending.md](extending.md).",
        "*fires in* names derivations of the tests' tables in which it was seen to fire (the first three) and handouts; "
        "`python -m tests.firings docs` looks again. *tested by* names cases of `tests/test_rules.py`, each of which is "
        "two tests: `test_a_rule_keeps_the_value` of what the rule means, and `test_a_rule_that_is_broken_is_seen`, in "
        "which faults are planted.",
        *parts,
    )


# ---------------------------------------------------------------- conventions
CONVENTIONS_TEXT = """# Conventions of curvature matrices

Libraries agree that the matrix is J_uᵀ h J_u, with J_u the Jacobian of the network's output (the *split*: here always the
logits, or the mean of a regression) and h the Hessian of the loss in it. They differ in what the loss is: with ½ or without,
the sum or the mean over m samples and over o outputs, to be minimised or maximised; and in how W, o×n, becomes a vector.
A row of `symderiv/conventions.py` says it; what stands below was read in the sources named, in November 2026.
"""

CONVENTIONS_END = """
## Converting

`sd.convert(source, target, loss)` gives the factor, in m and o. It follows from the losses that the two rows stand for; that
it takes the one's Hessian to the other's is proved by the engine each time.

```python
>>> import symderiv as sd
>>> sd.convert("kfac_jax", "nngeometry")
G[nngeometry] = 1/2 G[kfac_jax] for squared_error (proved), W from columns to rows
>>> found = sd.convert("backpack", "textbook", "cross_entropy")
>>> found
G[textbook] = m G[backpack] for cross_entropy (proved), W from rows to columns
>>> found.factor_at(samples=32, outputs=10)
Fraction(32, 1)
>>> found.apply([[1.0, 0.0], [0.0, 2.0]], samples=3, outputs=1, weight=(1, 2))
[[3.0, 0.0], [0.0, 6.0]]

```

Losses are `squared_error`, `cross_entropy`, `binary_cross_entropy` and `poisson_nll`. `apply` also reorders the rows and
columns of a weight's block where the layout changes.

- **½.** A squared error with ½ has the Hessian I in the output, without it 2I. nngeometry's *regression* is a normal
  distribution with unit variance; kfac-jax's squared error is one with variance ½.
- **Mean.** torch's `MSELoss` averages over all m·o entries, `CrossEntropyLoss` over the m samples. BackPACK and curvlinops keep
  the loss's own reduction; kfac-jax and nngeometry divide by m alone.
- **Mean, and Fisher.** The Fisher information of a *mean* over samples has 1/m², not 1/m: libraries mean (1/m) Σ_n F_n.
  `sd.fisher` says G = m F there.
- **Sign.** The Hessian of a log-likelihood that is maximised is negative semi-definite.
- **Split.** No factor leads from one split to another. Split after softmax, a one-hot target gives (p − y)(p − y)ᵀ, the
  empirical Fisher's term: see `sd.gauss_newton(…, at="p")`.
- **Exact, sampled, empirical.** BackPACK's `KFAC` and `DiagGGNMC`, curvlinops' `FisherMCLinearOperator` and nngeometry's
  `FIM_MonteCarlo` draw y from the model: they have these matrices as their means. The empirical Fisher takes the data's y.
- **K-FAC.** The matrix is A ⊗ S for a vec that stacks columns, S ⊗ A for one that stacks rows; `sd.kfac` has the factors.
"""


def conventions_page() -> str:
    """Each convention: a line of the table."""
    rows = []
    for row in CONVENTIONS.values():
        sign = "minimised" if row.sign > 0 else "maximised"
        losses = f"{code(loss_of(row, 'squared_error'))}, {code(loss_of(row, 'cross_entropy'))}"
        half = "yes" if row.half else "no"
        rows.append((code(row.name), row.matrix, half, row.samples, row.outputs, sign, row.split, row.layout, losses, row.note, row.source))
    head = ("name", "matrix", "½", "samples", "outputs", "sign", "split", "W by", "squared error, cross-entropy", "note", "source")
    return f"{CONVENTIONS_TEXT}\n{NOTE}\n\n{table(head, rows)}\n{CONVENTIONS_END}"


PAGES: dict[str, Callable[[Path], str]] = {
    "conventions.md": lambda folder: conventions_page(),
    "functions.md": lambda folder: functions_page(),
    "losses.md": lambda folder: losses_page(),
    "rules.md": lambda folder: rules_page(fired_in(folder)),
}
"""What is written into a folder, by the name of its file."""


def write(folder: Path) -> list[Path]:
    """Writes every page into a folder; gives the files that have changed."""
    changed = []
    for name, made in PAGES.items():
        path, text = folder / name, made(folder)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def main(arguments: Sequence[str]) -> int:
    """The command: one folder, which exists."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m symderiv.reference FOLDER", file=sys.stderr)
        return 2
    for path in write(Path(arguments[0])):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
