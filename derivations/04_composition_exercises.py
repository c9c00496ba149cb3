"""Exercises on the chain rule and the Gauss–Newton split."""

from symderiv.handout.source import (
    blanks,
    drawn,
    exercise,
    find_error,
    gauss_newton,
    gradient,
    handout,
    jacobian,
    section,
    splits,
)

RESIDUAL = jacobian("x + V @ tanh(W @ x)", "x", W="h n", V="n h", x="n")
FIT = {"X": "m n", "w": "n", "y": "m"}

sheet = handout(
    "Exercises: composition",
    section(
        "The chain rule",
        exercise(
            "A residual block",
            "Derive the Jacobian of $x+V\\tanh(Wx)$ by $x$. What is it if $V$ is zero?",
            points=3,
            hint="The derivative of a sum; then the chain rule in its second term.",
            solution=[RESIDUAL, "If $V$ is zero, it is $I$: gradients pass unchanged, which is why such blocks can be stacked deep."],
        ),
        exercise(
            "In which order?",
            "Let $L:\\mathbb{R}^o\\to\\mathbb{R}$ and $N:\\mathbb{R}^n\\to\\mathbb{R}^o$. Derive $\\nabla_w(L\\circ N)$. "
            "Why is the transpose of $J_N$ on the left?",
            points=2,
            hint="Gradients are columns, Jacobians of scalars are rows.",
            solution=[
                gradient("L(N(w))", "w", L="o -> ", N="n -> o", w="n"),
                "The row is $J_L\\,J_N$; its transpose, the column, is $J_N^\\top\\nabla L$.",
            ],
        ),
        exercise(
            "With numbers",
            "Find the Jacobian of the residual block at these numbers.",
            points=2,
            numbers={
                "W": drawn("3 2", low=-1, high=1), "V": drawn("2 3", low=-1, high=1), "x": drawn("2", low=-1, high=1, step=0.5),
            },
            ask=RESIDUAL,
            name="J",
        ),
        exercise("One of these lines is wrong", find_error(RESIDUAL, seed=7), points=3),
    ),
    section(
        "Second derivatives",
        exercise(
            "Gauss–Newton",
            "For $L=\\tfrac12\\lVert\\tanh(Xw)-y\\rVert^2$, split at $u=\\tanh(Xw)$, "
            "derive $G=J_N^\\top h_L\\,J_N$. Is it positive semi-definite at every $w$?",
            points=4,
            hint="$h_L$ is the identity.",
            solution=[
                splits(
                    ("squares", gauss_newton("u = tanh(X @ w); sum((u - y)**2)/2", "w", at="u", **FIT), "psd"),
                ),
                "$G=J_N^\\top J_N$ with $J_N=\\operatorname{diag}(\\mathbf{1}-u\\odot u)X$, so $v^\\top Gv=\\lVert J_Nv\\rVert^2\\ge0$.",
            ],
        ),
        exercise(
            "What comes here?",
            blanks(gradient("z = X @ w; u = tanh(z); sum((u - y)**2)/2", "w", **FIT), count=2, seed=5),
            points=2,
        ),
    ),
    summary="Residual blocks, the order of factors, the Gauss–Newton split.",
)
