"""Exercises on losses made for a module: by integration, of whole vectors, and what a pair that doesn't match costs."""

from symderiv.handout.source import (
    blanks,
    exercise,
    find_error,
    gradient,
    handout,
    hessian,
    identity,
    jacobian,
    losses,
    matching_loss,
    plot,
    section,
)

ONE = {"input": "u", "target": "y", "u": "o"}

sheet = handout(
    "Exercises: losses made for a module",
    section(
        "By integration",
        exercise(
            "Arc tangent",
            "A module has the output $\\arctan u$, entry by entry. Construct the loss with the gradient $\\arctan(u)-y$. Is it convex?",
            points=3,
            hint="$\\int\\arctan u\\,\\mathrm{d}u$ by parts, with $1\\cdot\\arctan u$.",
            solution=[
                losses(("arctan", matching_loss("atan(u)", **ONE), "convex")),
                gradient("sum(u*atan(u) - log(1 + u**2)/2) - y @ u", "u", u="o", y="o"),
            ],
        ),
        exercise(
            "Bent and steep",
            "Which of these modules has a convex loss: $u\\odot u\\odot u$, $\\operatorname{relu}(u)$, $\\sin u$, $-1/u$ for $u<0$?",
            points=2,
            hint="$\\nabla^2_uL=\\operatorname{diag}(M'(u))$.",
            solution=losses(
                ("cube", matching_loss("u**3", **ONE), "convex"),
                ("ReLU", matching_loss("relu(u)", **ONE), "convex"),
                ("sine", matching_loss("sin(u)", **ONE), "neither"),
                ("gamma", matching_loss("-1/u", **ONE, assume="u < 0"), "convex"),
            ),
        ),
        exercise("What comes here?", blanks(gradient("sum(softplus(u)) - y @ u", "u", u="o", y="o"), count=1, seed=1), points=1),
    ),
    section(
        "Whole vectors",
        exercise(
            "Is there one?",
            "For which of the modules $Au$, $A^\\top\\tanh(Au)$, $(u^\\top u)\\,u$ and $\\operatorname{softmax}(Au)$ is there a loss that "
            "matches, for every square $A$?",
            points=3,
            hint="The Jacobian of a gradient is symmetric.",
            solution=losses(
                ("a square map", matching_loss("A @ u", **ONE, A="o o"), "none"),
                ("there and back", matching_loss("A.T @ tanh(A @ u)", **ONE, A="o o"), "convex"),
                ("radial", matching_loss("(u @ u)*u", **ONE), "convex"),
                ("softmax of a map", matching_loss("softmax(A @ u)", **ONE, A="o o"), "none"),
            ),
        ),
        exercise(
            "Sparsemax by hand",
            "Find $\\operatorname{sparsemax}(u)$ at these scores: guess how many entries are positive, compute $\\tau$ from these, and see "
            "whether the guess was right.",
            points=2,
            numbers={"u": [0, 1.5, 1]},
            ask="sparsemax(u)",
            name="p",
            hint="With $k$ positive entries, $\\tau$ is their scores' sum less 1, divided by $k$.",
            solution="With two: $\\tau=(1.5+1-1)/2=0.75$, and $0<0.75<1$, so that the guess was right.",
        ),
        exercise(
            "Its Jacobian",
            "Now find the Jacobian at these scores. Why do its rows sum to zero?",
            points=3,
            numbers={"u": [0, 1.5, 1]},
            ask=jacobian("sparsemax(u)", "u", u="o"),
            name="J",
            solution=[
                jacobian("sparsemax(u)", "u", u="o"),
                "A number added to every score is added to $\\tau$ as well, and $p$ stays as it is.",
            ],
        ),
        exercise(
            "A temperature",
            "Show that the loss that matches $\\operatorname{softmax}(u/t)$, $t>0$, is $t\\operatorname{logsumexp}(u/t)-y^\\top u$.",
            points=2,
            solution=gradient("t*logsumexp(u/t) - y @ u", "u", u="o", y="o", t="", assume="t > 0"),
        ),
    ),
    section(
        "Without a match",
        exercise(
            "A curvature that depends on the target",
            plot({"y=0": "softplus(u)", "y=1": "softplus(u) - log(softplus(u))", "y=4": "softplus(u) - 4*log(softplus(u))"}, "u",
                 between=(-5, 5), order=2, caption="Curvature of Poisson's likelihood with softplus"),
            "Which function is the curve for $y=0$? Derive it.",
            points=2,
            solution=[
                hessian("softplus(u)", "u", u=""),
                identity("sigmoid(u)*(1 - sigmoid(u))", "exp(-u)/(1 + exp(-u))**2", why="for every u", u=""),
            ],
        ),
        exercise("One of these lines is wrong", find_error(gradient("sum((sigmoid(u) - y)**2)/2", "u", u="o", y="o"), seed=3), points=3),
    ),
    summary="Losses by integration, modules that have none, sparsemax by hand, curvature that depends on the target.",
)
