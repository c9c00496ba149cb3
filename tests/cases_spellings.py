"""Spellings of everyday losses and activations: those of one row end in one and the same printed result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spelled:
    """``texts`` are programs for one function; ``printed`` is the result that all of them come to, names opened."""

    name: str
    call: str
    shapes: str
    texts: tuple[str, ...]
    printed: str
    assume: tuple[str, ...] = ()

    @property
    def declared(self) -> dict[str, str]:
        """The shapes by name."""
        pairs = (item.split(":") for item in self.shapes.split(","))
        return {name.strip(): shape.strip() for name, shape in pairs}


LOGISTIC = (
    "sum(softplus(X @ w)) - y @ (X @ w)",
    "-sum(y*log(sigmoid(X @ w)) + (1 - y)*log(1 - sigmoid(X @ w)))",
    "p = 1/(1 + exp(-(X @ w))); -sum(y*log(p) + (1 - y)*log(1 - p))",
    "p = sigmoid(X @ w); -(y @ log(p) + (1 - y) @ log(1 - p))",
    "z = X @ w; p = exp(z)/(1 + exp(z)); -sum(y*log(p) + (1 - y)*log(1 - p))",
    "p = (1 + tanh((X @ w)/2))/2; -sum(y*log(p) + (1 - y)*log(1 - p))",
    "sum(log1p(exp(X @ w)) - y*(X @ w))",
    "sum(log(1 + exp(X @ w)) - y*(X @ w))",
    "sum((1 - y)*(X @ w) + log1p(exp(-(X @ w))))",
    "-sum(y*log_sigmoid(X @ w) + (1 - y)*log_sigmoid(-(X @ w)))",
    "-sum(log(sigmoid(X @ w)**y) + (1 - y)*log(1 - sigmoid(X @ w)))",
    "sum(maximum(X @ w, 0) - y*(X @ w) + log1p(exp(-abs(X @ w))))",
)
MEAN = (
    "mean(softplus(X @ w) - y*(X @ w))",
    "-mean(y*log(sigmoid(X @ w)) + (1 - y)*log(1 - sigmoid(X @ w)))",
    "-1/m*sum(y*log(sigmoid(X @ w)) + (1 - y)*log(1 - sigmoid(X @ w)))",
    "(sum(softplus(X @ w)) - y @ (X @ w))/m",
    "sum(softplus(X @ w) - y*(X @ w))*(1/m)",
)
SIGNED = (
    "sum(log(1 + exp(-t*(X @ w))))",
    "sum(softplus(-t*(X @ w)))",
    "-sum(log(sigmoid(t*(X @ w))))",
    "-sum(log_sigmoid(t*(X @ w)))",
    "sum(log1p(exp(-t*(X @ w))))",
    "r = t*(X @ w); sum(log(1 + exp(-r)))",
    "-sum(log(1/(1 + exp(-t*(X @ w)))))",
)
ENTROPY = (
    "-y @ log(softmax(u))",
    "-y @ log_softmax(u)",
    "-y @ u + sum(y)*logsumexp(u)",
    "-sum(y*log(exp(u)/sum(exp(u))))",
    "-sum(y*(u - log(sum(exp(u)))))",
    "c = max(u); -sum(y*(u - c - log(sum(exp(u - c)))))",
    "-sum(y*log(exp(u - max(u))/sum(exp(u - max(u)))))",
    "s = sum(exp(u)); p = exp(u)/s; -y @ log(p)",
    "sum(y)*log(sum(exp(u))) - u @ y",
)
ROWS = (
    "-sum(Y*log_softmax(X @ W, axis=1))/m",
    "-mean(sum(Y*log_softmax(X @ W, axis=1), axis=1))",
    "-1/m*sum(Y*log(softmax(X @ W, axis=1)))",
    "P = softmax(X @ W, axis=1); -sum(Y*log(P))/m",
    "Z = X @ W; mean(logsumexp(Z, axis=1) - sum(Y*Z, axis=1))",
    "Z = X @ W; P = exp(Z)/sum(exp(Z), axis=1, keepdims=True); -sum(Y*log(P))/m",
    "-trace(Y.T @ log(softmax(X @ W, axis=1)))/m",
)
MANY = (
    "-sum(Y*log(sigmoid(X @ W)) + (1 - Y)*log(1 - sigmoid(X @ W)))/m",
    "P = sigmoid(X @ W); -mean(sum(Y*log(P) + (1 - Y)*log(1 - P), axis=1))",
    "sum(softplus(X @ W) - Y*(X @ W))/m",
    "mean(sum(softplus(X @ W) - Y*(X @ W), axis=1))",
)
FOCAL = (
    "p = sigmoid(u); -sum(y*(1 - p)**2*log(p))",
    "-sum(y*(1 - sigmoid(u))**2*log(sigmoid(u)))",
    "sum(y*(1 - sigmoid(u))**2*softplus(-u))",
)
SMOOTHED = (
    "-((1 - eps)*y + eps/n) @ log_softmax(u)",
    "-(1 - eps)*(y @ log_softmax(u)) - eps*mean(log_softmax(u))",
)
DIVERGENCE = ("sum(q*(log(q) - log_softmax(u)))", "p = softmax(u); sum(q*log(q/p))", "q @ log(q) - q @ log(softmax(u))")
GAUSS = (
    "sum((x - mu)**2)/(2*s**2) + n*log(s)",
    "sum((x - mu)**2/(2*s**2) + log(s))",
    "norm(x - mu)**2/(2*s**2) + n*log(s)",
)
POISSON = (
    "sum(exp(X @ w) - y*(X @ w))",
    "eta = X @ w; mu = exp(eta); sum(mu) - y @ log(mu)",
    "sum(exp(X @ w)) - y @ X @ w",
    "-sum(y*log(exp(X @ w)) - exp(X @ w))",
)
SQUARED = (
    "sum((X @ W - Y)**2)/m",
    "norm(X @ W - Y)**2/m",
    "trace((X @ W - Y).T @ (X @ W - Y))/m",
    "mean(sum((Y - X @ W)**2, axis=1))",
    "R = Y - X @ W; trace(R @ R.T)/m",
)
CONTRAST = (
    "-sum(diag(log_softmax(U @ V.T, axis=1)))/m",
    "-trace(log(softmax(U @ V.T, axis=1)))/m",
    "S = U @ V.T; mean(logsumexp(S, axis=1) - diag(S))",
)
TRACES = (
    "trace(A @ X)", "trace(X @ A)", "sum(A.T*X)", "sum(A*X.T)", "trace(X.T @ A.T)", "vec(A.T) @ vec(X)",
    "einsum('ij,ji->', A, X)",
)
ELBO = ("-1/2*sum(1 + s - mu**2 - exp(s))", "1/2*sum(exp(s) + mu**2 - 1 - s)", "(sum(exp(s)) + mu @ mu - d - sum(s))/2")
RIDGE = (
    "sum(softplus(X @ w)) - y @ (X @ w) + lam*(w @ w)/2",
    "sum(softplus(X @ w) - y*(X @ w)) + lam/2*sum(w**2)",
    "sum(softplus(X @ w) - y*(X @ w)) + lam/2*norm(w)**2",
)
FACTORS = (
    "sum((U @ V.T - T)**2)/2", "norm(T - U @ V.T)**2/2", "1/2*trace((T - U @ V.T).T @ (T - U @ V.T))",
    "E = T - U @ V.T; sum(E*E)/2",
)
ATTENTION = ("v @ softmax(K @ q)", "a = softmax(K @ q); a @ v", "e = exp(K @ q); (e @ v)/sum(e)")
FORM = ("softmax(x) @ A @ softmax(x)", "p = softmax(x); p @ A @ p", "p = exp(x)/sum(exp(x)); sum(outer(p, p)*A)")
QUOTIENT = ("(x @ A @ x)/(x @ x)", "R = x @ A @ x; R/(x @ x)", "n2 = sum(x**2); sum(x*(A @ x))/n2")
SIGMOID = (
    "sigmoid(x)", "1/(1 + exp(-x))", "exp(x)/(1 + exp(x))", "(1 + tanh(x/2))/2", "1 - sigmoid(-x)", "1/2 + tanh(x/2)/2",
    "1 - 1/(1 + exp(x))",
)
TANH = (
    "tanh(x)", "2*sigmoid(2*x) - 1", "(exp(x) - exp(-x))/(exp(x) + exp(-x))", "(exp(2*x) - 1)/(exp(2*x) + 1)",
    "sinh(x)/cosh(x)", "1 - 2/(1 + exp(2*x))", "(1 - exp(-2*x))/(1 + exp(-2*x))",
)
SOFTMAX = (
    "softmax(u)", "exp(u)/sum(exp(u))", "exp(u - logsumexp(u))", "exp(log_softmax(u))",
    "exp(u - max(u))/sum(exp(u - max(u)))", "s = sum(exp(u)); exp(u)/s",
)
LOGSUMEXP = ("logsumexp(u)", "log(sum(exp(u)))", "max(u) + log(sum(exp(u - max(u))))", "log(exp(u) @ ones(n))")
DATA = "X: m n, w: n, y: m"
BATCH = "X: m n, W: n o, Y: m o"
SLOPE = "Xᵀ diag(sigmoid(X w) ⊙ (1 − sigmoid(X w))) X"
CURVED = "diag(softmax(u)) − softmax(u) softmax(u)ᵀ"

SPELLINGS: tuple[Spelled, ...] = (
    Spelled("logistic loss", "gradient w", DATA, LOGISTIC, "Xᵀ (sigmoid(X w) − y)"),
    Spelled("logistic loss", "hessian w", DATA, LOGISTIC, SLOPE),
    Spelled("mean logistic loss", "gradient w", DATA, MEAN, "(1/m) Xᵀ (sigmoid(X w) − y)"),
    Spelled("mean logistic loss", "hessian w", DATA, MEAN, f"(1/m) {SLOPE}"),
    Spelled("logistic loss of signs", "gradient w", "X: m n, w: n, t: m", SIGNED, "−Xᵀ (t ⊙ sigmoid(−t ⊙ (X w)))"),
    Spelled("logistic loss of signs", "hessian w", "X: m n, w: n, t: m", SIGNED, SLOPE, ("t**2 == 1",)),
    Spelled("logistic loss of signs, no fact", "hessian w", "X: m n, w: n, t: m", SIGNED,
            "Xᵀ diag(t ⊙ t ⊙ sigmoid(t ⊙ (X w)) ⊙ (1 − sigmoid(t ⊙ (X w)))) X"),
    Spelled("cross-entropy", "gradient u", "u: o, y: o", ENTROPY, "(1ᵀ y) softmax(u) − y"),
    Spelled("cross-entropy", "gradient u", "u: o, y: o", (*ENTROPY, "cross_entropy(u, y)"), "softmax(u) − y", ("sum(y) == 1",)),
    Spelled("cross-entropy", "hessian u", "u: o, y: o", ENTROPY, f"(1ᵀ y) ({CURVED})"),
    Spelled("cross-entropy of a batch", "gradient W", BATCH, ROWS, "(1/m) Xᵀ (softmax(X W) − Y)", ("sum(Y, axis=1) == 1",)),
    Spelled("cross-entropy of a batch", "hessian W", BATCH, ROWS,
            "(1/m) Σ_q X[q,i] X[q,k] (softmax(X W)[q,j] δ[j,l] − softmax(X W)[q,j] softmax(X W)[q,l])", ("sum(Y, axis=1) == 1",)),
    Spelled("several labels", "gradient W", BATCH, MANY, "(1/m) Xᵀ (sigmoid(X W) − Y)"),
    Spelled("focal loss", "gradient u", "u: o, y: o", FOCAL, "−y ⊙ (1 − sigmoid(u))^⊙2 ⊙ (1 + 2 sigmoid(u) ⊙ softplus(−u) − sigmoid(u))"),
    Spelled("label smoothing", "gradient u", "u: n, y: n, eps:", SMOOTHED, "softmax(u) − (1 − ε) y − (ε/n) 1", ("sum(y) == 1",)),
    Spelled("divergence", "gradient u", "u: n, q: n", DIVERGENCE, "softmax(u) − q", ("sum(q) == 1",)),
    Spelled("Gaussian likelihood", "gradient mu", "mu: n, s:, x: n", GAUSS, "(1/s²) (μ − x)"),
    Spelled("Gaussian likelihood", "gradient s", "mu: n, s:, x: n", GAUSS, "(n − ‖x − μ‖²/s²)/s"),
    Spelled("Poisson regression", "gradient w", DATA, POISSON, "Xᵀ (exp(X w) − y)"),
    Spelled("Poisson regression", "hessian w", DATA, POISSON, "Xᵀ diag(exp(X w)) X"),
    Spelled("squared error of a batch", "gradient W", BATCH, SQUARED, "(2/m) Xᵀ (X W − Y)"),
    Spelled("contrastive softmax", "gradient U", "U: m d, V: m d", CONTRAST, "(1/m) (softmax(U Vᵀ) V − V)"),
    Spelled("trace", "gradient X", "A: n m, X: m n", TRACES, "Aᵀ"),
    Spelled("ELBO", "gradient mu", "mu: d, s: d", ELBO, "μ"),
    Spelled("ELBO", "gradient s", "mu: d, s: d", ELBO, "(1/2) (exp(s) − 1)"),
    Spelled("ridge and logistic", "hessian w", f"{DATA}, lam:", RIDGE, f"{SLOPE} + λ I"),
    Spelled("matrix factorisation", "gradient U", "U: m r, V: n r, T: m n", FACTORS, "(U Vᵀ − T) V"),
    Spelled("soft attention", "gradient q", "q: d, K: n d, v: n", ATTENTION,
            "Kᵀ (diag(softmax(K q)) − softmax(K q) softmax(K q)ᵀ) v"),
    Spelled("quadratic form of softmax", "gradient x", "x: n, A: n n", FORM,
            "(diag(softmax(x)) − softmax(x) softmax(x)ᵀ) (A + Aᵀ) softmax(x)"),
    Spelled("Rayleigh quotient", "gradient x", "A: n n, x: n", QUOTIENT, "(2/(xᵀ x)) (A x − ((xᵀ A x)/(xᵀ x)) x)", ("symmetric(A)",)),
    Spelled("sigmoid", "jacobian x", "x: n", SIGMOID, "diag(sigmoid(x) ⊙ (1 − sigmoid(x)))"),
    Spelled("tanh", "jacobian x", "x: n", TANH, "diag(1 − tanh(x)^⊙2)"),
    Spelled("silu", "jacobian x", "x: n", ("x*sigmoid(x)", "silu(x)", "x/(1 + exp(-x))"), "diag(sigmoid(x) ⊙ (1 + x ⊙ (1 − sigmoid(x))))"),
    Spelled("softmax", "jacobian u", "u: n", SOFTMAX, CURVED),
    Spelled("logsumexp", "hessian u", "u: n", LOGSUMEXP, CURVED),
)  # fmt: skip
