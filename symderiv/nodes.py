"""Nodes as they are stored: interning without any canonical form. Used by the constructors only, but for leaves."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from symderiv.dims import Dim
from symderiv.errors import TooLargeError
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, Shape, Symbol, intern

MOST_BITS = 13_000
"""of a coefficient or an exponent: Python writes and reads 4300 digits"""


def symbol(name: str, shape: Sequence[Dim] = (), kind: str = "variable", props: Iterable[str] = ()) -> Symbol:
    flags = frozenset(props)
    return intern(Symbol, f"{name}|{kind}|{sorted(flags)}", (), tuple(shape), 1,
                  {"name": name, "kind": kind, "props": flags})


def contract_node(factors: tuple[Expr, ...], labels: tuple[tuple[int, ...], ...], out: tuple[int, ...],
                   dims: tuple[Dim, ...]) -> Contract:
    shape = tuple(dims[x] for x in out)
    used = {x for ls in labels for x in ls}
    structure = len(out) - sum(1 for x in set(out) if x in used) if len(out) > 1 else 0     # δ and broadcast axes count
    return intern(Contract, f"{labels}|{out}|{dims}", factors, shape, sum(f.weight for f in factors) + structure,
                  {"factors": factors, "labels": labels, "out": out, "dims": dims})


_F1 = Fraction(1)
ONE: Contract = contract_node((), (), (), ())


def zero(shape: Sequence[Dim] = ()) -> Add:
    return intern(Add, "", (), tuple(shape), 0, {"terms": ()})


def number(value: Fraction | int) -> Expr:
    return zero() if value == 0 else ONE if value == 1 else add_node(((Fraction(value), ONE),), ())


def ones(shape: Sequence[Dim]) -> Contract:
    """All entries one: output labels that no factor carries."""
    return contract_node((), (), tuple(range(len(shape))), tuple(shape))


def identity(shape: Sequence[Dim]) -> Contract:
    """δ of shape + shape: repeated output labels."""
    labels = tuple(range(len(shape)))
    return contract_node((), (), labels + labels, tuple(shape))


def primitive(node: Add) -> tuple[Fraction, Add]:
    """(content, rest): rest has coprime integer coefficients, most of them positive.

    Of as many positive as negative ones, that of the smallest is positive; of equal ones, that of the lightest term.
    """
    numerators = gcd(*(c.numerator for c, _ in node.terms))
    denominators = lcm(*(c.denominator for c, _ in node.terms))
    content = _F1 if numerators == denominators == 1 else Fraction(numerators, denominators)
    balance = sum([1 if c.numerator > 0 else -1 for c, _ in node.terms])
    if balance < 0 or (balance == 0 and min(node.terms, key=lambda t: (abs(t[0]), t[1].weight, t[1].digest))[0] < 0):
        content = -content
    if content == 1:
        return content, node
    return content, add_node(tuple((c / content, t) for c, t in node.terms), node.shape)


def _written(c: Fraction) -> str:
    if max(c.numerator.bit_length(), c.denominator.bit_length()) > MOST_BITS:
        raise TooLargeError("a number of more than 3900 digits", hint="give it a name, as a scalar")
    return str(c)


def add_node(terms: tuple[tuple[Fraction, Expr], ...], shape: Shape) -> Add:
    weight = sum(t.weight for _, t in terms) + len(terms) - 1 if terms else 0
    return intern(Add, " ".join(_written(c) for c, _ in terms), tuple(t for _, t in terms), shape, weight, {"terms": terms})


def map_node(fn: str, arg: Expr, params: tuple[Fraction, ...], order: int = 0, generic: bool = False) -> Map:
    for p in params:
        _written(p)
    return intern(Map, f"{fn}|{params}|{order}|{generic}", (arg,), arg.shape, arg.weight + 1,
                  {"fn": fn, "params": params, "order": order, "generic": generic})


def call(fn: str, args: Sequence[Expr], shape: Sequence[Dim], params: Sequence[Any] = (), abstract: bool = False,
         ders: Sequence[int] = ()) -> Call:
    """fn(args); ``shape`` is that of the value itself; the axes of the arguments in ``ders`` follow it."""
    ders = tuple(sorted(ders))
    full = tuple(shape) + tuple(d for k in ders for d in args[k].shape)
    return intern(Call, f"{fn}|{tuple(params)}|{abstract}|{ders}|{tuple(shape)}", tuple(args), full,
                  sum(a.weight for a in args) + 1, {"fn": fn, "params": tuple(params), "abstract": abstract, "ders": ders})


def value_shape(node: Call) -> Shape:
    """The shape of the function's value, without the axes of its derivatives."""
    extra = sum(len(node.args[d].shape) for d in node.ders)
    return node.shape[:len(node.shape) - extra]


def name(text: str, body: Expr, role: str = "user") -> Name:
    return intern(Name, f"{text}|{role}", (body,), body.shape, 1, {"name": text, "role": role})


def der(body: Expr, wrt: Expr) -> Der:
    return intern(Der, wrt.digest.hex(), (body,), body.shape + wrt.shape, body.weight + 1, {"wrt": wrt})


def box(body: Expr, note: str = "") -> Box:
    return intern(Box, note, (body,), body.shape, body.weight, {"note": note})


def axes(letter: str, node: Expr) -> tuple[tuple[str, int], ...]:
    """Labels for the axes of a node, of one letter."""
    return tuple((letter, p) for p in range(len(node.shape)))
