"""Whether a derivative that somebody wrote by hand is right.

The function is called at random points, and differentiated twice: by the engine, from what it is traced to, and by
differences, as a black box. The engine's answer is what is compared, as long as it agrees with the differences; a
function that can't be traced is compared with differences alone, and the report says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symderiv.api import Assume, gradient, hessian, jacobian
from symderiv.arguments import whole
from symderiv.derive import Derivation
from symderiv.errors import EvaluationError, ShapeError, SymderivError, UnknownNameError
from symderiv.evaluate import evaluate
from symderiv.frontend.inputs import to_expr
from symderiv.ir import Expr, Name, postorder
from symderiv.render.symbols import name_text
from symderiv.testing.differences import Array, derivative
from symderiv.testing.messages import array_text, first_difference, guess, indented
from symderiv.testing.points import Points
from symderiv.verify import relative_errors

#: How far the hand-written one may be off, where it is compared with what was derived, and with differences.
DERIVED, DIFFERENCES = 1e-8, 1e-5
#: A point where the differences' own error estimate is larger than this says nothing: a kink is near.
ROUGH = 1e-6
ATTEMPTS = 12
_OPERATORS: Mapping[str, Callable[..., Derivation]] = {"gradient": gradient, "jacobian": jacobian, "hessian": hessian}


@dataclass(frozen=True)
class GradientReport:
    """What was compared: the points, the worst relative error by variable, and with what ("derived" or "differences")."""

    wrt: tuple[str, ...]
    points: int
    worst: Mapping[str, float]
    reference: str
    derivation: Derivation | None = None
    reason: str = ""

    def __repr__(self) -> str:
        worst = max(self.worst.values(), default=0.0)
        note = f" ({self.reason})" if self.reason else ""
        return (f"GradientReport(right by {', '.join(self.wrt)} at {self.points} points, worst relative error "
                f"{worst:.1e}; reference: {self.reference}{note})")


def assert_gradient(f: Any, grad: Callable[..., Any], /, at: Mapping[str, Any], **options: Any) -> GradientReport:
    """A report that ``grad`` is the gradient of the scalar ``f``; AssertionError with the first wrong entry if it isn't.

    ``f`` is a NumPy function (or a text, a module, an expression), ``grad`` a function of the same arguments. ``at``
    gives each argument a shape (``"m n"``) or an array. ``grad`` returns an array for one variable, a tuple for several,
    or a dictionary by name; ``wrt`` says which: without it the first argument, as many as the tuple has, or the
    dictionary's names. Further options: ``assume``, ``trials`` (20), ``seed`` (0), ``tolerance``.

    >>> def loss(w, X, y):
    ...     return 0.5 * np.sum((X @ w - y) ** 2)
    >>> assert_gradient(loss, lambda w, X, y: 2 * X.T @ (X @ w - y), {"w": "n", "X": "m n", "y": "m"})
    Traceback (most recent call last):
    AssertionError: the gradient by w is wrong: first at [0], where yours is ... and the right one is ...
      it is 2.0 times the right one
      derived: ∇_w f = Xᵀ (X w − y)
      at
        w = [0.12573, -0.132105, 0.640423]
        X = ...
    """
    __tracebackhide__ = True
    return _check("gradient", f, grad, at, **options)


def assert_jacobian(f: Any, jac: Callable[..., Any], /, at: Mapping[str, Any], **options: Any) -> GradientReport:
    """As `assert_gradient`, for the Jacobian of an array, of shape f.shape + x.shape.

    >>> assert_jacobian(lambda W, h: np.tanh(W @ h), lambda W, h: (1 - np.tanh(W @ h)**2)[:, None] * W,
    ...                 {"W": "o n", "h": "n"}, wrt="h").reference
    'derived'
    """
    __tracebackhide__ = True
    return _check("jacobian", f, jac, at, **options)


def assert_hessian(f: Any, hess: Callable[..., Any], /, at: Mapping[str, Any], **options: Any) -> GradientReport:
    """As `assert_gradient`, for the Hessian of a scalar by one variable, of shape x.shape + x.shape.

    >>> assert_hessian(lambda x, A: x @ A @ x, lambda x, A: A + A.T, {"x": "n", "A": "n n"}).wrt
    ('x',)
    """
    __tracebackhide__ = True
    return _check("hessian", f, hess, at, **options)


def _check(kind: str, f: Any, own: Callable[..., Any], at: Mapping[str, Any], *, wrt: str | Sequence[str] | None = None,
           assume: Assume = None, trials: int = 20, seed: int = 0, tolerance: float | None = None) -> GradientReport:  # fmt: skip
    __tracebackhide__ = True
    trials, seed = whole("trials", trials, 1, "the number of draws"), whole("seed", seed, 0, "the seed")
    points = Points(at, assume, seed)
    function = _Function(f, points)
    _callable(own, kind)
    asked = [wrt] if isinstance(wrt, str) else None if wrt is None else list(wrt)
    check: _Comparison | None = None
    done = attempts = 0
    while done < trials and attempts < ATTEMPTS + 3 * trials:
        values = points.draw(attempts)
        attempts += 1
        value = function(values)
        if value is None or not np.all(np.isfinite(value)):
            continue
        if kind != "jacobian" and value.ndim:
            raise ShapeError(f"the function gives an array of shape {value.shape}; a {kind} is of a scalar",
                             hint="sum it, or check its Jacobian")  # fmt: skip
        if check is None:
            check = _Comparison(kind, function, _named(kind, own, values, function.order, asked), points, tolerance)
        done += check.at(values, own, asked)
        if points.fixed:
            break
    if check is None or not done:
        raise EvaluationError("no point was found at which the function and its derivative are finite and smooth",
                              hint="say where it is defined, as assume='x > 0', or give arrays in at=")  # fmt: skip
    return GradientReport(tuple(check.wrt), done, dict(check.worst), check.reference, check.derivation, check.reason)


class _Function:
    """What is differentiated, called with arrays by name: somebody's NumPy function, or what the engine reads."""

    def __init__(self, f: Any, points: Points) -> None:
        self.given = f
        self.own = f if callable(f) and not isinstance(f, Expr) and not hasattr(f, "program") else None
        self.expr: Expr | None = None
        self.why = ""
        try:
            self.expr = to_expr(f, points.shapes)[0]
        except SymderivError as error:
            if self.own is None:
                raise
            self.why = f"the function can't be traced: {error.message}"
        names = list(inspect.signature(self.own).parameters) if self.own is not None else list(points.shapes)
        self.order = [name for name in names if name in points.shapes]
        missing = [n for n, p in inspect.signature(self.own).parameters.items()
                   if n not in points.shapes and p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)] \
            if self.own is not None else []  # fmt: skip
        if missing:
            raise UnknownNameError(f"the function's argument '{missing[0]}' has no shape",
                                   hint=f"give it: at={{..., '{missing[0]}': 'n'}} (a scalar's is '')")  # fmt: skip

    def __call__(self, values: Mapping[str, Array]) -> Array | None:
        if self.own is None:
            assert self.expr is not None
            return evaluate(self.expr, values)
        return np.asarray(self.own(**{n: np.array(values[n]) for n in self.order}), dtype=float)


class _Comparison:
    """The hand-written derivative against the right one, point by point."""

    def __init__(self, kind: str, function: _Function, wrt: list[str], points: Points, tolerance: float | None) -> None:
        self.kind, self.function, self.wrt, self.tolerance = kind, function, wrt, tolerance
        self.worst = dict.fromkeys(wrt, 0.0)
        self.reason = function.why
        self.derivation: Derivation | None = None
        unknown = [x for x in wrt if x not in points.shapes]
        if unknown:
            raise UnknownNameError.among(unknown[0], points.shapes, "argument", f"the arguments are {', '.join(points.shapes)}")
        if kind == "hessian" and len(wrt) > 1:
            raise SymderivError("a Hessian is checked by one variable", hint="name it: wrt='x'")
        if function.expr is not None:
            try:
                self.derivation = _OPERATORS[kind](function.expr, wrt, assume=points.assume, shapes=points.shapes)
            except SymderivError as error:
                self.reason = f"not derived: {error.message}"

    @property
    def reference(self) -> str:
        return "derived" if self.derivation is not None else "differences"

    def at(self, values: Mapping[str, Array], own: Callable[..., Any], asked: Sequence[str] | None) -> bool:
        """Compare at a point; False where it says nothing. AssertionError where the hand-written one is wrong."""
        __tracebackhide__ = True
        mine = _parts(self.kind, own, values, self.function.order, self.wrt)
        right, exact = {}, self.derivation is not None
        for k, x in enumerate(self.wrt):
            differences = self.differences(x, values)
            if differences is None:
                return False
            right[x] = self.derived(k, values, differences)
            exact = exact and right[x] is not differences
        for x in self.wrt:
            limit = self.tolerance if self.tolerance is not None else DERIVED if exact else DIFFERENCES
            self.compare(x, mine[x], right[x], limit, values)
        return True

    def differences(self, x: str, values: Mapping[str, Array]) -> Array | None:
        def along(moved: Array) -> Array:
            value = self.function({**values, x: moved})
            return np.full((), np.nan) if value is None else value

        found, error = derivative(self.gradient_along(x, values) if self.kind == "hessian" else along, values[x])
        return found if np.all(np.isfinite(found)) and error < (1e-3 if self.kind == "hessian" else ROUGH) else None

    def gradient_along(self, x: str, values: Mapping[str, Array]) -> Callable[[Array], Array]:
        return lambda moved: derivative(lambda y: np.asarray(self.function({**values, x: y})), moved)[0]

    def derived(self, k: int, values: Mapping[str, Array], differences: Array) -> Array:
        """The engine's answer where it agrees with the differences, else these."""
        if self.derivation is None:
            return differences
        results = self.derivation.result
        result = results[k] if isinstance(results, tuple) else results
        if isinstance(result, tuple):
            result = result[0]
        found = evaluate(result, values).reshape(differences.shape)
        limit = 1e-2 if self.kind == "hessian" else DIFFERENCES
        if np.all(relative_errors(found, differences) <= limit):
            return found
        self.derivation, self.reason = None, "what the function is traced to differs from the function"
        return differences

    def compare(self, x: str, mine: Array, right: Array, limit: float, values: Mapping[str, Array]) -> None:
        __tracebackhide__ = True
        title = f"the {self.kind} by {x} is wrong"
        if self.kind == "jacobian" and mine.shape == (1, *right.shape):  # of a scalar it may be written as a row
            mine = mine[0]
        if mine.shape != right.shape:
            self.fail(f"{title}: its shape is {mine.shape}, and should be {right.shape}", mine, right, values)
        errors = relative_errors(mine, right)
        if not np.all(errors <= limit):
            where = first_difference(mine, right, limit)
            assert where is not None
            self.fail(f"{title}: {where[0]}yours is {where[1]} and the right one is {where[2]}",
                      mine, right, values)  # fmt: skip
        self.worst[x] = max(self.worst[x], float(np.max(errors, initial=0.0)))

    def fail(self, title: str, mine: Array, right: Array, values: Mapping[str, Array]) -> None:
        __tracebackhide__ = True
        lines = [title]
        if looks := guess(mine, right):
            lines.append(indented(looks))
        lines += [indented(self.story()), "  at"]
        lines += [f"    {name} = {array_text(value)}" for name, value in values.items()]
        lines += [f"  yours = {array_text(mine)}", f"  right = {array_text(right)}"]
        raise AssertionError("\n".join(lines))

    def story(self) -> str:
        if self.derivation is None:
            return f"compared with differences of the function alone ({self.reason})"
        results = self.derivation.result
        each = results if isinstance(results, tuple) else (results,)
        lines = [f"{_sought(self.kind, x)} = {one.text()}" for x, one in zip(self.wrt, each, strict=False) if isinstance(one, Expr)]
        named = dict.fromkeys(n for one in each if isinstance(one, Expr) for n in postorder(one) if isinstance(n, Name))
        given = ["with " + ", ".join(f"{name_text(n.name)} = {n.body.text()}" for n in named)] if named else []
        return "derived: " + "\n         ".join([*lines, *given])


def _sought(kind: str, x: str) -> str:
    return {"gradient": f"∇_{x} f", "jacobian": f"∂f/∂{x}", "hessian": f"∇²_{x} f"}[kind]


# ---------------------------------------------------------------- what the hand-written function returns
def _callable(own: Any, kind: str) -> None:
    if not callable(own):
        raise SymderivError(f"the {kind} to check is a value of type {type(own).__name__}",
                            hint="give a function of the same arguments that returns it")  # fmt: skip


def _call(own: Callable[..., Any], values: Mapping[str, Array], order: Sequence[str]) -> Any:
    """By keyword where the names are the function's arguments, else in the order of its arguments."""
    parameters = inspect.signature(own).parameters.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return own(**{n: np.array(values[n]) for n in order})
    if all(n in values for n in named) and named:
        return own(**{n: np.array(values[n]) for n in named})
    return own(*(np.array(values[n]) for n in order))


def _named(kind: str, own: Callable[..., Any], values: Mapping[str, Array], order: list[str], asked: list[str] | None) -> list[str]:
    """The variables: those asked for, a dictionary's names, as many arguments as a tuple has, or the first argument."""
    if asked is not None:
        return asked
    found = _call(own, values, order)
    if isinstance(found, Mapping):
        return list(found)
    return order[: len(found)] if isinstance(found, tuple) and kind != "hessian" else order[:1]


def _parts(kind: str, own: Callable[..., Any], values: Mapping[str, Array], order: Sequence[str], wrt: Sequence[str]) -> dict[str, Array]:
    found = _call(own, values, order)
    if isinstance(found, Mapping):
        missing = [x for x in wrt if x not in found]
        if missing:
            raise AssertionError(f"the function gives no {kind} by {missing[0]}; it gives {', '.join(map(str, found)) or 'nothing'}")
        return {x: np.asarray(found[x], dtype=float) for x in wrt}
    if isinstance(found, tuple) and (len(found) > 1 or len(wrt) == len(found)):
        if len(found) != len(wrt):
            raise AssertionError(f"the function gives {len(found)} arrays for {len(wrt)} variables: {', '.join(wrt)}")
        return {x: np.asarray(one, dtype=float) for x, one in zip(wrt, found, strict=True)}
    if len(wrt) > 1:
        raise AssertionError(f"the function gives one {type(found).__name__} for {len(wrt)} variables: {', '.join(wrt)}")
    if found is None:
        raise AssertionError(f"the function that should give the {kind} by {wrt[0]} gives None: does it end in return?")
    return {wrt[0]: np.asarray(found, dtype=float)}


__all__ = ["GradientReport", "assert_gradient", "assert_hessian", "assert_jacobian"]
