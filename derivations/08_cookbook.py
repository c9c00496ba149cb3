"""A card of matrix derivatives: what the matrix cookbooks list, each derived and proved equal to what they print."""

from symderiv.handout.source import (
    derivation,
    derivatives,
    gradient,
    handout,
    hessian,
    identity,
    jacobian,
    prose,
    section,
)

EYE2 = 'einsum("ik,jl->ijkl", eye(m), eye(n))'
KL = "z = W @ x + c; -1/2*sum(1 + z - z**2 - exp(z))"
QUADRATIC = "(x - mu) @ inv(Sigma) @ (x - mu)"
DENSITY = "exp(-1/2*(q + logdet(Sigma) + d*log(2*pi)))"
PRECISION = "inv(Sigma) @ outer(x - mu, x - mu) @ inv(Sigma) - inv(Sigma)"
LIKELIHOOD = "-1/2*sum((X - mu)*((X - mu) @ inv(Sigma))) - N/2*logdet(Sigma) - N*d/2*log(2*pi)"
RAYLEIGH = "(x @ A @ x)/(x @ x)"
DET2 = 'det(X)*(einsum("ji,lk->ijkl", inv(X), inv(X)) - einsum("jk,li->ijkl", inv(X), inv(X)))'
GAUSS = {"x": "d", "mu": "d", "Sigma": "d d", "assume": "pd(Sigma)"}

sheet = handout(
    "Matrix cookbook card",
    section(
        "Linear and quadratic forms",
        derivatives(
            (gradient("x @ a", "x", x="n", a="n"), "a"),
            (gradient("a @ X @ b", "X", a="m", X="m n", b="n"), "outer(a, b)"),
            (jacobian("X", "X", X="m n"), EYE2),
            (gradient("b @ X.T @ X @ c", "X", X="m n", b="n", c="n"), "X @ (outer(b, c) + outer(c, b))"),
            (gradient("x @ B @ x", "x", x="n", B="n n"), "(B + B.T) @ x"),
            (gradient("x @ B @ x", "x", x="n", B="n n", assume="symmetric(B)"), "2*B @ x"),
            (hessian("x @ A @ x", "x", x="n", A="n n"), "A + A.T"),
            (
                gradient("(X @ b + c) @ D @ (X @ b + c)", "X", X="m n", b="n", c="m", D="m m"),
                "outer((D + D.T) @ (X @ b + c), b)",
            ),
            (gradient("norm(X @ W - Y)**2", "W", X="m n", W="n o", Y="m o"), "2*X.T @ (X @ W - Y)"),
        ),
    ),
    section(
        "Traces",
        derivatives(
            (gradient("trace(X)", "X", X="n n"), "eye(n)"),
            (gradient("trace(A @ X @ B)", "X", A="p m", X="m n", B="n p"), "A.T @ B.T"),
            (gradient("trace(X @ X)", "X", X="n n"), "2*X.T"),
            (gradient("trace(X.T @ B @ X)", "X", X="m n", B="m m"), "(B + B.T) @ X"),
            (
                gradient("trace(A @ X @ B @ X)", "X", A="n m", X="m n", B="n m"),
                "A.T @ X.T @ B.T + B.T @ X.T @ A.T",
            ),
            (
                gradient("trace(B.T @ X.T @ C @ X @ B)", "X", X="m n", B="n p", C="m m"),
                "C.T @ X @ B @ B.T + C @ X @ B @ B.T",
            ),
            (
                gradient("trace(A @ X @ B @ X.T @ C)", "X", A="p m", X="m n", B="n n", C="m p"),
                "A.T @ C.T @ X @ B.T + C @ A @ X @ B",
            ),
            (gradient("trace(kron(X, X))", "X", X="n n"), "2*trace(X)*eye(n)"),
            (gradient("trace(X @ X @ X)", "X", X="n n"), "3*(X @ X).T"),
            (gradient("trace(sinm(X))", "X", X="n n"), "cosm(X).T"),
            (gradient("trace(sin(X))", "X", X="n n"), "cos(X)*eye(n)"),
            (gradient('trace(A.T @ einsum("ijk,k->ij", S, t))', "t", A="n n", t="q", S="n n q"), 'einsum("ij,ijk->k", A, S)'),
        ),
    ),
    section(
        "Inverses",
        derivatives(
            (jacobian("inv(X)", "X", X="n n"), '-einsum("ki,jl->klij", inv(X), inv(X))'),
            (gradient("a @ inv(X) @ b", "X", a="n", X="n n", b="n"), "-inv(X).T @ outer(a, b) @ inv(X).T"),
            (gradient("trace(A @ inv(X) @ B)", "X", A="m n", X="n n", B="n m"), "-(inv(X) @ B @ A @ inv(X)).T"),
            (
                gradient("trace(inv(X.T @ C @ X) @ A)", "X", X="m n", C="m m", A="n n", assume="symmetric(C)"),
                "-C @ X @ inv(X.T @ C @ X) @ (A + A.T) @ inv(X.T @ C @ X)",
            ),
        ),
    ),
    section(
        "Determinants and eigenvalues",
        derivatives(
            (gradient("det(X)", "X", X="n n"), "det(X)*inv(X).T"),
            (gradient("logdet(X)", "X", X="n n"), "inv(X).T"),
            (hessian("det(X)", "X", X="n n"), DET2),
            (
                gradient("det(Y + t*Z)", "t", Y="n n", Z="n n", t=""),
                "det(Y + t*Z)*trace(inv(Y + t*Z) @ Z)",
            ),
            (gradient("det(eye(n) + t*A)", "t", A="n n", t=""), "trace(A)", {"t": "0"}),
            (hessian("det(eye(n) + t*A)", "t", A="n n", t=""), "trace(A)**2 - trace(A @ A)", {"t": "0"}),
            (gradient("sum(eigvals(X))", "X", X="n n"), "eye(n)"),
            (gradient("prod(eigvals(X))", "X", X="n n"), "det(X)*inv(X).T"),
            (
                gradient("max(eigvalsh(X))", "X", X="n n", assume="symmetric(X)"),
                "outer(top_eigenvector(X), top_eigenvector(X))",
            ),
            (gradient("norm(X, 2)", "X", X="m n"), "outer(left_singular(X), right_singular(X))"),
        ),
    ),
    section(
        "Norms",
        derivatives(
            (gradient("x @ x", "x", x="n"), "2*x"),
            (gradient("norm(x - a)", "x", x="n", a="n"), "(x - a)/norm(x - a)"),
            (gradient("norm(X)", "X", X="m n"), "X/norm(X)"),
            (
                gradient(RAYLEIGH, "x", A="n n", x="n", assume="symmetric(A)"),
                f"2/(x @ x)*(A @ x - {RAYLEIGH}*x)",
            ),
        ),
    ),
    section(
        "Within the symmetric matrices",
        prose(
            "Here $X$ is symmetric and only its entries on and below the diagonal are free: with $G$ the derivative by all "
            "entries, it is $G+G^\\top-G\\odot I$."
        ),
        derivatives(
            (
                gradient("trace(A @ X)", "X", A="n n", X="n n", assume="symmetric(X)", structured=True),
                "A + A.T - A*eye(n)",
            ),
            (
                gradient("det(X)", "X", X="n n", assume="symmetric(X)", structured=True),
                "det(X)*(2*inv(X) - inv(X)*eye(n))",
            ),
            (gradient("logdet(X)", "X", X="n n", assume="pd(X)", structured=True), "2*inv(X) - inv(X)*eye(n)"),
        ),
    ),
    section(
        "Softmax and likelihoods",
        derivatives(
            (jacobian("softmax(z)", "z", z="n"), "diag(softmax(z)) - outer(softmax(z), softmax(z))"),
            (hessian("logsumexp(z)", "z", z="n"), "diag(softmax(z)) - outer(softmax(z), softmax(z))"),
            (gradient("-y @ log(softmax(z))", "z", z="n", y="n"), "sum(y)*softmax(z) - y"),
            (
                hessian("-y @ log(softmax(z))", "z", z="n", y="n"),
                "sum(y)*(diag(softmax(z)) - outer(softmax(z), softmax(z)))",
            ),
            (
                gradient("-y @ log(sigmoid(X @ w)) - (1 - y) @ log(1 - sigmoid(X @ w))", "w", X="m n", w="n", y="m"),
                "X.T @ (sigmoid(X @ w) - y)",
            ),
            (gradient(KL, "W", W="o n", x="n", c="o"), "outer((exp(W @ x + c) + 2*(W @ x + c) - 1)/2, x)"),
            (
                gradient(LIKELIHOOD, "mu", X="N d", mu="d", Sigma="d d", assume="pd(Sigma)"),
                "inv(Sigma) @ sum(X - mu, axis=0)",
            ),
            (gradient(f"q = {QUADRATIC}; f = {DENSITY}; f", "Sigma", **GAUSS), f"q = {QUADRATIC}; ({DENSITY})/2*({PRECISION})"),
        ),
    ),
    section(
        "The chain rule, and vec",
        derivatives(
            (
                jacobian("vec(diag(x) @ A @ diag(x))", "x", x="n", A="n n"),
                "diag(vec(A)) @ (kron(eye(n), x[:, None]) + kron(x[:, None], eye(n)))",
            ),
        ),
        prose("Of abstract functions: the Hessian of $f(v(x))$, whose first summand is the Gauss–Newton term."),
        derivation(
            hessian("f(v(x))", "x", f="m -> ", v="n -> m", x="n"),
            meaning={"f": "scalar function", "v": "vector function"},
            forms="brief",
        ),
        prose("A matrix that depends on $x$, times $x$:"),
        derivation(jacobian("A(x) @ x", "x", A="n -> m n", x="n"), meaning={"A": "matrix function"}, forms="brief"),
    ),
    section(
        "Equations",
        prose("What follows has no derivative in it. Jacobi's formula puts the cofactors, which are the derivatives of $\\det X$, to use."),
        identity("det(X)*inv(X).T @ X.T", "det(X)*eye(n)", why="cofactors", X="n n"),
        identity("vec(A @ X @ B.T)", "kron(B, A) @ vec(X)", why="vec of product", A="p m", X="m n", B="q n"),
        identity("trace(kron(X, X))", "trace(X)**2", why="trace of a Kronecker product", X="n n"),
        identity("S = X @ X.T; trace(S @ B)", "C = B @ X; trace(X.T @ C)", why="trace is cyclic", X="m n", B="m m"),
    ),
    summary="The derivatives that the matrix cookbooks list, as a card: each proved, with its derivation.",
)
