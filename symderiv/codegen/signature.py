"""The head of a generated function: its arguments, what it checks of them, and its docstring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from symderiv.codegen.names import Names
from symderiv.dims import Dim, dim_atoms, dim_sum, dim_terms
from symderiv.errors import clip


@dataclass(frozen=True)
class Argument:
    """An argument: its name for callers and in the source, its shape (None of a function), whether it is needed."""

    name: str
    variable: str
    shape: tuple[Dim, ...] | None
    needed: bool = True
    says: str = ""

    def shape_text(self) -> str:
        """The declared shape, as it is shown in messages."""
        if self.shape is None:
            return "function"
        return clip("×".join(str(d) for d in self.shape) if self.shape else "scalar")


@dataclass
class Signature:
    """All arguments in order, the names of sizes, and those sizes that no argument's shape tells."""

    arguments: list[Argument]
    sizes: dict[str, str] = field(default_factory=dict)
    unpack: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    quick_checks: list[str] = field(default_factory=list)
    """the same, of arguments that are arrays or None"""

    def size_text(self, dim: Dim) -> str:
        """A dimension as Python text."""
        if isinstance(dim, int):
            return str(dim)
        text = ""
        for factor, atoms in dim_terms(dim):
            parts = [self.sizes[a] for a in atoms]
            if abs(factor) != 1 or not parts:
                parts.insert(0, str(abs(factor)))
            text += (" - " if factor < 0 else " + " if text else "") + "*".join(parts)
        return text.strip()

    def head(self, name: str) -> str:
        """The line with def."""
        parts = [a.variable for a in self.arguments]
        for k in range(len(parts) - 1, -1, -1):
            if self.arguments[k].needed:
                break
            parts[k] += "=None"
        rows = wrapped(parts, ", ", 100)
        return f"def {name}(" + f",\n{' ' * (5 + len(name))}".join(rows) + "):"


def wrapped(parts: Sequence[str], joint: str, width: int) -> list[str]:
    """The parts, joined into rows of about this width."""
    rows = list(parts[:1])
    for part in parts[1:]:
        if len(rows[-1]) + len(joint) + len(part) <= width:
            rows[-1] += joint + part
        else:
            rows.append(part)
    return rows or [""]


def signature(arguments: Sequence[Argument], wanted: set[str], names: Names) -> Signature:
    """Bind each size to an axis of an argument; ``wanted`` are sizes that the body uses as numbers.

    An argument that only its shape is needed of counts as needed; a size that no array tells becomes an argument.
    """
    wanted = {*wanted, *(x for a in arguments if a.needed for d in a.shape or () for x in dim_atoms(d))}
    told = {d for a in arguments if a.needed for d in a.shape or () if isinstance(d, str)}
    rows: list[Argument] = []
    for a in arguments:
        if not a.needed and any(d in wanted and d not in told for d in a.shape or ()):
            told.update(d for d in a.shape or () if isinstance(d, str))
            a = replace(a, needed=True)
        rows.append(a)
    result = Signature(rows)
    for atom in dict.fromkeys([*(x for a in rows for d in a.shape or () for x in dim_atoms(d)), *sorted(wanted)]):
        result.sizes[atom] = names.fresh(atom)
    arrays = [a for a in rows if a.shape is not None]
    needed = [a for a in arrays if a.needed]
    known: set[str] = set()
    complete: set[str] = set()
    for a in needed:
        new: list[Dim | None] = []
        for d in a.shape or ():
            fresh = isinstance(d, str) and d.isidentifier() and d not in known
            new.append(d if fresh else None)
            known.update([str(d)] if fresh else [])
        if any(new):
            texts = [result.sizes[str(d)] if d else "_" for d in new]
            result.unpack.append(f"{', '.join(texts) if len(texts) > 1 else f'({texts[0]},)'} = {a.variable}.shape")
            if all(new):
                complete.add(a.variable)
    progress = True
    while progress:  # sizes that only a sum or a product tells
        progress = False
        for a in needed:
            for k, d in enumerate(a.shape or ()):
                found = solved(d, known) if isinstance(d, str) else None
                if found is not None:
                    atom, factor, rest = found
                    known.add(atom)
                    progress = True
                    text = f"{a.variable}.shape[{k}]" + (f" - ({result.size_text(rest)})" if rest else "")
                    text = text if factor == 1 else f"({text})//{factor}"
                    result.unpack.append(f"{result.sizes[atom]} = {text}")
    for atom in sorted({*wanted, *(x for a in needed for d in a.shape or () for x in dim_atoms(d))} - known):
        result.arguments.append(Argument(atom, result.sizes[atom], None, True, "a size, which no array tells"))
        known.add(atom)
    for a in arrays:
        if a.variable not in complete and all(set(dim_atoms(d)) <= known for d in a.shape or ()):
            check = _check(a, result)
            result.checks.append(check)
            result.quick_checks.append(check.replace(f"np.shape({a.variable})", f"{a.variable}.shape"))
    return result


def _check(a: Argument, s: Signature) -> str:
    """The condition under which the argument's shape is wrong."""
    shape = a.shape or ()
    inside = ", ".join(s.size_text(d) for d in shape) + ("," if len(shape) == 1 else "")
    if a.needed:
        return f"{a.variable}.shape != ({inside})"
    return f"{a.variable} is not None and np.shape({a.variable}) != ({inside})"


def solved(dim: str, known: set[str]) -> tuple[str, int, Dim] | None:
    """(name, factor, rest) of factor·name + rest where only this name isn't known."""
    unknown = [x for x in dim_atoms(dim) if x not in known]
    if len(unknown) != 1:
        return None
    rows = [(factor, atoms) for factor, atoms in dim_terms(dim) if unknown[0] in atoms]
    if len(rows) != 1 or rows[0][1] != (unknown[0],) or rows[0][0] < 1:
        return None
    term = unknown[0] if rows[0][0] == 1 else f"{rows[0][0]}*{unknown[0]}"
    return unknown[0], rows[0][0], dim_sum(dim, term, -1)


def docstring(says: str, s: Signature, returns: Sequence[str]) -> list[str]:
    """The lines of the docstring, safe to stand between three double quotes."""
    lines = [clip(says, 108) if says else "Evaluate the expression.", ""]
    for a in s.arguments:
        if a.shape is None:
            lines.append(f"{a.variable}: {a.says}")
        else:
            shape = f"({', '.join(map(str, a.shape))}{',' if len(a.shape) == 1 else ''})" if a.shape else "scalar"
            lines.append(f"{a.variable}: {shape}{'' if a.needed else ', not needed'}")
    lines.append(f"returns: {'; '.join(returns)}")
    lines = [clip(line, 110) if k != 1 else "" for k, line in enumerate(lines)]
    return [line.replace("\\", "\\\\").replace('"', "'") for line in lines]
