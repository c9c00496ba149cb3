"""Networks whose depth is a symbol: textbook forms, the induction's check, numbers at real depths, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import scale
from symderiv.depth.recursion import Equation
from symderiv.errors import SymderivError
from symderiv.ops import transpose

SQUARES = "sum((a - y)**2)/2"
NETS: dict[str, dict[str, Any]] = {
    "dense": {"layer": "z = W @ a + b; tanh(z)", "state": "a", "loss": SQUARES, "W": "h h", "a": "h", "b": "h", "y": "h"},
    "abstract loss": {"layer": "z = W @ a + b; sigmoid(z)", "state": "a", "W": "h h", "a": "h", "b": "h"},
    "residual": {"layer": "a + V @ tanh(W @ a)", "state": "a", "loss": "-y @ log_softmax(a)", "W": "m h", "V": "h m", "a": "h", "y": "h"},
    "generic": {"layer": "f(W @ a)", "state": "a", "W": "h h", "a": "h", "f": "elementwise"},
    "recurrent": {
        "layer": "tanh(U @ s + V @ x)", "state": "s", "depth": "T", "shared": "U V", "loss": "sum((s - y)**2)",
        "U": "h h", "V": "h m", "s": "h", "x": "m", "y": "h",
    },
    "power": {"layer": "tanh(U @ s)", "state": "s", "shared": ["U"], "loss": "c @ s", "U": "h h", "s": "h", "c": "h"},
    "batch": {"layer": "tanh(X @ W)", "state": "X", "loss": "sum(X**2)", "W": "h h", "X": "n h"},
    "normed": {"layer": "layer_norm(a + tanh(W @ a))", "state": "a", "loss": "c @ a", "W": "h h", "a": "h", "c": "h"},
    "scalar": {"layer": "w * sin(s)", "state": "s", "loss": "s**2", "w": "", "s": ""},
}  # fmt: skip


def net(key: str) -> Any:
    given = dict(NETS[key])
    return sd.deep(given.pop("layer"), given.pop("state"), **given)


# ---------------------------------------------------------------- form
def test_the_backward_recursion_is_the_textbooks() -> None:
    found = net("dense").gradient.text(detail="brief").splitlines()
    assert "δ_a_L = a_L − y" in found
    assert "δ_z_l = (W_(l+1)ᵀ δ_z_(l+1)) ⊙ (1 − a_l ⊙ a_l)" in found
    assert "∇_W_l E = δ_z_l a_(l−1)ᵀ" in found
    assert "∇_b_l E = δ_z_l" in found


def test_a_generic_activation_keeps_its_derivative() -> None:
    text = net("generic").gradient.text(detail="brief")
    assert "W_lᵀ (δ_a_l ⊙ f'(W_l a_(l−1)))" in text


def test_the_jacobian_is_a_product() -> None:
    text = net("dense").jacobian.text(detail="brief")
    assert "J_l = diag(1 − a_l ⊙ a_l) W_l" in text
    assert "P_l = diag(1 − a_l ⊙ a_l) W_l P_(l−1)" in text
    assert "∂a_L/∂a_0ᵀ = J_L J_(L−1) ⋯ J_1" in text


def test_the_hessian_is_told_by_the_next_layers() -> None:
    text = net("dense").hessian.text(detail="brief")
    assert "H_L = I" in text
    assert "H_(l−1) = W_lᵀ diag(1 − a_l ⊙ a_l) (H_l diag(1 − a_l ⊙ a_l) W_l − 2 diag(a_l ⊙ δ_a_l) W_l)" in text


def test_shared_arrays_have_a_sum_over_the_layers() -> None:
    text = net("recurrent").gradient.text(detail="brief")
    assert "∇_U E = Σ_t (δ_s_t ⊙ (1 − s_t ⊙ s_t)) s_(t−1)ᵀ" in text
    assert "∇_x_t E = Vᵀ (δ_s_t ⊙ (1 − s_t ⊙ s_t))" in text


def test_no_index_of_an_entry_is_the_layers() -> None:
    for line in net("dense").hessian.text().splitlines():
        assert "[l" not in line and ",l" not in line and "Σ_l" not in line


def test_latex_has_the_index_in_its_subscripts() -> None:
    text = net("dense").gradient.latex(detail="brief")
    assert r"\delta_{z_l} &= (W_{l+1}^\top \delta_{z_{l+1}}) \odot (\mathbf{1}-a_l \odot a_l)" in text
    assert text.startswith(r"\begin{aligned}")
    assert net("dense").gradient.markdown().count("$$") == 6


# ---------------------------------------------------------------- meaning
@pytest.mark.parametrize("key", NETS)
@pytest.mark.parametrize("kind", ["gradient", "jacobian", "hessian"])
def test_induction_and_numbers(key: str, kind: str) -> None:
    if key in ("batch", "normed") and kind == "hessian":
        pytest.skip("of order four: too long for a test")
    recursion = getattr(net(key), kind)
    found = recursion.check()
    assert found, found
    report = recursion.verify(depths=(2, 3, 5), trials=1)
    assert report.verdict == "checked", report


def test_the_step_is_of_one_layer_whatever_follows() -> None:
    recursion = net("dense").gradient
    assert [d.replay() == d.result for d in recursion.lemmas] == [True] * len(recursion.lemmas)
    assert recursion.induction.step is recursion.step
    assert len(recursion.hypotheses) == 1


def faulty(recursion: Any, place: int, change: Any) -> Any:
    wrong = list(recursion.equations)
    wrong[place] = replace(wrong[place], right=change(wrong[place].right))
    return replace(recursion, equations=tuple(wrong))


@pytest.mark.parametrize(
    ("key", "kind", "place", "change"),
    [
        ("dense", "gradient", 0, lambda e: scale(-1, e)),
        ("dense", "gradient", 1, transpose),
        ("dense", "hessian", 0, lambda e: scale(2, e)),
        ("dense", "jacobian", 0, transpose),
        ("recurrent", "gradient", 2, lambda e: scale(2, e)),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(key: str, kind: str, place: int, change: Any) -> None:
    wrong = faulty(getattr(net(key), kind), place, change)
    assert not wrong.check()
    assert not wrong.verify(depths=(2,), trials=1)
    assert "FAILS" in wrong.check().text()


def test_a_step_of_another_layer_is_no_step_of_this_one() -> None:
    recursion = net("dense").gradient
    other = net("abstract loss").gradient
    assert not replace(recursion, step=other.step).check()
    assert not replace(recursion, base=other.step).check()


def test_a_base_of_another_loss_is_found() -> None:
    given = dict(NETS["dense"], loss="sum((a - y)**2)")
    other = sd.deep(given.pop("layer"), given.pop("state"), **given)
    assert not replace(net("dense").gradient, base=other.gradient.base).check()


# ---------------------------------------------------------------- code
def by_hand(a: Any, W: Any, b: Any, y: Any) -> tuple[Any, Any, Any]:
    """Backpropagation as one writes it."""
    states = [a]
    for k in range(len(W)):
        states.append(np.tanh(W[k] @ states[-1] + b[k]))
    cotangent = states[-1] - y
    by_w, by_b = np.zeros_like(W), np.zeros_like(b)
    for k in range(len(W))[::-1]:
        local = cotangent * (1 - states[k + 1] ** 2)
        by_w[k], by_b[k], cotangent = np.outer(local, states[k]), local, W[k].T @ local
    return cotangent, by_w, by_b


def arrays(depth: int = 4, h: int = 3) -> dict[str, Any]:
    draw = np.random.default_rng(3).standard_normal
    return {"a": draw(h), "W": draw((depth, h, h)), "b": draw((depth, h)), "y": draw(h)}


def test_code_agrees_with_backpropagation_by_hand() -> None:
    given = arrays()
    found = net("dense").gradient.numpy()(**given)
    for one, other in zip(found, by_hand(**given), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-15)


def test_source_stands_alone() -> None:
    given = arrays(depth=2)
    for kind in ("gradient", "hessian"):
        function = getattr(net("dense"), kind).numpy()
        space: dict[str, Any] = {}
        exec(function.source(), space)
        for one, other in zip(space[kind](**given), function(**given), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("key", ["residual", "recurrent", "power", "batch"])
def test_code_agrees_with_the_unrolled_network(key: str) -> None:
    deep, depth = net(key), 3
    draw, sizes = np.random.default_rng(5).standard_normal, {"h": 4, "m": 2, "n": 5}

    def drawn(shape: str, *more: int) -> Any:
        return draw((*more, *(sizes[d] for d in shape.split())))

    shapes = {k: v for k, v in NETS[key].items() if k not in ("layer", "state", "loss", "depth", "shared")}
    own = {s.name for s in deep.layer.own}
    given = {k: drawn(v, *([depth] if k in own else [])) for k, v in shapes.items()}
    state = deep.layer.state.name
    flat = {k: v for k, v in given.items() if k not in own and k != state} | {f"{state}_0": given[state]}
    flat |= {f"{k}_{i + 1}": given[k][i] for k in own for i in range(depth)}
    wanted = [f"{state}_0", *(f"{s.name}_{i + 1}" for s in deep.layer.own for i in range(depth)), *(s.name for s in deep.layer.shared)]
    direct = sd.gradient(deep.unrolled(depth), wanted).numpy()(**flat)
    counted = {} if own else {deep.layer.depth: depth}
    first, *rest = deep.gradient.numpy()(**given, **counted)
    stacked, shared = rest[: len(own)], rest[len(own) :]
    for one, other in zip([first, *(x for s in stacked for x in s), *shared], direct, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)


def test_the_jacobian_as_code() -> None:
    given = {k: v for k, v in arrays().items() if k != "y"}
    found = net("dense").jacobian.numpy()(**given)
    states, product = [given["a"]], np.eye(3)
    for w, b in zip(given["W"], given["b"], strict=True):
        states.append(np.tanh(w @ states[-1] + b))
        product = np.diag(1 - states[-1] ** 2) @ w @ product
    np.testing.assert_allclose(found, product, rtol=1e-12)


def test_wrong_arguments_of_the_code_are_told() -> None:
    function, given = net("dense").gradient.numpy(), arrays()
    with pytest.raises(sd.SymderivError, match="'y' is missing"):
        function(**{k: v for k, v in given.items() if k != "y"})
    with pytest.raises(sd.SymderivError, match="unknown argument 'w'"):
        function(**given, w=1)
    with pytest.raises(sd.ShapeError, match="different numbers of layers"):
        function(**(given | {"b": given["b"][:2]}))
    with pytest.raises(sd.SymderivError, match="given twice"):
        function(given["a"], **given)
    with pytest.raises(sd.SymderivError, match="real numbers"):
        function(**(given | {"a": ["x", "y", "z"]}))
    with pytest.raises(sd.ShapeError):
        function(**(given | {"a": np.ones(2)}))
    power = net("power").gradient.numpy()
    with pytest.raises(sd.SymderivError):
        power(s=np.ones(2), U=np.eye(2), c=np.ones(2), L=0)


# ---------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("layer", "state", "more", "error", "says"),
    [
        ("V @ a", "a", {"V": "m h", "a": "h"}, sd.ShapeError, "takes 'a' of shape"),
        ("tanh(W @ a)", "s", {"W": "h h", "a": "h"}, sd.UnknownNameError, "'s'"),
        ("tanh(W @ a)", 3, {"W": "h h", "a": "h"}, sd.UnknownNameError, "3"),
        ("a", "a", {"a": "h"}, sd.SymderivError, "does nothing"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "shared": ["U"]}, sd.UnknownNameError, "'U'"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "shared": ["a"]}, sd.UnknownNameError, "'a'"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "depth": 5}, sd.SymderivError, "isn't a symbol"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "depth": "h"}, sd.SymderivError, "declared as something else"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "loss": "a"}, sd.ShapeError, "must be a scalar"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "loss": "sum(W)"}, sd.SymderivError, "doesn't depend on the last state"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "loss": "a @ W @ a"}, sd.SymderivError, "which each layer has its own of"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "loss": 3}, sd.SymderivError, "can't be read"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "assume": "symmetric(W)"}, sd.SymderivError, "array of one layer"),
        ("tanh(W @ a", "a", {"W": "h h", "a": "h"}, sd.ParseError, "never closed|closed|expected"),
        ("tanh(W @ a)", "a", {"W": "h h", "a": "h", "shapes": {"W": "h h"}}, sd.SymderivError, "given twice"),
    ],
)  # fmt: skip
def test_what_is_no_layer_is_refused(layer: str, state: Any, more: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        sd.deep(layer, state, **more)


def test_depths_that_are_none_are_refused() -> None:
    recursion = net("dense").gradient
    for wrong in ((), (0,), (2.5,), (10**6,)):
        with pytest.raises(sd.SymderivError):
            recursion.verify(depths=wrong)


def test_names_that_are_taken_are_avoided() -> None:
    deep = sd.deep("tanh(C @ E + H + l)", "E", loss="sum(E * L2)", C="k k", E="k", H="k", l="k", L2="k")
    for recursion in (deep.gradient, deep.jacobian, deep.hessian):
        assert recursion.check() and recursion.verify(trials=1)
    assert isinstance(deep.gradient.equations[0], Equation)


# ---------------------------------------------------------------- losses, and what is named on the way
def test_a_loss_may_be_a_module() -> None:
    by_text = sd.deep("tanh(V @ a)", "a", loss="cross_entropy(a, y)", V="h h", a="h", y="h").gradient
    by_module = sd.deep("tanh(V @ a)", "a", loss=sd.CrossEntropy(), V="h h", a="h").gradient
    assert by_module.text() == by_text.text()
    rows = sd.deep("tanh(A @ V)", "A", loss=sd.MSE(target="t"), V="h h", A="B h").gradient
    assert rows.check()
    assert rows.verify(depths=(2,))
    head = sd.deep("tanh(V @ a)", "a", loss=sd.Linear("h", "o") >> sd.CrossEntropy(), V="h h", a="h").gradient
    assert "u = W a_L + b" in repr(head).splitlines()
    assert head.check()
    assert head.verify(depths=(2, 3))


@pytest.mark.parametrize("loss", [3, sd.Linear("h", "o"), sd.Linear("g", "o") >> sd.CrossEntropy()])
def test_what_is_no_loss_is_refused(loss: Any) -> None:
    with pytest.raises(sd.SymderivError):
        sd.deep("tanh(V @ a)", "a", loss=loss, V="h h", a="h")


def test_a_loss_has_no_array_of_a_layer() -> None:
    with pytest.raises(sd.SymderivError, match="the loss reads 'W', which each layer has its own of"):
        sd.deep("tanh(W @ a)", "a", loss=sd.Linear("h", "o") >> sd.CrossEntropy(), W="h h", a="h")


def test_every_name_of_an_equation_is_told() -> None:
    found = repr(sd.deep("a + W @ relu(V @ layer_norm(a))", "a", W="n m", V="m n", a="n").gradient)
    named = set(re.findall(r"δ_\d+", found))
    assert named
    assert named == {line.split(" = ")[0] for line in found.splitlines() if re.match(r"δ_\d+ = ", line)}


def test_deep_attention_is_verified_where_it_would_saturate() -> None:
    text = "A + softmax((A @ Q) @ (A @ K).T/sqrt(d), axis=1) @ (A @ V)"
    recursion = sd.deep(text, "A", A="B n", Q="n d", K="n d", V="n n").gradient
    assert recursion.verify(depths=(2, 5), trials=1)
    wrong = faulty(recursion, 1, lambda e: scale(2, e)).verify(depths=(2,), trials=1)
    assert wrong.verdict == "refuted"


# ---------------------------------------------------------------- names that meet those of layers
@pytest.mark.parametrize(("layer", "loss", "more", "name"), [
    ("tanh(W@a)", "sum((a - a_L)**2)", {"a_L": "h"}, "a_L"),
    ("tanh(W@a + a_0)", "sum(a**2)", {"a_0": "h"}, "a_0"),
    ("tanh(W@a + W_1@a)", "sum(a**2)", {"W_1": "h h"}, "W_1"),
    ("tanh(W@a + delta_a)", "sum(a**2)", {"delta_a": "h"}, "delta_a"),
    ("z = W@a + b_1; tanh(z)", "sum(a**2) + sum(z_2)", {"b_1": "h", "z_2": "h"}, "z_2"),
])  # fmt: skip
def test_what_is_called_as_an_array_of_a_layer_is_refused(layer: str, loss: str, more: dict[str, str], name: str) -> None:
    """The last state is a_L: a target of that name would be it, and the loss a constant."""
    with pytest.raises(SymderivError, match=f"'{name}'"):
        sd.deep(layer, "a", W="h h", a="h", loss=loss, **more)


def test_an_index_is_a_letter_that_stands_behind_no_name() -> None:
    net = sd.deep("tanh(W@a + W_l@a)", "a", W="h h", a="h", W_l="h h", shared=["W_l"], loss="sum(a**2)")
    assert net.layer.index != "l"
    assert net.gradient.check() and net.gradient.verify()


def test_a_layer_that_is_made_simpler_keeps_its_hypothesis() -> None:
    """W a + V a becomes (W + V) a, in the argument of the continuation too."""
    net = sd.deep("tanh(W@a + V@a)", "a", W="h h", a="h", V="h h", shared=["V"], loss="sum(a**2)")
    assert "C" not in net.gradient.text(detail="brief")
    for recursion in (net.gradient, net.jacobian):
        assert recursion.check() and recursion.verify(depths=(1, 3))
