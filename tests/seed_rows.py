"""The seed's rows S1–S20 and its loose statements: each a function that derives, compares meaning and form, and returns what it made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import symderiv as sd
from symderiv.build import permute
from symderiv.ir import free_symbols
from tests.oracles import (
    arrays,
    close,
    complex_hessian,
    complex_jacobian,
    numeric_jacobian,
    one_hot,
    softmax,
    value_of,
)

Row = Callable[[], list[Any]]
ROWS: dict[str, Row] = {}


def row(function: Row) -> Row:
    """A row of the seed; the name begins with its number."""
    ROWS[function.__name__] = function
    return function


def proved(left: str, right: str, **shapes: Any) -> bool:
    return sd.prove(left, right, **shapes).status == "proved"


def verified(*made: Any) -> list[Any]:
    for d in made:
        report = d.verify(trials=3)
        assert report, report.summary()
    return list(made)


WH = {"W": "o n", "h": "n"}
NET = {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "b2": "o"}
NET_TEXT = "z = W1 @ x + b1; a = tanh(z); u = W2 @ a + b2; "
ABSTRACT = {"N": "n -> o", "w": "n"}


def net(at: Any, **other: Any) -> Any:
    """The 2-layer network's output, of arrays that may be replaced by keyword."""
    v = {**at, **other}
    return v["W2"] @ np.tanh(v["W1"] @ v["x"] + v["b1"]) + v["b2"]


# ---------------------------------------------------------------- spaces and linear algebra
@row
def s01_a_module_maps_inputs_and_parameters():
    """One network, two views: ∂/∂input and ∂/∂parameters, through one and the same composition."""
    module = sd.Linear("n", "h", name="1") >> sd.Tanh() >> sd.Linear("h", "o", name="2")
    at = arrays(1, **NET)
    by_input, by_weights, by_bias = (sd.jacobian(module, x) for x in ("x", "W1", "b1"))
    assert by_input.shape == ("o", "n") and by_weights.shape == ("o", "h", "n") and by_bias.shape == ("o", "h")
    for d, x in ((by_input, "x"), (by_weights, "W1"), (by_bias, "b1")):
        close(value_of(d.result, at), complex_jacobian(lambda v, x=x: net(at, **{x: v}), at[x]))
    assert by_input.result.text() == "W₂ diag(1 − a ⊙ a) W₁"
    return verified(by_input, by_weights, by_bias)


@row
def s02_matrix_product_and_contraction():
    at = arrays(2, A="m n", B="n o", T="m n o", C="o h")
    product, tensor = sd.parse("A @ B", A="m n", B="n o"), sd.parse('einsum("ijk,kl->ijl", T, C)', T="m n o", C="o h")
    close(
        value_of(product, at),
        np.array([[sum(at["A"][i, k] * at["B"][k, j] for k in range(2)) for j in range(3)] for i in range(5)]),
    )
    close(value_of(tensor, at), np.tensordot(at["T"], at["C"], 1))
    assert product is sd.parse('einsum("ik,kj->ij", A, B)', A="m n", B="n o")
    by_a = sd.jacobian("A @ B", "A", A="m n", B="n o")
    close(value_of(by_a.result, at), np.einsum("ik,lj->ijkl", np.eye(5), at["B"]))
    by_c = sd.jacobian('einsum("ijk,kl->ijl", T, C)', "C", T="m n o", C="o h")
    close(value_of(by_c.result, at), np.einsum("ijk,lm->ijlkm", at["T"], np.eye(4)))
    return verified(by_a, by_c)


@row
def s03_inner_product():
    assert (
        sd.parse("dot(u, v)", u="n", v="n") is sd.parse("u @ v", u="n", v="n") is sd.parse("sum(v * u)", u="n", v="n")
    )
    by_u, square = sd.gradient("dot(u, v)", "u", u="n", v="n"), sd.gradient("dot(u, u)", "u", u="n")
    assert by_u.result.text() == "v" and square.result.text() == "2 u"
    return verified(by_u, square)


@row
def s04_frobenius_inner_product():
    assert sd.parse("sum(A * B)", A="m n", B="m n") is sd.parse("trace(A.T @ B)", A="m n", B="m n")
    at = arrays(4, A="m n", B="m n")
    close(value_of(sd.parse("trace(A.T @ B)", A="m n", B="m n"), at), np.sum(at["A"] * at["B"]))
    by_a, square = sd.gradient("trace(A.T @ B)", "A", A="m n", B="m n"), sd.gradient("trace(A.T @ A)", "A", A="m n")
    assert by_a.result.text() == "B" and square.result.text() == "2 A"
    return verified(by_a, square)


@row
def s05_outer_product():
    at = arrays(5, u="m", v="n")
    close(value_of(sd.parse("outer(u, v)", u="m", v="n"), at), np.outer(at["u"], at["v"]))
    by_u, by_v = (sd.jacobian("outer(u, v)", x, u="m", v="n") for x in "uv")
    close(value_of(by_u.result, at), np.einsum("ik,j->ijk", np.eye(5), at["v"]))
    close(value_of(by_v.result, at), np.einsum("i,jk->ijk", at["u"], np.eye(2)))
    assert by_u.result.latex() == r"\delta_{ik}\,v_j"
    return verified(by_u, by_v)


# ---------------------------------------------------------------- Jacobian
@row
def s06_jacobian_of_a_vector_function():
    """i is the output, j the parameter: row i of J is the gradient of N_i."""
    abstract = sd.jacobian("N(w)", "w", **ABSTRACT)
    assert abstract.result.latex() == "J_N" and abstract.shape == ("o", "n")
    concrete = sd.jacobian("tanh(A @ w) * c", "w", A="o n", w="n", c="o")
    at = arrays(6, A="o n", w="n", c="o")
    found = value_of(concrete.result, at)
    for i in range(3):
        close(found[i], complex_jacobian(lambda w, i=i: np.tanh(at["A"][i] @ w) * at["c"][i], at["w"]))
    assert r"\frac{\partial N_i}{\partial w_j}" in concrete.latex("index")
    return verified(abstract, concrete)


@row
def s07_gradient_column_and_jacobian_row():
    at = arrays(7, A="o o", u="o")
    gradient, jacobian = (f("exp(u) @ A @ u", "u", A="o o", u="o") for f in (sd.gradient, sd.jacobian))
    expected = complex_jacobian(lambda u: np.exp(u) @ at["A"] @ u, at["u"])
    assert gradient.shape == ("o",) and jacobian.shape == (1, "o")
    close(value_of(gradient.result, at), expected)
    close(value_of(jacobian.result, at), expected[None, :])
    column, line = (f("L(u)", "u", L="o -> ", u="o") for f in (sd.gradient, sd.jacobian))
    assert (column.result.latex(), line.result.latex()) == ("j_L", "J_L")
    return verified(gradient, jacobian, column, line)


@row
def s08_linear_layer():
    at = arrays(8, W="o n", h="n", b="o")
    by_h, by_w, by_b = (sd.jacobian("W @ h + b", x, W="o n", h="n", b="o") for x in ("h", "W", "b"))
    assert by_h.result.text() == "W" and by_b.result.text() == "I"
    assert by_w.result.latex() == r"\delta_{ij}\,h_k" and by_w.shape == ("o", "o", "n")
    close(value_of(by_w.result, at), np.einsum("ij,k->ijk", np.eye(3), at["h"]))
    flat = sd.jacobian("W @ h + b", "W", vec=True, W="o n", h="n", b="o")
    assert flat.shape == ("o", "n*o")
    close(flat.numpy()(**at), np.kron(at["h"][None, :], np.eye(3)))
    assert r"h^\top\otimes I" in flat.latex().replace(r" \otimes ", r"\otimes ").replace("I_o", "I")
    return verified(by_h, by_w, by_b, flat)


@row
def s09_activation():
    at = arrays(9, **WH)
    generic = sd.jacobian("f(W @ h)", "h", f="elementwise", **WH)
    assert generic.result.latex() == r"\operatorname{diag}(f'(W h))\,W"
    made = [generic]
    slopes = {
        "tanh": lambda z: 1 - np.tanh(z) ** 2,
        "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
        "exp": np.exp,
        "softplus": lambda z: 1 / (1 + np.exp(-z)),
        "relu": lambda z: (z > 0).astype(float),
    }
    for fn, slope in slopes.items():
        found = sd.jacobian(f"{fn}(W @ h)", "h", **WH)
        close(value_of(found.result, at), np.diag(slope(at["W"] @ at["h"])) @ at["W"])
        assert found.result.latex().startswith(r"\operatorname{diag}(") and found.result.latex().endswith("W")
        made += [found, generic.specialize(f=fn)]
        assert made[-1].result is found.result
    return verified(*made)


@row
def s09_row_i_is_scaled_by_the_slope_at_neuron_i():
    """The reading of the seed, as an identity: J_i = f'(z_i) W_i, proved for the generic f and seen in numbers."""
    J = sd.jacobian("f(W @ h)", "h", f="elementwise", **WH)
    at = {**arrays(10, **WH)}
    concrete = J.specialize(f="sin")
    found = value_of(concrete.result, at)
    for i in range(3):
        close(found[i], np.cos(at["W"][i] @ at["h"]) * at["W"][i])
    scaled = J.result
    row_form = sd.parse("diag(d) @ W", W="o n", d="o")
    assert row_form is sd.parse("d[:, None] * W", W="o n", d="o")
    assert row_form.latex("index") == r"d_i\,W_{ij}" and scaled.latex("index").replace(
        r"f'((W h)_i)", "d_i"
    ) == row_form.latex("index")
    return verified(J, concrete)


# ---------------------------------------------------------------- Hessian
@row
def s10_hessian_of_a_vector_function():
    abstract = sd.hessian("N(w)", "w", **ABSTRACT)
    assert abstract.shape == ("o", "n", "n") and abstract.result.latex() == "(H_N)_{ijk}"
    at = arrays(11, **WH)
    found = sd.hessian("tanh(W @ h)", "h", **WH)
    numbers = value_of(found.result, at)
    close(numbers, complex_hessian(lambda h: np.tanh(at["W"] @ h), at["h"]))
    close(numbers, numbers.transpose(0, 2, 1))
    generic = sd.hessian("f(W @ h)", "h", f="elementwise", **WH)
    assert generic.result.latex() == r"f''((W h)_i)\,W_{ij}\,W_{ik}"
    for d in (abstract, generic):
        assert permute(d.result, (0, 2, 1)) is d.result, "symmetric in j, k as an object"
    return verified(abstract, found, generic)


@row
def s11_hessian_of_a_scalar_function():
    """h_ij = ∂j_i/∂w_j, symmetric, and H_{0,:,:} of the function seen as a vector of one entry."""
    abstract = sd.hessian("L(w)", "w", L="n -> ", w="n")
    assert abstract.result.latex() == "h_L" and abstract.shape == ("n", "n")
    at = arrays(12, A="o n", w="n", c="o")
    scalar = sd.hessian("c @ exp(A @ w)", "w", A="o n", w="n", c="o")
    numbers = value_of(scalar.result, at)
    close(numbers, complex_hessian(lambda w: at["c"] @ np.exp(at["A"] @ w), at["w"]))
    close(numbers, numbers.T)
    assert permute(scalar.result, (1, 0)) is scalar.result
    rows = sd.hessian("C @ exp(A @ w)", "w", A="o n", w="n", C="1 o")
    close(value_of(rows.result, {**at, "C": at["c"][None, :]})[0], numbers)
    return verified(abstract, scalar, rows)


# ---------------------------------------------------------------- composition
@row
def s12_softmax_in_the_network_or_in_the_loss():
    """The total, its gradient and its Hessian are the same for both splits: equal values, and one object without names."""
    at = arrays(13, y="o", **NET)
    shapes = {**NET, "y": "o"}
    inside_net = NET_TEXT + "p = softmax(u); y @ log(p)"
    inside_loss = NET_TEXT + "y @ log_softmax(u)"
    made = []
    for wrt in ("W2", "x"):
        first, second = (sd.gradient(f, wrt, assume="sum(y) == 1", shapes=shapes) for f in (inside_net, inside_loss))
        at["y"] /= at["y"].sum()
        expected = complex_jacobian(lambda v, wrt=wrt: at["y"] @ np.log(softmax(net(at, **{wrt: v}))), at[wrt])
        for d in (first, second):
            close(value_of(d.result, at), expected)
        assert second.result.text().replace("softmax(u)", "p") == first.result.text()
        made += [first, second]
    for f in (inside_net, inside_loss):
        split = sd.gauss_newton(f, "x", at="u", assume="sum(y) == 1", shapes=shapes)
        expected = complex_hessian(lambda x: at["y"] @ np.log(softmax(net(at, x=x))), at["x"])
        close(value_of(split.H.result, at), expected, 1e-7)
        close(value_of(split.G.result, at) + value_of(split.R.result, at), expected, 1e-7)
        made.append(split)
    assert sd.prove("y @ log(softmax(u))", "y @ log_softmax(u)", y="o", u="o").status == "proved"
    return verified(*made)


@row
def s13_chain_rule_for_a_vector():
    found = sd.jacobian("L(N(w))", "w", L="o -> q", **ABSTRACT)
    assert found.result.latex() == r"J_L\,J_N"
    concrete = found.specialize(L="lambda u: exp(B @ u)", B="q o", N="lambda w: tanh(A @ w)", A="o n")
    at = arrays(14, A="o n", B="q o", w="n")
    close(value_of(concrete.result, at), complex_jacobian(lambda w: np.exp(at["B"] @ np.tanh(at["A"] @ w)), at["w"]))
    return verified(found, concrete)


@row
def s14_chain_rule_for_a_scalar():
    column, line = (f("L(N(w))", "w", L="o -> ", **ABSTRACT) for f in (sd.gradient, sd.jacobian))
    assert column.result.latex() == r"J_N^\top\,j_L" and line.result.latex() == r"J_L\,J_N"
    return verified(column, line)


@row
def s15_hessian_of_a_composition():
    found = sd.hessian("L(N(w))", "w", L="o -> ", **ABSTRACT)
    assert found.result.latex() == r"J_N^\top\,h_L\,J_N+\sum_k(J_L)_k\,h_{N_k}"
    concrete = found.specialize(L="lambda u: c @ exp(u)", c="o", N="lambda w: tanh(A @ w)", A="o n")
    at = arrays(15, A="o n", c="o", w="n")
    close(
        value_of(concrete.result, at), complex_hessian(lambda w: at["c"] @ np.exp(np.tanh(at["A"] @ w)), at["w"]), 1e-7
    )
    return verified(found, concrete)


@row
def s16_the_exercise():
    """(H_C)_ijk = Σ_lm (H_L)_ilm (J_N)_lj (J_N)_mk + Σ_l (J_L)_il (H_N)_ljk; third order by the same rules."""
    found = sd.hessian("L(N(w))", "w", L="o -> q", **ABSTRACT)
    assert found.result.latex() == r"\sum_{l,m}(H_L)_{ilm}\,(J_N)_{lj}\,(J_N)_{mk}+\sum_l(J_L)_{il}\,(H_N)_{ljk}"
    concrete = found.specialize(L="lambda u: exp(B @ u)", B="q o", N="lambda w: tanh(A @ w)", A="o n")
    at = arrays(16, A="o n", B="q o", w="n")
    close(
        value_of(concrete.result, at), complex_hessian(lambda w: np.exp(at["B"] @ np.tanh(at["A"] @ w)), at["w"]), 1e-7
    )
    third = sd.derivative("L(N(w))", "w", order=3, L="o -> ", **ABSTRACT)
    assert len(third.result.terms) == 5 and third.shape == ("n", "n", "n")
    lower = sd.hessian("c @ exp(A @ w)", "w", A="o n", c="o", w="n")
    cube = sd.derivative("c @ exp(A @ w)", "w", order=3, A="o n", c="o", w="n")
    at["c"] = arrays(17, c="o")["c"]
    close(value_of(cube.result, at), numeric_jacobian(lambda w: value_of(lower.result, {**at, "w": w}), at["w"]), 1e-7)
    return verified(found, concrete, third, lower, cube)


@row
def s17_gauss_newton():
    split = sd.gauss_newton("u = N(w); L(u)", "w", at="u", L="o -> ", **ABSTRACT)
    assert split.G.result.latex() == r"J_N^\top\,h_L\,J_N" and split.R.result.latex() == r"\sum_k(J_L)_k\,h_{N_k}"
    shapes = {**NET, "y": "o"}
    concrete = sd.gauss_newton(NET_TEXT + "-y @ log_softmax(u)", "x", at="u", assume="sum(y) == 1", shapes=shapes)
    at = {**arrays(18, **NET), "y": one_hot(3)}
    J, p = complex_jacobian(lambda x: net(at, x=x), at["x"]), softmax(net(at))
    h = np.diag(p) - np.outer(p, p)
    G, v = value_of(concrete.G.result, at), np.array([0.3, -1.1])
    close(G, J.T @ h @ J)
    close(v @ G @ v, (J @ v) @ h @ (J @ v))
    close(
        value_of(concrete.R.result, at),
        np.einsum("k,kij->ij", p - at["y"], complex_hessian(lambda x: net(at, x=x), at["x"])),
        1e-7,
    )
    return verified(split, concrete)


# ---------------------------------------------------------------- matching losses
@row
def s18_softmax():
    """diag(p) − p pᵀ from exp(u)/Σexp(u), folded; by name, by definition, by entries, and along an axis of a batch."""
    at = arrays(19, u="o", U="m o")
    spellings = [
        "softmax(u)",
        "exp(u) / sum(exp(u))",
        "p = exp(u) / sum(exp(u)); p",
        "exp(log_softmax(u))",
        "exp(u - logsumexp(u))",
    ]
    made = [sd.jacobian(f, "u", u="o") for f in spellings]
    p = softmax(at["u"])
    for d in made:
        close(value_of(d.result, at), np.diag(p) - np.outer(p, p))
    named = sd.jacobian("N = softmax(u); N", "u", u="o")
    assert named.result.latex() == r"\operatorname{diag}(N)-N\,N^\top"
    assert {d.result for d in made[:2]} == {made[0].result}, "one object"
    batch = sd.jacobian("softmax(U, axis=1)", "U", U="m o")
    P = softmax(at["U"])
    close(
        value_of(batch.result, at),
        np.einsum("ac,abd->abcd", np.eye(5), np.einsum("ab,bd->abd", P, np.eye(3)) - np.einsum("ab,ad->abd", P, P)),
    )
    return verified(*made, named, batch)


@row
def s19_log_likelihood_matches_softmax():
    """Y − N with the assumption as a named step, Y − (1ᵀY)N without it."""
    text, shapes = "N = softmax(u); Y @ log(N)", {"u": "o", "Y": "o"}
    general, summed, one = (
        sd.gradient(text, "u", assume=fact, shapes=shapes) for fact in ([], "sum(Y) == 1", "onehot(Y)")
    )
    assert general.result.latex() == r"Y-(\mathbf{1}^\top Y)\,N" and general.assumptions == ()
    assert summed.result.latex() == one.result.latex() == "Y-N"
    assert summed.assumptions == ("sum(Y) == 1",) and one.assumptions == ("onehot(Y)",)
    assert [s.rule for s in summed.steps if s.assumptions] == ["assumption"]
    at = arrays(20, u="o", Y="o")
    close(value_of(general.result, at), complex_jacobian(lambda u: at["Y"] @ np.log(softmax(u)), at["u"]))
    close(value_of(one.result, {**at, "Y": one_hot(3)}), one_hot(3) - softmax(at["u"]))
    found = sd.matching("softmax(u)", "Y @ log(N)", input="u", output="N", target="Y", assume="sum(Y) == 1", **shapes)
    assert found.matches and (found.A.text(), found.b.text(), found.needs) == ("−I", "Y", ("sum(Y) == 1",))
    loose = sd.matching("softmax(u)", "Y @ log(N)", input="u", output="N", target="Y", **shapes)
    assert loose.matches and loose.A.text() == "−(1ᵀ Y) I" and loose.needs == ()
    return verified(general, summed, one)


@row
def s20_squared_error_matches_the_identity():
    halved = sd.gradient("sum((u - y)**2) / 2", "u", u="o", y="o")
    mean = sd.gradient("mse(u, y)", "u", u="o", y="o")
    assert halved.result.text() == "u − y"
    at = arrays(21, u="o", y="o")
    close(value_of(mean.result, at), 2 / 3 * (at["u"] - at["y"]))
    found = sd.matching("u", "sum((N - y)**2) / 2", input="u", output="N", target="y", u="o", y="o")
    assert found.matches and (found.A.text(), found.b.text()) == ("I", "−y")
    refused = sd.matching("sigmoid(u)", "sum((N - y)**2) / 2", input="u", output="N", target="y", u="o", y="o")
    assert not refused.matches and refused.status == "refuted" and refused.counterexample is not None
    assert "y" in [s.name for s in free_symbols(refused.remainder)], "what is left depends on y"
    return verified(halved, mean)
