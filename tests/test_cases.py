"""Every case of the tables: derived from each spelling, replayed, verified, compared with a formula written by hand.

A row that fails in a way that isn't marked open fails here, and so does one that is marked open and doesn't fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sympy

import symderiv as sd
from symderiv.build import apply, call, substitute, transform, unnamed
from symderiv.errors import SymderivError
from symderiv.ir import Call, Expr, Map
from symderiv.lift import lift
from symderiv.verdicts import prove_exprs
from symderiv.verify import same_value
from tests.cases_cookbook import COOKBOOK, IDENTITIES
from tests.cases_table import EVERYDAY, Case

TRIALS = 4


# ---------------------------------------------------------------- reading a row
def spellings(row: Case) -> Iterator[tuple[str, Any]]:
    """Each spelling's text and what it is: a text, or a SymPy expression."""
    yield from ((text, text) for text in row.texts)
    yield from ((text, in_sympy(text, row)) for text in row.sympy)


def in_sympy(text: str, row: Case) -> Any:
    """The SymPy expression that a row's Python text makes of the symbols it declares."""
    names: dict[str, Any] = {**vars(sympy), "sd": sd, "el": lambda f, x: x.applyfunc(f), "s": sympy.Dummy("s"),
                             "ones": lambda rows, columns: sympy.OneMatrix(rows, columns)}  # fmt: skip
    for name, shape in row.declared.items():
        if shape == "elementwise":
            names[name] = sympy.Function(name)
            continue
        dims = [sympy.Symbol(d, integer=True, positive=True) for d in shape.split()]
        names.update({d.name: d for d in dims})
        names[name] = sympy.MatrixSymbol(name, *dims, *[1] * (2 - len(dims))) if dims else sympy.Symbol(name)
    return eval(text, names)


def derive(row: Case, f: Any) -> Any:
    """The derivation of one spelling; of a list of variables, the last block of its first row."""
    wrt: Any = row.wrt.split() if " " in row.wrt else row.wrt
    return getattr(sd, row.operator)(f, wrt, assume=row.assume, shapes=row.declared, **row.options)


def result_of(made: Any) -> Expr:
    result = made.G.result if hasattr(made, "G") else made.result
    return result[0][-1] if isinstance(result, tuple) else result


def expected_of(row: Case) -> Expr:
    """The formula written by hand, in which f_1 is f′ and G_1 the Jacobian of an abstract G."""
    shapes = dict(row.declared)
    for name, shape in row.declared.items():
        if shape == "elementwise":
            shapes |= {f"{name}_{order}": shape for order in (1, 2, 3)}
        elif "->" in shape:
            before, after = shape.split("->")
            shapes |= {f"{name}_{order}": f"{before}->{after} {' '.join([before.strip()] * order)}" for order in (1, 2)}
    return transform(sd.parse(row.expected, assume=row.assume, shapes=shapes), _derivative)


def _derivative(node: Expr) -> Expr | None:
    """f_1(x) as the node f′(x)."""
    if isinstance(node, Map) and node.generic and "_" in node.fn:
        fn, order = node.fn.split("_")
        return apply(fn, node.arg, order=int(order), generic=True)
    if isinstance(node, Call) and node.abstract and "_" in node.fn:
        fn, order = node.fn.split("_")
        return call(fn, node.args, node.shape[: len(node.shape) - int(order)], abstract=True, ders=(0,) * int(order))
    return None


# ---------------------------------------------------------------- what a row has to keep
def failures(row: Case) -> dict[str, str]:
    """What fails, as "check: spelling", with what was found instead; "check" where it fails for every spelling."""
    found: dict[str, dict[str, str]] = {}
    first: Expr | None = None
    alive = 0
    for text, f in spellings(row):
        try:
            made = derive(row, f)
        except SymderivError as error:
            found.setdefault("derive", {})[text] = f"{type(error).__name__}: {error}"
            continue
        alive += 1
        result = result_of(made)
        for check, message in checks(row, made, result):
            if message:
                found.setdefault(check, {})[text] = message
        first = first or unnamed(result)
        if unnamed(result) is not first:
            found.setdefault("same", {})[text] = f"{result.text()} instead of {first.text()}"
    short: dict[str, str] = {}
    for check, of in found.items():
        whole = len(of) == (alive if check != "derive" else alive + len(of))
        short |= {check: next(iter(of.values()))} if whole else {f"{check}: {text}": why for text, why in of.items()}
    return short


def checks(row: Case, made: Any, result: Expr) -> Iterator[tuple[str, str]]:
    """Each check, with what is wrong, or nothing."""
    yield "replay", _replay(made, result)
    report = made.verify(trials=TRIALS)
    yield "verify", "" if report else report.summary()
    shown = result
    if row.at:
        values = {name: sd.parse(value, shapes=row.declared) for name, value in row.at.items()}
        shown = substitute(result, {sd.parse(name, shapes=row.declared): value for name, value in values.items()})
    expected = expected_of(row)
    if shown.shape != expected.shape:
        yield "expected", f"the shape {shown.shape} instead of {expected.shape}"
    else:
        facts = made.facts
        compared = same_value(shown, expected, facts, TRIALS)
        yield "expected", "" if compared else f"{result.text()}: {compared.summary()}"
        verdict = prove_exprs(shown, expected, facts)
        yield "proved", "" if verdict.status == "proved" else f"{result.text()}: {verdict.status}, {verdict.reason}"
    yield "form", _form(row, shown)


def _replay(made: Any, result: Expr) -> str:
    again = made.replay()
    if hasattr(made, "G"):
        return ""
    while isinstance(again, tuple):
        again = again[0][-1] if isinstance(again[0], tuple) else again[-1]
    return "" if again is result else "replayed to another node"


def _form(row: Case, result: Expr) -> str:
    text = result.text()
    if row.form == "closed" and (len(result.shape) > 2 or lift(result) is None):
        return f"no matrix form: {text}"
    return "" if text.strip() else "nothing is shown"


@pytest.mark.parametrize("row", [*EVERYDAY, *COOKBOOK], ids=lambda row: f"{row.name}, {row.operator} by {row.wrt}")
def test_case(row: Case) -> None:
    found = failures(row)
    assert found.keys() == row.open.keys(), "\n".join(f"{check}: {why}" for check, why in found.items())


@pytest.mark.parametrize(("lhs", "rhs", "shapes", "assume"), IDENTITIES, ids=lambda value: str(value)[:40])
def test_identity(lhs: str, rhs: str, shapes: dict[str, str], assume: str) -> None:
    assert sd.prove(lhs, rhs, assume=assume or None, trials=TRIALS, shapes=shapes).status == "proved"


def test_prove_can_be_called_twice() -> None:
    for _ in range(2):
        assert sd.prove("x + x", "2*x", x="n")


def test_the_test_sees_what_it_has_to_see() -> None:
    """Planted faults: a wrong formula, a result that has no matrix form, a spelling of something else."""
    good = {"name": "", "operator": "gradient", "wrt": "x", "shapes": "A: m n, x: n, y: m", "expected": "A.T @ y"}
    assert not failures(Case(texts=("y @ A @ x",), **good))
    assert failures(Case(texts=("y @ A @ x",), **{**good, "expected": "1.001*A.T @ y"})).keys() == {"expected", "proved"}
    assert failures(Case(texts=("y @ A @ x", "y @ A @ x * 2"), **good)).keys() == {
        "expected: y @ A @ x * 2", "proved: y @ A @ x * 2", "same: y @ A @ x * 2"}  # fmt: skip
    assert failures(Case(texts=("y @ A @ x", "y @ A @ z"), **good)).keys() == {"derive: y @ A @ z"}
    assert failures(Case(**{**good, "operator": "jacobian", "wrt": "A", "expected": 'einsum("ij,k->ijk", eye(m), x)'},
                         texts=("A @ x",))).keys() == {"form"}  # fmt: skip
