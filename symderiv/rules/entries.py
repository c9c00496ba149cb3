"""Unit vectors, which take an entry of an array: e₀ᵀx is x[0]. They are structure tensors with one entry."""

from __future__ import annotations

from collections.abc import Sequence

from symderiv.build import apply, contract, zero
from symderiv.dims import dim_sum
from symderiv.ir import Call, Contract, Expr, Map, Symbol
from symderiv.nodes import symbol
from symderiv.rules.base import Context, peel, rule
from symderiv.structures import Structure


def unit_vector(f: Expr) -> bool:
    return isinstance(f, Symbol) and f.kind == "structure" and Structure.read(f.name).unit() is not None


def _e(n: int) -> Expr:
    return symbol(Structure("=", (1,), -2).name, (n,), "structure")


def _rows(node: Contract) -> list[tuple[Expr, tuple[object, ...]]]:
    return list(zip(node.factors, node.labels, strict=True))


def _made(node: Contract, rows: Sequence[tuple[Expr, tuple[object, ...]]]) -> Expr:
    used = {x for _, ls in rows for x in ls} | set(node.out)
    dims = {x: d for x, d in enumerate(node.dims) if x in used}
    for f, ls in rows:
        dims.update((x, d) for x, d in zip(ls, f.shape, strict=True) if x not in dims)  # type: ignore[misc]  # labels of any kind
    return contract([f for f, _ in rows], [ls for _, ls in rows], node.out, dims)


@rule("entry", r"a_i\,[i=k]=a_k\,[i=k]", [Contract],
      example=lambda: (contract((_e(3), symbol("a", (3,))), ("i", "i"), "i"), Context()))  # fmt: skip
def part_entry(node: Contract, context: Context) -> Expr | None:
    """What stands at a unit vector's index is a number: it gets an index of its own, and goes out of the product."""
    rows = _rows(node)
    for k, (e, (*own,)) in enumerate(rows):
        if not unit_vector(e):
            continue
        x = own[0]
        others = [j for j, (_, ls) in enumerate(rows) if j != k and x in ls]
        if not others or (len(others) == 1 and x not in node.out and rows[others[0]][1].count(x) == 1):
            continue
        j = others[0]
        f, labels = rows[j]
        if f is e:
            return _made(node, [row for i, row in enumerate(rows) if i != j])
        place = labels.index(x)
        fresh = ("entry", x)
        rows[j] = (f, (*labels[:place], fresh, *labels[place + 1 :]))
        return _made(node, [*rows, (e, (fresh,))])
    return None


def _apart(e: Expr, f: Expr) -> bool:
    """Whether two unit vectors have their ones at different places, whatever the sizes are."""
    assert isinstance(e, Symbol) and isinstance(f, Symbol)
    at, there = Structure.read(e.name).unit(), Structure.read(f.name).unit()
    gap = dim_sum(at or 0, there or 0, -1)
    return isinstance(gap, int) and gap != 0


@rule("entry", r"\mathbf{1}^\top\mathbf{e}_k=1,\ \mathbf{e}_k^\top\mathbf{e}_l=[k=l]", [Contract],
      example=lambda: (contract((_e(3), symbol("a", (2,))), ("i", "j"), "j"), Context()))  # fmt: skip
def count_entry(node: Contract, context: Context) -> Expr | None:
    """A unit vector that is summed by itself is 1; of two, each at its own place, the product is 0."""
    rows = _rows(node)
    for k, (e, (*own,)) in enumerate(rows):
        if unit_vector(e) and own[0] not in node.out:
            others = [f for j, (f, ls) in enumerate(rows) if j != k and own[0] in ls]
            if len(others) == 1 and unit_vector(others[0]) and _apart(e, others[0]):
                return zero(node.shape)
            if not others or others == [e]:
                return _made(node, [row for row in rows if own[0] not in row[1]])
    return None


@rule("entry", r"\log(u_k)=(\log u)_k", [Map],
      example=lambda: (apply("log", contract((_e(3), apply("exp", symbol("u", (3,)))), ("i", "i"), "")), Context()))  # fmt: skip
def log_of_entry(node: Map, context: Context) -> Expr | None:
    """The logarithm of an entry of a softmax or an exponential is an entry of its logarithm."""
    inner = node.arg
    if node.fn != "log" or node.generic or node.order or not isinstance(inner, Contract):
        return None
    rows = _rows(inner)
    bodies = [(f, ls) for f, ls in rows if not unit_vector(f)]
    summed = {ls[0] for f, ls in rows if unit_vector(f)}
    if len(bodies) != 1 or len(rows) == 1:
        return None
    body, labels = bodies[0]
    p = peel(body)
    exponential = isinstance(p, Map) and p.fn in ("exp", "sigmoid") and not p.generic and not p.order
    softmax = isinstance(p, Call) and p.fn == "softmax" and not p.abstract and not p.ders
    one_each = len(summed) == len(rows) - 1 and all(labels.count(x) == 1 and x not in inner.out for x in summed)
    kept = [x for x in labels if x not in summed]
    if not (exponential or softmax) or not one_each or sorted(map(str, kept)) != sorted(map(str, inner.out)):
        return None
    return _made(inner, [(apply("log", body), labels), *((f, ls) for f, ls in rows if unit_vector(f))])
