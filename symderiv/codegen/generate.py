"""``generate``: expressions in, a readable NumPy function out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from symderiv.codegen.calling import callable_of
from symderiv.codegen.compressed import Compressed
from symderiv.codegen.emit import Emitter
from symderiv.codegen.function import Generated
from symderiv.codegen.lower import Layout, Lowering
from symderiv.codegen.mathematics import mathematics
from symderiv.codegen.names import Names
from symderiv.codegen.program import Place, Program
from symderiv.codegen.regroup import regrouped
from symderiv.codegen.rows import test
from symderiv.codegen.signature import Argument, Signature, docstring, signature, wrapped
from symderiv.dims import Dim, dim_atoms, dim_value
from symderiv.errors import ShapeError
from symderiv.ir import Call, Expr, Map, Symbol, postorder
from symderiv.structures import Structure


def generate(
    exprs: Sequence[Expr] | Expr,
    inputs: Sequence[Symbol],
    name: str = "gradient",
    compress: bool | Sequence[bool] = False,
    doc: str = "",
    sizes: Mapping[str, int] | None = None,
    comment: Callable[[Expr], str] = mathematics,
    pattern: Any = None,
    symmetric: bool = False,
) -> Generated:
    """NumPy source for the expressions, and its function.

    The function takes the inputs by keyword or in order and returns an ndarray, or a tuple for a sequence of
    expressions. A generic function f is an argument too: ``f``, with its derivatives as ``df``, ``d2f``, …; so is an
    abstract module N: ``N``, with ``J_N`` (shape of the value + shape of the argument), ``H_N``, ``D3_N``; where it has
    several arguments, those it is differentiated by are numbered: ``J_L_0``, ``H_L_01``. With ``compress`` each result
    is a `Compressed`, or each of those for which it is true. ``doc`` is what the docstring says first, ``sizes`` are
    typical sizes to plan with, ``comment`` gives the mathematics of a node as one short line.

    >>> from symderiv.build import symbol
    >>> x = symbol("x", ("n",))
    >>> generate(x, [x])(x=[1, 2])
    array([1., 2.])
    """
    single = isinstance(exprs, Expr)
    roots: list[Expr] = [exprs] if isinstance(exprs, Expr) else list(exprs)
    roots = regrouped(roots)
    lowering = Lowering(roots, sizes or {}, symmetric, inputs)
    packed = [compress] * len(roots) if isinstance(compress, bool) else list(compress)
    layouts: list[Layout | None] = [None] * len(roots)
    outputs = [] if any(packed) else lowering.values()
    for k, root in enumerate(roots if any(packed) else ()):
        position, layouts[k] = lowering.compressed(root) if packed[k] else (lowering.value(root), None)
        outputs.append(position)
    program = lowering.program
    names = Names()
    function_name = names.fresh(name)
    arguments, variables = arguments_of(roots, inputs, program, outputs, names)
    head = signature(arguments, wanted_sizes(program, outputs, layouts), names)
    variables.update({("size", atom): variable for atom, variable in head.sizes.items()})
    called = Emitter(program, outputs, deepcopy(names), variables, head.size_text, lambda _: "", dot=True)
    emitter = Emitter(program, outputs, names, variables, head.size_text, comment)
    returned = emitter.run()
    limits = _limits(program, emitter, head)
    result = ", ".join(returned) + ("," if len(returned) == 1 and not single else "")
    shown = returned_shapes(roots, layouts)
    lines = [head.head(function_name), *indented(quoted(docstring(doc, head, shown))), *indented(_checks(head))]
    rows = wrapped(returned, ", ", 100)
    result_lines = [f"    return {result or '()'}"]
    if len(rows) > 1:
        result_lines = [f"    return ({rows[0]},", *(f"            {row}," for row in rows[1:])]
        result_lines[-1] = result_lines[-1][:-1] + ")"
    tail = [*indented(emitter.lines), *result_lines]
    preamble = "\n\n".join(["import numpy as np\n", *(f"{h.strip()}\n" for h in emitter.helpers)])
    source = f"{preamble}\n\n" + "\n".join([*lines, *tail]) + "\n"
    document = "\n".join(docstring(doc, head, shown))
    space: dict[str, Any] = {}
    returned = called.run()
    returned = _packed(returned, layouts, head, space)
    given = nested(returned, pattern) if pattern is not None else as_tuple(returned, single)
    function = callable_of(
        head, function_name, preamble, document, [*limits, *called.lines, f"return {given}"], space, called.ranks
    )
    return Generated(function_name, source, function, tuple(head.arguments))


def as_tuple(returned: Sequence[str], single: bool) -> str:
    return returned[0] if single else f"({', '.join(returned)}{',' if len(returned) == 1 else ''})"


def nested(returned: Sequence[str], pattern: Any) -> str:
    """The results as nested tuples, arranged as the pattern is."""
    texts = iter(returned)

    def text(part: Any) -> str:
        return f"({''.join(f'{text(p)}, ' for p in part)})" if isinstance(part, tuple) else next(texts)

    return text(pattern)


def _packed(returned: Sequence[str], layouts: Sequence[Layout | None], head: Signature, space: dict[str, Any]) -> list[str]:
    """Calls that make a `Compressed` of each core."""
    space["_Compressed"] = Compressed
    texts = list(returned)
    for k, layout in enumerate(layouts):
        if layout is not None:
            shape = f"({''.join(f'{head.size_text(d)}, ' for d in layout.dims)})"
            texts[k] = f"_Compressed({returned[k]}, {layout.deltas!r}, {layout.axes!r}, {shape})"
    return texts


def arguments_of(
    roots: Sequence[Expr], inputs: Sequence[Symbol], program: Program, outputs: Sequence[int], names: Names
) -> tuple[list[Argument], dict[tuple[str, str], str]]:
    """The arguments in order, and the variables of inputs and functions."""
    nodes = list(postorder(*roots))
    order: dict[str, Symbol] = {}
    for s in [*inputs, *(n for n in nodes if isinstance(n, Symbol) and n.kind in ("variable", "formal"))]:
        if order.setdefault(s.name, s).shape != s.shape:
            raise ShapeError(f"'{s.name}' has two shapes", shapes=(order[s.name].shape, s.shape))
    used = {program.ops[k].spec for k in program.reachable(outputs) if program.ops[k].kind == "input"}
    variables: dict[tuple[str, str], str] = {}
    arguments = []
    for s in order.values():
        variables["input", s.name] = names.fresh(s.name)
        arguments.append(Argument(s.name, variables["input", s.name], s.shape, s.name in used))
    functions: dict[tuple[str, str], tuple[str, str]] = {}
    for node in nodes:
        if isinstance(node, Map) and node.generic:
            text = node.fn if not node.order else f"d{node.order if node.order > 1 else ''}{node.fn}"
            says = "a function of an array, elementwise" + (
                f": derivative {node.order} of {node.fn}" if node.order else ""
            )
            functions["generic", f"{node.fn}|{node.order}"] = text, says
        elif isinstance(node, Call) and node.abstract:
            functions["abstract", f"{node.fn}|{','.join(map(str, node.ders))}"] = _module(node)
    for key, (text, says) in sorted(functions.items()):
        free = text
        while free in order or free in {a.name for a in arguments}:
            free += "_"
        variables[key] = names.fresh(free)
        arguments.append(Argument(free, variables[key], None, True, says))
    return arguments, variables


def _module(node: Call) -> tuple[str, str]:
    """The keyword of an abstract module or of a derivative of it, and what it is."""
    order = len(node.ders)
    arrays = " and ".join(f"({', '.join(map(str, a.shape))})" for a in node.args)
    says = f"a function of {arrays} that returns ({', '.join(map(str, node.shape))})"
    if not order:
        return node.fn, says
    prefix = {1: "J", 2: "H"}.get(order, f"D{order}")
    suffix = "_" + "".join(map(str, node.ders)) if len(node.args) > 1 else ""
    return f"{prefix}_{node.fn}{suffix}", f"{says}: derivative {order} of {node.fn}"


def wanted_sizes(program: Program, outputs: Sequence[int], layouts: Sequence[Layout | None] = ()) -> set[str]:
    """The sizes that the body uses as numbers."""
    wanted: set[str] = {x for lay in layouts if lay is not None for d in lay.dims for x in dim_atoms(d)}
    for k in program.reachable(outputs):
        op = program.ops[k]
        if op.kind == "size":
            wanted.add(op.spec)
        elif op.kind == "choice":
            wanted.update(x for d in op.spec for x in dim_atoms(d))
        elif op.kind in ("delta", "broadcast", "reshape"):
            wanted.update(x for d in op.dims for x in dim_atoms(d))
        elif op.kind == "structure":
            where = Structure.read(op.spec)
            wanted.update(x for d in (*op.dims, *where.coefficients, where.constant) for x in dim_atoms(d))
        elif op.kind == "contract" and len({*op.spec[0], *op.spec[1]} - {*op.spec[2]}) > 1:
            wanted.update(x for a in op.args for d in program.ops[a].dims for x in dim_atoms(d))
    return wanted


def _checks(head: Signature) -> list[str]:
    lines = [
        f"{a.variable} = np.asarray({a.variable}, dtype=float)"
        for a in head.arguments
        if a.shape is not None and a.needed
    ]
    lines += head.unpack
    if head.checks:
        rows = wrapped(head.checks, " or ", 100)
        lines += [f"if {rows[0]}:"] if len(rows) == 1 else [f"if ({rows[0]}", *(f"        or {r}" for r in rows[1:])]
        if len(rows) > 1:
            lines[-1] += "):"
        arrays = [a for a in head.arguments if a.shape is not None]
        said = ", ".join(f"{a.variable}: {a.shape_text()}" for a in arrays)
        got = ", ".join(f"{{{a.variable}.shape}}" if a.needed else f"{{np.shape({a.variable})}}" for a in arrays)
        if max(len(said), len(got)) > 84:
            lines.append('    raise ValueError("an argument has a wrong shape; the docstring lists them")')
        else:
            lines.append(f'    raise ValueError("expected {said}; "')
            lines.append(f'                     f"got {got}")')
    return lines


def _limits(program: Program, emitter: Emitter, head: Signature) -> list[str]:
    """Checks of the sizes of arrays that are larger than every input can be, where these are computed."""
    fitting = [sorted(map(str, a.shape or ())) for a in head.arguments]
    largest: dict[tuple[Place, tuple[Dim, ...]], None] = {}
    for k in emitter.order:
        dims = tuple(d for d in program.ops[k].dims if d != 1)
        large = len(dims) > 1 or program.ops[k].kind in ("broadcast", "delta")
        if large and not any(_within(sorted(map(str, dims)), shape) for shape in fitting):
            largest[emitter.places[k], tuple(sorted(dims, key=str))] = None
    kept = [
        (place, d) for place, d in largest
        if not any((p, e) != (place, d) and place[: len(p)] == p and _within(list(map(str, d)), list(map(str, e))) for p, e in largest)
    ]  # fmt: skip
    known = set(head.sizes)
    lines: list[str] = []
    sizes: dict[Dim, None] = {}
    for place, dims in kept:
        if all(set(dim_atoms(d)) <= known for d in dims):
            if all(isinstance(d, int) for d in dims) and math.prod(dim_value(d, {}) for d in dims) < 1e6:
                continue
            text = "*".join(f"({t})" if " " in t else t for t in map(head.size_text, dims))
            shape = ", ".join(map(head.size_text, dims)) + ("," if len(dims) == 1 else "")
            tests = [f"{'not ' if form else ''}{test(program.ops[k].spec, head.size_text)} and " for k, form in place]
            lines.append(f"if {''.join(tests)}8*{text} > _memory.MEMORY_LIMIT: _check_size(8*{text}, ({shape}))")
            sizes.update(dict.fromkeys(dims))
    if len(lines) < 3:
        return lines
    most = max(len(dims) for _, dims in kept)  # no array has more entries than the sizes' sum to this power
    return [f"if 8*({' + '.join(map(head.size_text, sizes))})**{most} > _memory.MEMORY_LIMIT:", *indented(lines)]


def _within(few: list[str], many: list[str]) -> bool:
    rest = list(many)
    for x in few:
        if x not in rest:
            return False
        rest.remove(x)
    return True


def returned_shapes(roots: Sequence[Expr], layouts: Sequence[Layout | None]) -> list[str]:
    texts = []
    for root, layout in zip(roots, layouts, strict=True):
        shape = f"({', '.join(map(str, root.shape))}{',' if len(root.shape) == 1 else ''})"
        if layout is not None and layout.deltas:
            core = ", ".join(str(root.shape[a]) for a in layout.axes)
            ties = " ".join(f"δ of axes {a} and {b}" for a, b in layout.deltas)
            texts.append(f"the core ({core}) of {shape}, to be multiplied by {ties}")
        else:
            texts.append(shape)
    return texts


def quoted(lines: Sequence[str]) -> list[str]:
    return [f'"""{lines[0]}', *lines[1:], '"""']


def indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]
