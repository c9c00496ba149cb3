"""Exercises on the Fisher information and the Gauss–Newton matrix."""

from symderiv.handout.source import (
    blanks,
    derivation,
    drawn,
    exercise,
    find_error,
    fisher,
    gauss_newton,
    gradient,
    handout,
    section,
)

COUNTS = {"at": "u", "family": "poisson", "X": "m n", "w": "n", "y": "m"}

sheet = handout(
    "Exercises: Gauss–Newton and Fisher",
    section(
        "The score",
        exercise(
            "Counts",
            "A count $y_i$ is Poisson with mean $e^{u_i}$, and $u=Xw$. The loss is $\\sum_i e^{u_i}-y_iu_i$. Show "
            "that the score $\\partial L/\\partial u$ is zero on average, "
            "and find its covariance.",
            points=3,
            hint="The variance of a Poisson count is its mean.",
            solution=[
                fisher("u = X @ w; sum(exp(u) - y*u)", "w", part="score", **COUNTS),
                fisher("u = X @ w; sum(exp(u) - y*u)", "w", part="covariance", **COUNTS),
            ],
        ),
        exercise(
            "From the score to F",
            "Now find the Fisher information of $w$. Is it the Gauss–Newton matrix?",
            points=3,
            solution=[fisher("u = X @ w; sum(exp(u) - y*u)", "w", part="information", **COUNTS),
                      "Yes: the loss matches the exponential function."],
        ),
        exercise(
            "Where the average comes in",
            "The loss of the last exercise is divided by the number of samples $m$. What become of "
            "$F=\\mathbb{E}[\\nabla L\\,\\nabla L^\\top]$ and of $G$?",
            points=2,
            solution="$F$ is divided by $m^2$, since the gradient stands in it twice, $G$ by $m$: $G=m\\,F$.",
        ),
    ),
    section(
        "Splits",
        exercise(
            "Two splits of one loss",
            "The loss is $-y^\\top\\log p$ with $p=\\operatorname{softmax}(u)$ and a one-hot $y$. Find the "
            "Gauss–Newton matrix by $u$, split at $p$. What is its rank?",
            points=3,
            hint="The Hessian of $-y^\\top\\log p$ in $p$ has one entry that isn't zero.",
            solution=[
                derivation(gauss_newton("p = softmax(u); -y @ log(p)", "u", at="p", u="o", y="o", assume="onehot(y)"), forms="brief"),
                "One: it is an outer square.",
            ],
        ),
        exercise(
            "With numbers",
            "The target is the first class. Find the gradient at these logits; the Gauss–Newton matrix split at $p$ "
            "is its outer square.",
            points=2,
            numbers={"u": drawn("3", low=0, high=2), "y": [1, 0, 0]},
            ask=gradient("-y @ log(softmax(u))", "u", u="o", y="o", assume="sum(y) == 1"),
            name="j",
        ),
        exercise(
            "What comes here?",
            blanks(gradient("u = X @ w; sum(exp(u) - y*u)", "w", X="m n", w="n", y="m"), count=1, seed=4),
            points=2,
        ),
        exercise(
            "One of these lines is wrong",
            find_error(gradient("u = X @ w; sum(softplus(u) - y*u)", "w", X="m n", w="n", y="m"), seed=5),
            points=3,
        ),
    ),
    summary="The score of counts and its covariance, F and G of a mean, two splits of one loss.",
)
