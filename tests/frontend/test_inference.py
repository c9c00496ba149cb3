"""Shapes that are proposed: they can be built, follow conventions, say where they come from, and what can't be is told."""

from __future__ import annotations

import pytest

from symderiv import errors
from symderiv.frontend.inference import infer_shapes
from symderiv.frontend.inputs import parse

# fmt: off
PROPOSED = [
    ("W @ h", {"W": "o n", "h": "n"}),
    ("f(W @ h)", {"W": "o n", "h": "n", "f": "elementwise"}),
    ("x @ A @ x", {"x": "n", "A": "n n"}),
    ("sum((X @ w - y)**2) + lam * w @ w", {"X": "m n", "w": "n", "y": "m", "lam": ""}),
    ("softmax(Q @ K.T / sqrt(d)) @ V", {"Q": "o d", "K": "h d", "V": "h k"}),
    ("sum((X @ w - y)**2)/m", {"X": "m n", "w": "n", "y": "m"}),
    ("X @ W + outer(ones(m), b)", {"X": "m n", "W": "n h", "b": "h"}),
    ("L(N(w))", {"w": "n", "N": "n -> h", "L": "h -> "}),
    ("N(x) @ M(x, y)", {"x": "n", "y": "o", "N": "n -> h", "M": "n, o -> h"}),
    ("kron(A, B) @ x", {"A": "h k", "B": "p q", "x": "k*q"}),
    ("logdet(S) + y @ inv(S) @ y", {"S": "o o", "y": "o"}),
    ('einsum("ij,jk->ik", A, B)', {"A": "o h", "B": "h k"}),
    ("z = W1 @ x + b1; a = tanh(z); u = W2 @ a + b2; -y @ log_softmax(u)",
     {"W1": "h n", "x": "n", "b1": "h", "W2": "o h", "b2": "o", "y": "o"}),
]
# fmt: on


@pytest.mark.parametrize(("text", "shapes"), PROPOSED)
def test_what_is_proposed_is_usual_and_can_be_built(text: str, shapes: dict[str, str]) -> None:
    found = {name: one.shape for name, one in infer_shapes(text).items()}
    assert found == shapes
    parse(text, found)


@pytest.mark.parametrize("text", [text for text, _ in PROPOSED])
def test_no_two_sizes_are_one_without_need(text: str) -> None:
    """With one size renamed where it stands first, the text can't be built: sizes are equal only where they must be."""
    found = {name: one.shape for name, one in infer_shapes(text).items()}
    sizes = {size for shape in found.values() for size in shape.replace("->", " ").replace(",", " ").split()}
    used = [size for size in sizes if sum(shape.split().count(size) for shape in found.values()) > 1]
    for size in used:
        name = next(n for n, shape in found.items() if size in shape.split())
        with pytest.raises(errors.SymderivError):
            parse(text, {**found, name: " ".join("zz" if s == size else s for s in found[name].split())} | _once(found, name, size))


def _once(found: dict[str, str], name: str, size: str) -> dict[str, str]:
    """The changed declaration where only the first of two equal sizes of one symbol changes: a square matrix."""
    parts = found[name].split()
    if parts.count(size) < 2:
        return {}
    return {name: " ".join(["zz", *parts[1:]])}


def test_given_shapes_are_kept_and_others_follow_them() -> None:
    found = infer_shapes("W @ h", {"h": "3"})
    assert {name: (one.shape, one.how) for name, one in found.items()} == {"W": ("o 3", "assumed"), "h": ("3", "given")}
    found = infer_shapes("W @ h", {"W": "a b"})
    assert found["h"].shape == "b"


def test_a_name_in_a_given_shape_is_a_size() -> None:
    assert list(infer_shapes("sum(x) / n", {"x": "n"})) == ["x"]
    assert infer_shapes("sum(x) * n")["n"].shape == ""


def test_what_has_no_other_number_of_axes_follows() -> None:
    assert infer_shapes("trace(A)")["A"].how == "follows"
    assert infer_shapes("tanh(x)")["x"].how == "assumed"
    assert infer_shapes("trace(A @ outer(x, y))")["x"].how == "follows"


def test_both_sides_of_an_identity_have_one_shape() -> None:
    found = infer_shapes("A @ x", "y", equal=True)
    assert found["A"].shape.split()[0] == found["y"].shape


def test_names_of_sizes_are_no_symbols() -> None:
    found = infer_shapes("A @ n + o * k")
    assert not {"n", "o", "k"} & {size for one in found.values() for size in one.shape.split()}
    parse("A @ n + o * k", {name: one.shape for name, one in found.items()})


@pytest.mark.parametrize(
    ("text", "given", "error", "says"),
    [
        ("sofmax(x)", {}, errors.UnknownNameError, "did you mean 'softmax'?"),
        ("W @ x @", {}, errors.ParseError, "the end of the text"),
        ("W @ x", {"W": "o n", "x": "m"}, errors.ShapeError, "the inner sizes are n and m"),
        ("x(y) * x", {}, errors.ParseError, "as a value and as a function"),
        ("W @ x", {"W": "o -"}, errors.SymderivError, "W"),
    ],
)
def test_what_cant_be_is_told(text: str, given: dict[str, str], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        infer_shapes(text, given)
    assert says in str(caught.value)


def test_it_ends_for_what_fits_nowhere() -> None:
    text = " + ".join(f"det(A{k}) @ B{k}" for k in range(12))
    with pytest.raises(errors.ShapeError):
        infer_shapes(text)


def test_a_deep_program_is_no_trouble() -> None:
    lines = [f"a{k} = tanh(W{k} @ a{k - 1} + b{k})" for k in range(1, 16)]
    found = infer_shapes("\n".join(["a0 = x", *lines, "sum(a15)"]))
    assert len(found) == 31
    parse("\n".join(["a0 = x", *lines, "sum(a15)"]), {name: one.shape for name, one in found.items()})
