"""The constructors: each keeps the value, is idempotent, and gives one node whatever the order and the names of its parts."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symderiv.build import (
    ONE,
    add,
    apply,
    box,
    call,
    contract,
    der,
    identity,
    name,
    number,
    ones,
    permute,
    power,
    primitive,
    remake,
    scale,
    size,
    substitute,
    symbol,
    unnamed,
    view,
    zero,
)
from symderiv.errors import ShapeError
from symderiv.evaluate import evaluate
from symderiv.ir import Add, Contract, Expr, Map, is_zero, number_of, postorder
from tests.oracles import SIZES, arrays, close, plain_contraction

DIMS = ("n", "o", "h")
x, y = symbol("x", ("n",)), symbol("y", ("n",))
A, B = symbol("A", ("n", "n")), symbol("B", ("o", "n"))
S = symbol("S", ("n", "n"), props=("symmetric",))
VALUES = {**arrays(3, A="n n", B="o n", c=""), "x": np.array([1.3, 0.7]), "y": np.array([0.6, 1.9])}
VALUES["S"] = VALUES["A"] + VALUES["A"].T


def value(node: Expr) -> np.ndarray:
    return evaluate(node, VALUES, SIZES)


def assert_idempotent(*roots: Expr) -> None:
    """Every node is what its constructor makes of its kids, said again."""
    for node in postorder(*roots):
        if isinstance(node, Contract):
            assert contract(node.factors, node.labels, node.out, dict(enumerate(node.dims))) is node
        elif isinstance(node, Add):
            assert add(node.terms, node.shape) is node
        elif isinstance(node, Map):
            assert apply(node.fn, node.arg, node.params, node.order, node.generic) is node
        assert remake(node, node.kids) is node


# ---------------------------------------------------------------- random programs
class Draw:
    """Draws nodes and their values side by side: a node is built by a constructor, its value by plain NumPy."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shuffle = np.random.default_rng(seed + 1)
        self.made: list[tuple[Expr, np.ndarray]] = []
        for k, shape in enumerate([(), ("n",), ("o",), ("n", "o"), ("n", "n"), ("o", "n", "h")]):
            for letter in "ab":
                array = self.rng.uniform(0.5, 1.5, [SIZES[d] for d in shape])
                self.made.append((symbol(f"{letter}{k}", shape), array))
        sym = self.rng.uniform(0.5, 1.5, (2, 2))
        self.made.append((symbol("s", ("n", "n"), props=("symmetric",)), sym + sym.T))
        self.values = {node.name: array for node, array in self.made}

    def pick(self) -> tuple[Expr, np.ndarray]:
        return self.made[self.rng.integers(len(self.made))]

    def contraction(self) -> tuple[Expr, np.ndarray]:
        """Factors with labels drawn so that sizes agree; out may repeat a label, and may hold one that no factor has."""
        pool = [(d, k) for d in DIMS for k in range(2)]
        factors, labels = [], []
        for _ in range(self.rng.integers(1, 5)):
            node, array = self.pick()
            factors.append((node, array))
            labels.append([pool[2 * DIMS.index(d) + self.rng.integers(2)] for d in node.shape])
        used = sorted({x for ls in labels for x in ls}) + [pool[self.rng.integers(len(pool))]]
        out = [used[self.rng.integers(len(used))] for _ in range(self.rng.integers(0, 4))]
        known = {label: k for k, label in enumerate(sorted({*used, *out}))}
        dims = {label: label[0] for label in out}
        node = contract([f for f, _ in factors], labels, out, dims)
        sizes = {known[x]: SIZES[x[0]] for x in known if x in out or any(x in ls for ls in labels)}
        expected = plain_contraction(
            [a for _, a in factors], [[known[x] for x in ls] for ls in labels], [known[x] for x in out], sizes
        )
        again = list(self.shuffle.permutation(len(factors)))
        other = {x: f"{x}'" for x in known}
        assert (
            contract(
                [factors[k][0] for k in again],
                [[other[x] for x in labels[k]] for k in again],
                [other[x] for x in out],
                {other[x]: d for x, d in dims.items()},
            )
            is node
        )
        return node, expected

    def sum(self) -> tuple[Expr, np.ndarray]:
        node, array = self.pick()
        same = [(m, a) for m, a in self.made if m.shape == node.shape]
        terms = [
            (Fraction(int(self.rng.integers(-3, 4)), int(self.rng.integers(1, 3))), *same[self.rng.integers(len(same))])
            for _ in range(self.rng.integers(1, 4))
        ]
        made = add([(c, m) for c, m, _ in terms], node.shape)
        assert add([(terms[k][0], terms[k][1]) for k in self.shuffle.permutation(len(terms))], node.shape) is made
        return made, sum((float(c) * a for c, _, a in terms), np.zeros_like(array))

    def map(self) -> tuple[Expr, np.ndarray]:
        node, array = self.pick()
        if self.rng.integers(2):
            return apply("tanh", node), np.tanh(array)
        q = int(self.rng.choice([2, 3, -1])) if np.all(abs(array) > 1e-2) else 2
        return power(node, q), array ** float(q)

    def step(self) -> None:
        node, array = [self.contraction, self.sum, self.map][self.rng.integers(3)]()
        if len(node.shape) <= 3 and np.all(abs(array) < 1e4):
            self.made.append((node, array))


@settings(max_examples=120)
@given(st.integers(0, 10**6))
def test_random_programs_keep_value_shape_and_form(seed):
    draw = Draw(seed)
    for _ in range(6):
        draw.step()
    node, expected = draw.made[-1]
    assert node.shape == tuple(DIMS[[SIZES[d] for d in DIMS].index(k)] for k in expected.shape)
    close(evaluate(node, draw.values, SIZES), expected)
    assert_idempotent(*(node for node, _ in draw.made))


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_building_in_another_order_gives_the_same_node(seed):
    """Substitution stability: a symbol put in late gives the node that is built with it at once.

    It holds for values always; for nodes as far as powers of sums are not met (they merge before they open).
    """
    draw = Draw(seed)
    for _ in range(4):
        draw.step()
    root, expected = draw.made[-1]
    leaf = symbol("b1", ("n",))
    late = substitute(root, {leaf: symbol("fresh", ("n",))})
    close(evaluate(late, {**draw.values, "fresh": draw.values["b1"]}, SIZES), expected)
    assert substitute(late, {symbol("fresh", ("n",)): leaf}) is root
    named = substitute(root, {leaf: name("t", leaf)})
    close(evaluate(named, draw.values, SIZES), expected)
    assert unnamed(named) is root


# ---------------------------------------------------------------- structure: δ, broadcast, size, trace
def test_unit_tensors_and_ones_need_no_factor():
    eye = identity(("n",))
    assert isinstance(eye, Contract) and not eye.factors
    assert eye.out == (0, 0)
    close(value(eye), np.eye(2))
    assert contract((eye, x), ("ij", "j"), "i") is x
    assert contract((A, eye, eye), ("ij", "jk", "kl"), "il") is A
    close(value(ones(("n", "o"))), np.ones((2, 3)))
    assert contract((ones(("n",)), x), ("i", "i"), "i") is x
    assert contract((eye,), ("ii",), "") is size("n")
    assert contract((eye, eye), ("ij", "ij"), "") is size("n")


def test_a_summed_label_that_no_factor_carries_is_its_size():
    assert contract((ones(("n",)),), ("i",), "") is size("n")
    close(value(contract((x,), ("i",), "i", {})), VALUES["x"])
    close(value(contract((ones(("n", "o")), x), ("ij", "i"), "i")), 3 * VALUES["x"])
    assert number_of(size(4)) == 4


def test_one_factor_relabelled_is_transpose_diagonal_trace_or_broadcast():
    for labels, out, expected in [
        ("ij", "ji", VALUES["A"].T),
        ("ii", "i", np.diag(VALUES["A"])),
        ("ii", "", np.trace(VALUES["A"])),
    ]:
        close(value(view(A, labels, out)), expected)
    close(value(view(x, "i", "ii")), np.diag(VALUES["x"]))
    close(value(view(x, "i", "ij", {"j": "o"})), np.outer(VALUES["x"], np.ones(3)))
    assert permute(permute(B, (1, 0)), (1, 0)) is B


def test_common_structure_of_terms_moves_outside():
    total = add([(1, view(x, "i", "ii")), (2, view(y, "i", "ii"))], ("n", "n"))
    assert total is view(add([(1, x), (2, y)], ("n",)), "i", "ii")
    spread = add([(1, view(x, "i", "ij", {"j": "o"})), (1, view(y, "i", "ij", {"j": "o"}))], ("n", "o"))
    assert spread is view(add([(1, x), (1, y)], ("n",)), "i", "ij", {"j": "o"})
    mixed = add([(1, view(x, "i", "ii")), (1, view(y, "i", "ij", {"j": "n"}))], ("n", "n"))
    close(value(mixed), np.diag(VALUES["x"]) + VALUES["y"][:, None])


def test_broadcast_axes_leave_a_function():
    wide = view(x, "i", "ij", {"j": "o"})
    assert apply("exp", wide) is view(apply("exp", x), "i", "ij", {"j": "o"})
    assert apply("exp", view(x, "i", "ii")) is not view(apply("exp", x), "i", "ii"), "exp(0) isn't 0"
    close(value(apply("exp", view(x, "i", "ii"))), np.exp(np.diag(VALUES["x"])))


def test_coefficients_leave_a_product():
    assert contract((scale(2, x), scale(3, y)), ("i", "i"), "i") is scale(6, contract((x, y), ("i", "i"), "i"))
    assert is_zero(contract((zero(("n",)), y), ("i", "i"), "i"))
    twice = add([(2, x), (-4, y)], ("n",))
    assert primitive(twice)[0] in (2, -2)
    assert contract((twice, y), ("i", "i"), "") is scale(2, contract((scale(Fraction(1, 2), twice), y), ("i", "i"), ""))


def test_like_terms_are_collected_and_equal_ones_cancel():
    assert add([(1, x), (1, x)], ("n",)) is scale(2, x)
    assert is_zero(add([(1, x), (-1, x)], ("n",)))
    assert add([(1, add([(1, x), (1, y)], ("n",))), (-1, y)], ("n",)) is x


# ---------------------------------------------------------------- powers
def test_a_node_times_itself_is_its_square():
    assert contract((x, x), ("i", "i"), "i") is power(x, 2)
    assert contract((A, A), ("ij", "ij"), "ij") is power(A, 2)
    assert contract((power(x, 2), power(x, -1)), ("i", "i"), "i") is x
    assert contract((power(x, -1), x), ("i", "i"), "i") is ones(("n",))
    assert contract((x, power(x, Fraction(1, 2))), ("i", "i"), "i") is power(x, Fraction(3, 2))
    n = size("n")
    assert contract((n, n), ("", ""), "") is power(n, 2)
    assert contract((n, power(n, -1)), ("", ""), "") is ONE
    inner = contract((A, x), ("ij", "j"), "i")
    assert contract((inner, inner), ("i", "i"), "i") is power(inner, 2)


def test_a_square_of_a_scaled_unit_tensor_keeps_the_unit_tensor_outside():
    c = symbol("c", ())
    node = contract((c,), ("",), "ii", {"i": "n"})
    assert power(node, 2) is contract((power(c, 2),), ("",), "ii", {"i": "n"})
    assert contract((node, node), ("ij", "ij"), "ij") is power(node, 2)
    close(value(power(node, 2)), (VALUES["c"] * np.eye(2)) ** 2)
    assert power(identity(("n",)), 3) is identity(("n",))


@pytest.mark.parametrize("base", [1.7, -1.7])
@pytest.mark.parametrize("q", [-2, -1, 2, 3, 5])
@pytest.mark.parametrize("m", [-1, 2, 3])
def test_whole_powers_of_powers_and_products_hold_for_negative_numbers(base, q, m):
    a, b = symbol("a", ()), symbol("b", ())
    at = {"a": np.array(base), "b": np.array(-0.4)}
    product = contract((a, b), ("", ""), "")
    close(evaluate(power(power(a, m), q), at), base ** (m * q))
    close(evaluate(power(product, q), at), (base * -0.4) ** q)
    close(evaluate(power(scale(-3, a), q), at), (-3 * base) ** q)
    assert power(power(a, m), q) is power(a, m * q)


@pytest.mark.parametrize("base", [1.7, -1.7])
def test_the_root_of_a_square_is_not_opened(base):
    a = symbol("a", ())
    at = {"a": np.array(base)}
    close(evaluate(power(power(a, 2), Fraction(1, 2)), at), abs(base))
    close(evaluate(power(power(a, 4), Fraction(1, 2)), at), base**2)
    close(evaluate(power(power(a, -2), Fraction(1, 2)), at), 1 / abs(base))
    assert power(power(a, 2), Fraction(1, 2)) is not a
    product = contract((a, symbol("b", ())), ("", ""), "")
    close(evaluate(power(product, Fraction(1, 2)), {**at, "b": np.array(np.sign(base) * 2.0)}), abs(2 * base) ** 0.5)


@pytest.mark.parametrize("c", [4, Fraction(9, 4), 2, -4])
def test_numbers_leave_a_root_where_their_root_is_rational(c):
    at = {"a": np.array(1.7 if c > 0 else -1.7)}
    node = power(scale(c, symbol("a", ())), Fraction(1, 2))
    close(evaluate(node, at), (float(c) * at["a"]) ** 0.5)
    assert (number_of(power(number(c), Fraction(1, 2))) is None) == (c in (2, -4))


def test_powers_of_sums_keep_sign_and_content():
    difference = add([(1, x), (-1, y)], ("n",))
    for q in (-3, -1, 2, 3):
        close(value(power(difference, q)), (VALUES["x"] - VALUES["y"]) ** float(q))
        close(value(power(scale(-2, difference), q)), (-2 * (VALUES["x"] - VALUES["y"])) ** float(q))
    assert power(difference, 2) is power(scale(-1, difference), 2)


def test_powers_at_the_edges():
    assert power(x, 1) is x
    assert power(x, 0) is ones(("n",))
    assert is_zero(power(zero(("n",)), 2))
    assert power(ONE, 5) is ONE
    assert not number_of(power(number(0), -1)), "1/0 stays as it is"


# ---------------------------------------------------------------- symmetric factors
def test_axes_of_a_symmetric_factor_are_interchangeable():
    assert permute(S, (1, 0)) is S
    for first, second in [("ij", "jk"), ("ji", "jk"), ("ij", "kj"), ("ji", "kj")]:
        assert contract((S, A), (first, second), "ik") is contract((S, A), ("ij", "jk"), "ik") or second == "kj"
    gram = contract((B, B), ("ki", "kj"), "ij")
    assert permute(gram, (1, 0)) is gram
    quadratic = contract((x, gram, y), ("i", "ij", "j"), "")
    assert quadratic is contract((y, gram, x), ("i", "ij", "j"), "")
    assert add([(1, A), (1, permute(A, (1, 0)))], ("n", "n")) is permute(
        add([(1, A), (1, permute(A, (1, 0)))], ("n", "n")), (1, 0)
    )
    assert contract((A, S), ("ij", "ij"), "") is contract((A, S), ("ij", "ji"), "")
    assert contract((A, x), ("ij", "j"), "i") is not contract((A, x), ("ji", "j"), "i")


def test_a_hessian_of_an_abstract_module_is_symmetric_in_the_parameter():
    second = call("N", (x,), ("o",), abstract=True, ders=(0, 0))
    assert permute(second, (0, 2, 1)) is second
    third = call("N", (x,), ("o",), abstract=True, ders=(0, 0, 0))
    for order in permutations((1, 2, 3)):
        assert permute(third, (0, *order)) is third


# ---------------------------------------------------------------- shapes, rebuilding
def test_shapes_are_checked_where_a_node_is_built():
    for wrong in (
        lambda: contract((A, B), ("ij", "jk"), "ik"),
        lambda: contract((A,), ("i",), "i"),
        lambda: add([(1, x), (1, symbol("z", ("o",)))], ("n",)),
        lambda: contract((A, B), ("ij", "ji"), ""),
    ):
        with pytest.raises(ShapeError):
            wrong()
    with pytest.raises((ShapeError, KeyError)):
        contract((x,), ("i",), "ij")


def test_names_holes_and_brackets_keep_their_bodies_apart():
    product = contract((A, x), ("ij", "j"), "i")
    for apart in (name("z", product), box(product), der(product, x)):
        assert remake(apart, apart.kids) is apart
        assert apart.shape[:1] == ("n",)
        assert apart in contract((apart, y), ("ik" if len(apart.shape) > 1 else "i", "i"), "").kids
    assert unnamed(contract((name("z", product), y), ("i", "i"), "")) is contract((A, x, y), ("ij", "j", "i"), "")


def test_a_name_put_in_and_opened_again_gives_the_same_node():
    inner = contract((A, x), ("ij", "j"), "i")
    root = apply("tanh", add([(1, inner), (-2, y)], ("n",)))
    named = substitute(root, {inner: name("z", inner)})
    assert named is not root
    assert unnamed(named) is root


def test_a_merged_power_doesnt_depend_on_the_order_of_factors():
    """(Σ_h b_onh)² at two labels that stay: the inner node's axes have one order."""
    b, v = symbol("b", ("o", "n", "h")), symbol("v", ("n",))
    assert contract((b, v, b), ("onh", "n", "onk"), "n") is contract((v, b, b), ("n", "onh", "onk"), "n")
    w = symbol("w", ("o",))
    first = contract((b, b, v, w), ("onh", "onk", "n", "o"), "on")
    assert first is contract((w, v, b, b), ("o", "n", "onk", "onh"), "on")
    assert first is contract((v, w, b, b), ("n", "o", "onk", "onh"), "on")
    transposed = contract((v, w, b, b), ("n", "o", "onk", "onh"), "no")
    assert permute(transposed, (1, 0)) is first
