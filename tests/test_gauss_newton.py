"""Gauss–Newton splits: blocks, products, split points, batches and bad input; meaning by numbers, form by texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import symderiv as sd
from symderiv.build import symbol
from symderiv.record import check_fire

NET = "z = W1 @ x + b1; a = tanh(z); u = W2 @ a; -y @ log_softmax(u)"
SHAPES = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "y": "o"}
PARAMETERS = ["W1", "b1", "W2"]
SIZES = {"n": 2, "h": 3, "o": 5}


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {**SHAPES, "V1": "h n", "c": "h", "V2": "o h"}
    found = {name: rng.normal(size=tuple(SIZES[d] for d in text.split())) for name, text in shapes.items()}
    found["y"] = np.abs(found["y"]) / np.abs(found["y"]).sum()
    return found


def whole(blocks: tuple[tuple[np.ndarray, ...], ...], parameters: list[str]) -> np.ndarray:
    """The blocks as one matrix."""
    sizes = [np.prod([SIZES[d] for d in SHAPES[p].split()]) for p in parameters]
    return np.block([[np.reshape(b, (r, c)) for b, c in zip(row, sizes, strict=True)] for row, r in zip(blocks, sizes, strict=True)])


@pytest.fixture(scope="module")
def blocks() -> sd.GaussNewton:
    return sd.gauss_newton(NET, PARAMETERS, at="u", **SHAPES, assume="sum(y) == 1")


def test_blocks_by_several_parameters_are_checked(blocks):
    assert blocks.verify(trials=3)
    for a, row in zip(PARAMETERS, blocks.G.result, strict=True):
        for b, block in zip(PARAMETERS, row, strict=True):
            assert block.shape == tuple(SHAPES[a].split() + SHAPES[b].split())


def test_blocks_below_the_diagonal_are_those_above_it(blocks):
    """Each is one step, which cites the block above and the symmetric Hessian in u; it comes to what is derived in full."""
    G = blocks.G
    below = {(a, b): G.proofs[a][b].items for a in range(len(PARAMETERS)) for b in range(a)}
    for (a, b), items in below.items():
        assert [item.rule for item in items] == ["mirrored_block"]
        assert items[0].cited == (G.proofs[b][a], blocks.outer.proofs)
    assert sum(step.fire.rule == "mirrored_block" for step in G.steps) == len(below)
    turned = sd.gauss_newton(NET, PARAMETERS[::-1], at="u", **SHAPES, assume="sum(y) == 1").G
    last = len(PARAMETERS) - 1
    for a, b in below:
        assert G.result[a][b] is turned.result[last - a][last - b]


def test_only_a_symmetric_middle_is_mirrored(blocks):
    """A second derivative whose value isn't seen to be symmetric proves nothing, nor does the block of other parameters."""
    G = blocks.G
    step, = (s for s in G.steps if s.fire is G.proofs[1][0].items[0])
    above, middle = step.fire.cited
    assert check_fire(step.fire, step.context)
    skew = replace(middle, after=symbol("S", middle.after.shape), items=())
    for cited in ((above, skew), (G.proofs[0][2], middle), (G.proofs[0][0], middle)):
        assert not check_fire(replace(step.fire, cited=cited), step.context)


def test_the_parts_replay_to_themselves(blocks):
    assert blocks.replay()[3] == blocks.G.result and blocks.replay()[5] == blocks.H.result


def test_a_wrong_block_is_seen(blocks):
    rows = [list(row) for row in blocks.G.proofs]
    rows[0][2], rows[0][0] = rows[0][2], blocks.R.proofs[0][0]
    wrong = replace(blocks.G, proofs=tuple(map(tuple, rows)))
    planted = replace(blocks, made={**blocks.made, "G": lambda: wrong})
    assert not planted.verify(trials=1)


def test_the_whole_matrix_of_blocks_is_certified(blocks):
    found = blocks.certificate
    assert found.verdict == "psd"
    assert "congruence" in {node.rule for node in found.proof.walk()}
    values = {k: v for k, v in arrays().items() if k in SHAPES}
    matrix = whole(blocks.G.numpy()(**values), PARAMETERS)
    assert np.allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    assert np.linalg.eigvalsh(whole(blocks.H.numpy()(**values), PARAMETERS)).min() < -1e-3     # H is not


def test_blocks_of_a_loss_without_a_sign_are_not_certified():
    found = sd.gauss_newton("u = W @ x + b; sum(sin(u))", ["W", "b"], at="u", W="o n", x="n", b="o").certificate
    assert found.verdict == "indefinite" and found.counterexample is not None


def test_where_nothing_shows_a_sign_the_blocks_are_unknown():
    from symderiv.block_certificates import certify_blocks
    from symderiv.facts import Facts

    outer = sd.parse("diag(3/5 - sin(u)*cos(u))", u="o")         # positive, but not by the ranges of its parts
    found = certify_blocks(((outer,),), outer, Facts())
    assert found.verdict == "unknown" and "no certified sign" in found.reason


def test_one_block_is_the_split_by_its_pair(blocks):
    assert blocks.block("b1", "b1").G.result is blocks.G.result[1][1]
    cross = blocks.block("W1", "W2")
    assert cross.R.result is blocks.R.result[0][2] and cross.verify(trials=2)
    with pytest.raises(sd.UnknownNameError, match="'W3'"):
        blocks.block("W1", "W3")
    with pytest.raises(sd.SymderivError, match="no sign"):
        _ = cross.certificate


def test_one_parameter_gives_the_diagonal_block(blocks):
    assert sd.gauss_newton(NET, "W2", at="u", **SHAPES, assume="sum(y) == 1").G.result is blocks.G.result[2][2]


@pytest.mark.parametrize("part", ["G", "R", "H"])
def test_products_by_several_parameters_are_those_of_the_blocks(blocks, part):
    given = ["V1", "c", "V2"]
    product = sd.gauss_newton(NET, PARAMETERS, at="u", times=given, **SHAPES, assume="sum(y) == 1")
    assert product.verify(trials=2)
    values = arrays(1)
    got = getattr(product, part).numpy()(**values)
    matrix = whole(getattr(blocks, part).numpy()(**{k: v for k, v in values.items() if k in SHAPES}), PARAMETERS)
    wanted = matrix @ np.concatenate([values[v].ravel() for v in given])
    assert np.allclose(np.concatenate([np.ravel(g) for g in got]), wanted, rtol=1e-10)


def test_products_hold_no_matrix_of_the_parameters():
    product = sd.gauss_newton(NET, PARAMETERS, at="u", times=["V1", "c", "V2"], **SHAPES, assume="sum(y) == 1")
    for result in product.H.result + product.G.result:
        assert len(result.shape) <= 2
    for wide in ("h×n×", "h×h", "n×n", "o×h×"):                  # sizes stand beside each array in the program
        assert f"# {wide}" not in product.H.numpy().source()


@pytest.mark.parametrize(("made", "names", "wanted"), [
    (lambda: sd.hessian("a @ x", "x", times="v", a="n", x="n"), "a x v", [0.0, 0.0]),
    (lambda: sd.hessian("sum(A @ X)", "X", times="V", A="m n", X="n n"), "A X V", [[0.0, 0.0], [0.0, 0.0]]),
    (lambda: sd.gauss_newton("u = X @ w; sum(u**2)", "w", at="u", times="v", X="m n", w="n").R, "X w v", [0.0, 0.0]),
    (lambda: sd.gauss_newton("u = X @ w + b; sum(u**2)", ["w", "b"], at="u", times=["v", "c"], X="m n", w="n", b="m").R,
     "X w b v c", ([0.0, 0.0], [0.0, 0.0])),
])
def test_a_product_that_is_zero_still_takes_its_v(made, names, wanted):
    sizes = {"A": (2, 2), "X": (2, 2), "V": (2, 2)}
    got = made().numpy()(**{name: np.ones(sizes.get(name, (2,))) for name in names.split()})
    assert np.array_equal(got, wanted)


def test_products_by_several_take_every_v_in_every_part():
    """b2 reaches u linearly, so that R doesn't mention its direction."""
    text, shapes = NET.replace("W2 @ a", "W2 @ a + b2"), {**SHAPES, "b2": "o"}
    product = sd.gauss_newton(text, ["W1", "b2"], at="u", times=["V1", "d"], **shapes)
    values = {**{k: v for k, v in arrays(2).items() if k in {*SHAPES, "V1"}}, "b2": np.ones(5), "d": np.arange(5.0)}
    H, G, R = (getattr(product, part).numpy()(**values) for part in "HGR")
    assert all(np.allclose(h, g + r) for h, g, r in zip(H, G, R, strict=True)) and np.array_equal(R[1], np.zeros(5))


def test_products_are_told():
    told = sd.gauss_newton(NET, "W1", at="u", times="V", **SHAPES, assume="sum(y) == 1").text()
    assert "G V = ((W₂ᵀ (diag(p) − p pᵀ) W₂ ((V x) ⊙ (1 − a ⊙ a))) ⊙ (1 − a ⊙ a)) xᵀ" in told
    assert "Gauss–Newton term times V" in told


# ---------------------------------------------------------------- the split point
AFTER = "u = W @ h; p = softmax(u); -y @ log(p)"
LAYER = {"W": "o n", "h": "n", "y": "o"}


def test_after_softmax_g_is_the_empirical_fisher_term():
    split = sd.gauss_newton(AFTER, "W", at="p", **LAYER, assume="onehot(y)")
    assert split.empirical_fisher and split.certificate.verdict == "psd" and split.verify(trials=4)
    gradient = sd.gradient(AFTER, "W", **LAYER, assume="onehot(y)")
    assert "outer square" in split.G.text() and "one" in split.G.text()
    values = {"W": np.arange(6.0).reshape(3, 2) / 5, "h": np.array([1.0, -2.0]), "y": np.array([0.0, 1.0, 0.0])}
    g = gradient.numpy()(**values)
    assert np.allclose(split.G.numpy()(**values), np.multiply.outer(g, g))


@pytest.mark.parametrize(("scale", "share"), [("", 1), ("/m", 4)])
def test_of_a_batch_it_is_one_square_for_each_sample(scale, share):
    """Of a mean too, where each sample's gradient holds the 1/m, and their squares' sum is multiplied by m."""
    text = f"P = softmax(X @ W + b, axis=1); -sum(Y * log(P)){scale}"
    shapes = {"X": "m n", "W": "n o", "b": "o", "Y": "m o"}
    split = sd.gauss_newton(text, "W", at="P", **shapes, assume="onehot(Y)")
    assert split.empirical_fisher and split.certificate.verdict == "psd" and split.verify(trials=4)
    assert "outer square, Y onehot" in split.G.text(detail="full") and split.replay()
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(4, 2)), "W": rng.normal(size=(2, 3)), "b": rng.normal(size=3), "Y": np.eye(3)[[0, 2, 1, 2]]}
    one = sd.gradient("-y @ log_softmax(x @ W + b)", "W", x="n", W="n o", b="o", y="o").numpy()
    each = [one(x=x, W=values["W"], b=values["b"], y=y) for x, y in zip(values["X"], values["Y"], strict=True)]
    assert np.allclose(split.G.numpy()(**values), sum(np.multiply.outer(g, g) for g in each) / share)
    several = sd.gauss_newton(text, ["W", "b"], at="P", **shapes, assume="onehot(Y)")
    assert several.empirical_fisher and several.certificate.verdict == "psd" and several.verify(trials=2)


@pytest.mark.parametrize(("text", "assume"), [
    ("P = softmax(X @ W, axis=1); -sum(Y * log(P))", "sum(Y, axis=1) == 1"),        # any Y
    ("P = softmax(X @ W, axis=1); -2*sum(Y * log(P))", "onehot(Y)"),                # twice: the squares are 4 times as large
    ("P = softmax(X @ W, axis=1); -sum(Y * log(P))/m**2", "onehot(Y)"),
    ("P = softmax(X @ W, axis=1); sum((P - Y)**2)", "onehot(Y)"),
])
def test_other_losses_of_a_batch_are_no_squares_of_samples(text, assume):
    split = sd.gauss_newton(text, "W", at="P", X="m n", W="n o", Y="m o", assume=assume)
    assert not split.empirical_fisher and split.verify(trials=3)


def test_at_the_logits_it_is_not():
    split = sd.gauss_newton(AFTER, "W", at="u", **LAYER, assume="onehot(y)")
    assert not split.empirical_fisher and split.verify(trials=4)
    assert sd.gauss_newton("p = softmax(u); -y @ log(p)", "u", at="p", u="o", y="o").empirical_fisher is False   # any y


@pytest.mark.parametrize(("text", "shapes", "assume"), [
    ("p = sigmoid(X @ w); -log(p) @ ones(m)", {"X": "m n", "w": "n"}, None),
    ("p = softmax(u); sum((p - y)**2)", {"u": "o", "y": "o"}, "onehot(y)"),
])
def test_other_losses_are_no_outer_square(text, shapes, assume):
    assert not sd.gauss_newton(text, next(iter(set(shapes) & {"w", "u"})), at="p", **shapes, assume=assume).empirical_fisher


def test_a_scalar_log_loss_is_an_outer_square_for_its_own_reason():
    split = sd.gauss_newton("p = sigmoid(a @ w); -log(p)", "w", at="p", a="n", w="n")
    assert split.empirical_fisher and split.verify(trials=3)


# ---------------------------------------------------------------- batches
@pytest.mark.parametrize(("scale", "reduction"), [("", "sum"), ("/m", "mean")])
def test_a_batch_says_sum_or_mean(scale, reduction):
    split = sd.gauss_newton(f"Z = X @ W; -sum(Y * log_softmax(Z, axis=1)){scale}", "W", at="Z", X="m n", W="n o", Y="m o",
                            assume="sum(Y, axis=1) == 1")
    assert split.reduction == reduction and split.verify(trials=3)
    assert f"{reduction} over the m rows" in split.text()
    assert split.certificate.verdict == "psd"


def test_by_the_input():
    split = sd.gauss_newton(NET, "x", at="u", **SHAPES, assume="sum(y) == 1")
    assert split.G.shape == ("n", "n") and split.verify(trials=3)


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize(("text", "wrt", "options", "kind", "says"), [
    (NET, "W1", {"at": "q"}, sd.UnknownNameError, "split at one of z, a, u"),
    (NET, "W2", {"at": "a"}, sd.SymderivError, "doesn't depend on 'W2'"),
    (NET, ["W1", "W2"], {"at": "a"}, sd.SymderivError, "doesn't depend on 'W2'"),
    (NET, "W1", {"at": "W2"}, sd.SymderivError, "is a symbol"),
    (NET, "W1", {"at": 3}, sd.SymderivError, "isn't the name"),
    (NET, "W1", {"at": " "}, sd.SymderivError, "isn't the name"),
    ("u = W1 @ x; u", "W1", {"at": "u"}, sd.ShapeError, "needs a scalar"),
    ("u = W1 @ x; sum(u**2) + sum(W1**2)", "W1", {"at": "u"}, sd.SymderivError, "past 'u' too"),
    ("u = W1 @ x; y @ y", "W1", {"at": "u"}, sd.SymderivError, "'u'|'W1'"),
    (NET, PARAMETERS, {"at": "u", "times": "v"}, sd.SymderivError, "1 directions for 3 parameters"),
    (NET, ["W1", "b1"], {"at": "u", "times": ["v", "v"]}, sd.SymderivError, "twice"),
    (NET, ["W1", "b1"], {"at": "u", "times": ["v", 3]}, sd.SymderivError, "isn't a name"),
    (NET, ["W1", "b1"], {"at": "u", "times": ["x", "c"]}, sd.ShapeError, "has shape"),
    (NET, "W1", {"at": "u", "assume": ["sum(y) == 1", "sum(y) == 2"]}, sd.AssumptionError, "contradicts"),
])
def test_bad_input_says_what_and_what_to_do(text, wrt, options, kind, says):
    with pytest.raises(kind, match=says) as found:
        sd.gauss_newton(text, wrt, **SHAPES, **options)
    assert found.value.hint


def test_a_split_by_several_isnt_saved_as_one(blocks):
    from symderiv.saved import to_json

    with pytest.raises(sd.SymderivError, match="several parameters"):
        to_json(blocks)


def test_an_intermediate_value_that_the_loss_doesnt_mention():
    with pytest.raises(sd.UnknownNameError, match="'u' is computed, but the loss doesn't mention it") as found:
        sd.gauss_newton("u = X @ w; y @ y", "w", at="u", X="m n", w="n", y="m")
    assert found.value.hint


def test_a_part_is_derived_when_it_is_asked_for() -> None:
    """Who wants G alone doesn't wait for H and R; under a limit all three are within it."""
    given = {"X": "m n", "w": "n", "y": "m"}
    loss = "u = tanh(X @ w); sum((u - y)**2)"
    parts = sd.gauss_newton(loss, "w", at="u", shapes=given)
    assert not {"H", "G", "R"} & vars(parts).keys()
    assert parts.G is parts.G
    assert {"H", "G", "R"} & vars(parts).keys() == {"G"}
    assert {"H", "G", "R"} <= vars(sd.gauss_newton(loss, "w", at="u", shapes=given, seconds=100)).keys()
    late = sd.gauss_newton(loss, "w", at="u", shapes=given)
    assert (late.R.result, late.G.result) == (parts.R.result, parts.G.result)  # in any order the same


# ---------------------------------------------------------------- what is said of the rows, and names
@pytest.mark.parametrize(("loss", "rows", "said"), [
    ("sum((u - y)**2)", "m", "sum"), ("mean((u - y)**2)", "m", "mean"), ("sum((u - y)**2)/m", "m", "mean"),
    ("sum((u - y)**2)/o", "m", "sum"), ("sum((u - y)**2)*m", "m", ""), ("sum((u - y)**2)/m**2", "m", ""),
    ("mean((u - y)**2)", "2*m", "mean"), ("sum((u - y)**2)", "2*m", "sum"), ("mean((u - y)**2)", "m + 1", ""),
    ("mean((u - y)**2)", "5", ""), ("sum((u - y)**2)", "5", ""), ("mean((u - y)**2)", "o", ""),
])
def test_a_mean_is_called_one_only_where_the_number_of_rows_says_so(loss, rows, said):
    """2/15 before a sum of 5 rows of 3 may be a mean, or not: then nothing is said of it."""
    split = sd.gauss_newton(f"u = X @ W; {loss}", "W", at="u", X=f"({rows}, n)", W="n o", y=f"({rows}, o)")
    assert split.reduction == said
    told = split.text()
    assert [word for word in ("sum over the", "mean over the") if word in told] == ([f"{said} over the"] if said else [])


def test_a_direction_is_no_value_of_the_program():
    """∇²L u = 30 u ⊙ u ⊙ u would be two u in one line."""
    for name in ("u", "n", "f"):
        with pytest.raises(sd.SymderivError, match=f"times='{name}' is "):
            sd.hessian("u = x*x; sum(f(u))", "x", x="n", f="elementwise", times=name)
    with pytest.raises(sd.SymderivError, match="times='u' is an intermediate value"):
        sd.gauss_newton("u = X @ w; sum((u - y)**4)", "w", at="u", times="u", X="m n", w="n", y="m")


def test_an_intermediate_without_a_name_isnt_called_as_the_direction_is():
    split = sd.gauss_newton("sum((X@u - y)**4)", "u", at="X @ u", times="v", X="m n", u="n", y="m")
    assert split.at.name not in ("u", "v", "X", "y")
    x, u, v, y = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 1.0]]), np.array([0.5, -0.25]), np.array([1.0, 3.0]), np.ones(3)
    assert np.allclose(split.G.numpy()(X=x, u=u, v=v, y=y), 12 * x.T @ ((x @ u - y)**2 * (x @ v)))
