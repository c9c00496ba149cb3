"""Which operations write into the memory of an argument that nobody needs afterwards, and how that is written.

Only arrays of two and more axes are worth a line of their own. An argument can be written into if it is an array that
the generated code made (never one of the caller's), of the result's shape, and this is its only use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from symderiv.codegen.kernels import Code, linear, literal, scaled
from symderiv.codegen.program import Op, Program
from symderiv.functions import SCALAR

_FRESH = frozenset({"map", "call", "product", "sum", "contract", "delta", "slabs"})
_VIEWS = frozenset({"transpose", "reshape"})


def hosts(program: Program, order: Sequence[int], uses: Counter[int]) -> dict[int, int]:
    """Operation → the argument that it is computed in."""
    found: dict[int, int] = {}
    for k in order:
        op = program.ops[k]
        if len(op.dims) < 2:
            continue
        candidates = [
            (preference, a)
            for preference, a, places in _candidates(op)
            if uses[a] == 1
            and program.ops[a].dims == op.dims
            and places == tuple(range(len(op.dims)))
            and owned(program, a, uses)
        ]
        if candidates:
            found[k] = min(candidates)[1]
    return found


def _candidates(op: Op) -> list[tuple[int, int, tuple[int, ...]]]:
    """(preference, argument, places of its axes)"""
    plain = tuple(range(len(op.dims)))
    if op.kind == "product":
        return [(k, a, places) for k, (a, places) in enumerate(zip(op.args, op.spec, strict=True))]
    if op.kind == "sum":
        rank = {Fraction(1): 0, Fraction(-1): 1}
        return [
            (rank.get(c, 2), a, places) for c, a, places in zip(op.spec[0], op.args, op.spec[1], strict=True)
        ]
    if op.kind == "delta" and op.spec[0]:
        return [(0, op.args[0], plain)]
    if op.kind == "map" and ufunc(op):
        return [(0, op.args[0], plain)]
    return []


def ufunc(op: Op) -> str:
    """The NumPy function that this elementwise operation is, or nothing."""
    fn, params = op.spec
    if fn == "pow":
        return {Fraction(1, 2): "np.sqrt", Fraction(2): "np.square"}.get(params[0], "")
    row = SCALAR.get(fn)
    if row is None or params or not row.numpy.endswith("({x})"):
        return ""
    name = row.numpy[: -len("({x})")]
    return name if name.startswith("np.") and name[3:].isidentifier() else ""


def owned(program: Program, k: int, uses: Counter[int]) -> bool:
    """Whether the memory of an entry is an array that was made, and that nothing else uses."""
    op = program.ops[k]
    while op.kind in _VIEWS:
        (k,) = op.args
        if uses[k] != 1:
            return False
        op = program.ops[k]
    if op.kind == "choice":
        return all(uses[a] == 1 and owned(program, a, uses) for a in op.args)
    return op.kind in _FRESH


def multiplied(name: str, other: Code) -> str:
    """name *= other"""
    if other.below is not None:
        return f"{name} /= {other.below.text}"
    return f"{name} *= {other.text}"


def added(name: str, place: int, coefficients: Sequence[Fraction], parts: Sequence[Code], constant: Fraction) -> list[str]:
    """Statements that make ``name``, which holds the part at ``place``, the linear combination."""
    own = coefficients[place]
    rest = [(c, p) for k, (c, p) in enumerate(zip(coefficients, parts, strict=True)) if k != place]
    if own == -1 and (rest or constant):
        value = linear([c for c, _ in rest], [p for _, p in rest], constant) if rest else Code(literal(constant))
        return [f"np.subtract({value.text}, {name}, out={name})"]
    lines = []
    if own == -1:
        lines.append(f"np.negative({name}, out={name})")
    elif own != 1:
        lines.append(f"{name} += {name}" if own == 2 else f"{name} *= {literal(own)}")
    for c, part in rest:
        lines.append(f"{name} {'+' if c > 0 else '-'}= {scaled(abs(c), part).text}")
    if constant:
        lines.append(f"{name} {'+' if constant > 0 else '-'}= {literal(abs(constant))}")
    return lines


def summed(name: str, first: int, coefficients: Sequence[Fraction], parts: Sequence[Code], constant: Fraction) -> list[str]:
    """Statements that make ``name`` a new array with the linear combination; the part at ``first`` has its full size.

    >>> x, y = Code("x", rank=2), Code("y", rank=2)
    >>> summed("s", 0, [Fraction(1), Fraction(-2)], [x, y], Fraction(0))
    ['s = x.copy()', 's -= 2*y']
    """
    start = linear([coefficients[first]], [parts[first]], constant).text
    if coefficients[first] == 1 and not constant:
        start = f"{parts[first].atom()}.copy()"
    order = [first, *(j for j in range(len(parts)) if j != first)]
    rest = added(name, 0, [Fraction(1), *(coefficients[j] for j in order[1:])], [parts[j] for j in order], Fraction(0))
    return [f"{name} = {start}", *rest]
