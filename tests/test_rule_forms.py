"""What single rules give, to the letter, and where they stop: beside the borders that `tests/test_rules.py` doesn't come near."""

from __future__ import annotations

from fractions import Fraction

import pytest

import symderiv as sd
from symderiv.build import ONE, add, apply, contract, name, ones, power, scale, symbol, view
from symderiv.facts import Fact, facts
from symderiv.ir import Expr
from symderiv.rules import RULES, Context
from symderiv.rules.algebra import sums_in
from symderiv.rules.definitions import negative
from symderiv.rules.entries import unit_vector
from symderiv.rules.expectation import covariance
from symderiv.rules.exponentials import _coefficient
from symderiv.verify import same_value
from tests.rule_cases import cases

HALF = Fraction(1, 2)
b, v, w, x, y = (symbol(s, ("n",)) for s in "bvwxy")
s, t = symbol("s", ()), symbol("t", ())
VECTOR = ("n",)


def times(*factors: Expr) -> Expr:
    return contract(factors, ["i"] * len(factors), "i")


def total(*terms: tuple[int | Fraction, Expr]) -> Expr:
    return add(terms, terms[0][1].shape)


def fired(rule: str, node: Expr, context: Context = Context()) -> Expr | None:
    used = RULES[rule].fire(node, context)
    return None if used is None else used.after


def test_arrays_are_multiplied_out_before_numbers() -> None:
    node = contract((total((1, s), (1, t)), total((1, x), (1, y))), ("", "i"), "i")
    assert [bool(node.kids[k].shape) for k in sums_in(node)] == [True, False]


def test_a_root_is_factored_out_of_the_same_root_alone() -> None:
    root = power(x, HALF)
    assert fired("factor_common", total((1, times(root, v)), (1, times(root, y)))) is times(root, total((1, v), (1, y)))
    assert fired("factor_common", total((1, times(root, v)), (1, times(power(x, 3 * HALF), y)))) is None


def test_a_common_denominator_is_one() -> None:
    """5 w + 3 + 3 e/(1 − e) is 5 w + 3/(1 − e); of positive powers nothing is put together."""
    e = apply("exp", v)
    below = total((1, ones(VECTOR)), (-1, e))
    fraction = times(e, power(below, -1))
    assert fired("common_denominator", total((5, w), (3, ones(VECTOR)), (3, fraction))) is total((5, w), (3, power(below, -1)))
    assert fired("common_denominator", total((5, w), (2, ones(VECTOR)), (3, fraction))) is None
    assert fired("common_denominator", total((1, power(below, 3 * HALF)), (1, times(e, power(below, HALF))))) is None


def test_a_named_sum_is_looked_into_where_its_terms_cancel() -> None:
    """Σ of a number, or zero; what stays an array isn't unfolded, and facts that were needed are named."""
    ends = Fact("sum", y, "sum(y) == 1", ONE, (0,))
    x3, y3 = symbol("x", (3,)), symbol("y", (3,))
    centred = [(1, x3), (Fraction(-1, 3), view(x3, "k", "i", {"i": 3}))]

    def summed(*terms: tuple[int | Fraction, Expr]) -> Expr:
        return view(name("c", add(terms, terms[0][1].shape)), "i", "")

    fact = Fact("sum", y3, "sum(y) == 1", ONE, (0,))
    assert fired("sum_of_named", summed(*centred)) is scale(0, ONE)
    used = RULES["sum_of_named"].fire(summed(*centred, (2, y3)), Context(facts([fact])))
    assert used is not None and used.after is scale(2, ONE) and used.facts == (fact,)
    assert fired("sum_of_named", summed(*centred, (2, y3))) is None
    assert fired("sum_of_named", summed((1, x), (1, y)), Context(facts([ends]))) is None


def test_zero_is_not_negative() -> None:
    assert not negative(scale(0, v)) and not negative(v) and negative(scale(-1, v))


@pytest.mark.parametrize(
    ("text", "shapes", "wrt", "expected"),
    [
        ("max(U, axis=1) @ c", {"U": "m o", "c": "m"}, "U", "diag(c) is_max[axis 1](U)"),
        ("max(x)", {"x": "n"}, "x", "is_max(x)"),
        ("vec(X) @ c", {"X": "2 3", "c": "6"}, "X", None),
    ],
)
def test_gradients_through_largest_entries_and_reshaping(text: str, shapes: dict[str, str], wrt: str, expected: str | None) -> None:
    found = sd.gradient(text, wrt, shapes=shapes)
    assert found.verify(trials=3)
    assert expected is None or found.result.text() == expected


@pytest.mark.parametrize(
    ("text", "shapes", "expected"),
    [
        ("inv(kron(A, B))", {"A": "2 2", "B": "3 3"}, "kron(inv(A), inv(B))"),
        ("det(kron(A, B))", {"A": "2 2", "B": "3 3"}, "det(A)**3*det(B)**2"),
        ("logdet(kron(A, B))", {"A": "2 2", "B": "3 3"}, "3*logdet(A) + 2*logdet(B)"),
        ("logdet(kron(A @ C, B))", {"A": "2 3", "C": "3 2", "B": "3 3"}, "3*logdet(A @ C) + 2*logdet(B)"),
        ("inv(kron(A, B) + kron(B, A))", {"A": "2 2", "B": "2 2"}, None),
        ("det(kron(A, C))", {"A": "2 3", "C": "3 2"}, None),
        ("tanh(kron(A, C))", {"A": "2 3", "C": "3 2"}, "kron1"),
        ("kron(A, B) @ vec(X)", {"A": "2 2", "B": "3 3", "X": "3 2"}, "vec(B @ X @ A.T)"),
        ("kron(A, B) @ x", {"A": "2 2", "B": "3 3", "x": "6"}, None),
        ("2*vec(X)", {"X": "2 3"}, None),
        ("vec(X) + vec(Y)", {"X": "2 3", "Y": "2 3"}, "vec(X + Y)"),
        ("vec(X) + vec(Y)", {"X": "2 3", "Y": "3 2"}, None),
        ("vec(X)*vec(Y)", {"X": "2 3", "Y": "2 3"}, "vec(X*Y)"),
        ("vec(X)*vec(Y)", {"X": "2 3", "Y": "3 2"}, None),
        ("vec(X)*x", {"X": "2 3", "x": "6"}, None),
        ('einsum("c,c,d->d", vec(X), x, vec(Y))', {"X": "2 3", "x": "6", "Y": "3 2"}, 'vec(einsum("c,c,ij->ij", vec(X), x, Y))'),
        ('einsum("c,c,d->d", vec(X), vec(Z), vec(Y))', {"X": "2 3", "Z": "2 3", "Y": "3 2"}, "vec(sum(X*Z)*Y)"),
    ],
)
def test_joined_axes_leave_what_they_can(text: str, shapes: dict[str, str], expected: str | None) -> None:
    """inv, det and logdet of A ⊗ B, both square; of a sum of such, or of sides that aren't square, nothing is known."""
    node = sd.parse(text, shapes=shapes)
    found = fired("move_join_outwards", node)
    if expected is None:
        assert found is None
    else:
        assert found is not None and same_value(node, found, (), 4)
        assert expected == "kron1" or found is sd.parse(expected, shapes=shapes)


def test_the_covariance_of_a_family() -> None:
    """Of a categorical target diag μ − μ μᵀ, by rows of a batch; of a Poisson one diag μ."""
    shapes = {"m": "o", "M": "b o"}
    assert covariance(symbol("m", ("o",)), "categorical") is sd.parse("diag(m) - outer(m, m)", shapes=shapes)
    batch = sd.parse('einsum("bi,ij->bij", M, eye(o)) - einsum("bi,bj->bij", M, M)', shapes=shapes)
    assert covariance(symbol("M", ("b", "o")), "categorical").shape == ("b", "o", "b", "o")
    assert view(covariance(symbol("M", ("b", "o")), "categorical"), "bibj", "bij") is batch
    assert covariance(symbol("m", ("o",)), "poisson") is sd.parse("diag(m)", shapes=shapes)


def test_the_number_in_front_of_an_argument() -> None:
    both = total((2, x), (4, y))
    assert [_coefficient(e) for e in (x, scale(-3, x), both, scale(3, both), scale(-1, both))] == [1, -3, 2, 6, -2]


def test_one_entry_is_counted_once() -> None:
    """Σ_i e_i = 1, and 0 for entries at different places."""
    zeroth, first = (next(k for k in sd.parse(f"x[{n}]", x="3").kids if unit_vector(k)) for n in (0, 1))
    assert fired("count_entry", view(zeroth, "i", "")) is ONE
    assert fired("count_entry", contract((zeroth, first), ("i", "i"), "")) is scale(0, ONE)
    assert fired("count_entry", contract((zeroth, symbol("x", (3,))), ("i", "i"), "")) is None


@pytest.mark.parametrize("name", ["outer_square", "square_of_gradient", "mirrored_block"])
def test_a_rule_of_lemmas_reads_what_is_cited(name: str) -> None:
    """With the right lemmas it fires; with one of them about something else, or the two exchanged, it doesn't."""
    for case in (k for k in cases() if k.rule == name):
        one, two = case.cited
        other = next(k.cited[0] for k in cases() if k.rule == "chain_rule_with_lemma")
        assert case.law.apply(case.node, case.context, None, case.cited) is not None
        for wrong in ((other, two), (one, other), (two, one)):
            assert case.law.apply(case.node, case.context, None, wrong) is None
