"""Second derivatives: the tensor of a vector function, the matrix of a scalar one."""

from symderiv.handout.source import derivation, handout, hessian, prose, section

sheet = handout(
    "The Hessian",
    section(
        "Of a vector function: an activated layer",
        prose(
            "The Hessian of a vector function has three indices: $i$ for the output, $j$ and $k$ for the variable, in which "
            "it is symmetric."
        ),
        derivation(
            hessian("z = W @ h; f(z)", "h", W="o n", h="n", f="elementwise"),
            meaning={"W": "weights", "h": "input of the layer", "f": "activation"},
            forms="brief index full ways",
            reading=[
                prose(
                    "Each slice is a matrix of rank one: row $i$ of $W$ with itself, scaled by the bend of $f$ at neuron $i$.",
                    "Reading",
                )
            ],
            numbers={"f": "lambda x: x**3", "W": [[1, 2], [-1, 1]], "h": [1, 0]},
            covers="S10",
        ),
    ),
    section(
        "Of a vector function, by a matrix",
        derivation(
            hessian("tanh(W @ h)", "W", W="o n", h="n"),
            meaning={"W": "weights", "h": "input of the layer"},
            forms="brief index full ways",
            covers="S10",
        ),
    ),
    section(
        "Of a scalar function: a quadratic form",
        derivation(
            hessian("x @ A @ x / 2 + c @ x", "x", A="n n", x="n", c="n"),
            meaning={"A": "any square matrix", "c": "a vector"},
            reading=[
                prose(
                    "$x^\\top A\\,x$ sees the symmetric part of $A$ alone; the Hessian of a symmetric $A$ is $A$.",
                    "Reading",
                )
            ],
            numbers={"A": [[2, 1], [3, 4]], "x": [1, 1], "c": [0, 0]},
            covers="S11",
        ),
    ),
    section(
        "Of a scalar function: log-sum-exp",
        derivation(
            hessian("logsumexp(u)", "u", u="o"),
            meaning={"u": "logits"},
            numbers={"u": [0, 0, "log(2)"]},
            covers="S11",
        ),
    ),
    section(
        "Of a scalar function: logistic regression",
        derivation(
            hessian("sum(log(1 + exp(-t * (X @ w))))", "w", X="m n", w="n", t="m", assume="t**2 == 1"),
            meaning={"X": "samples, one in each row", "w": "weights", "t": "labels, each 1 or -1"},
            covers="S11",
        ),
    ),
    summary="The 3-D Hessian of a vector function and its slices; Hessian matrices of scalar functions.",
)
