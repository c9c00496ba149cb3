"""The public operators: they take text, modules, SymPy, expressions or Python functions, and give derivations.

Each takes ``seconds=`` and ``megabytes=`` as well, which bound it (see :func:`symderiv.limits`).
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import normalize

from symderiv import derive
from symderiv import splits as splitting
from symderiv.bounds import in_force, limited
from symderiv.build import substitute, symbol
from symderiv.derive import Derivation
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.facts import Facts
from symderiv.frontend.environment import Environment, declare
from symderiv.frontend.inputs import to_expr
from symderiv.frontend.instances import functions_of
from symderiv.ir import Call, Expr, Map, Name, Shape, Symbol, free_symbols, postorder
from symderiv.ops import shape_text
from symderiv.services import service
from symderiv.splits import GaussNewton

Assume = str | Iterable[str] | None


def parse(text: str, /, *, assume: Assume = None, shapes: Mapping[str, Any] | None = None, **declared: Any) -> Expr:
    """The expression that a text in NumPy notation is; each symbol's shape is given by keyword.

    Raises ParseError, ShapeError, UnknownNameError with the text and a caret.

    >>> parse("softmax(W @ h + b)", W="o n", h="n", b="o").shape
    ('o',)
    """
    return to_expr(text, {**(shapes or {}), **declared}, assume)[0]


def names_of(wrt: Any) -> list[str]:
    """The names of what is asked for, as far as it has any."""
    items = wrt if isinstance(wrt, list | tuple) else [wrt]
    return [normalize("NFKC", str(item if isinstance(item, str) else getattr(item, "name", "")).strip()) for item in items]


def variables(wrt: Any, f: Expr, environment: Environment, within: bool = False) -> tuple[list[Symbol], bool]:
    """(the symbols asked for, whether a list was given); raises UnknownNameError for what isn't a symbol of f.

    An expression that was read with a symmetric X holds one X[i,j] for X[j,i]: it has no derivative in all entries, and is
    refused unless it is asked for ``within`` symmetric matrices.
    """
    several = isinstance(wrt, list | tuple)
    known = {**{s.name: s for s in free_symbols(f) if s.kind == "variable"}, **dict(environment.symbols)}
    found = []
    for item in wrt if several else [wrt]:
        if isinstance(item, Symbol):
            found.append(known.get(item.name, item))
            continue
        text = item if isinstance(item, str) else getattr(item, "name", None)
        if not isinstance(text, str):
            raise SymderivError(f"wrt={item!r} isn't a variable", hint="give a name, a SymPy symbol, or a list of these")
        text = normalize("NFKC", text.strip())                  # as the texts are read
        if text not in known:
            if any(isinstance(n, Name) and n.name == text for n in postorder(f)):
                raise UnknownNameError(f"'{text}' is an intermediate value of the program, not a symbol",
                                       hint=f"differentiate by one of {', '.join(known) or 'its symbols'}")
            raise UnknownNameError.among(text, known, "variable", _by_which(text, f))
        found.append(known[text])
    if not found:
        raise SymderivError("wrt names no variable", hint="give a name, or a list of names")
    if len(set(found)) < len(found):
        raise SymderivError("wrt names a variable twice", hint="name each once")
    symmetric = next((x.name for x in found if "symmetric" in x.props), None)
    if symmetric is not None and not within:
        raise SymderivError(f"'{symmetric}' is symmetric in this expression: a derivative is taken in all entries",
                            hint=f"read it without the assumption, and give assume='symmetric({symmetric})' here")
    return found, several


def _by_which(text: str, f: Expr) -> str:
    names = ", ".join(sorted(s.name for s in free_symbols(f) if s.kind == "variable"))
    return f"differentiate by one of {names}" if names else f"give its shape: {text}='n'"


def _read(f: Any, wrt: Any, assume: Assume, shapes: Mapping[str, Any] | None, declared: Mapping[str, Any]) -> tuple[
        Expr, list[Symbol], bool, Facts, str]:
    value, environment, facts = to_expr(f, {**(shapes or {}), **declared}, assume, names_of(wrt))
    found, several = variables(wrt, value, environment)
    return value, found, several, facts, f if isinstance(f, str) else ""


@limited
def gradient(f: Any, wrt: Any, /, *, assume: Assume = None, structured: bool = False, shapes: Mapping[str, Any] | None = None,
             **declared: Any) -> Derivation:
    """∇f of a scalar f, of the shape of ``wrt`` (a tuple for a list of variables).

    ``assume`` takes facts as text; ``structured`` gives the derivative within symmetric matrices.
    Raises ShapeError where f isn't a scalar.

    >>> gradient("sum((X @ w - y)**2)", "w", X="m n", w="n", y="m").result.text()
    '2 Xᵀ (X w − y)'
    """
    value, found, several, facts, text = _read(f, wrt, assume, shapes, declared)
    return derive.gradient(value, found, facts, several, structured, text)


@limited
def jacobian(f: Any, wrt: Any, /, *, assume: Assume = None, vec: bool = False, shapes: Mapping[str, Any] | None = None,
             **declared: Any) -> Derivation:
    """∂f/∂x of shape f.shape + x.shape; of a scalar f a row, (1,) + x.shape.

    ``vec`` reads the axes of x as one, column-major: ∂f/∂vec(x)ᵀ.

    >>> jacobian("tanh(W @ h)", "h", W="o n", h="n").result.text()
    'diag(1 − tanh(W h)^⊙2) W'
    """
    value, found, several, facts, text = _read(f, wrt, assume, shapes, declared)
    return derive.jacobian(value, found, facts, several, vec, text)


@limited
def hessian(f: Any, wrt: Any, /, *, assume: Assume = None, times: str | None = None, shapes: Mapping[str, Any] | None = None,
            **declared: Any) -> Derivation:
    """Second derivative: of a scalar x.shape + x.shape, of a vector the tensor [output, x, x]; of a list, blocks.

    ``times="v"`` gives the product with a v of the variable's shape, without the matrix.

    >>> hessian("logsumexp(u)", "u", u="o").result.text()
    'diag(softmax(u)) − softmax(u) softmax(u)ᵀ'
    """
    value, environment, facts = to_expr(f, {**(shapes or {}), **declared}, assume, names_of(wrt))
    found, several = variables(wrt, value, environment)
    text = f if isinstance(f, str) else ""
    result = derive.derivative(value, found, facts, 2, "hessian", several, text)
    if times is None:
        return result
    if several or value.shape:
        raise SymderivError("times= takes a scalar and one variable", hint="ask for one variable at a time")
    return derive.times(result, _direction(times, found[0], environment))


def _direction(name: Any, x: Symbol, environment: Environment) -> Symbol:
    """The symbol that a second derivative is multiplied by: of the variable's shape."""
    return array_named("times", name, x.shape, environment, f"{x.name} has")


def array_named(keyword: str, name: Any, shape: Shape, environment: Environment, wanted: str = "it takes") -> Symbol:
    """The array that a keyword names: one that is declared with this shape, or a new one; no other thing has the name."""
    name = normalize("NFKC", name) if isinstance(name, str) else name
    if not isinstance(name, str) or not name.isidentifier():
        raise SymderivError(f"{keyword}={name!r} isn't a name", hint=f"name an array of shape {shape_text(shape)}, as {keyword}='v'")
    known = environment.symbols.get(name)
    if known is not None and known.shape != shape:
        raise ShapeError(f"{keyword}='{name}' has shape {shape_text(known.shape)}; {wanted} {shape_text(shape)}",
                         hint="take a name that isn't declared", shapes=(known.shape, shape))
    if known is None and (name in environment.names or name in environment.dims or environment.declares(name)):
        what = "an intermediate value" if name in environment.names else "the size of an axis" if name in environment.dims else \
            environment.describe(name)
        raise SymderivError(f"{keyword}='{name}' is {what}", hint="take a name that isn't in use")
    return known or symbol(name, shape)


@limited
def derivative(f: Any, wrt: Any, /, *, order: int = 1, assume: Assume = None, shapes: Mapping[str, Any] | None = None,
               **declared: Any) -> Derivation:
    """The derivative of any order: f.shape + order × x.shape.

    >>> derivative("x**4", "x", order=3, x="").result.text()
    '24 x'
    """
    value, found, several, facts, text = _read(f, wrt, assume, shapes, declared)
    return derive.derivative(value, found, facts, order, "derivative", several, text)


@limited
def gauss_newton(f: Any, wrt: Any, /, *, at: str, assume: Assume = None, times: str | Sequence[str] | None = None,
                 shapes: Mapping[str, Any] | None = None, **declared: Any) -> GaussNewton:
    """H = G + R of a scalar f split at the named intermediate ``at`` (or at a subexpression's text).

    G = Jᵀ h J with J the Jacobian of the intermediate and h the Hessian of f in it; R = Σ_k (∂f/∂u_k) h_{u_k}. By a list
    of parameters the results are blocks, a tuple of rows; ``certificate`` is about the whole matrix. ``times="v"`` gives
    the products with a v of the parameter's shape, without the matrix; by a list it takes a name for each parameter.
    Where G turns out to be ∇f ∇fᵀ (cross-entropy split after softmax, one-hot y), or the sum or mean of one such square
    for each sample, ``empirical_fisher`` is true.

    >>> split = gauss_newton("u = X @ w; sum((u - y)**2)", "w", at="u", X="m n", w="n", y="m")
    >>> split.G.result.text(), split.R.result.text(), split.certificate.verdict
    ('2 Xᵀ X', '0', 'psd')
    >>> after = gauss_newton("p = softmax(u); -y @ log(p)", "u", at="p", u="o", y="o", assume="onehot(y)")
    >>> after.G.result.text(), after.empirical_fisher
    ('(y − p) (y − p)ᵀ', True)

    Raises UnknownNameError and SymderivError for an ``at`` that isn't there or isn't on every way from the parameters to
    f, ShapeError for an f that isn't a scalar.
    """
    value, environment, facts = to_expr(f, {**(shapes or {}), **declared}, assume, names_of(wrt))
    found, several = variables(wrt, value, environment)
    avoid = [] if times is None else [times] if isinstance(times, str) else [t for t in times if isinstance(t, str)]
    parts = splitting.split(value, found if several else found[0], splitting.find_split(value, at, environment), facts, avoid)
    if times is not None:
        parts = parts.times(_directions(times, found, environment) if several else _direction(times, found[0], environment))
    if in_force():
        _ = parts.parts                                         # the limits hold for all of them
    return parts


def _directions(times: str | Sequence[str], found: Sequence[Symbol], environment: Environment) -> list[Symbol]:
    """A direction for each parameter."""
    names = [times] if isinstance(times, str) else list(times)
    if len(names) != len(found):
        raise SymderivError(f"times= names {len(names)} directions for {len(found)} parameters", hint="name one for each")
    if len(set(names)) < len(names):
        raise SymderivError("times= names a direction twice", hint="name a different one for each parameter")
    return [_direction(v, x, environment) for v, x in zip(names, found, strict=True)]


@limited
def prove(lhs: Any, rhs: Any, /, *, assume: Assume = None, trials: int = 20, seed: int = 0,
          shapes: Mapping[str, Any] | None = None, **declared: Any) -> Any:
    """Whether two expressions are equal: a Verdict with .status 'proved', 'checked', 'refuted' or 'unknown'.

    >>> prove("softmax(u + c)", "softmax(u)", u="o", c="").status
    'proved'
    """
    from_user = {**(shapes or {}), **declared}
    left, _environment, facts = to_expr(lhs, from_user, assume)
    right, _, _ = to_expr(rhs, from_user, assume)
    return service("prove")(left, right, facts, trials=trials, seed=seed)


@limited
def curvature(f: Any, wrt: Any, /, *, assume: Assume = None, shapes: Mapping[str, Any] | None = None, **declared: Any) -> Any:
    """Whether a scalar f is convex, concave, affine, neither or unknown in ``wrt``, with a proof or a counterexample.

    Of a list of variables it is asked jointly.

    >>> curvature("sum(log(1 + exp(-t * (X @ w))))", "w", X="m n", w="n", t="m").verdict
    'convex'
    >>> curvature("sum(x**2)/t", ["x", "t"], x="n", t="", assume="t > 0").verdict
    'convex'
    """
    value, environment, facts = to_expr(f, {**(shapes or {}), **declared}, assume)
    found, several = variables(wrt, value, environment, within=True)
    derive.expect_scalar(value, "curvature", "take a scalar, such as a loss")
    return service("curvature")(value, found if several else found[0], facts)


# ---------------------------------------------------------------- concrete parts for abstract ones
def specialize(derivation: Derivation, parts: Mapping[str, Any]) -> Derivation:
    """The same derivation with concrete functions in place of generic ones; the other keywords are shapes."""
    f = derivation.subject
    abstract = {n.fn: n for n in postorder(f) if (isinstance(n, Map) and n.generic) or (isinstance(n, Call) and n.abstract)}
    if not abstract:
        raise SymderivError("there is no abstract module or generic function to put something in for")
    given = {k: v for k, v in parts.items() if k in abstract}
    shapes = {k: v for k, v in parts.items() if k not in abstract}
    if not given:
        raise UnknownNameError.among(next(iter(parts), ""), tuple(abstract), "abstract module or generic function",
                                     f"put something in for {', '.join(abstract)}")
    made = functions_of(given, declare(shapes))
    new = f
    while True:                                                 # a module's body may hold others
        replaced: dict[Expr, Expr] = {}
        for node in postorder(new):
            if ((isinstance(node, Map) and node.generic) or (isinstance(node, Call) and node.abstract)) and node.fn in made:
                body = made[node.fn](node.kids)
                if body.shape != node.shape:
                    raise ShapeError(f"{node.fn} gives {shape_text(node.shape)}; what is put in gives {shape_text(body.shape)}",
                                     hint="give a function of the declared shapes", shapes=(node.shape, body.shape))
                replaced[node] = body
                break
        if not replaced:
            break
        new = substitute(new, replaced)
    return _again(derivation, new)


def _again(derivation: Derivation, f: Expr) -> Derivation:
    wrt = derivation.wrt
    if derivation.kind == "gradient":
        return derive.gradient(f, wrt, derivation.facts, derivation.several)
    if derivation.kind == "jacobian":
        return derive.jacobian(f, wrt, derivation.facts, derivation.several, derivation.vec)
    if derivation.kind in ("hessian", "derivative"):
        return derive.derivative(f, wrt, derivation.facts, derivation.order, derivation.kind, derivation.several)
    raise SymderivError(f"a derivation of kind {derivation.kind} can't be specialised", hint="specialise f and derive it again")
