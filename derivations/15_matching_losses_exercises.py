"""Exercises on losses that are made for a module."""

from symderiv.handout.source import (
    blanks,
    drawn,
    exercise,
    find_error,
    gradient,
    handout,
    jacobian,
    losses,
    matching_loss,
    plot,
    section,
)

ONE = {"input": "u", "target": "y", "u": "o"}
PROJECTED = jacobian("sparsemax(u)", "u", u="o")

sheet = handout(
    "Exercises: losses made for a module",
    section(
        "Integrals",
        exercise(
            "A loss for the arctangent",
            "Find the loss $L(u,y)$ with $\\nabla_uL=\\arctan(u)-y$. Is it convex?",
            points=3,
            hint="Integrate by parts: $\\int 1\\cdot\\arctan(u)\\,\\mathrm{d}u$.",
            solution=[
                losses(("arctangent", matching_loss("atan(u)", **ONE), "convex")),
                "It is convex, for the arctangent increases.",
            ],
        ),
        exercise(
            "A module that falls",
            "SiLU, $u\\,\\sigma(u)$, has a loss of this kind too. Why isn't it convex?",
            plot("silu(u)", "u", between=(-6, 3), derivatives=1),
            points=2,
            hint="What is the second derivative of the loss?",
            solution=[
                losses(("SiLU", matching_loss("silu(u)", **ONE), "neither")),
                "$\\nabla^2_uL$ is the slope of the module, and that is negative left of its minimum.",
            ],
        ),
        exercise(
            "Which of these have one?",
            "$Au$ with a symmetric $A$; $Au$ with any square $A$; $W^\\top\\tanh(Wu)$; $u/\\lVert u\\rVert$.",
            points=4,
            hint="Look at the Jacobian.",
            solution=losses(
                ("symmetric $A$", matching_loss("A @ u", **ONE, A="o o", assume="symmetric(A)"), "neither"),
                ("any $A$", matching_loss("A @ u", **ONE, A="o o"), "none"),
                ("there and back", matching_loss("W.T @ tanh(W @ u)", **ONE, W="m o"), "convex"),
                ("direction", matching_loss("u/norm(u)", **ONE), "convex"),
            ),
        ),
    ),
    section(
        "Sparsemax",
        exercise(
            "Which entries move?",
            "Derive the Jacobian of sparsemax away from its kinks. What are the sums of its rows?",
            points=3,
            hint="$\\nabla\\tau=s/\\mathbf{1}^\\top s$, where $s$ marks the support.",
            solution=[PROJECTED, "They are 0: the entries of sparsemax sum to one, whatever $u$ is."],
        ),
        exercise(
            "With numbers",
            "Find the Jacobian of sparsemax at these scores.",
            points=2,
            numbers={"u": drawn("3", low=0, high=2)},
            ask=PROJECTED,
            name="J",
            hint="First find the support.",
        ),
        exercise("What comes here?", blanks(gradient("logsumexp(u/t) - y @ u", "u", u="o", y="o", t=""), count=1, seed=3), points=2),
        exercise(
            "One of these lines is wrong",
            find_error(gradient("sum(log(cosh(X @ w))) - y @ (X @ w)", "w", X="m n", w="n", y="m"), seed=5),
            points=3,
        ),
    ),
    summary="Losses by integration, modules that have none, the Jacobian of sparsemax.",
)
