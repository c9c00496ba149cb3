"""Convex or not, with the reason: certificates as trees of claims, each resting on those below it."""

from symderiv.handout.source import certified, curvature, handout, plot, prose, section

sheet = handout(
    "Convexity, with its reasons",
    section(
        "What a certificate is",
        prose(
            "$f$ is convex on a convex set where it is twice differentiable exactly if $\\nabla^2f\\succeq 0$ there. A few "
            "matrices are known to be positive semi-definite: $I$, $\\operatorname{diag}(v)$ with $v\\ge 0$, $v\\,v^\\top$, "
            "$A^\\top A$; and sums, products with numbers $c\\ge 0$, congruences $A^\\top PA$, elementwise and Kronecker "
            "products of such matrices are so too. A certificate is a tree: at the root what is claimed, below each "
            "claim what it rests on, at the leaves a fact, an assumption or the range of a function."
        ),
        certified(curvature("sum((X @ w - y)**2)/2", "w", X="m n", w="n", y="m"), "convex"),
    ),
    section(
        "Logistic regression",
        prose("Bernoulli's slope $\\sigma(1-\\sigma)$ is positive, and stands between $X^\\top$ and $X$."),
        certified(curvature("sum(softplus(X @ w)) - y @ (X @ w)", "w", X="m n", w="n", y="m"), "convex"),
        prose("A penalty makes it strongly convex: the smallest eigenvalue of the Hessian is at least $\\lambda$.", "With a penalty"),
        certified(
            curvature("sum(softplus(X @ w)) - y @ (X @ w) + lam*sum(w**2)/2", "w", X="m n", w="n", y="m", lam="", assume="lam > 0"),
            "convex",
        ),
    ),
    section(
        "Softmax with cross-entropy",
        prose(
            "$\\operatorname{diag}(p)-p\\,p^\\top\\succeq 0$ for the entries of $p$ are positive and sum to one: "
            "$v^\\top(\\operatorname{diag}(p)-p\\,p^\\top)v$ is the variance of $v$ under $p$."
        ),
        certified(curvature("logsumexp(u) - y @ u", "u", u="o", y="o"), "convex"),
        prose("The same, as a function of the weights of a linear layer before it: a Hessian with four axes.", "By the weights"),
        certified(curvature("logsumexp(W @ x) - y @ (W @ x)", "W", W="o n", x="n", y="o"), "convex"),
    ),
    section(
        "Composition",
        prose("Where there is no second derivative, or none that is told apart, the rules of composition decide."),
        certified(curvature("norm(A @ x - b) + lam*sum(abs(x))", "x", A="m n", x="n", b="m", lam="", assume="lam > 0"), "convex"),
        certified(curvature("max(A @ x + b)", "x", A="m n", x="n", b="m"), "convex"),
        certified(curvature("(x @ x)/t", "x", x="n", t="", assume="t > 0"), "convex"),
    ),
    section(
        "Of a matrix: the log-determinant",
        prose(
            "Among symmetric positive definite matrices, and only there, $\\log\\det$ is concave: a direction is a symmetric "
            "matrix $V$, and $-\\operatorname{tr}(S^{-1}VS^{-1}V)\\le 0$."
        ),
        certified(curvature("logdet(S)", "S", S="n n", assume="pd(S)"), "concave"),
        prose("For matrices of any kind it is neither.", "Without that"),
        certified(curvature("logdet(S)", "S", S="n n"), "neither"),
    ),
    section(
        "Neither",
        prose("One direction in which a function bends upwards, and one in which it bends downwards, decide it."),
        certified(curvature("(sigmoid(u) - y)**2/2", "u", u="", y=""), "neither"),
        plot("(sigmoid(u) - y)**2/2", "u", between=(-6, 6), numbers={"y": 1}, derivatives=2,
             caption="A sigmoid with the squared error"),
        prose("A network is convex in the weights of its last layer, and in no others.", "A network"),
        certified(curvature("(v @ tanh(W @ x) - y)**2/2", "v", v="h", W="h n", x="n", y=""), "convex"),
        certified(curvature("(v*tanh(w*x) - y)**2/2", "w", v="", w="", x="", y=""), "neither"),
    ),
    section(
        "Unknown",
        prose("What isn't decided is said to be so: nothing is guessed. The smallest part that stands open is shown."),
        certified(curvature("huber(x, y)", "x", x="n", y="n"), "convex"),
        prose("The same function, spelled by cases: its pieces are seen, but not that they fit together.", "By cases"),
        certified(curvature("sum(where(abs(x) <= 1, x**2/2, abs(x) - 1/2))", "x", x="n"), "unknown"),
    ),
    summary="Least squares, logistic and softmax regression, norms, the log-determinant; functions that are neither, and one that is open.",
)
