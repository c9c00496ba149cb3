"""Nodes as records and back. A record names its kids by number; every number is smaller than the record's own.

Reading builds each node with its constructor, and compares: a record that isn't what its node would be written as is
refused, so a document can't hold a node that no constructor makes.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from symderiv.build import add, apply, box, call, contract, der, name, symbol, value_shape
from symderiv.dims import Dim, dim_product, parse_dim
from symderiv.errors import SymderivError
from symderiv.frontend.rows import definition_of, has_definition
from symderiv.functions import SCALAR, TENSOR
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, Shape, Symbol, postorder
from symderiv.saved.form import LONGEST_NAME, Piece, compact, guarded
from symderiv.structures import Structure

MOST_NODES = 200_000
MOST_KIDS = 5000
MOST_AXES = 64
Record = dict[str, Any]


def below(*roots: Expr) -> Iterable[Expr]:
    """Every node below the roots once, kids first, and what holes are differentiated by before the holes."""
    return postorder(*roots, kids=lambda node: (*node.kids, node.wrt) if isinstance(node, Der) else node.kids)


# ---------------------------------------------------------------- writing
def write_node(node: Expr, number: Mapping[Expr, int]) -> Record:
    """The record of a node whose kids have numbers.

    >>> write_node(symbol("W", ("o", "n")), {})
    {'node': 'Symbol', 'name': 'W', 'shape': ['o', 'n'], 'kind': 'variable', 'props': []}
    """
    if isinstance(node, Symbol):
        return {"node": "Symbol", "name": node.name, "shape": list(node.shape), "kind": node.kind,
                "props": sorted(node.props)}
    record: Record = {"node": type(node).__name__, "kids": [number[kid] for kid in node.kids]}
    if isinstance(node, Contract):
        record |= {"labels": [list(ls) for ls in node.labels], "out": list(node.out), "dims": list(node.dims)}
    elif isinstance(node, Add):
        record |= {"coefficients": [str(c) for c, _ in node.terms], "shape": list(node.shape)}
    elif isinstance(node, Map):
        record |= {"fn": node.fn, "params": [str(p) for p in node.params], "order": node.order, "generic": node.generic}
    elif isinstance(node, Call):
        record |= {"fn": node.fn, "params": [list(p) if isinstance(p, tuple) else p for p in node.params],
                   "abstract": node.abstract, "ders": list(node.ders), "shape": list(value_shape(node))}
    elif isinstance(node, Name):
        record |= {"name": node.name, "role": node.role}
    elif isinstance(node, Der):
        record |= {"wrt": number[node.wrt]}
    elif isinstance(node, Box):
        record |= {"note": node.note}
    else:
        raise AssertionError(node)
    return record


# ---------------------------------------------------------------- reading
def read_nodes(piece: Piece) -> list[Expr]:
    """The nodes of a document, by number; SavedError at the first that isn't one."""
    made: list[Expr] = []
    number: dict[Expr, int] = {}
    declared: dict[tuple[str, str], Any] = {}
    for item in piece.items(MOST_NODES):
        kind = item.kind("node")
        if kind not in _READERS:
            raise item.wrong(f"a node: one of {', '.join(_READERS)}")
        with guarded(item.where, f"this is no {kind} node"):
            node = _READERS[kind](item, made)
            record = write_node(node, number)
        if compact(record) != compact(item.value):
            raise item.wrong("a node as its constructor makes it")
        if node in number:
            raise item.wrong(f"a new node; this one stands at {number[node]}")
        _check_declared(node, item, declared)
        number[node] = len(made)
        made.append(node)
    return made


def read_ref(piece: Piece, made: list[Expr]) -> Expr:
    """The node of a number, which must have been read already."""
    return made[piece.integer(0, len(made) - 1)]


def _kids(piece: Piece, made: list[Expr], most: int = MOST_KIDS) -> list[Expr]:
    return [read_ref(item, made) for item in piece.items(most)]


def _shape(piece: Piece) -> Shape:
    return tuple(_dim(item) for item in piece.items(MOST_AXES))


def _dim(piece: Piece) -> Dim:
    if isinstance(piece.value, int):
        return piece.integer(1, 2**31)
    text = piece.text(LONGEST_NAME)
    if parse_dim(text) != text:
        raise piece.wrong("a dimension in canonical form")
    return text


def _word(piece: Piece) -> str:
    text = piece.text(LONGEST_NAME)
    if not text.strip() or not text.isprintable():
        raise piece.wrong("a name")
    return text


def _choice(piece: Piece, *known: str) -> str:
    if piece.value not in known:
        raise piece.wrong(f"one of {', '.join(known)}")
    return str(piece.value)


def _symbol(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "name", "shape", "kind", "props")
    kind = _choice(at["kind"], "variable", "dim", "const", "formal", "structure")
    props = [_choice(p, "symmetric") for p in at["props"].items(1)]
    shape = _shape(at["shape"])
    if (kind in ("dim", "const") and (shape or props)) or (props and (len(shape) != 2 or shape[0] != shape[1])):
        raise item.wrong("a symbol: a dimension or constant is a scalar, a symmetric matrix square")
    if kind == "structure":
        return symbol(_condition(at["name"], len(shape)), shape, kind)
    return symbol(_choice(at["name"], "pi", "e") if kind == "const" else _word(at["name"]), shape, kind, props)


def _condition(item: Piece, order: int) -> str:
    """The name of a structure of so many axes."""
    name = item.text()
    try:
        found = Structure.read(name)
    except SymderivError:
        raise item.wrong("a condition on indices") from None
    if len(found.coefficients) != order:
        raise item.wrong(f"a condition on {order} indices")
    return name


def _contract(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "kids", "labels", "out", "dims")
    dims = _shape(at["dims"])
    labels = [[x.integer(0, len(dims) - 1) for x in row.items(MOST_AXES)] for row in at["labels"].items(MOST_KIDS)]
    out = [x.integer(0, len(dims) - 1) for x in at["out"].items(MOST_AXES)]
    return contract(_kids(at["kids"], made), labels, out, dict(enumerate(dims)))


def _add(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "kids", "coefficients", "shape")
    coefficients = [c.fraction() for c in at["coefficients"].items(MOST_KIDS)]
    return add(zip(coefficients, _kids(at["kids"], made), strict=True), _shape(at["shape"]))


def _map(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "kids", "fn", "params", "order", "generic")
    fn, generic, order = _word(at["fn"]), at["generic"].flag(), at["order"].integer(0, MOST_AXES)
    params = [p.fraction() for p in at["params"].items(MOST_AXES)]
    if generic:
        known = fn not in SCALAR and fn not in TENSOR and not params
    else:
        known = not order and (fn == "pow" or fn in SCALAR) and len(params) == (1 if fn == "pow" else len(SCALAR[fn].params))
    if not known:
        raise item.wrong("a function of the table with its parameters, or a generic one")
    (arg,) = _kids(at["kids"], made, 1)
    return apply(fn, arg, params, order, generic)


def _call(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "kids", "fn", "params", "abstract", "ders", "shape")
    params = [tuple(q.integer(0, MOST_AXES) for q in p.items(MOST_AXES)) if isinstance(p.value, list)
              else p.integer(0, MOST_AXES) for p in at["params"].items(MOST_AXES)]
    kids = _kids(at["kids"], made, MOST_AXES)
    ders = [d.integer(0, len(kids) - 1) for d in at["ders"].items(MOST_AXES)]
    node = call(_word(at["fn"]), kids, _shape(at["shape"]), params, at["abstract"].flag(), ders)
    known = not params and node.fn not in SCALAR and node.fn not in TENSOR if node.abstract else not ders and _fits(node)
    if not known:
        raise item.wrong("a function of the table at arguments that it takes, or an abstract module")
    return node


def _fits(node: Call) -> bool:
    """Whether a function of the table has the shape that it gives at these arguments."""
    kid = node.kids[0]
    if len(node.kids) != 1 or (node.fn != "reshape" and (node.fn not in TENSOR or TENSOR[node.fn].kind == "macro")):
        return False
    if node.fn == "reshape":
        ends = [sum(node.params[:k + 1]) for k in range(len(node.params))]
        return ends[-1] == len(kid.shape) and node.shape == tuple(
            dim_product(*kid.shape[end - width:end]) for end, width in zip(ends, node.params, strict=True))
    if node.fn in ("inv", "det", "logdet"):
        return not node.params and len(kid.shape) == 2 and kid.shape[0] == kid.shape[1] and \
            node.shape == (kid.shape if node.fn == "inv" else ())
    signature = TENSOR[node.fn].signature
    if signature:
        before, after = (part.split() for part in signature.split("->"))
        dims = dict(zip(before, kid.shape, strict=False))
        return not node.params and len(kid.shape) == 2 and kid.shape == tuple(dims[d] for d in before) and \
            node.shape == tuple(dims[d] for d in after)
    if has_definition(node):
        return definition_of(node).shape == node.shape
    (axis,) = node.params
    axes = axis if isinstance(axis, tuple) else (axis,)
    reduced = tuple(d for k, d in enumerate(kid.shape) if k not in axes)
    return all(k < len(kid.shape) for k in axes) and \
        node.shape == (reduced if any(p == "keepdims" for p, _ in TENSOR[node.fn].params) else kid.shape)


def _name(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "kids", "name", "role")
    (body,) = _kids(at["kids"], made, 1)
    return name(_word(at["name"]), body, _choice(at["role"], "user", "cotangent", "jacobian", "auto"))


def _der(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "kids", "wrt")
    (body,) = _kids(at["kids"], made, 1)
    return der(body, read_ref(at["wrt"], made))


def _box(item: Piece, made: list[Expr]) -> Expr:
    at = item.fields("node", "kids", "note")
    (body,) = _kids(at["kids"], made, 1)
    return box(body, at["note"].text(LONGEST_NAME))


_READERS: Mapping[str, Callable[[Piece, list[Expr]], Expr]] = {
    "Symbol": _symbol, "Contract": _contract, "Add": _add, "Map": _map, "Call": _call, "Name": _name, "Der": _der,
    "Box": _box,
}


def _check_declared(node: Expr, item: Piece, declared: dict[tuple[str, str], Any]) -> None:
    """A symbol has one shape, and an abstract module one signature, in all of the document."""
    key: tuple[str, str]
    found: object
    if isinstance(node, Symbol) and node.kind == "variable":
        key, found = ("symbol", node.name), node.shape
    elif isinstance(node, Call) and node.abstract:
        key, found = ("module", node.fn), (tuple(a.shape for a in node.args), value_shape(node))
    else:
        return
    if declared.setdefault(key, found) != found:
        raise item.wrong(f"'{key[1]}' with the shapes that it has before")
