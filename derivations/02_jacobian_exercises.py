"""Exercises on Jacobians and gradients."""

from symderiv.handout.source import (
    blanks,
    drawn,
    exercise,
    find_error,
    gradient,
    handout,
    jacobian,
    maps,
    prose,
    section,
)

LAYER = jacobian("tanh(W @ h)", "h", W="o n", h="n")
SQUARES = gradient("sum((X @ w - y)**2)/2", "w", X="m n", w="n", y="m")

sheet = handout(
    "Exercises: Jacobians and gradients",
    section(
        "Layers",
        prose("The rules are those of [The Jacobian](02-jacobian). A hint is there where you need it; try without it first."),
        exercise(
            "Shapes",
            "$W\\in\\mathbb{R}^{o\\times n}$, $h\\in\\mathbb{R}^n$, $b\\in\\mathbb{R}^o$. Which shapes do $Wh+b$, its Jacobian by $h$, "
            "its derivative by $W$, and $\\nabla_b\\,\\mathbf{1}^\\top(Wh+b)$ have?",
            points=2,
            hint="A derivative has the indices of what is differentiated first, then those of the variable; "
            "a gradient has the shape of its variable.",
            solution=[
                "$o$; $o\\times n$; $o\\times o\\times n$; $o$. For example, entry $i,j,k$ of the third is "
                "$\\partial(Wh+b)_i/\\partial W_{jk}=\\delta_{ij}h_k$.",
                maps(("the layer", "W @ h + b", "h"), W="o n", h="n", b="o"),
            ],
        ),
        exercise(
            "A layer with a bias",
            "Derive $\\partial\\,\\sigma(Wh+b)/\\partial h^\\top$, where the sigmoid $\\sigma$ acts on each entry.",
            points=3,
            hint=["Give the argument of $\\sigma$ a name.", "$\\sigma'=\\sigma\\,(1-\\sigma)$."],
            solution=jacobian("z = W @ h + b; sigmoid(z)", "h", W="o n", h="n", b="o"),
        ),
        exercise(
            "With numbers",
            "Find the Jacobian of $\\tanh(Wh)$ by $h$ at these numbers.",
            points=2,
            numbers={"W": drawn("3 2", low=-2, high=2), "h": drawn("2", low=-1, high=1, step=0.5)},
            ask=LAYER,
            name="J",
            tolerance=1e-3,
            hint="$\\tanh'=1-\\tanh^2$.",
            solution=LAYER,
        ),
        exercise(
            "What comes here?",
            blanks(jacobian("softplus(W @ h + b)", "h", W="o n", h="n", b="o"), count=2, seed=1),
            points=2,
        ),
    ),
    section(
        "Gradients",
        exercise(
            "Least squares",
            "Derive the gradient of $L=\\tfrac12\\lVert Xw-y\\rVert^2$ by $w$. When is it zero?",
            points=3,
            hint="$\\mathrm{d}L=\\langle r,\\mathrm{d}r\\rangle$ with $r=Xw-y$.",
            solution=[SQUARES, "It is zero where $X^\\top Xw=X^\\top y$: the normal equations."],
        ),
        exercise(
            "One of these lines is wrong",
            find_error(jacobian("W2 @ tanh(W1 @ x)", "x", W1="h n", W2="o h", x="n"), seed=1),
            points=3,
            hint="Put in numbers, with all sizes different: shapes alone rule out most wrong lines.",
        ),
        exercise(
            "Which rule is it?",
            blanks(gradient("sum(tanh(W @ h))", "h", W="o n", h="n"), what="rule", count=2, seed=2),
            points=2,
        ),
    ),
    summary="Shapes, layers and gradients: by hand, with numbers, blanks to fill in, a wrong line to find.",
)
