"""Exercises on second derivatives."""

from symderiv.handout.source import blanks, drawn, exercise, find_error, handout, hessian, plot, section

RIDGE = hessian("sum((X @ w - y)**2)/2 + c/2*sum(w**2)", "w", X="m n", w="n", y="m", c="")
LOGSUMEXP = hessian("logsumexp(u)", "u", u="o")

sheet = handout(
    "Exercises: Hessians",
    section(
        "Matrices",
        exercise(
            "Ridge regression",
            "Derive the Hessian of $L=\\tfrac12\\lVert Xw-y\\rVert^2+\\tfrac c2\\lVert w\\rVert^2$ by $w$. "
            "Which of its parts depend on $w$, and what does that say of $L$?",
            points=3,
            hint="Take the gradient first; it is affine in $w$.",
            solution=[RIDGE, "Nothing in it depends on $w$: $L$ is quadratic, and convex where $c\\ge0$."],
        ),
        exercise(
            "At numbers",
            "Find the Hessian of ridge regression at these numbers.",
            points=2,
            numbers={"X": drawn("3 2"), "w": drawn("2"), "y": drawn("3"), "c": drawn("", low=1, high=4)},
            ask=RIDGE,
            name="H",
            tolerance=1e-6,
            hint="Not all that is given is needed.",
        ),
        exercise(
            "The curvature of a logistic loss",
            plot("log(1 + exp(u)) - y*u", "u", between=(-5, 5), numbers={"y": 1}, derivatives=2),
            "Where is the curvature largest, and how large is it there? Derive it.",
            points=2,
            hint="$\\sigma(u)\\,(1-\\sigma(u))$ is a product of two numbers whose sum is one.",
            solution=[
                hessian("log(1 + exp(u)) - y*u", "u", u="", y=""),
                "A product of two numbers with sum one is largest where they are equal: at $u=0$, where it is $\\tfrac14$.",
            ],
        ),
        exercise("What comes here?", blanks(LOGSUMEXP, notation="index", count=1, seed=3), points=2),
    ),
    section(
        "Tensors",
        exercise(
            "An activated layer",
            "Entry $i,j,k$ of the Hessian of $\\tanh(Wh)$ by $h$: derive it. How many numbers does one have to store for it?",
            points=3,
            hint="Row $i$ of $W$ appears twice.",
            solution=[
                hessian("tanh(W @ h)", "h", W="o n", h="n"),
                "Each slice is a number times $W_{i,:}^\\top W_{i,:}$: the $o$ numbers and $W$, which is there already, are enough.",
            ],
        ),
        exercise(
            "One of these lines is wrong",
            find_error(hessian("sum(log(1 + exp(X @ w)))", "w", X="m n", w="n"), seed=4),
            points=3,
        ),
    ),
    summary="Quadratic and logistic losses, an activated layer; curvature seen in a plot.",
)
