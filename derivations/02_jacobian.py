"""Jacobians of what networks are made of: linear layers, biases, activations."""

import numpy as np

from symderiv.functions import SCALAR
from symderiv.handout.source import (
    derivation,
    derivative,
    functions,
    gradient,
    handout,
    identity,
    jacobian,
    prose,
    section,
)

LAYER = {"W": "weights", "h": "input of the layer", "b": "bias", "f": "activation"}
ACTIVATIONS = [row.name for row in SCALAR.values() if row.activation]


def layer(W, h):
    """A linear layer without a bias."""
    return W @ h


def silu(x):
    """The sigmoid-weighted linear unit."""
    return x / (1 + np.exp(-x))


sheet = handout(
    "The Jacobian",
    section(
        "A linear layer, by its input",
        derivation(
            jacobian("W @ h", "h", W="o n", h="n"),
            meaning=LAYER,
            definition=layer,
            numbers={"W": [[1, 2], [0, 1], [-1, 1]], "h": [1, 0]},
            covers="S6 S8",
        ),
    ),
    section(
        "A linear layer, by its weights",
        derivation(
            jacobian("W @ h", "W", W="o n", h="n"),
            meaning=LAYER,
            reading=[
                prose(
                    "Each slice has $h^\\top$ in row $i$ and zeros in all others: weight $W_{jk}$ moves output $j$ alone, by $h_k$.",
                    "Reading",
                )
            ],
            covers="S8",
        ),
        prose("With the weights in one long column, the columns of $W$ stacked, the same numbers are a matrix:"),
        identity("vec(W @ h)", "kron(h[None, :], eye(o)) @ vec(W)", why="vec of product", W="o n", h="n"),
    ),
    section(
        "A linear layer, by its bias",
        derivation(jacobian("W @ h + b", "b", W="o n", h="n", b="o"), meaning=LAYER, covers="S8"),
    ),
    section(
        "An activated linear layer",
        derivation(
            jacobian("z = W @ h; f(z)", "h", W="o n", h="n", f="elementwise"),
            meaning=LAYER,
            reading=[
                prose(
                    "Row $i$ of $J$ is row $i$ of $W$, scaled by $f'(z_i)$, the slope of $f$ at neuron $i$:", "Reading"
                ),
                identity(
                    "diag(d) @ W",
                    'einsum("i,ij->ij", d, W)',
                    forms=("matrix", "index"),
                    why="row of diag product",
                    d="o",
                    W="o n",
                ),
            ],
            numbers={"f": "lambda x: x**2", "W": [[1, 2], [0, 1], [-1, 1]], "h": [1, 0]},
            covers="S6 S9",
        ),
    ),
    section(
        "Every activation",
        prose(
            "For a named activation the same Jacobian, with its own slope. Each slope below is derived from the definition "
            "(relu, and what is made of it, by the step function $H$), and so is the Jacobian of the layer with it."
        ),
        functions("z = W @ h; f(z)", "h", ACTIVATIONS, W="o n", h="n", f="elementwise", covers="S9"),
    ),
    section(
        "One activation, step by step",
        derivation(
            derivative("x / (1 + exp(-x))", "x", x=""),
            meaning={"x": "a number"},
            definition=silu,
            forms="brief matrix differential full",
        ),
    ),
    section(
        "Of a loss: a row, and its column",
        prose("The Jacobian of a scalar is a row; its gradient is the column that has the shape of the variable."),
        derivation(
            jacobian("sum((u - t)**2) / 2", "u", u="o", t="o"),
            meaning={"u": "output of the network", "t": "target"},
            forms="brief index full",
            covers="S7",
        ),
        derivation(
            gradient("sum((u - t)**2) / 2", "u", u="o", t="o"),
            meaning={"u": "output of the network", "t": "target"},
            forms="brief matrix differential",
            numbers={"u": [2, 1, 0], "t": [1, 1, 1]},
            covers="S7",
        ),
    ),
    summary="Linear layers by input, weights and bias; activations, generic and each by name; losses.",
)
