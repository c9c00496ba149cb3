"""From the array program to lines of Python: what is used once stands inside the line that uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symderiv.codegen import helpers, inplace
from symderiv.codegen.kernels import Code, contracted, letters, linear, literal, placed, product, transposed
from symderiv.codegen.program import Op, Place, places
from symderiv.codegen.rows import OF_MATRICES, branches, outermost, parameter, structured, ties
from symderiv.codegen.writer import Writer
from symderiv.dims import Dim
from symderiv.errors import NoRuleError, clip
from symderiv.functions import SCALAR, TENSOR

LONGEST = 72
"""a longer expression gets a line and a name of its own"""
WIDTH = 110

_FREE = ("input", "number", "constant", "size")


@dataclass
class Emitter(Writer):
    """Writes NumPy: with ``dot`` the products of matrices are calls of the method, what is run, where the operator is what is read."""

    dot: bool = False

    def __post_init__(self) -> None:
        program = self.program
        self.code: dict[int, Code] = {}
        self.ranks: dict[str, int] = {}
        """how many axes the named arrays have"""
        self.order = program.reachable(self.outputs)
        self.uses = Counter(a for k in self.order for a in program.ops[k].args)
        self.uses.update(self.outputs)
        self.twice = self.used_twice()
        self.hosts = inplace.hosts(program, self.order, self.uses)
        self.guests = {a: k for k, a in self.hosts.items()}
        self.guests.update({a: k for k in self.order for a in program.ops[k].args
                            if program.ops[k].kind == "choice" and inplace.owned(program, k, self.uses)})
        self.places = places(program, self.order, self.outputs)
        self.given: dict[int, str] = {}
        """names of choices, which both forms are written under"""

    def used_twice(self) -> set[int]:
        """Operands that a template names more than once."""
        found: set[int] = set()
        for k in self.order:
            op = self.program.ops[k]
            if op.kind == "map" and op.spec[0] != "pow" and SCALAR[op.spec[0]].numpy.count("{x}") > 1:
                found.update(op.args)
            elif op.kind == "call" and op.spec[0] in TENSOR:
                row = TENSOR[op.spec[0]]
                found.update(
                    a for a, name in zip(op.args, row.arguments, strict=True) if row.numpy.count("{" + name + "}") > 1
                )
            elif op.kind == "slabs" and op.spec == "all":
                found.add(op.args[1])
            elif op.kind in ("contract", "product") and op.args[0] == op.args[1]:
                found.update(op.args)
        return found

    def run(self) -> list[str]:
        """The lines of the body and the expressions that are returned."""
        self.write(())
        sources = [self.source(k)[0] for k in self.outputs]
        return [self.result(k, shared=source in sources[:n]) for n, (k, source) in enumerate(zip(self.outputs, sources, strict=True))]

    def write(self, place: Place) -> None:
        """The lines of what is computed in one place: the body, or a form that a choice may take."""
        for k in self.order:
            if self.places[k] != place:
                continue
            op = self.program.ops[k]
            if op.kind in ("delta", "choice"):
                self.code[k] = self.diagonals(k, op) if op.kind == "delta" else self.choice(k, op)
                continue
            if k in self.hosts:
                self.code[k] = self.in_place(k, op)
                continue
            code = self.expression(op)
            if op.kind not in _FREE and self.stands_alone(k, op, code):
                code = self.one_by_one(k, op) if op.kind == "sum" and len(code.text) > WIDTH else self.assign(k, op, code)
            self.code[k] = code

    def choice(self, k: int, op: Op) -> Code:
        """Two forms under one name, each in its branch; the test is how many multiplications they take."""
        name, outer = self.new_name(k), self.lines
        self.given[k] = name
        for branch, (argument, head) in enumerate(zip(op.args, branches(op.spec, self.size_text), strict=True)):
            self.lines = []
            self.write((*self.places[k], (k, branch)))
            code = self.code[argument]
            if code.text != name:
                self.lines.append(f"{name} = {code.atom()}{'.copy()' if op.dims else ''}")
            outer += [head, *(f"    {line}" for line in self.lines)]
        self.lines = outer
        return Code(name, rank=len(op.dims))

    def in_place(self, k: int, op: Op) -> Code:
        """Statements that write the result into an argument, which has the result's name already."""
        host = self.hosts[k]
        name, rank = self.code[host].text, len(op.dims)
        if op.kind == "product":
            place = op.args.index(host)
            lines = [inplace.multiplied(name, self.at(self.code[op.args[1 - place]], op.spec[1 - place], rank))]
        elif op.kind == "sum":
            coefficients, places, constant = op.spec
            parts = [self.at(self.code[a], p, rank) for a, p in zip(op.args, places, strict=True)]
            lines = inplace.added(name, op.args.index(host), coefficients, parts, constant)
        else:
            lines = [f"{inplace.ufunc(op)}({name}, out={name})"]
        self.lines += lines[:-1]
        self.line(lines[-1], k, op)
        return Code(name, rank=rank)

    def one_by_one(self, k: int, op: Op) -> Code:
        """A long sum, written term by term."""
        coefficients, places, constant = op.spec
        rank = len(op.dims)
        whole = [j for j, p in enumerate(places) if len(p) == rank > 1]
        if not whole:
            return self.assign(k, op, self.expression(op))
        name = self.new_name(k)
        parts = [self.at(self.code[a], p, rank) for a, p in zip(op.args, places, strict=True)]
        lines = inplace.summed(name, max(whole, key=lambda j: coefficients[j] > 0), coefficients, parts, constant)
        self.lines += lines[:-1]
        self.line(lines[-1], k, op)
        return Code(name, rank=rank)

    def stands_alone(self, k: int, op: Op, code: Code) -> bool:
        if k in self.program.names or k in self.guests:
            return True
        if code.level == "atom" and op.kind in ("transpose", "diagonal") and len(code.text) < 20:
            return False
        if k in self.twice and code.level != "atom":
            return True
        return self.uses[k] > 1 or len(code.text) > LONGEST

    def assign(self, k: int, op: Op, code: Code) -> Code:
        name = self.new_name(k)
        self.line(f"{name} = {code.text}", k, op)
        return Code(name, rank=len(op.dims))

    def new_name(self, k: int) -> str:
        while k in self.guests and k not in self.given:  # it becomes what is computed in it
            k = self.guests[k]
        if k in self.given:
            return self.given[k]
        name = self.fresh(k)
        self.ranks[name] = len(self.program.ops[k].dims)
        return name

    def line(self, text: str, k: int, op: Op) -> None:
        """A line with its shape and, where they are short, its mathematics."""
        node = self.program.nodes.get(k)
        shape = clip("×".join(str(d) for d in op.dims) or "scalar")
        said = clip(self.comment(node), WIDTH) if node is not None else ""
        comment = f"  # {shape}: {said}" if said else f"  # {shape}"
        if len(text) + len(comment) > WIDTH:
            comment = f"  # {shape}"
        self.lines.append(text + comment if len(text) + len(comment) <= WIDTH + 10 else text)

    def source(self, k: int) -> tuple[int, bool]:
        """The entry whose memory an output is a view of, and whether the view may be written to."""
        writable = True
        while True:
            op = self.program.ops[k]
            one = op.kind == "reduce" and all(self.program.ops[op.args[0]].dims[a] == 1 for a in op.spec)
            if not one and op.kind not in ("transpose", "diagonal", "reshape", "broadcast"):
                return k, writable and op.kind not in _FREE
            writable = writable and op.kind not in ("diagonal", "broadcast")
            k = op.args[0]

    def result(self, k: int, shared: bool) -> str:
        """What is returned for an output: an array that nobody else holds; of several views of one, all but the first are copies."""
        code = self.code[k]
        if not self.program.ops[k].dims:
            return f"np.array({code.text}, dtype=float)"
        if not shared and self.source(k)[1]:
            return code.text
        return f'{code.atom()}.copy("K")' if len(self.program.ops[k].dims) > 2 else f"{code.atom()}.copy()"

    # ------------------------------------------------------------ expressions
    def expression(self, op: Op) -> Code:
        args = [self.code[a] for a in op.args]
        code: Code = getattr(self, f"_{op.kind}")(op, *args)
        return replace(code, rank=len(op.dims))

    def _input(self, op: Op) -> Code:
        return Code(self.variables["input", op.spec])

    def _size(self, op: Op) -> Code:
        return Code(self.variables["size", op.spec])

    def _constant(self, op: Op) -> Code:
        return Code("np.pi" if op.spec in ("pi", "π") else "np.e")

    def _structure(self, op: Op) -> Code:
        return Code(structured(op.spec, op.dims, self.size_text))

    def _number(self, op: Op) -> Code:
        text = literal(op.spec)
        return Code(text, "atom" if text.replace(".", "").isalnum() else "mul")

    def _map(self, op: Op, x: Code) -> Code:
        fn, params = op.spec
        if fn == "pow":
            return self.power(x, params[0])
        row = SCALAR.get(fn)
        if row is None:
            raise NoRuleError(
                f"no NumPy source is known for '{fn}'", hint="add it to its row in the table of functions"
            )
        if len(op.dims) > 1 and fn in OF_MATRICES:
            return Code(OF_MATRICES[fn].format(x=x.text))
        self.help(row.numpy_helper)
        values = {name: parameter(v) for (name, _), v in zip(row.params, params, strict=False)}
        text = row.numpy_source(
            x.text
            if "({x}" in row.numpy and row.numpy.count("{x}") == row.numpy.count("({x}, ") + row.numpy.count("({x})")
            else x.atom(),
            **values,
        )
        return Code(text, outermost(text))

    def power(self, x: Code, q: Fraction) -> Code:
        if q == 2 and x.level == "atom" and x.text.isidentifier():
            return Code(f"{x.text}*{x.text}", "mul")
        if q == Fraction(1, 2):
            return Code(f"np.sqrt({x.text})")
        if q < 0:
            below = self.power(x, -q) if q != -1 else x
            return Code(f"1/{below.atom()}", "mul", below=below)
        text = literal(q)
        return Code(f"{x.atom()}**{text if text.replace('.', '').isdigit() else f'({text})'}", "pow")

    def _generic(self, op: Op, x: Code) -> Code:
        fn, order = op.spec
        return Code(f"np.asarray({self.variables['generic', f'{fn}|{order}']}({x.text}), dtype=float)")

    def _abstract(self, op: Op, *xs: Code) -> Code:
        fn, ders = op.spec
        name = self.variables["abstract", f"{fn}|{','.join(map(str, ders))}"]
        return Code(f"np.asarray({name}({', '.join(x.text for x in xs)}), dtype=float)")

    def _call(self, op: Op, *xs: Code) -> Code:
        fn, params = op.spec
        row = TENSOR.get(fn)
        if row is None:
            raise NoRuleError(
                f"no NumPy source is known for '{fn}'", hint="add it to its row in the table of functions"
            )
        self.help(row.numpy_helper)
        values = {}
        for (name, _), value in zip(row.params, params, strict=False):
            values[name] = parameter(value) if isinstance(value, Fraction) else repr(value)
        text = row.numpy_source(
            *(x.text if x.level == "atom" or "({x}" in row.numpy else x.atom() for x in xs), **values
        )
        return Code(text, outermost(text))

    def _product(self, op: Op, x: Code, y: Code) -> Code:
        rank = len(op.dims)
        (px, py) = op.spec
        apart = not set(px) & set(py) if rank < 4 else (rank - 1 in px) != (rank - 1 in py)
        if rank > 2 and apart and px and py and x.below is None and y.below is None:
            text = f"{letters(px)},{letters(py)}->{letters(range(rank))}"
            return Code(f'np.einsum("{text}", {x.text}, {y.text})')
        return product(self.at(x, px, rank), self.at(y, py, rank))

    def at(self, x: Code, places: tuple[int, ...], rank: int) -> Code:
        if x.below is not None and places != tuple(range(rank)):
            below = placed(x.below, places, rank)
            return Code(f"1/{below.atom()}", "mul", below=below)
        return placed(x, places, rank)

    def _sum(self, op: Op, *xs: Code) -> Code:
        coefficients, places, constant = op.spec
        return linear(coefficients, [self.at(x, p, len(op.dims)) for x, p in zip(xs, places, strict=True)], constant)

    def _contract(self, op: Op, x: Code, y: Code) -> Code:
        la, lb, out = op.spec
        dims = [self.program.ops[a].dims for a in op.args]
        sizes = {}
        if len({*la, *lb} - {*out}) > 1 or max(len(la), len(lb)) > 2:
            known = {x: self.known_size(d) for ls, shape in zip((la, lb), dims, strict=True)
                     for x, d in zip(ls, shape, strict=True)}
            sizes = {x: text for x, text in known.items() if text is not None}
        return contracted(x, y, la, lb, out, sizes, self.dot)

    def known_size(self, dim: Dim) -> str | None:
        """A size's text; None where no argument has it, as of an abstract module's value."""
        try:
            return self.size_text(dim)
        except KeyError:
            return None

    def _slabs(self, op: Op, m: Code, x: Code) -> Code:
        if op.spec == "slices":
            self.help(helpers.SLICES)
            return Code(f"_slices({m.text}, {x.text})")
        if op.spec == "mirrored":
            self.help(helpers.BLOCKS_MIRRORED)
            return Code(f"_blocks({m.text}, {x.text})")
        self.help(helpers.BLOCKS)
        return Code(f"_blocks_of({m.text}, {x.text}, {x.text})")

    def _reduce(self, op: Op, x: Code) -> Code:
        dims = self.program.ops[op.args[0]].dims
        axes = [k for k in op.spec if dims[k] != 1]
        rank = len(dims)
        ones = [k for k in op.spec if dims[k] == 1]
        text = x.atom()
        if axes:
            which = "" if len(axes) == rank else f"axis={axes[0] if len(axes) == 1 else tuple(axes)}"
            text = f"{text}.sum({which})"
        if ones:
            left = [k for k in range(rank) if k not in axes]
            text += f"[{', '.join('0' if k in ones else ':' for k in left)}]" if left and len(axes) < rank else ""
        return Code(text)

    def _trace(self, op: Op, x: Code) -> Code:
        return Code(f"np.trace({x.text})")

    def _diagonal(self, op: Op, x: Code) -> Code:
        labels, out = op.spec
        if labels == (0, 0):
            return Code(f"{x.atom()}.diagonal()")
        return Code(f'np.einsum("{letters(labels)}->{letters(out)}", {x.text})')

    def _transpose(self, op: Op, x: Code) -> Code:
        return transposed(x, op.spec)

    def _reshape(self, op: Op, x: Code) -> Code:
        return Code(f"{x.atom()}.reshape({', '.join(self.size_text(d) for d in op.dims)})")

    def _broadcast(self, op: Op, x: Code) -> Code:
        if self.program.ops[op.args[0]].kind == "number":
            return self.filled(op, x)
        return Code(f"np.broadcast_to({placed(x, op.spec, len(op.dims)).text}, {self.shape(op.dims)})")

    def filled(self, op: Op, x: Code) -> Code:
        shape = self.shape(op.dims)
        return Code(
            {"0": f"np.zeros({shape})", "1": f"np.ones({shape})"}.get(
                x.text, f"np.full({shape}, {x.text}, dtype=float)"
            )
        )

    def shape(self, dims: Sequence[Dim]) -> str:
        return f"({', '.join(self.size_text(d) for d in dims)}{',' if len(dims) == 1 else ''})"

    # ------------------------------------------------------------ δ
    def diagonals(self, k: int, op: Op) -> Code:
        """Lines that write arrays along diagonals: views of the result, no δ is ever built."""
        has_base, specs = op.spec
        name = self.code[self.hosts[k]].text if k in self.hosts else self.new_name(k)
        if k not in self.hosts and has_base:
            code = self.code[op.args[0]]
            own = self.program.ops[op.args[0]].kind == "broadcast" and code.text.startswith("np.full")
            self.line(f"{name} = {code.text if own else f'np.array({code.text}, dtype=float)'}", k, op)
        elif k not in self.hosts:
            self.line(f"{name} = np.zeros({self.shape(op.dims)})", k, op)
        for (pattern, axes), argument in zip(specs, op.args[has_base:], strict=True):
            seen = tuple(dict.fromkeys(pattern))
            value = placed(self.code[argument], tuple(seen.index(x) for x in axes), len(seen))
            view = f'np.einsum("{letters(pattern)}->{letters(seen)}", {name})'
            sign = "+=" if has_base or len(specs) > 1 else "="
            self.lines.append(f"{view}[...] {sign} {value.text}  # δ: entries with equal {ties(pattern)}")
        return Code(name, rank=len(op.dims))
