"""Exercises on convexity."""

from symderiv.handout.source import certified, curvature, drawn, exercise, find_error, handout, hessian, plot, section

POISSON = hessian("sum(exp(X @ w)) - y @ (X @ w)", "w", X="m n", w="n", y="m")

sheet = handout(
    "Exercises: convexity",
    section(
        "Certificates",
        exercise(
            "Poisson regression",
            "Show that $\\mathbf{1}^\\top e^{Xw}-y^\\top Xw$ is convex in $w$. Where do you need anything of $y$?",
            points=3,
            hint="Write the Hessian as $X^\\top\\operatorname{diag}(v)\\,X$.",
            solution=[
                certified(curvature("sum(exp(X @ w)) - y @ (X @ w)", "w", X="m n", w="n", y="m"), "convex"),
                "Nowhere: $y$ isn't in the Hessian.",
            ],
        ),
        exercise(
            "With numbers",
            "Find this Hessian at these numbers, and see that its eigenvalues aren't negative.",
            points=2,
            numbers={"X": drawn("3 2", low=-1, high=1), "w": drawn("2", low=-1, high=1), "y": [1, 0, 2]},
            ask=POISSON,
            name="H",
        ),
        exercise(
            "A quotient",
            "Show that $x^\\top x/t$ is convex in $x$ for $t>0$, and that $x^\\top S^{-1}x$ is convex in $S$ among positive "
            "definite matrices.",
            points=4,
            hint="For the second, directions are symmetric matrices.",
            solution=[
                certified(curvature("(x @ x)/t", "x", x="n", t="", assume="t > 0"), "convex"),
                certified(curvature("x @ inv(S) @ x", "S", S="n n", x="n", assume="pd(S)"), "convex"),
            ],
        ),
    ),
    section(
        "Neither",
        exercise(
            "A product",
            "Is $(ab-1)^2$ convex in $a$? In $a$ and $b$ together? Give a point and a direction.",
            points=3,
            hint="Along $a=-b$ it is a polynomial of one variable.",
            solution=[
                certified(curvature("(a*b - 1)**2", "a", a="", b=""), "convex"),
                certified(curvature("(z[0]*z[1] - 1)**2", "z", z="2"), "neither"),
            ],
        ),
        exercise(
            "The wrong loss",
            plot("(tanh(u) - y)**2/2", "u", between=(-4, 4), numbers={"y": 1}, derivatives=2),
            "Where does the squared error of a hyperbolic tangent bend downwards, for $y=1$?",
            points=2,
            hint="Where is the curvature negative?",
            solution=[
                hessian("(tanh(u) - y)**2/2", "u", u="", y=""),
                "Left of the zero of $1+2\\,y\\tanh u-3\\tanh^2u$: for $y=1$ where $\\tanh u<-\\tfrac13$.",
            ],
        ),
        exercise("One of these lines is wrong", find_error(POISSON, seed=1), points=3),
    ),
    summary="Certificates for regressions and quotients; functions that are convex in each variable and in both together not.",
)
