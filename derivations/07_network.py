"""A worked network: two layers, tanh, softmax and cross-entropy."""

from symderiv.handout.source import derivation, gauss_newton, gradient, handout, hessian, section

NETWORK = """
    z = W1 @ x + b1
    a = tanh(z)
    u = W2 @ a + b2
    p = softmax(u)
    -y @ log(p)
"""
SHAPES = {"W1": "h n", "b1": "h", "W2": "o h", "b2": "o", "x": "n", "y": "o", "assume": "sum(y) == 1"}
MEANING = {
    "W1": "weights of the first layer",
    "b1": "its bias",
    "W2": "weights of the second layer",
    "b2": "its bias",
    "x": "input",
    "y": "target, a distribution over the classes",
}
NUMBERS = {
    "W1": [[1, 0], [0, 1], [1, -1]],
    "b1": [0, 0, 0],
    "W2": [[1, 0, 1], [0, 1, 1]],
    "b2": [0, 0],
    "x": [1, 1],
    "y": [1, 0],
}

sheet = handout(
    "A worked network",
    section(
        "Backpropagation through a two-layer network",
        derivation(
            gradient(NETWORK, ["W1", "b1", "W2", "b2", "x"], **SHAPES),
            meaning=MEANING,
            forms="matrix index differential full",
            numbers=NUMBERS,
        ),
    ),
    section(
        "The Hessian by the first weights",
        derivation(hessian(NETWORK, "W1", **SHAPES), meaning=MEANING, forms="brief index full ways", numbers=NUMBERS),
    ),
    section(
        "Its Gauss–Newton part",
        derivation(
            gauss_newton(NETWORK, "W1", at="u", **SHAPES), meaning=MEANING, forms="brief index", numbers=NUMBERS
        ),
    ),
    summary="Two layers, tanh, softmax and cross-entropy: every gradient, the Hessian and its Gauss–Newton part.",
)
