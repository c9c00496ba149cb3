"""Whether an entry of the array program keeps its value when two of its axes change places, as far as its form shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symderiv.codegen.program import Op, Program

Labels = tuple[int, ...]


def symmetric_in(program: Program, position: int, a: int, b: int) -> bool:
    """Whether the axes a and b can change places; False where that isn't seen.

    >>> program = Program()
    >>> p = program.emit("input", (), "p", ("n",))
    >>> outer = program.emit("product", (p, p), ((0,), (1,)), ("n", "n"))
    >>> symmetric_in(program, outer, 0, 1), symmetric_in(program, program.emit("input", (), "A", ("n", "n")), 0, 1)
    (True, False)
    """
    op = program.ops[position]
    if a == b:
        return True
    if op.dims[a] != op.dims[b]:
        return False
    if op.kind == "map":
        return symmetric_in(program, op.args[0], a, b)
    if op.kind == "transpose":
        return symmetric_in(program, op.args[0], op.spec[a], op.spec[b])
    if op.kind == "sum":
        return all(_kept(program, x, places, a, b) for x, places in zip(op.args, op.spec[1], strict=True))
    if op.kind == "product":
        leaves = _leaves(program, position, tuple(range(len(op.dims))))
        rest = [x for x in leaves if not _kept(program, *x, a, b)]
        return Counter(rest) == Counter((x, _exchanged(ls, a, b)) for x, ls in rest)
    if op.kind == "contract":
        left, right, out = op.spec
        return _pair(program, op, (left, right), out[a], out[b])
    if op.kind == "delta":
        return _delta(program, op, a, b)
    return False


def _exchanged(labels: Labels, a: int, b: int) -> Labels:
    return tuple({a: b, b: a}.get(x, x) for x in labels)


def _kept(program: Program, position: int, labels: Labels, a: int, b: int) -> bool:
    """Whether a factor keeps its value under the exchange of two labels."""
    if a not in labels and b not in labels:
        return True
    if a not in labels or b not in labels:
        return False
    return symmetric_in(program, position, labels.index(a), labels.index(b))


def _pair(program: Program, op: Op, labels: Sequence[Labels], a: int, b: int) -> bool:
    """A product of two is symmetric if both are, or if they are one array and the exchange maps one to the other."""
    if all(_kept(program, x, ls, a, b) for x, ls in zip(op.args, labels, strict=True)):
        return True
    return op.args[0] == op.args[1] and _exchanged(labels[0], a, b) == labels[1]


def _leaves(program: Program, position: int, labels: Labels) -> list[tuple[int, Labels]]:
    """The factors of an elementwise product, and where their axes stand."""
    op = program.ops[position]
    if op.kind == "product":
        found = zip(op.args, op.spec, strict=True)
        return [leaf for x, places in found for leaf in _leaves(program, x, tuple(labels[p] for p in places))]
    if op.kind == "transpose":
        back = sorted(range(len(labels)), key=lambda k: op.spec[k])
        return _leaves(program, op.args[0], tuple(labels[k] for k in back))
    return [(position, labels)]


def _delta(program: Program, op: Op, a: int, b: int) -> bool:
    has_base, specs = op.spec
    if has_base and not symmetric_in(program, op.args[0], a, b):
        return False
    for (pattern, axes), x in zip(specs, op.args[has_base:], strict=True):
        if pattern[a] == pattern[b]:
            continue
        if list(pattern).count(pattern[a]) > 1 or list(pattern).count(pattern[b]) > 1:
            return False
        if not _kept(program, x, axes, a, b):
            return False
    return True
