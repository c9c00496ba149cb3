"""Exercises on backpropagation through a small network."""

from symderiv.handout.source import blanks, drawn, exercise, find_error, gradient, graph, handout, section

NETWORK = """
    z = W1 @ x + b1
    a = tanh(z)
    u = W2 @ a
    sum((u - y)**2)/2
"""
SHAPES = {"W1": "h n", "b1": "h", "W2": "o h", "x": "n", "y": "o"}
BY_W1 = gradient(NETWORK, "W1", **SHAPES)

sheet = handout(
    "Exercises: a network",
    section(
        "Backpropagation by hand",
        graph(NETWORK, inputs="x y", caption="The network of all exercises on this sheet", **SHAPES),
        exercise(
            "Forward",
            "Name the shape of every value in the graph; then find $u$ at these numbers.",
            points=2,
            numbers={"W1": drawn("3 2", low=-1, high=1), "b1": [0, 1, 0], "W2": drawn("2 3", low=-1, high=1), "x": [1, -1]},
            ask="W2 @ tanh(W1 @ x + b1)",
            name="u",
            solution="The shapes stand in the graph.",
        ),
        exercise(
            "Backward",
            "Derive $\\nabla_{W_1}L$, $\\nabla_{b_1}L$ and $\\nabla_{W_2}L$, with names for the cotangents $\\delta_u$ and $\\delta_z$.",
            points=4,
            hint=["Begin at the loss: $\\delta_u=u-y$.", "Every gradient of a weight is a cotangent times an input, transposed."],
            solution=gradient(NETWORK, ["W1", "b1", "W2"], **SHAPES),
        ),
        exercise(
            "With numbers",
            "Find $\\nabla_{W_1}L$ at these numbers.",
            points=3,
            numbers={
                "W1": drawn("3 2", low=-1, high=1), "b1": [0, 1, 0], "W2": drawn("2 3", low=-1, high=1), "x": [1, -1], "y": [1, 0],
            },
            ask=BY_W1,
            name="G",
        ),
        exercise("Which rule is it?", blanks(BY_W1, what="rule", count=2, seed=2), points=2),
        exercise("One of these lines is wrong", find_error(BY_W1, seed=3), points=3),
    ),
    summary="One network, forward and backward, from its graph.",
)
