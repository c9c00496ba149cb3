"""Every claim of the elementwise rows, tested by evaluators of the tests' own: nothing here runs the engine."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import random
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

from symderiv.antigradient import JUMPS
from symderiv.functions import ALIASES, MODULES, POWERS, SCALAR, TENSOR, function_names
from symderiv.functions.rows import REALS, Interval, ScalarFunction

ROWS = pytest.mark.parametrize("row", SCALAR.values(), ids=list(SCALAR))
ANALYTIC = pytest.mark.parametrize("row", [row for row in SCALAR.values() if row.analytic], ids=lambda row: row.name)
ON_INTERVALS = pytest.mark.parametrize("row", [r for r in SCALAR.values() if not r.excluded], ids=lambda row: row.name)
H = mpmath.mpf(10) ** -12  # a step that is far above 60 digits, and far below the distance between kinks
VARIANTS = {"alpha": Fraction(1, 2), "slope": Fraction(1, 4), "lambd": Fraction(1, 4), "scale": Fraction(2)}


@pytest.fixture(autouse=True)
def _sixty_digits():
    with mpmath.workdps(60):
        yield


# ---------------------------------------------------------------- evaluators


class Dual:
    """v + d·ε with ε² = 0, nestable: differentiates the text of a derivative once more, by the rows alone."""

    def __init__(self, v: Any, d: Any = 0.0):
        self.v, self.d = v, d

    def __add__(self, other: Any) -> Dual:
        other = _dual(other)
        return Dual(self.v + other.v, self.d + other.d)

    def __neg__(self) -> Dual:
        return Dual(-self.v, -self.d)

    def __sub__(self, other: Any) -> Dual:
        return self + -_dual(other)

    def __mul__(self, other: Any) -> Dual:
        other = _dual(other)
        return Dual(self.v * other.v, self.v * other.d + self.d * other.v)

    def __truediv__(self, other: Any) -> Dual:
        return self * _dual(other) ** -1

    def __pow__(self, q: float) -> Dual:
        return Dual(self.v**q, q * self.v ** (q - 1) * self.d)

    def __radd__(self, other: Any) -> Dual:
        return self + other

    def __rsub__(self, other: Any) -> Dual:
        return -self + other

    def __rmul__(self, other: Any) -> Dual:
        return self * other

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self


def _dual(value: Any) -> Dual:
    return value if isinstance(value, Dual) else Dual(value)


def by_rows(text: str, x: Any, params: dict[str, Fraction]) -> Any:
    """A text body at x, each row by its NumPy source, on arrays and on duals."""
    names = {name: _applied(row) for name, row in SCALAR.items()}
    scope = {"sqrt": lambda v: v**0.5, "pi": np.pi, **names, **{k: float(v) for k, v in params.items()}, "x": x}
    return eval(text, {"__builtins__": {}}, scope)


def _applied(row: ScalarFunction):
    def function(x: Any) -> Any:
        if isinstance(x, Dual):
            return Dual(function(x.v), by_rows(row.derivative, x.v, row.defaults) * x.d)
        return numeric(row, x)

    return function


def numeric(row: ScalarFunction, x: Any, **params: Fraction) -> Any:
    """A row's NumPy source at x."""
    scope: dict[str, Any] = {"np": np, "x": x}
    exec(row.numpy_helper, scope)
    return eval(row.numpy_source("x", **{k: repr(float(v)) for k, v in params.items()}), scope)


def by_definitions(text: str, x: mpmath.mpf, params: dict[str, Fraction]) -> mpmath.mpf:
    """A text body at x to sixty digits, every row unfolded to the primitives."""
    scope: dict[str, Any] = {
        name: getattr(mpmath, name) for name in ("exp", "log", "sin", "cos", "atan", "erf", "sqrt")
    }
    scope["fermi_dirac"] = lambda v: -mpmath.polylog(2, -mpmath.exp(v)).real
    scope |= {"pi": mpmath.pi, "heaviside": lambda v: mpmath.mpf(v > 0)}
    for name, row in SCALAR.items():
        if row.definition is not None:
            scope[name] = lambda v, row=row: by_definitions(row.definition, v, row.defaults)
    exact = {name: mpmath.mpf(v.numerator) / v.denominator for name, v in params.items()}
    return eval(text, {"__builtins__": {}}, {**scope, **exact, "x": x})


def exact(row: ScalarFunction, **params: Fraction):
    """A row's SymPy body as a function to sixty digits: the truth that the rest is compared with."""
    x = sympy.Symbol("x", real=True)
    names = {name: sympy.Symbol(name, positive=True) for name in row.defaults}
    body = sympy.parse_expr(row.sympy, local_dict={"x": x, **names})
    assert body.free_symbols <= {x, *names.values()}
    values = row.defaults | params
    body = body.subs({names[name]: sympy.Rational(v.numerator, v.denominator) for name, v in values.items()})
    step = {"Heaviside": lambda v, zero: mpmath.mpf(v > 0)}
    return sympy.lambdify(x, body, modules=[step, "mpmath"])


def settings(row: ScalarFunction) -> list[dict[str, Fraction]]:
    """The parameter values to try: the defaults and one other choice."""
    other = {name: VARIANTS[name] for name in row.defaults}
    return [row.defaults] if not row.params else [row.defaults, other]


def listed(texts: tuple[str, ...], params: dict[str, Fraction]) -> set[Fraction]:
    """The points that texts such as "-lambd" and "6" name."""
    return {Fraction(eval(text, {"__builtins__": {}}, dict(params))) for text in texts}


def points(row: ScalarFunction, params: dict[str, Fraction], reach: float = 6.0, count: int = 24) -> list[float]:
    """Sorted points of the domain, away from kinks, bends and poles."""
    rng = random.Random(row.name)
    lo = -reach if row.domain.lo is None else float(row.domain.lo)
    hi = reach if row.domain.hi is None else float(row.domain.hi)
    drawn = (lo + (hi - lo) * (0.01 + 0.98 * rng.random()) for _ in range(20 * count))
    rough = listed(row.rough, params)
    kept = [p for p in drawn if all(abs(p - float(q)) > 0.05 for q in rough)]
    if row.excluded:
        kept = [p for p in kept if abs(np.cos(p)) > 0.2]
    return sorted(kept[:count])


def close(got: Any, want: Any, tolerance: float = 1e-13) -> None:
    got, want = mpmath.mpf(got), mpmath.mpf(want)
    assert abs(got - want) <= tolerance * max(1, abs(want)), (mpmath.nstr(got, 17), mpmath.nstr(want, 17))


# ---------------------------------------------------------------- the checks, as functions: faults are planted below


def check_definition(row: ScalarFunction) -> None:
    for params in settings(row):
        truth = exact(row, **params)
        for p in (mpmath.mpf(p) for p in points(row, params)):
            close(by_definitions(row.definition or f"{row.name}(x)", p, params), truth(p), 1e-15)


def check_numpy(row: ScalarFunction) -> None:
    for params in settings(row):
        at = points(row, params)
        truth = exact(row, **params)
        for p, value in zip(at, numeric(row, np.array(at), **params), strict=True):
            close(value, truth(mpmath.mpf(p)))
            assert numeric(row, p, **params) == pytest.approx(value, rel=1e-14, abs=1e-300)


def check_derivative(row: ScalarFunction, orders: tuple[int, ...] = (1, 2, 3)) -> None:
    for params in settings(row):
        truth = exact(row, **params)
        for p in points(row, params, reach=3.0, count=8):
            for order in orders:
                x: Any = p
                for _ in range(order - 1):
                    x = Dual(x, 1.0)
                value = by_rows(row.derivative, x, params)
                for _ in range(order - 1):
                    value = _dual(value).d
                while isinstance(value, Dual):
                    value = value.v
                close(value, mpmath.diff(truth, mpmath.mpf(p), order, h=H), 1e-9 if order == 3 else 1e-11)


@ROWS
def test_definition_agrees_with_the_sympy_body(row):
    check_definition(row)


@ROWS
def test_numpy_agrees_with_the_sympy_body(row):
    check_numpy(row)


@ROWS
def test_three_derivatives_by_rows_agree_with_numeric_ones(row):
    check_derivative(row)


@ROWS
def test_planted_faults_are_seen(row):
    with pytest.raises(AssertionError):
        check_derivative(dataclasses.replace(row, derivative=row.derivative + " + x/1000"), orders=(1,))
    with pytest.raises(AssertionError):
        check_derivative(dataclasses.replace(row, derivative=row.derivative + " + x/1000"), orders=(2,))
    with pytest.raises(AssertionError):
        check_numpy(dataclasses.replace(row, numpy=row.numpy + " + 1e-9"))
    with pytest.raises(AssertionError):
        check_definition(dataclasses.replace(row, definition=(row.definition or f"{row.name}(x)") + " + x/1000"))


@pytest.mark.parametrize("row", [row for row in SCALAR.values() if row.rough], ids=lambda row: row.name)
def test_the_rows_that_jump_are_known(row):
    truth = exact(row)
    sides = [(truth(mpmath.mpf(p.numerator) / p.denominator - H), truth(mpmath.mpf(p.numerator) / p.denominator + H))
             for p in listed(row.rough, row.defaults)]
    assert any(abs(a - b) > 1e-6 for a, b in sides) == (row.name in JUMPS)


@ROWS
def test_stable_far_out(row):
    """No nan, no warning, the right value at ±800, wherever the value is a floating-point number at all."""
    truth = exact(row)
    for p in (-800.0, -700.0, -40.0, -20.0, -1e-8, 0.0, 1e-8, 20.0, 40.0, 700.0, 800.0):
        if p not in row.domain or abs(truth(mpmath.mpf(p))) > 1e300:
            continue
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            close(numeric(row, np.array([p]))[0], truth(mpmath.mpf(p)), 1e-12 if row.excluded else 1e-14)
        slope = mpmath.diff(truth, mpmath.mpf(p), h=H**2) if Fraction(p) not in listed(row.rough, row.defaults) else 0
        if abs(slope) < 1e300:
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                value = by_rows(row.derivative, np.array([p]), row.defaults) + np.zeros(1)
            assert np.isfinite(value).all()
            if Fraction(p) not in listed(row.rough, row.defaults):
                close(value[0], slope, 1e-10 if row.excluded else 1e-11)


def test_error_function_tails_are_relatively_exact():
    x = np.concatenate([np.linspace(-6, 26, 400), [0.46875, 4.0, -0.46875]])
    for name in ("erf", "erfc"):
        truth = exact(SCALAR[name])
        for p, value in zip(x, numeric(SCALAR[name], x), strict=True):
            want = truth(mpmath.mpf(p))
            assert abs(mpmath.mpf(value) / want - 1) < 1e-15 if want else value == 0
    assert numeric(SCALAR["erfc"], np.array([-np.inf, np.inf])) == pytest.approx([2, 0])


@ANALYTIC
def test_complex_step(row):
    scope: dict[str, Any] = {"np": np}
    exec(row.complex_helper or row.numpy_helper, scope)
    for p in points(row, row.defaults, reach=5.0):
        value = eval(row.complex_source("x"), {**scope, "x": np.array([complex(p, 1e-30)])})[0]
        close(value.real, exact(row)(mpmath.mpf(p)))
        close(value.imag / 1e-30, by_rows(row.derivative, p, row.defaults), 1e-11)


@ROWS
def test_range_parity_and_inverse(row):
    for params in settings(row):
        assert row.facts_hold(**params)
        truth = exact(row, **params)
        at = [mpmath.mpf(p) for p in points(row, params)]
        at += [mpmath.mpf(p) for p in np.linspace(-7, 7, 281) if p in row.domain]
        for p in at:
            value = truth(p)
            _enclosed(value, row.range)
            if row.parity and p not in map(float, listed(row.kinks, params)):
                close(truth(-p), value if row.parity == "even" else -value, 1e-50)
        if row.inverse and not row.excluded:
            back = exact(SCALAR[row.inverse])
            for p in at:
                if abs(p) < (1.5 if row.name == "tan" else 8):
                    close(back(truth(p)), p, 1e-25)


def _enclosed(value: mpmath.mpf, where: Interval) -> None:
    if where.lo is not None:
        lo = mpmath.mpf(where.lo.numerator) / where.lo.denominator
        assert value > lo or (value == lo and not where.lo_open)
    if where.hi is not None:
        hi = mpmath.mpf(where.hi.numerator) / where.hi.denominator
        assert value < hi or (value == hi and not where.hi_open)


@ROWS
def test_range_is_not_needlessly_wide(row):
    """An end that isn't infinite is nearly reached."""
    truth = exact(row)
    span = np.linspace(-40, 40, 4001) if row.domain == REALS else []
    values = [truth(mpmath.mpf(p)) for p in span]
    for end in (row.range.lo, row.range.hi):
        if end is not None and values and row.name != "elu":
            assert min(abs(v - mpmath.mpf(end.numerator) / end.denominator) for v in values) < 0.06


@ON_INTERVALS
def test_monotone_and_convexity_flags_hold_and_none_is_missing(row):
    truth = exact(row)
    at = [mpmath.mpf(p) for p in points(row, row.defaults, reach=8, count=60)]
    values = [truth(p) for p in at]
    slopes = {mpmath.sign(b - a) for a, b in itertools.pairwise(values)}
    rising, falling = -1 not in slopes, 1 not in slopes
    assert row.monotone == ("increasing" if rising else "decreasing" if falling else None)
    gaps = [truth((p + q) / 2) - (truth(p) + truth(q)) / 2 for p in at for q in at]
    below, above = max(gaps) < 1e-50, min(gaps) > -1e-50
    expected = "affine" if below and above else "convex" if below else "concave" if above else None
    assert row.convexity == expected
    for params in settings(row):
        other = exact(row, **params)
        values = [other(p) for p in at]
        assert row.monotone != "increasing" or values == sorted(values)
        gaps = [other((p + q) / 2) - (other(p) + other(q)) / 2 for p in at for q in at]
        assert row.convexity != "convex" or max(gaps) < 1e-50


def kinks_and_bends(row: ScalarFunction, params: dict[str, Fraction], candidates: set[Fraction]):
    """The candidates without a first, and those without a second derivative, by one-sided differences."""
    truth, kinks, bends, h = exact(row, **params), set(), set(), mpmath.mpf(10) ** -16
    for q in candidates:
        p = mpmath.mpf(q.numerator) / q.denominator
        left, right = ([truth(p + side * k * h) for k in range(3)] for side in (-1, 1))
        jump = max(abs(left[1] - left[0]), abs(right[1] - right[0])) > 1e-6
        if jump or abs((left[0] - left[1]) - (right[1] - right[0])) > 1e-6 * h:
            kinks.add(q)
        elif abs((left[2] - 2 * left[1] + left[0]) - (right[2] - 2 * right[1] + right[0])) > 1e-6 * h**2:
            bends.add(q)
    return kinks, bends


@ROWS
def test_kinks_are_exactly_where_a_derivative_is_missing(row):
    kinked: set[str] = set()
    for params in settings(row):
        grid = {Fraction(k, 4) for k in range(-32, 33)} | listed(row.rough, params)
        kinks, bends = kinks_and_bends(row, params, {q for q in grid if q in row.domain})
        assert kinks <= listed(row.kinks, params)
        assert kinks | bends == listed(row.rough, params)
        kinked |= {text for text in row.kinks if listed((text,), params) <= kinks}
    assert kinked == set(row.kinks)


def test_values_at_kinks_are_torchs():
    def slope(name: str, at: float) -> float:
        return float(by_rows(SCALAR[name].derivative, at, SCALAR[name].defaults))

    assert [slope("relu", 0.0), slope("abs", 0.0), slope("leaky_relu", 0.0), slope("elu", 0.0)] == [0, 0, 0.01, 1]
    assert [slope("hardtanh", -1.0), slope("hardtanh", 1.0), slope("relu6", 0.0), slope("relu6", 6.0)] == [0, 0, 0, 0]
    assert [slope("hardsigmoid", 3.0), slope("hardshrink", 0.5), slope("softshrink", -0.5)] == [0, 0, 0]


# ---------------------------------------------------------------- the table as a whole


def called(text: str) -> set[str]:
    return {node.func.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}


def test_bodies_call_only_rows_and_definitions_end_at_primitives():
    depth: dict[str, int] = {name: 0 for name, row in SCALAR.items() if row.definition is None}
    for row in SCALAR.values():
        assert called(row.derivative) <= SCALAR.keys() | {"sqrt"}
    while len(depth) < len(SCALAR):
        ready = {n for n, r in SCALAR.items() if n not in depth and called(r.definition) - {"sqrt"} <= depth.keys()}
        assert ready, "a definition is circular, or calls what isn't a row"
        depth |= dict.fromkeys(ready, 1)


def test_names_are_unique_and_aliases_lead_to_rows():
    names = [*SCALAR, *TENSOR, *POWERS, *ALIASES]
    assert len(names) == len(set(names)) == len(function_names())
    assert set(ALIASES.values()) <= SCALAR.keys() | TENSOR.keys()
    modules = [row.module for row in (*SCALAR.values(), *TENSOR.values()) if row.module]
    assert len(modules) == len(set(modules)) == len(MODULES)
    assert sum(row.activation for row in SCALAR.values()) >= 15


def test_latex_is_understood_by_the_math_renderer():
    import math_core

    converter = math_core.LatexToMathML()
    for row in SCALAR.values():
        assert "{x}" not in row.tex("u")
        for text in (row.tex("u"), row.derivative_note):
            converter.convert_with_local_state(text, displaystyle=True)
    for table_row in TENSOR.values():
        text = table_row.tex(*("X", "Y")[: len(table_row.arguments)])
        converter.convert_with_local_state(text, displaystyle=True)
