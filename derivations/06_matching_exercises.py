"""Exercises on losses that match their module."""

from symderiv.handout.source import (
    blanks,
    drawn,
    exercise,
    find_error,
    gradient,
    handout,
    matching,
    pair,
    pairs,
    section,
)

SOFTMAX = gradient("-y @ log(softmax(u))", "u", u="o", y="o", assume="sum(y) == 1")
SPACES = {"input": "u", "output": "p", "target": "y", "u": "o", "y": "o"}

sheet = handout(
    "Exercises: matching losses",
    section(
        "Softmax",
        exercise(
            "Cross-entropy of a softmax",
            "Let $p=\\operatorname{softmax}(u)$ and $\\mathbf{1}^\\top y=1$. Derive the gradient of $-y^\\top\\log p$ by $u$. "
            "Where do you need the sum of $y$?",
            points=4,
            hint="$\\log p=u-\\operatorname{lse}(u)\\mathbf{1}$.",
            solution=[SOFTMAX, "In the last step only: without it the gradient is $(\\mathbf{1}^\\top y)\\,p-y$."],
        ),
        exercise(
            "With numbers",
            "The target $y$ is the second class. Find the gradient of the cross-entropy by $u$ at these logits.",
            points=2,
            numbers={"u": drawn("3", low=0, high=2), "y": [0, 1, 0]},
            ask=SOFTMAX,
            name="g",
            hint="The entries of the gradient sum to zero.",
        ),
        exercise(
            "What comes here?",
            blanks(gradient("-y @ log_softmax(u)", "u", u="o", y="o", assume="sum(y) == 1"), count=1, seed=1),
            points=2,
        ),
    ),
    section(
        "Other pairs",
        exercise(
            "Counting",
            "A module has the output $p=e^u$, a rate, and the loss $\\mathbf{1}^\\top(p-y\\odot\\log p)$ of a Poisson count. "
            "Does it match?",
            points=3,
            hint="Write the loss in $u$.",
            solution=pair(matching("exp(u)", "sum(p - y*log(p))", **SPACES), meaning={"u": "log of the rate", "y": "counts"}),
        ),
        exercise(
            "Which ones match?",
            "For each pair, say whether the gradient by the module's input is affine in the module's output: a sigmoid with the binary "
            "cross-entropy; a sigmoid with the squared error; the identity with the squared error.",
            points=3,
            solution=pairs(
                ("sigmoid, binary cross-entropy", matching("sigmoid(u)", "-sum(y*log(p) + (1 - y)*log(1 - p))", **SPACES), True),
                ("sigmoid, squared error", matching("sigmoid(u)", "sum((p - y)**2)/2", **SPACES), False),
                ("identity, squared error", matching("u", "sum((p - y)**2)/2", **SPACES), True),
            ),
        ),
        exercise(
            "One of these lines is wrong",
            find_error(gradient("sum(log(1 + exp(-t * (X @ w))))", "w", X="m n", w="n", t="m"), seed=2),
            points=3,
        ),
    ),
    summary="Softmax with cross-entropy, Poisson counts, which pairs match and which don't.",
)
