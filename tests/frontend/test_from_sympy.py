"""SymPy matrix expressions mean what their definitions say, and their shapes are checked."""

from __future__ import annotations

import pytest
import sympy as sp
from ir_values import arrays, expr_value, text_value
from sympy.matrices.expressions.diagonal import DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct

from symderiv import sympy_functions as sd
from symderiv.build import symbol
from symderiv.errors import NoRuleError, ParseError, ShapeError, SymderivError, TooLargeError
from symderiv.frontend.from_sympy import ModuleExpr, from_sympy, sympy_dim
from symderiv.frontend.inputs import parse, to_expr

n, o, m = sp.symbols("n o m", integer=True, positive=True)
W, A, C, X = (
    sp.MatrixSymbol("W", o, n),
    sp.MatrixSymbol("A", n, n),
    sp.MatrixSymbol("C", n, n),
    sp.MatrixSymbol("X", m, n),
)
v, w, y = sp.MatrixSymbol("v", n, 1), sp.MatrixSymbol("w", n, 1), sp.MatrixSymbol("y", o, 1)
s, row = sp.MatrixSymbol("s", 1, 1), sp.MatrixSymbol("row", 1, n)
t = sp.Symbol("t")
f = sp.Function("f")
SHAPES = {"W": "o n", "A": "n n", "C": "n n", "X": "m n", "v": "n", "w": "n", "y": "o", "s": "", "row": "1 n", "t": ""}
i, k = sp.symbols("i k", integer=True)

CASES = [
    (W * v, "W @ v"),
    (W * v + 2 * y, "W @ v + 2*y"),
    (1.25 * A - C / 3, "1.25*A - C/3"),
    (v.T * A * w, "v @ A @ w"),
    ((v.T * A * w)[0, 0] * t, "v @ A @ w * t"),
    ((v.T * w)[0] ** 2 + sp.exp((w.T * A * w)[0, 0]), "(v @ w)**2 + exp(w @ A @ w)"),
    (v * w.T, "outer(v, w)"),
    (v.T, "v[None, :]"),
    (row, "row"),
    (A * row.T, "(A @ row.T)[:, 0]"),
    (s * W, "s * W"),
    ((v.T * w) * W, "(v @ w) * W"),
    (s, "s"),
    (A.I * v, "solve(A, v)"),
    (A**3, "A @ A @ A"),
    (A**-2, "inv(A) @ inv(A)"),
    (A**0 + A, "eye(n) + A"),
    (sp.Identity(n) * t + A, "t*eye(n) + A"),
    (sp.ZeroMatrix(n, n) + A, "A"),
    (X * W.T + sp.OneMatrix(m, 1) * y.T, "X @ W.T + y"),
    (sp.hadamard_product(A, C, A), "A*C*A"),
    (sp.HadamardPower(W * v, 3), "(W @ v)**3"),
    (sp.HadamardPower(v, sp.Rational(1, 2)), "sqrt(v)"),
    (sp.KroneckerProduct(A, W), "kron(A, W)"),
    (sp.KroneckerProduct(v, y), "kron(v, y)"),
    (sp.Trace(A * C.T), "trace(A @ C.T)"),
    (sp.Trace(A) * A, "trace(A) * A"),
    (sp.log(sp.det(A) ** 2), "2*logdet(A)"),
    (sp.diagonalize_vector(v) * A, "diag(v) @ A"),
    (sp.DiagMatrix(W * v) * W, "diag(W @ v) @ W"),
    (DiagonalOf(A), "diag(A)"),
    (DiagonalMatrix(A), "diag(diag(A))"),
    (DotProduct(v, w), "v @ w"),
    ((W * v).applyfunc(sp.tanh), "tanh(W @ v)"),
    ((W * v).applyfunc(f), "f(W @ v)"),
    ((W * v).applyfunc(lambda x: x**2 * t + sp.sin(x)), "(W @ v)**2 * t + sin(W @ v)"),
    ((W * v).applyfunc(lambda x: 1 / (1 + sp.exp(-x))), "sigmoid(W @ v)"),
    (A.applyfunc(lambda x: sp.Max(x - 1, 0)), "relu(A - 1)"),
    (A.applyfunc(lambda x: sp.Max(x, t)), "maximum(A, t)"),
    (sp.exp(t) * sp.sqrt(sp.pi) * v / n, "exp(t)*sqrt(pi)*v/n"),
    (sp.Abs(t - 2) * v, "abs(t - 2) * v"),
    (sp.sin(t) * sp.E, "sin(t) * e"),
    (sp.Sum(v[i, 0] * w[i, 0] ** 2, (i, 0, n - 1)), "sum(v*w**2)"),
    (sp.Sum(A[i, k] * sp.sin(v[i, 0]) + t, (i, 0, n - 1), (k, 0, n - 1)), "sum(A * sin(v)[:, None] + t)"),
    (sp.Sum(A[i, i] * sp.KroneckerDelta(i, k) * v[k, 0], (i, 0, n - 1), (k, 0, n - 1)), "sum(diag(A)*v)"),
    (sd.tanh(W * v), "tanh(W @ v)"),
    (sd.gelu(A) * v, "gelu(A) @ v"),
    (sd.softmax(W * v + y).T * y, "softmax(W @ v + y) @ y"),
    (sd.softmax(X, axis=0), "softmax(X, axis=0)"),
    (sd.softmax(X), "softmax(X)"),
    (sd.softmax(row), "softmax(row)"),
    (sd.logsumexp(W * v) * v, "logsumexp(W @ v) * v"),
    (sd.leaky_relu(v - w, slope=0.3), "leaky_relu(v - w, slope=0.3)"),
    (sd.sum(X, axis=0), "sum(X, axis=0)"),
    (sd.sum(X, axis=1, keepdims=True), "sum(X, axis=1)"),
    (sd.norm(W * v), "norm(W @ v)"),
    (sd.cross_entropy(W * v, y), "cross_entropy(W @ v, y)"),
    (sd.mse(W * v, y, reduction="mean"), "mse(W @ v, y)"),
    (sd.diag(v) * sd.inv(A), "diag(v) @ inv(A)"),
    (sd.outer(v, y), "outer(v, y)"),
]


@pytest.mark.parametrize(("expression", "text"), CASES, ids=[text for _, text in CASES])
def test_meaning(expression, text):
    values = arrays(SHAPES)
    got, wanted = expr_value(from_sympy(expression), values), text_value(text, values)
    assert got.shape == wanted.shape
    assert got == pytest.approx(wanted, rel=1e-12)


def test_meaning_has_a_control():
    values = arrays(SHAPES)
    assert expr_value(from_sympy(v.T * A * w), values) != pytest.approx(text_value("w @ A @ v", values))


def test_the_same_node_as_the_text():
    for expression, text in (
        (W * v, "W @ v"),
        (sd.tanh(W * v), "tanh(W @ v)"),
        (v.T * A * v, "v @ A @ v"),
        (-y.T * sd.log_softmax(W * v), "-y @ log_softmax(W @ v)"),
    ):
        assert from_sympy(expression) is parse(text, SHAPES)[0]


BAD = [
    (sp.MatAdd(W * v, v), ShapeError, ["o×1 and n×1", "W*v + v"]),
    (sp.MatMul(W, y, evaluate=False), ShapeError, ["o×n and o×1", "W*y", "inner sizes are n and o"]),
    (sp.MatMul(W, sp.MatMul(W, v)), ShapeError, ["W*v"]),
    (sp.HadamardProduct(sp.MatAdd(A, C), W * A), ShapeError, ["n×n and o×n"]),
    (A ** sp.Rational(1, 2), NoRuleError, ["1/2"]),
    (A**100, TooLargeError, ["100"]),
    (v[0, 0] * t, NoRuleError, ["unit vectors"]),
    (sp.Sum(v[i, 0], (i, 1, n - 1)), NoRuleError, ["start at 0"]),
    (sp.Sum(v[i, 0], (i, 0, o - 1)), ShapeError, ["runs to o"]),
    (sp.Sum(i * v[i, 0], (i, 0, n - 1)), NoRuleError, ["matrix product"]),
    (sp.gamma(t) * A, NoRuleError, ["gamma"]),
    (sp.Function("g")(t, t) * A, NoRuleError, ["'g'"]),
    (sp.exp(A), NoRuleError, ["matrix exponential", "applyfunc(exp)"]),
    (sp.Matrix([[1, 2], [3, 4]]), NoRuleError, ["MatrixSymbol"]),
    (sp.Derivative(f(t), t) * A, NoRuleError, ["Derivative"]),
    (sp.Piecewise((t, sp.Ne(t, 0)), (0, True)) * A, NoRuleError, ["Ne(t, 0)", "And"]),
    (sp.Piecewise((t, t > 0)) * A, NoRuleError, ["(value, True)"]),
    (sp.MatrixSymbol("v", o, 1).T * W * v, ShapeError, ["two matrices are called 'v'"]),
]


@pytest.mark.parametrize(("expression", "kind", "words"), BAD, ids=[str(b[0])[:40] for b in BAD])
def test_errors(expression, kind, words):
    with pytest.raises(kind) as caught:
        to_expr(expression)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_environment():
    _, environment, facts = to_expr(sd.tanh(W * v) * t, {"q": "m"}, "v > 0")
    assert environment.symbols["v"] is symbol("v", ("n",)) and environment.symbols["q"].shape == ("m",)
    assert environment.symbols["t"].shape == () and facts.find(symbol("v", ("n",)), "positive")
    assert to_expr(A.T, assume="symmetric(A)")[0] is symbol("A", ("n", "n"), props=("symmetric",))


def test_named_functions_are_matrix_expressions():
    e = sd.tanh(W * v)
    assert (
        isinstance(e, sp.MatrixExpr) and e.shape == (o, 1) and e == sd.tanh(W * v) and hash(e) == hash(sd.tanh(W * v))
    )
    assert str(e) == "tanh(W*v)" and sp.latex(e) == r"\tanh(W v)"
    assert e.subs(v, w) == sd.tanh(W * w) and e.free_symbols == (W * v).free_symbols
    assert (X.T * sd.softmax(X)).shape == (n, n) and sd.logsumexp(v).shape == (1, 1)
    assert isinstance(sd.kron(v, y), ModuleExpr) and sd.kron(v, y).shape == (n * o, 1)
    with pytest.raises(ShapeError):
        sd.tanh(W * y)
    with pytest.raises(ParseError):
        sd.softmax(W * v, dims=1)
    with pytest.raises(SymderivError, match="text is read whole"):
        sd.tanh("x")


def test_named_functions_of_other_things():
    x = symbol("x", ("n",))
    assert sd.tanh(x) is parse("tanh(x)", {"x": "n"})[0]
    assert sd.softplus(t) == sp.Function("softplus")(t) and sd.exp(t) == sp.exp(t) and sd.sqrt(t) == sp.sqrt(t)
    assert from_sympy(sd.softplus(t) * v) is parse("softplus(t) * v", SHAPES)[0]
    with pytest.raises(AttributeError):
        _ = sd.nothing_such


def test_dimensions():
    assert (
        sympy_dim("m*q + 1")
        == sp.Symbol("m", integer=True, positive=True) * sp.Symbol("q", integer=True, positive=True) + 1
    )
    odd = sp.MatrixSymbol("F", n + 1, 2 * n)
    assert from_sympy(odd * odd.T).shape == ("n + 1", "n + 1")


def test_sums_over_one_index_inside_of_each_other_are_refused():
    """Σᵢ xᵢ Σᵢ yᵢ isn't Σᵢ xᵢ yᵢ, and a sum that ends at another index has no size."""
    n = sp.Symbol("n", integer=True, positive=True)
    i, j = sp.symbols("i j", integer=True)
    x, y = (sp.MatrixSymbol(name, n, 1) for name in "xy")
    inner = sp.Sum(y[i, 0], (i, 0, n - 1))
    for bad in (sp.Sum(x[i, 0] * inner, (i, 0, n - 1)), sp.Sum(sp.Sum(x[i, 0], (j, 0, i)), (i, 0, n - 1))):
        with pytest.raises(NoRuleError):
            from_sympy(bad)
    assert from_sympy(inner * sp.Sum(x[i, 0], (i, 0, n - 1))) is parse("sum(x)*sum(y)", {"x": "n", "y": "n"})[0]


def test_two_symbols_of_one_name_are_refused():
    a, n = sp.Symbol("a"), sp.Symbol("n", integer=True, positive=True)
    for other in (sp.Symbol("a", positive=True), sp.Dummy("a"), sp.MatrixSymbol("a", 1, n) * sp.MatrixSymbol("y", n, 1)):
        with pytest.raises(SymderivError, match="two different symbols"):
            from_sympy(a * other)
    x = sp.MatrixSymbol("x", n, 1)
    assert from_sympy(sp.Symbol("n") * x.T * x).shape == ()  # a size is one thing, whatever is assumed of it


def test_functions_of_the_table_by_name_are_no_generic_ones():
    a = sp.Symbol("a")
    assert from_sympy(sp.Function("relu")(a)) is parse("relu(a)", {"a": ""})[0]
    with pytest.raises(SymderivError):
        from_sympy(sp.Function("softmax")(a))


def test_a_number_of_too_many_digits_is_refused():
    with pytest.raises(TooLargeError):
        from_sympy(sp.Float((0, 1, 10**8, 1)))


@pytest.mark.parametrize("name", ["", "1", "a b", "_"])
def test_names_that_print_as_something_else_are_refused(name):
    with pytest.raises(SymderivError, match="is no name"):
        from_sympy(sp.Symbol(name) ** 2)
