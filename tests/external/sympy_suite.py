"""Every value of a derivative that SymPy's own suite states, against our derivative, in numbers.

The suite's file is read from the installed SymPy, and each assertion is taken apart by its syntax tree: what is
differentiated, by what, and the value stated. SymPy puts the variable's axes before the output's; ours come after.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from sympy.matrices.expressions.tests import test_derivatives as suite

import symderiv as sd
from symderiv.errors import SymderivError
from symderiv.evaluate import evaluate
from symderiv.lift import lift, without_ones
from symderiv.verify import check_derivative
from tests.external.sympy_numbers import Numbers, Scope, Tree, UnreadError, count, rebuilt

LIMIT = 1e-9
UNTAKEN = "the assertion states no derivative's value"
UNEVALUATED = "an unevaluated derivative is stated, which is no value"


@dataclass
class Claim:
    """∂expr/∂by = stated; with ``out`` and ``at``, entry by entry, at those indices of expr and of by."""

    function: str
    line: int
    text: str
    expr: Any = None
    by: Any = None
    stated: Any = None
    out: tuple[Any, ...] = ()
    at: tuple[Any, ...] = ()
    reason: str = ""


@dataclass
class Outcome:
    """What came of a claim: ``wrong`` is "" where all agree; ``sizes`` counts the different sizes it was tried at.

    ``matrix`` is whether ours has a matrix form where SymPy's value has one.
    """

    claim: Claim
    wrong: str = ""
    sizes: int = 0
    shown: str = ""
    matrix: bool = True


# ---------------------------------------------------------------- reading the suite
@cache
def claims() -> tuple[Claim, ...]:
    """Each assertion of each test function, in order; one that is left out has its reason."""
    return tuple(_walk(ast.parse(Path(suite.__file__).read_text(encoding="utf-8"))))


def _walk(tree: ast.Module) -> Iterator[Claim]:
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            names: dict[str, Any] = dict(vars(suite))
            bound: dict[str, ast.expr] = {}
            for statement in function.body:
                if isinstance(statement, ast.Assert):
                    yield _claim(function.name, statement, names, bound)
                    continue
                exec(compile(ast.Module([statement], []), suite.__file__, "exec"), names)
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    bound[statement.targets[0].id] = statement.value


def _claim(function: str, statement: ast.Assert, names: Mapping[str, Any], bound: Mapping[str, ast.expr]) -> Claim:
    claim = Claim(function, statement.lineno, ast.unparse(statement.test))

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), suite.__file__, "eval"), dict(names))

    sides = _sides(statement.test)
    call = _diff(sides[0], bound) if sides else None
    if sides is None or call is None:
        claim.reason = UNTAKEN
        return claim
    assert isinstance(call.func, ast.Attribute)
    claim.expr, claim.by, claim.stated = value(call.func.value), value(call.args[0]), value(sides[1])
    if isinstance(claim.stated, str):
        claim.stated = sympy.sympify(claim.stated, locals={s.name: s for s in claim.expr.atoms(sympy.MatrixSymbol)})
    if isinstance(claim.stated, sympy.tensor.array.array_derivatives.ArrayDerivative):
        claim.reason = UNEVALUATED
    if isinstance(claim.by, sympy.matrices.expressions.matexpr.MatrixElement):
        claim.at, claim.by = (claim.by.i, claim.by.j), claim.by.parent
    receiver = call.func.value
    if isinstance(receiver, ast.Subscript):
        entry = value(receiver.slice)
        if any(isinstance(index, sympy.Symbol) for index in entry):
            claim.expr, claim.out = value(receiver.value), entry
    return claim


def _sides(test: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The two sides of ``a == b`` or ``a.dummy_eq(b)``."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
        return test.left, test.comparators[0]
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "dummy_eq":
        return test.func.value, test.args[0]
    return None


def _diff(node: ast.expr, bound: Mapping[str, ast.expr]) -> ast.Call | None:
    """The call of ``diff`` that an expression is, perhaps by a name, within ``str`` or before ``doit``."""
    if isinstance(node, ast.Name) and node.id in bound:
        node = bound[node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        node = node.args[0]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node if node.func.attr == "diff" else _diff(node.func.value, bound)
    return None


# ---------------------------------------------------------------- comparing
def outcome(claim: Claim) -> Outcome:
    """Our derivative against the stated value: at one size, as SymPy has it, and at sizes all different."""
    done = Outcome(claim)
    for different in (False, True):
        try:
            _compare(claim, different, done)
        except (SymderivError, UnreadError, np.linalg.LinAlgError) as error:
            done.wrong = f"{type(error).__name__}: {error}"
        if done.wrong:
            done.wrong += " (all sizes different)" if different else ""
            break
    return done


def _compare(claim: Claim, different: bool, done: Outcome) -> None:
    scope = Scope()
    expr, by, stated = scope.tree(claim.expr), scope.tree(claim.by), scope.tree(claim.stated)
    _join(scope, claim, expr, by, stated)
    sizes = scope.sizes(different)
    names = {root: sympy.Symbol(f"d{place}", integer=True, positive=True) for place, root in enumerate(sizes)}
    rng = np.random.default_rng(claim.line)
    scalars = sorted({s.name for node in (claim.expr, claim.by, claim.stated) for s in node.free_symbols
                      if isinstance(s, sympy.Symbol)})  # fmt: skip
    values: dict[str, Any] = {name: rng.uniform(0.4, 1.6) for name in scalars}
    values |= {name: rng.uniform(0.3, 1.2, [count(a, sizes) for a in axes]) for name, axes in scope.symbols.items()}
    ours = {name: v if np.ndim(v) < 2 else v.reshape([s for s in v.shape if s > 1]) for name, v in values.items()}
    if different:
        given, wrt = rebuilt(expr, scope, names), rebuilt(by, scope, names)
        dims = {symbol.name: sizes[root] for root, symbol in names.items()}
        done.sizes = len(set(sizes.values()))
    else:
        given, wrt, dims = claim.expr, claim.by, {"k": 3}
        values["k"] = ours["k"] = 3
    shape = " ".join(str(d) for d in getattr(wrt, "shape", ()) if d != 1)
    derivation = sd.derivative(given, wrt, shapes={wrt.name: shape})
    numbers = Numbers(scope, sizes, values)
    for at in _runs(scope, claim, sizes):
        if claim.by in at:
            values[claim.by.name] = ours[claim.by.name] = float(at[claim.by])
        found = _ours(derivation.result, ours, dims, len(wide(by)), claim, at)
        wanted = np.squeeze(numbers.value(stated, at))
        if found.shape != wanted.shape:
            done.wrong = f"the shape {found.shape} instead of {wanted.shape}"
        elif not np.allclose(found, wanted, rtol=LIMIT, atol=LIMIT):
            done.wrong = f"{found} instead of {wanted}"
    if different and not done.wrong:
        done.shown = derivation.result.text()
        report = check_derivative(derivation.subject, derivation.wrt, 1, derivation.result, trials=1)
        done.wrong = "" if report else report.summary()
    done.matrix = not isinstance(claim.stated, sympy.MatrixExpr) or lift(without_ones(derivation.result)) is not None


def wide(t: Tree) -> list[Any]:
    """The axes that aren't of size 1."""
    return [a for a in t.shape if not a.root.fixed]


def _join(scope: Scope, claim: Claim, expr: Tree, by: Tree, stated: Tree) -> None:
    """The stated value's axes are those of the variable, then those of the expression."""
    for indices, t in ((claim.out, expr), (claim.at, by)):
        for index, axis in zip(indices, t.shape, strict=False):
            if index != 0:
                scope.index(index).join(axis)
    if not claim.at and not claim.out:
        wanted = [*wide(by), *wide(expr)]
        for one, other in zip(wide(stated), wanted, strict=True):
            one.join(other)


def _runs(scope: Scope, claim: Claim, sizes: Mapping[Any, int]) -> Iterator[dict[Any, int]]:
    """The values of the claim's free indices, all together."""
    free = list(dict.fromkeys(index for index in (*claim.at, *claim.out) if index != 0))
    for run in np.ndindex(*(count(scope.indices[index], sizes) for index in free)):
        yield dict(zip(free, run, strict=True))


def _ours(
    result: Any, values: Mapping[str, Any], dims: Mapping[str, int], by: int, claim: Claim, at: Mapping[Any, int]
) -> Any:
    """Our derivative in SymPy's layout, at the entry in question."""
    array = np.asarray(evaluate(result, values, dims))
    order = array.ndim
    array = array.transpose([*range(order - by, order), *range(order - by)])
    place = tuple(at[index] for index in (*claim.at, *claim.out) if index != 0)
    return np.squeeze(array[place] if place else array)
