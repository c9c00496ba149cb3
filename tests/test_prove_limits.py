"""prove at its limits: what can't be decided, what is defined nowhere, a planted fault; it ends, and says the same each time."""

from __future__ import annotations

import pytest

import symderiv as sd
from symderiv.errors import ShapeError
from symderiv.proving.terms import Poly
from symderiv.verdicts import prove_exprs
from symderiv.verify import same_value
from tests.test_prove import V, claim, sides


def test_shapes_that_differ() -> None:
    with pytest.raises(ShapeError, match=r"n.*n×n"):
        claim("x", "A", x="n", A="n n")


def test_gives_up_within_the_budget() -> None:
    verdict = claim("(a + b + c + d)**14*(a - b)", "(d + b + a + c)**14*(a - b) + 0*a", a="n", b="n", c="n", d="n")
    assert verdict.status in ("proved", "checked")


def test_unknown_where_nothing_can_be_evaluated() -> None:
    assert claim("log(-x**2 - 1)", "log(-x**2 - 2)", x="n").status == "unknown"


def test_checked_where_no_form_shows_it() -> None:
    verdict = claim("atan(x) + atan(1/x)", "pi/2 + 0*x", "x > 0", x="n")
    assert verdict.status == "checked"
    assert verdict.worst is not None
    assert verdict.worst < 1e-9


def test_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a false law planted the table above proves falsehoods, and the check of values says so."""
    from symderiv.proving import functions

    monkeypatch.setitem(functions.FORMS, "erf", lambda forms, p: Poly(p.shape, {}))
    left, right, facts = sides(("erf(x)", "0*x", V, None))
    assert prove_exprs(left, right, facts).status == "proved"
    assert same_value(left, right, facts, trials=2).verdict == "refuted"


def test_deterministic() -> None:
    first = [claim("inv(A + B)", "inv(A) @ inv(inv(A) + inv(B)) @ inv(B)", A="n n", B="n n").status for _ in range(2)]
    assert first == ["proved", "proved"]


@pytest.mark.parametrize(
    ("lhs", "rhs", "shapes"),
    [
        ("log(-1)", "0", {}),
        ("log(-exp(x))", "x", {"x": "n"}),
        ("log(x - 1)", "log(1 - x)", {"x": "n"}),
        ("log(-softmax(x))", "log_softmax(x)", {"x": "n"}),
    ],
)
def test_what_is_defined_nowhere_is_not_proved(lhs, rhs, shapes):
    assert sd.prove(lhs, rhs, **shapes).status == "unknown"
    assert sd.prove("log(x*y)", "log(x) + log(y)", x="n", y="n", assume="x > 0, y > 0").status == "proved"


def test_numbers_that_no_float_holds_are_refuted_all_the_same() -> None:
    found = sd.prove("2.0**2000*x", "x", x="")
    assert found.status == "refuted" and found.counterexample is not None
