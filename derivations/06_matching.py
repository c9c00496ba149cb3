"""Losses that match a module: their gradient by the module's input is affine in the module's output."""

from symderiv.handout.source import derivation, handout, identity, jacobian, matching, pair, pairs, prose, section

LIKELIHOOD = {"input": "u", "output": "N", "target": "Y", "u": "o", "Y": "o"}

sheet = handout(
    "Matching losses",
    section(
        "The Jacobian of softmax",
        derivation(
            jacobian("softmax(u)", "u", u="o"),
            meaning={"u": "logits"},
            numbers={"u": [0, 0, "log(2)"]},
            show={"p": "softmax(u)"},
            reading=[
                prose(
                    "$J$ is symmetric, and its rows sum to zero: adding a number to every $u_j$ leaves $p$ as it is.",
                    "Reading",
                ),
                identity(
                    "p = softmax(u); J = diag(p) - outer(p, p); J @ ones(o)",
                    "zeros(o)",
                    why="entries sum to one",
                    u="o",
                ),
                identity("softmax(u + c)", "softmax(u)", why="for every number c", u="o", c=""),
            ],
            covers="S18",
        ),
    ),
    section(
        "Softmax with the log-likelihood",
        pair(
            matching("softmax(u)", "Y @ log(N)", **LIKELIHOOD, assume="sum(Y) == 1"),
            meaning={"u": "logits", "Y": "target, a distribution over the classes"},
            covers="S19",
        ),
    ),
    section(
        "A linear output with the squared error",
        pair(
            matching("u", "sum((N - Y)**2)/2", **LIKELIHOOD),
            meaning={"u": "output of the last layer, taken as it is", "Y": "target"},
            covers="S20",
        ),
    ),
    section(
        "Sigmoid with the squared error doesn't match",
        pair(
            matching("sigmoid(u)", "sum((N - Y)**2)/2", **LIKELIHOOD),
            meaning={"u": "output of the last layer", "Y": "target"},
            covers="S20",
        ),
    ),
    section(
        "Pairs",
        prose(
            "$\\nabla_uL=A\\,N+b+\\text{remainder}$, with $A$ and $b$ free of $u$; a pair matches if nothing remains."
        ),
        pairs(
            (
                "softmax, $L=Y^\\top\\log N$",
                matching("softmax(u)", "Y @ log(N)", **LIKELIHOOD, assume="sum(Y) == 1"),
                True,
            ),
            ("softmax, $L=Y^\\top\\log N$, any $Y$", matching("softmax(u)", "Y @ log(N)", **LIKELIHOOD), True),
            (
                "softmax, $L=-Y^\\top\\log N$",
                matching("softmax(u)", "-Y @ log(N)", **LIKELIHOOD, assume="sum(Y) == 1"),
                True,
            ),
            (
                "sigmoid, binary cross-entropy",
                matching("sigmoid(u)", "-sum(Y*log(N) + (1 - Y)*log(1 - N))", **LIKELIHOOD),
                True,
            ),
            ("identity, squared error", matching("u", "sum((N - Y)**2)/2", **LIKELIHOOD), True),
            ("exp, Poisson likelihood", matching("exp(u)", "sum(N - Y*log(N))", **LIKELIHOOD), True),
            ("tanh, squared error", matching("tanh(u)", "sum((N - Y)**2)/2", **LIKELIHOOD), False),
            ("sigmoid, squared error", matching("sigmoid(u)", "sum((N - Y)**2)/2", **LIKELIHOOD), False),
            ("softmax, squared error", matching("softmax(u)", "sum((N - Y)**2)/2", **LIKELIHOOD), False),
            covers="S19 S20",
        ),
    ),
    summary="Softmax and the log-likelihood, the identity and the squared error; a table of pairs, and one that is refused.",
)
