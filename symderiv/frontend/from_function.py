"""Python functions as expressions, by tracing: the function is called once, with symbols for its arguments.

NumPy's functions and operators reach a tracer through NumPy's own protocols, so NumPy isn't imported here. Names that
the function gives to intermediate values are kept, as those of a program are.

>>> def layer(W, x):
...     z = W @ x
...     return (1 + z) ** 2
>>> from_function(layer, {"W": "h n", "x": "n"})[1].names
{'z': <z>}
"""

from __future__ import annotations

import inspect
import linecache
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from types import FrameType
from typing import Any, NoReturn

from symderiv import ops
from symderiv.build import name as named
from symderiv.build import number, scale, size
from symderiv.errors import NoRuleError, ParseError, SymderivError, UnknownNameError, clip, nearest, with_source
from symderiv.frontend.build_text import CONSTANTS, expand, operate
from symderiv.frontend.environment import Environment, declare
from symderiv.frontend.expressions import METHODS as READ_METHODS
from symderiv.frontend.indexing import index
from symderiv.frontend.notation import call_function
from symderiv.frontend.values import Value, as_expr
from symderiv.ir import Expr, Name, Symbol

METHODS = frozenset(READ_METHODS)
Operator = Callable[["Tracer", Any], "Tracer"]
_VIEWS = frozenset({"transpose", "reshape", "ravel", "squeeze", "swapaxes", "moveaxis", "expand_dims", "flip", "diag", "diagonal",
                    "broadcast_to", "permute_dims"})  # fmt: skip
"""functions of NumPy whose value has the entries of their argument"""
_UFUNCS = {"absolute": "abs", "conjugate": "positive", "conj": "positive", "power": "power"}


def _operators(sign: str) -> tuple[Operator, Operator, Operator]:
    """An operator with the array on its left, on its right, and in place."""
    return (lambda x, y: _operate(sign, x, y)), (lambda x, y: _operate(sign, y, x)), (lambda x, y: x.change(sign, y))


class Tracer:
    """An array that isn't there: what is done to it is written down as an expression.

    ``shared`` says that it is a part or another arrangement of an array, or that such a one was made of it: changed in place,
    NumPy's would change each other.
    """

    __slots__ = ("expr", "shared")

    def __init__(self, expr: Expr, shared: bool = False) -> None:
        self.expr = expr
        self.shared = shared

    def view(self, expr: Expr) -> Tracer:
        """An array of the same entries."""
        self.shared = True
        return Tracer(expr, True)

    def change(self, operator: str, other: Any) -> Tracer:
        """``x += y`` and its like: whoever holds the array sees it."""
        new = _operate(operator, self, other).expr
        if self.shared or new.shape != self.expr.shape:
            why = "shares its entries with another" if self.shared else "would change its shape"
            raise NoRuleError(f"'{operator}=' on an array that {why}", hint="give the value a name: z = x + y")
        self.expr = new
        return self

    def __repr__(self) -> str:
        return f"<array of shape {ops.shape_text(self.expr.shape)}>"

    # ------------------------------------------------------------------------------------------------ operators
    __add__, __radd__, __iadd__ = _operators("+")
    __sub__, __rsub__, __isub__ = _operators("-")
    __mul__, __rmul__, __imul__ = _operators("*")
    __truediv__, __rtruediv__, __itruediv__ = _operators("/")
    __matmul__, __rmatmul__, __imatmul__ = _operators("@")
    __pow__, __rpow__, __ipow__ = _operators("**")

    def __neg__(self) -> Tracer:
        return Tracer(scale(-1, self.expr))

    def __pos__(self) -> Tracer:
        return self

    def __abs__(self) -> Tracer:
        return call("abs", self)

    # ------------------------------------------------------------------------------------------------ as an array
    @property
    def T(self) -> Tracer:
        return self.view(ops.transpose(self.expr))

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(d if isinstance(d, int) else Tracer(size(d)) for d in self.expr.shape)

    @property
    def ndim(self) -> int:
        return len(self.expr.shape)

    @property
    def size(self) -> Tracer:
        return Tracer(ops.count(self.expr))

    def transpose(self, *axes: Any) -> Tracer:
        return call("transpose", self, *axes)

    def __getitem__(self, items: Any) -> Tracer:
        items = items if isinstance(items, tuple) else (items,)
        return self.view(index(self.expr, [_item(i) for i in items]))

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return lambda *args, **kwargs: call(name, self, *args, **kwargs)
        if name.startswith("__"):
            raise AttributeError(name)
        close = nearest(name, METHODS | {"T", "shape", "transpose"})
        raise NoRuleError(
            f"'.{clip(name)}' of an array can't be traced",
            hint=f"did you mean '.{close}'?" if close else "write a function of the table, such as np.tanh",
        )

    # ------------------------------------------------------------------------------------------------ NumPy's protocols
    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__
        if method == "__call__" and any(value is not None and value is not True for value in kwargs.values()):
            raise NoRuleError(f"np.{name} with {', '.join(kwargs)}=", hint="call it with its arguments alone")
        if method == "reduce" and name in ("add", "maximum"):
            return call("sum" if name == "add" else "max", *inputs, **{"axis": 0, **kwargs})
        if method != "__call__":
            raise NoRuleError(f"np.{name}.{method} can't be traced", hint="write it by np.sum, np.outer, …")
        return numpy_call(name, *inputs)

    def __array_function__(self, function: Any, types: Any, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        return numpy_call(function.__name__, *args, **kwargs)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise NoRuleError(
            "a traced array has no entries, and can't be made a NumPy array",
            hint="work with the arguments themselves, by operators and NumPy's functions",
        )

    # -------------------------------------------------------------------------------------------- what needs a value
    def _no_value(self, what: str, hint: str) -> NoReturn:
        raise NoRuleError(f"{what} needs numbers, and a traced array has none", hint=hint)

    def __bool__(self) -> bool:
        self._no_value(
            "a decision (if, while, and, or)", "write relu(x), abs(x) or heaviside(x); shapes are given beforehand"
        )

    def __float__(self) -> float:
        self._no_value("float(x), or a function of the math module", "use NumPy's functions: np.exp(x)")

    def __int__(self) -> int:
        self._no_value("int(x)", "drop it")

    def __index__(self) -> int:
        self._no_value("range or an index", "a dimension is a symbol here; loop over layers, not over entries")

    def __iter__(self) -> Any:
        self._no_value(
            "a loop over the entries", "write np.sum, or a product; give it as several arguments to unpack it"
        )

    def __len__(self) -> int:
        self._no_value("len(x)", "write x.shape[0]")

    def __eq__(self, other: object) -> bool:
        self._no_value("a comparison by ==", "write relu(x), abs(x), or (x > 0), which is 1 or 0")

    __ne__ = __eq__

    def __lt__(self, other: Any) -> Tracer:
        return _operate("<", self, other)

    def __le__(self, other: Any) -> Tracer:
        return _operate("<=", self, other)

    def __gt__(self, other: Any) -> Tracer:
        return _operate(">", self, other)

    def __ge__(self, other: Any) -> Tracer:
        return _operate(">=", self, other)

    __hash__ = object.__hash__


# ---------------------------------------------------------------- values
def _item(item: Any) -> Any:
    """One item of an index: as the notation's index takes it."""
    if item is None or item is Ellipsis:
        return item
    if isinstance(item, slice):
        return slice(*(None if b is None else value_of(b) for b in (item.start, item.stop, item.step)))
    found = value_of(item)
    if not isinstance(found, Expr):
        raise NoRuleError("a list or a mask as an index", hint="an index is a whole number, a slice, None or '...'")
    return found


def value_of(value: Any) -> Value:
    """What a traced function handed over, as the notation's functions take it."""
    if isinstance(value, Tracer):
        return value.expr
    if value is None or isinstance(value, bool | str | Expr):
        return value
    if isinstance(value, tuple | list):
        return tuple(value_of(v) for v in value)
    if hasattr(value, "dtype") and hasattr(value, "item"):
        if getattr(value, "ndim", 1):
            raise NoRuleError(
                "an array of numbers within a traced function", hint="make it an argument, and give its shape"
            )
        return value_of(value.item())
    if isinstance(value, int | Fraction):
        return number(value)
    if isinstance(value, float):
        if value in (math.pi, math.e):
            return CONSTANTS["pi" if value == math.pi else "e"]
        if not math.isfinite(value):
            raise NoRuleError(f"the number {value} within a traced function")
        return number(Fraction(repr(value)))
    raise NoRuleError(
        f"a value of type {type(value).__name__} within a traced function",
        hint="arguments of the function, numbers, and what is computed from them can be traced",
    )


def _operate(operator: str, left: Any, right: Any) -> Tracer:
    a, b = value_of(left), value_of(right)
    if not isinstance(a, Expr) or not isinstance(b, Expr):
        raise NoRuleError(
            f"'{operator}' with a {type(right if isinstance(a, Expr) else left).__name__}",
            hint="an array's entries can't be written out; make it an argument",
        )
    return Tracer(operate(operator, a, b))


def call(name: str, *args: Any, **kwargs: Any) -> Tracer:
    """A function of the notation at traced values."""
    keywords = {k: value_of(v) for k, v in kwargs.items()}
    value = call_function(name, [value_of(a) for a in args], keywords, expand)
    return args[0].view(value) if name in _VIEWS and isinstance(args[0], Tracer) else Tracer(value)


def numpy_call(name: str, *args: Any, **kwargs: Any) -> Any:
    """A function of NumPy, by its own name there."""
    name = _UFUNCS.get(name, name)
    if name == "positive":
        return Tracer(as_expr(value_of(args[0])))
    if name in ("log2", "log10"):
        return call("log", *args) / call("log", int(name[3:]))
    if name == "slogdet":
        return call("sign", call("det", *args)), call("logdet", *args)
    if name == "heaviside":
        args = args[:1]
    kwargs.pop("optimize", None)
    return call(name, *args, **kwargs)


# ---------------------------------------------------------------- tracing
def from_function(function: Callable[..., Any], shapes: Mapping[str, Any],
                  symmetric: Iterable[str] = ()) -> tuple[Expr, Environment]:  # fmt: skip
    """The value of a function whose arguments have these shapes, and the environment with the names it gave."""
    environment = declare(shapes, symmetric)
    arguments = _arguments(function, environment)
    watch = _Watch(getattr(function, "__code__", None), environment)
    try:
        with watch:
            result = function(**arguments)
        value = value_of(result)
    except SymderivError as error:
        raise _with_line(error, watch.code) from None
    except RecursionError:
        raise
    except Exception as error:
        message = f"the function raised {type(error).__name__} while it was traced: {error}"
        raise _with_line(SymderivError(message), watch.code, error) from error
    if not isinstance(value, Expr):
        kind = type(result).__name__
        raise SymderivError(
            f"the function gave a value of type {kind}", hint="it must return one array; let it end in return"
        )
    return value, environment.with_names(watch.names)


def _arguments(function: Callable[..., Any], environment: Environment) -> dict[str, Any]:
    """A tracer for each parameter, or for a declared module something that can be called."""
    arguments: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        name = parameter.name
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ParseError(
                f"the parameter '{parameter}' of the function has no shape", hint="give each argument a name of its own"
            )
        if name in environment.symbols:
            arguments[name] = Tracer(environment.symbols[name])
        elif environment.declares(name):
            arguments[name] = _callable(environment, name)
        elif parameter.default is parameter.empty:
            raise UnknownNameError(
                f"the function's argument '{name}' has no shape", hint=f"give it: {name}='n' (a scalar's is '')"
            )
    return arguments


def _callable(environment: Environment, name: str) -> Callable[..., Tracer]:
    return lambda *args: Tracer(environment.apply(name, [value_of(a) for a in args], {}))


class _Watch:
    """Watches the function's local names while it runs, so that ``z = W @ x`` gives z its name."""

    def __init__(self, code: Any, environment: Environment) -> None:
        self.code, self.environment = code, environment
        self.names: dict[str, Name] = {}
        self.before: Any = None

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        if self.code is not None:
            sys.settrace(self.enter)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)

    def enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code is self.code:
            return self.step
        return self.before(frame, event, arg) if self.before is not None else None

    def step(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event in ("line", "return"):
            for local, value in list(frame.f_locals.items()):
                if isinstance(value, Tracer) and not isinstance(value.expr, Name | Symbol) and value.expr.kids:
                    free = self.free(local, frame)
                    value.expr = self.names[free] = named(free, value.expr)
        return self.step

    def free(self, local: str, frame: FrameType) -> str:
        """The local's own name, or with a number where the name is taken (it was assigned before)."""
        environment = self.environment
        taken = {*self.names, *environment.symbols, *environment.modules, *environment.functions, *environment.dims}
        count, free = 1, local
        while free in taken or (count > 1 and free in frame.f_locals):
            count += 1
            free = f"{local}{count}"
        return free


def _with_line(error: SymderivError, code: Any, origin: BaseException | None = None) -> SymderivError:
    """The error with the line of the function at which it arose."""
    traceback, line = (origin or error).__traceback__, None
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            line = linecache.getline(code.co_filename, traceback.tb_lineno).strip()
        traceback = traceback.tb_next
    return with_source(error, line) if line else error
