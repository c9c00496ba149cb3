"""The derivatives that machine learning writes every day, each in every natural spelling, as rows.

A row's ``expected`` is a text in NumPy notation that is compared with the result by numbers alone. A result marked
``closed`` must have a matrix form; one marked ``index`` is of order 3 or 4, or is shown by its entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One derivative. ``texts`` and ``sympy`` are its spellings; all of them must end in one and the same node.

    ``sympy`` holds Python expressions over SymPy symbols of the declared shapes; ``at`` puts values into the result
    before it is compared; ``open`` names the checks that fail as yet, with the reason.
    """

    name: str
    operator: str
    wrt: str
    shapes: str
    texts: tuple[str, ...]
    expected: str
    form: str = "closed"
    sympy: tuple[str, ...] = ()
    assume: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    at: Mapping[str, str] = field(default_factory=dict)
    open: Mapping[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> dict[str, str]:
        """The shapes by name.

        >>> Case("", "jacobian", "h", "W: o n, h: n, f: elementwise", (), "").declared
        {'W': 'o n', 'h': 'n', 'f': 'elementwise'}
        """
        pairs = (item.split(":") for item in self.shapes.split(","))
        return {name.strip(): shape.strip() for name, shape in pairs}


def case(name: str, call: str, shapes: str, texts: str | tuple[str, ...], expected: str, form: str = "closed",
         sympy: str | tuple[str, ...] = (), assume: str | tuple[str, ...] = (), options: Mapping[str, object] = {},
         at: Mapping[str, str] = {}, open: Mapping[str, str] = {}) -> Case:  # fmt: skip
    """A row; ``call`` is the operator and the variable."""
    operator, wrt = call.split(maxsplit=1)
    several = [(v,) if isinstance(v, str) else v for v in (texts, sympy, assume)]
    return Case(name, operator, wrt, shapes, several[0], expected, form, several[1], several[2], options, at, open)


def layer(name: str, text: str, slope: str, sympy: str = "") -> tuple[Case, Case]:
    """An elementwise function of a linear layer, by its input and by its weights."""
    shapes = "W: o n, x: n, c: o" + (", f: elementwise" if name == "f" else "")
    return (
        case(f"{name}(Wx) by x", "jacobian x", shapes, text, f"diag({slope}) @ W", sympy=(sympy,) if sympy else ()),
        case(f"{name}(Wx) by W", "jacobian W", shapes, text, f'einsum("i,k,ij->ijk", {slope}, x, eye(o))', "index",
             sympy=(sympy,) if sympy else ()),
    )  # fmt: skip


SOFTMAX = "el(exp, u)*(ones(1, o)*el(exp, u))**-1"
CROSS_ENTROPIES = ("-y @ log(softmax(u))", "-y @ log_softmax(u)", "-y @ u + sum(y)*logsumexp(u)",
                   "-sum(y*log(exp(u)/sum(exp(u))))", "sum(y)*log(sum(exp(u))) - y @ u")  # fmt: skip
CROSS_ENTROPIES_SYMPY = ("-y.T*el(log, sd.softmax(u))", "-y.T*sd.log_softmax(u)",
                         f"-y.T*el(log, {SOFTMAX})")  # fmt: skip
SIGNED = "sum(log(1 + exp(-t*(X @ w))))"
SOFTPLUS = "sum(softplus(X @ w) - y*(X @ w))"
BCE = "p = sigmoid(X @ w); -sum(y*log(p) + (1 - y)*log(1 - p))"
SQUARES = ("sum((X @ w - y)**2)", "(X @ w - y) @ (X @ w - y)", "norm(X @ w - y)**2")
SQUARES_SYMPY = ("(X*w - y).T*(X*w - y)", "sd.sum(sd.square(X*w - y))")
FACTORS = ("sum((T - U @ V.T)**2)", "norm(T - U @ V.T)**2", "trace((T - U @ V.T).T @ (T - U @ V.T))")
FACTORS_SYMPY = ("Trace((T - U*V.T).T*(T - U*V.T))",)
ATTENTION = "softmax(Q @ K.T / sqrt(d)) @ V"
P = "softmax(Q @ K.T / sqrt(d))"
BATCH = ("-sum(Y*log_softmax(X @ W, axis=1))", "-sum(Y*log(softmax(X @ W, axis=1)))",
         "-sum(Y*(X @ W)) + sum(logsumexp(X @ W, axis=1))", "-trace(Y.T @ log(softmax(X @ W)))")  # fmt: skip
LOG_COSH = ("u = W @ x; sum(log(2*cosh(u)) - y*u)", "sum(log(exp(W @ x) + exp(-(W @ x))) - y*(W @ x))")
TWO = "W1: h n, x: n, W2: o h, y: o"
A = "tanh(W1 @ x)"
D = f"(1 - {A}**2)"

EVERYDAY: tuple[Case, ...] = (
    case("Wh by h", "jacobian h", "W: o n, h: n", ("W @ h", 'einsum("ij,j->i", W, h)'), "W", sympy="W*h"),
    case("Wh by W", "jacobian W", "W: o n, h: n", "W @ h", 'einsum("k,ij->ijk", h, eye(o))', "index", sympy="W*h"),
    case("Wh by vec W", "jacobian W", "W: o n, h: n", "W @ h", 'einsum("k,ij->ijk", h, eye(o))', "index", sympy="W*h",
         options={"vec": True}),
    *layer("f", "f(W @ x)", "f_1(W @ x)"),
    *layer("sigmoid", "sigmoid(W @ x)", "(sigmoid(W @ x)*(1 - sigmoid(W @ x)))", "sd.sigmoid(W*x)"),
    *layer("tanh", "tanh(W @ x + c)", "(1 - tanh(W @ x + c)**2)", "el(tanh, W*x + c)"),
    *layer("relu", "relu(W @ x)", "heaviside(W @ x)", "sd.relu(W*x)"),
    case("bilinear form by its matrix", "gradient X", "a: m, X: m n, b: n",
         ("a @ X @ b", "sum(outer(a, b)*X)", "trace(X.T @ outer(a, b))"), "outer(a, b)",
         sympy=("a.T*X*b", "(a.T*X*b)[0, 0]", "Trace(X*b*a.T)")),
    case("quadratic form, gradient", "gradient x", "x: n, A: n n", ("x @ A @ x", "x.T @ A @ x", "sum(x*(A @ x))"),
         "(A + A.T) @ x", sympy=("x.T*A*x", "(x.T*A*x)[0, 0]", "Trace(A*x*x.T)")),
    case("quadratic form, Hessian", "hessian x", "x: n, A: n n", ("x @ A @ x", "sum(x*(A @ x))"), "A + A.T",
         sympy=("x.T*A*x", "Trace(A*x*x.T)")),
    case("softmax", "jacobian u", "u: o", ("softmax(u)", "exp(u)/sum(exp(u))", "exp(u - logsumexp(u))"),
         "diag(softmax(u)) - outer(softmax(u), softmax(u))",
         sympy=("sd.softmax(u)", SOFTMAX)),
    case("log-softmax", "jacobian u", "u: o", ("log_softmax(u)", "log(softmax(u))", "u - logsumexp(u)"),
         "eye(o) - outer(ones(o), softmax(u))", sympy=("sd.log_softmax(u)", "el(log, sd.softmax(u))")),
    case("logsumexp, gradient", "gradient u", "u: o", ("logsumexp(u)", "log(sum(exp(u)))"), "softmax(u)",
         sympy=("sd.logsumexp(u)", "log((ones(1, o)*el(exp, u))[0, 0])")),
    case("logsumexp, Hessian", "hessian u", "u: o", ("logsumexp(u)", "log(sum(exp(u)))"),
         "diag(softmax(u)) - outer(softmax(u), softmax(u))",
         sympy=("sd.logsumexp(u)", "log((ones(1, o)*el(exp, u))[0, 0])")),
    case("cross-entropy, gradient", "gradient u", "u: o, y: o", CROSS_ENTROPIES, "sum(y)*softmax(u) - y",
         sympy=CROSS_ENTROPIES_SYMPY),
    case("cross-entropy of a distribution, gradient", "gradient u", "u: o, y: o",
         (*CROSS_ENTROPIES, "cross_entropy(u, y)", "logsumexp(u) - y @ u"), "softmax(u) - y",
         sympy=CROSS_ENTROPIES_SYMPY, assume="sum(y) == 1"),
    case("cross-entropy, Hessian", "hessian u", "u: o, y: o", CROSS_ENTROPIES,
         "sum(y)*(diag(softmax(u)) - outer(softmax(u), softmax(u)))", sympy=CROSS_ENTROPIES_SYMPY),
    case("least squares, gradient", "gradient w", "X: m n, w: n, y: m", SQUARES, "2*X.T @ (X @ w - y)",
         sympy=SQUARES_SYMPY),
    case("least squares, Hessian", "hessian w", "X: m n, w: n, y: m", SQUARES, "2*X.T @ X", sympy=SQUARES_SYMPY),
    case("logistic loss of signs, gradient", "gradient w", "X: m n, w: n, t: m",
         (SIGNED, "sum(softplus(-t*(X @ w)))", "-sum(log(sigmoid(t*(X @ w))))"), "-X.T @ (t*sigmoid(-t*(X @ w)))",
         sympy=("ones(1, m)*el(Lambda(s, log(1 + exp(-s))), HadamardProduct(t, X*w))",)),
    case("logistic loss of 0 and 1, gradient", "gradient w", "X: m n, w: n, y: m",
         (SOFTPLUS, BCE, 'binary_cross_entropy(sigmoid(X @ w), y, reduction="sum")'), "X.T @ (sigmoid(X @ w) - y)",
         sympy="ones(1, m)*sd.softplus(X*w) - y.T*X*w"),
    case("logistic loss, Hessian, in three spellings", "hessian w", "X: m n, w: n, y: m, t: m",
         (SIGNED, SOFTPLUS, BCE), "X.T @ diag(sigmoid(X @ w)*(1 - sigmoid(X @ w))) @ X", assume="t**2 == 1",
         sympy=("ones(1, m)*el(Lambda(s, log(1 + exp(-s))), HadamardProduct(t, X*w))",
                "ones(1, m)*sd.softplus(X*w) - y.T*X*w")),
    case("ridge, gradient", "gradient w", "X: m n, w: n, y: m, lam: ",
         ("sum((X @ w - y)**2) + lam*sum(w**2)", "norm(X @ w - y)**2 + lam*(w @ w)"),
         "2*(X.T @ (X @ w - y) + lam*w)", sympy="(X*w - y).T*(X*w - y) + lam*w.T*w"),
    case("ridge, Hessian", "hessian w", "X: m n, w: n, y: m, lam: ", "sum((X @ w - y)**2) + lam*sum(w**2)",
         "2*(X.T @ X + lam*eye(n))", sympy="(X*w - y).T*(X*w - y) + lam*w.T*w"),
    case("log det", "gradient S", "S: n n", ("logdet(S)", "log(abs(det(S)))"), "inv(S).T", sympy="log(det(S))"),
    case("log det, Hessian", "hessian S", "S: n n", ("logdet(S)", "log(abs(det(S)))"),
         '-einsum("jk,li->ijkl", inv(S), inv(S))', "index", sympy="log(det(S))"),
    case("det, gradient", "gradient S", "S: n n", "det(S)", "det(S)*inv(S).T", sympy="det(S)"),
    case("det, Hessian", "hessian S", "S: n n", "det(S)",
         'det(S)*(einsum("ji,lk->ijkl", inv(S), inv(S)) - einsum("jk,li->ijkl", inv(S), inv(S)))', "index",
         sympy="det(S)"),
    case("tr(A S B Sᵀ)", "gradient S", "S: m n, A: m m, B: n n", ("trace(A @ S @ B @ S.T)", "sum((A @ S @ B)*S)"),
         "A @ S @ B + A.T @ S @ B.T", sympy="Trace(A*S*B*S.T)"),
    case("tr(S⁻¹ A)", "gradient S", "S: n n, A: n n", ("trace(inv(S) @ A)", "trace(solve(S, A))"),
         "-(inv(S) @ A @ inv(S)).T", sympy="Trace(S.I*A)"),
    case("S⁻¹ by S", "jacobian S", "S: n n", ("inv(S)", "solve(S, eye(n))"), '-einsum("ik,lj->ijkl", inv(S), inv(S))',
         "index", sympy="S.I"),
    case("squared Frobenius norm", "gradient X", "X: m n", ("sum(X**2)", "norm(X)**2", "trace(X.T @ X)", "sum(X*X)"),
         "2*X", sympy=("Trace(X.T*X)", "Trace(X*X.T)")),
    case("Frobenius norm", "gradient X", "X: m n", ("norm(X)", "sqrt(trace(X.T @ X))", "sqrt(sum(X**2))"),
         "X/norm(X)", sympy=("sqrt(Trace(X.T*X))", "sqrt(Trace(X*X.T))")),
    case("norm", "gradient x", "x: n", ("norm(x)", "sqrt(x @ x)", "(x @ x)**0.5"), "x/norm(x)",
         sympy=("sqrt((x.T*x)[0, 0])", "(x.T*x)**Rational(1, 2)")),
    case("x/‖x‖", "jacobian x", "x: n", ("x/norm(x)", "normalize(x)", "x/sqrt(x @ x)"),
         "(eye(n) - outer(x, x)/(x @ x))/norm(x)", sympy="x*(x.T*x)**Rational(-1, 2)"),
    case("X⊙H by X", "jacobian X", "X: m n, H: m n", "X * H", 'einsum("ik,jl,ij->ijkl", eye(m), eye(n), H)', "index",
         sympy="HadamardProduct(X, H)"),
    case("aᵀ(X⊙H)b", "gradient X", "X: m n, H: m n, a: m, b: n", ("a @ (X*H) @ b", "sum(outer(a, b)*H*X)"),
         "outer(a, b)*H", sympy="a.T*HadamardProduct(X, H)*b"),
    case("X⊗A by X", "jacobian X", "X: m n, A: p q", "kron(X, A)",
         'kron(einsum("ik,jl->ijkl", eye(m), eye(n)), A[:, :, None, None])', "index", sympy="KroneckerProduct(X, A)"),
    case("xaᵀ by x", "jacobian x", "x: m, a: n", ("outer(x, a)", "x[:, None]*a", "kron(x[:, None], a[None, :])"),
         'einsum("ik,j->ijk", eye(m), a)', "index", sympy="x*a.T"),
    case("vᵀtanh(Wx) by W", "gradient W", "v: o, W: o n, x: n", ("v @ tanh(W @ x)", "sum(v*tanh(W @ x))"),
         "outer(v*(1 - tanh(W @ x)**2), x)", sympy=("v.T*el(tanh, W*x)", "v.T*sd.tanh(W*x)")),
    case("squared error of a network, by its first weights", "gradient W1", TWO,
         ("sum((W2 @ tanh(W1 @ x) - y)**2)", "z = W1 @ x; a = tanh(z); r = W2 @ a - y; r @ r"),
         f"outer(2*(W2.T @ (W2 @ {A} - y))*{D}, x)", sympy="(W2*el(tanh, W1*x) - y).T*(W2*el(tanh, W1*x) - y)"),
    case("a network by its input", "jacobian x", TWO, ("W2 @ tanh(W1 @ x)", "a = tanh(W1 @ x); W2 @ a"),
         f"W2 @ diag({D}) @ W1", sympy="W2*el(tanh, W1*x)"),
    case("a network by its first weights", "jacobian W1", TWO, ("W2 @ tanh(W1 @ x)", "a = tanh(W1 @ x); W2 @ a"),
         f'einsum("ij,j,k->ijk", W2, {D}, x)', "index", sympy="W2*el(tanh, W1*x)"),
    case("a network by its input, Hessian", "hessian x", TWO, "W2 @ tanh(W1 @ x)",
         f'-2*einsum("il,l,l,lj,lk->ijk", W2, {A}, {D}, W1, W1)', "index", sympy="W2*el(tanh, W1*x)"),
    case("f(Wx), Hessian", "hessian x", "W: o n, x: n, f: elementwise", "f(W @ x)",
         'einsum("i,ij,ik->ijk", f_2(W @ x), W, W)', "index"),
    case("vec X", "jacobian X", "X: m n", "vec(X)", "kron(eye(n)[:, None, :], eye(m)[:, :, None])", "index"),
    case("vec(ASB) by S", "jacobian S", "A: p m, S: m n, B: n q", "vec(A @ S @ B)", "kron(B.T[:, None, :], A[:, :, None])", "index"),
    case("quadratic form of softmax", "gradient x", "x: n, A: n n",
         ("softmax(x) @ A @ softmax(x)", "p = softmax(x); p @ A @ p"),
         "(diag(softmax(x)) - outer(softmax(x), softmax(x))) @ (A + A.T) @ softmax(x)",
         sympy="sd.softmax(x).T*A*sd.softmax(x)"),
    case("matrix factorisation, gradient", "gradient U", "T: m n, U: m r, V: n r", FACTORS, "-2*(T - U @ V.T) @ V",
         sympy=FACTORS_SYMPY),
    case("matrix factorisation, Hessian UU", "hessian U", "T: m n, U: m r, V: n r", FACTORS,
         '2*einsum("ik,jl->ijkl", eye(m), V.T @ V)', "index", sympy=FACTORS_SYMPY),
    case("matrix factorisation, Hessian UV", "hessian U V", "T: m n, U: m r, V: n r", FACTORS,
         '2*einsum("il,kj->ijkl", U, V) - 2*einsum("ik,jl->ijkl", T - U @ V.T, eye(r))', "index",
         sympy=FACTORS_SYMPY),
    case("attention by Q", "jacobian Q", "Q: m d, K: n d, V: n v", ATTENTION,
         f'einsum("ik,in,nj,nl->ijkl", eye(m), {P}, V, K)/sqrt(d)'
         f' - einsum("ik,ij,in,nl->ijkl", eye(m), {P} @ V, {P}, K)/sqrt(d)', "index"),
    case("attention by K", "jacobian K", "Q: m d, K: n d, V: n v", ATTENTION,
         f'einsum("ik,kj,il->ijkl", {P}, V, Q)/sqrt(d) - einsum("ik,ij,il->ijkl", {P}, {P} @ V, Q)/sqrt(d)', "index"),
    case("attention by V", "jacobian V", "Q: m d, K: n d, V: n v", ATTENTION, f'einsum("ik,jl->ijkl", {P}, eye(v))',
         "index"),
    case("layer norm", "jacobian x", "x: n",
         ("layer_norm(x)", "(x - mean(x))/sqrt(var(x) + 0.00001)", "c = x - mean(x); c/sqrt(sum(c**2)/n + 0.00001)"),
         "(eye(n) - ones(n, n)/n - outer(layer_norm(x), layer_norm(x))/n)/sqrt(var(x) + 0.00001)",
         sympy="sd.layer_norm(x)"),
    case("bias, broadcast over a batch", "jacobian b", "X: m n, W: n o, b: o",
         ("X @ W + b", "X @ W + outer(ones(m), b)"), 'einsum("i,jk->ijk", ones(m), eye(o))', "index",
         sympy="X*W + ones(m, 1)*b.T"),
    case("Gauss-Newton by x", "gauss_newton x", "W: o n, x: n, y: o", "-y @ log_softmax(W @ x)",
         "W.T @ (diag(softmax(W @ x)) - outer(softmax(W @ x), softmax(W @ x))) @ W", assume="sum(y) == 1",
         options={"at": "W @ x"}),
    case("Gauss-Newton by W", "gauss_newton W", "W: o n, x: n, y: o", "-y @ log_softmax(W @ x)",
         'einsum("ik,j,l->ijkl", diag(softmax(W @ x)) - outer(softmax(W @ x), softmax(W @ x)), x, x)', "index",
         assume="sum(y) == 1", options={"at": "W @ x"}),
    case("matching loss, gradient", "gradient x", "W: o n, x: n, y: o",
         LOG_COSH,
         "W.T @ (tanh(W @ x) - y)", sympy="ones(1, o)*el(Lambda(s, log(2*cosh(s))), W*x) - y.T*W*x"),
    case("matching loss, Hessian", "hessian x", "W: o n, x: n, y: o",
         LOG_COSH,
         "W.T @ diag(1 - tanh(W @ x)**2) @ W", sympy="ones(1, o)*el(Lambda(s, log(2*cosh(s))), W*x) - y.T*W*x"),
    case("cross-entropy of a batch, gradient", "gradient W", "X: m n, W: n o, Y: m o", BATCH,
         "X.T @ (softmax(X @ W) - Y)", assume="sum(Y, axis=1) == 1", sympy="-Trace(Y.T*sd.log_softmax(X*W))"),
    case("cross-entropy of a batch, Hessian", "hessian W", "X: m n, W: n o, Y: m o", BATCH,
         'einsum("bi,bk,bj,jl->ijkl", X, X, softmax(X @ W), eye(o))'
         ' - einsum("bi,bk,bj,bl->ijkl", X, X, softmax(X @ W), softmax(X @ W))',
         "index", assume="sum(Y, axis=1) == 1", sympy="-Trace(Y.T*sd.log_softmax(X*W))"),
    case("abstract vector function G(Wx) by x", "jacobian x", "G: o -> q, W: o n, x: n",
         ("G(W @ x)", "z = W @ x; G(z)"), "G_1(W @ x) @ W"),
)  # fmt: skip
