"""The Gauss–Newton split, and the sign of its first part."""

from symderiv.handout.source import derivation, gauss_newton, handout, identity, prose, section, splits

SHAPES = {"w": "n", "N": "n -> o", "L": "o -> "}
LINEAR = {"X": "m n", "w": "n", "t": "m"}

sheet = handout(
    "Gauss–Newton",
    section(
        "Splitting the Hessian at the network's output",
        derivation(
            gauss_newton("L(N(w))", "w", at="N(w)", **SHAPES, assume="convex(L)"),
            meaning={"w": "parameters", "N": "network", "L": "loss, convex in the network's output"},
            covers="S17",
        ),
        prose(
            "Along any $v$, the curvature of $G$ is that of the loss in the direction in which the output moves:",
            "Reading",
        ),
        identity(
            "v @ (J.T @ h @ J) @ v",
            "d = J @ v; d @ h @ d",
            why="transpose product",
            v="n",
            J="o n",
            h="o o",
            covers="S17",
        ),
    ),
    section(
        "The sign of $G$",
        prose(
            "$G$ has the sign of $h_L$, the Hessian of the loss in the network's output; without a condition on the loss it has none."
        ),
        splits(
            ("convex loss", gauss_newton("L(N(w))", "w", at="N(w)", **SHAPES, assume="convex(L)"), "psd"),
            ("concave loss", gauss_newton("L(N(w))", "w", at="N(w)", **SHAPES, assume="concave(L)"), "nsd"),
            ("any loss", gauss_newton("L(N(w))", "w", at="N(w)", **SHAPES), "indefinite"),
            (
                "squared error",
                gauss_newton("u = N(w); sum((u - y)**2)/2", "w", at="u", w="n", N="n -> o", y="o"),
                "psd",
            ),
            (
                "cross-entropy",
                gauss_newton(
                    "u = N(w); -y @ log_softmax(u)", "w", at="u", w="n", N="n -> o", y="o", assume=["sum(y) == 1"]
                ),
                "psd",
            ),
            (
                "log-likelihood of softmax",
                gauss_newton(
                    "u = N(w); y @ log_softmax(u)", "w", at="u", w="n", N="n -> o", y="o", assume=["sum(y) == 1"]
                ),
                "nsd",
            ),
            covers="S17",
        ),
    ),
    section(
        "Logistic regression",
        derivation(
            gauss_newton("u = X @ w; sum(softplus(u) - t * u)", "w", at="u", **LINEAR),
            meaning={"X": "samples, one in each row", "w": "weights", "t": "labels, each 0 or 1"},
            forms="brief index matrix full",
            covers="S17",
        ),
    ),
    summary="The Hessian split at the network's output; when its first part is positive semi-definite, with certificates.",
)
