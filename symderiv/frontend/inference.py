"""Shapes that a text's symbols can have, found by building it: the constructors say what doesn't fit, and are asked again.

Every undeclared symbol gets axes of its own; where a constructor refuses two sizes, they are made one. How many axes a
symbol has is tried in the order of convention (``W`` a matrix, ``x`` a vector, ``lam`` a number). So there is no second
list of what each function does to shapes, and what is proposed can always be built.

>>> found = infer_shapes("-y @ log_softmax(W2 @ tanh(W1 @ x + b1) + b2)")
>>> {name: one.shape for name, one in found.items()}
{'y': 'o', 'W2': 'o h', 'W1': 'h n', 'x': 'n', 'b1': 'h', 'b2': 'o'}
>>> [(name, one.shape, one.how) for name, one in infer_shapes("A @ x", {"x": "n m"}).items()]
[('A', 'o n', 'assumed'), ('x', 'n m', 'given')]
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Literal

from symderiv.dims import Dim, dim_atoms, parse_dims
from symderiv.errors import ShapeError, SymderivError
from symderiv.frontend.build_text import build
from symderiv.frontend.environment import declare
from symderiv.frontend.naming import named_sizes
from symderiv.frontend.parser import parse_program
from symderiv.frontend.syntax import Call, Program, Ref, postorder
from symderiv.frontend.unknowns import SIZES, Unknown, called_in, made_sizes, only_divides, values_of
from symderiv.frontend.unknowns import unknowns as unknowns_of
from symderiv.ir import Shape

How = Literal["given", "follows", "assumed"]
FRESH = re.compile(r"\b_\d+\b")
"""an axis that has no name yet: no user can write one, a size begins with a letter"""
MOST_BUILDS = 400
MOST_CHOICES = 4000
MOST_DOUBTS = 40
"""builds spent on the question whether a symbol could have another number of axes"""
Merges = Sequence[tuple[Dim, Dim]]


@dataclass(frozen=True)
class Proposal:
    """A declaration: ``shape`` as it is written, and whether it was given, follows from the text, or is a convention."""

    name: str
    shape: str
    how: How


@dataclass
class _Trial:
    """One choice of options while its sizes are found: ``axes`` holds the sizes of each unknown, in the text of dims."""

    unknowns: Sequence[Unknown]
    choice: Sequence[int]
    axes: dict[str, list[list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = 0
        for unknown, k in zip(self.unknowns, self.choice, strict=True):
            option, self.axes[unknown.name] = unknown.options[k], []
            for order in () if option == "elementwise" else option:
                self.axes[unknown.name].append([f"_{count + i}" for i in range(order)])
                count += order

    def declarations(self, name: dict[str, str] | None = None) -> dict[str, str]:
        """The texts that declare the unknowns, with names for the sizes in place of those that have none."""
        found = {}
        for unknown in self.unknowns:
            groups = [" ".join(axes) for axes in self.axes[unknown.name]]
            if len(groups) < 2:
                text = groups[0] if groups else "elementwise"
            else:
                text = f"{', '.join(group or '()' for group in groups[:-1])} -> {groups[-1]}"
            found[unknown.name] = FRESH.sub(lambda m: name[m[0]], text) if name is not None else text
        return found

    def merged(self, pairs: Merges) -> _Trial | None:
        """The same with sizes made equal; None where two of the pairs' sizes can't be."""
        same: dict[str, str] = {}
        for pair in pairs:
            a, b = (_renamed(str(dim), same) for dim in pair)
            if a == b:
                continue
            fresh, other = (b, a) if FRESH.fullmatch(b) else (a, b)
            if not FRESH.fullmatch(fresh) or re.search(rf"\b{fresh}\b", other):
                return None
            same = {k: re.sub(rf"\b{fresh}\b", other, v) for k, v in same.items()} | {fresh: other}
        if not same:
            return None
        axes = {
            name: [[_renamed(dim, same) for dim in group] for group in groups]
            for name, groups in self.axes.items()
        }
        return _Trial.of(self, axes)

    @classmethod
    def of(cls, trial: _Trial, axes: dict[str, list[list[str]]]) -> _Trial:
        made = cls.__new__(cls)
        made.unknowns, made.choice, made.axes = trial.unknowns, trial.choice, axes
        return made


@dataclass(frozen=True)
class _Conflict:
    """What a constructor refused: how far the building came, the shapes, what the place is made of, and the error."""

    progress: tuple[int, int]
    shapes: tuple[Shape, ...]
    made_of: frozenset[str]
    error: SymderivError


def _elsewhere(after: _Conflict, before: _Conflict) -> bool:
    """Whether the same place now refuses other arrays: the second argument of a module, say."""
    return [len(s) for s in after.shapes] != [len(s) for s in before.shapes] or not any(
        set(one) & set(two) for one, two in zip(after.shapes, before.shapes, strict=True)
    )


def _renamed(dim: str, same: Mapping[str, str]) -> str:
    return FRESH.sub(lambda m: same.get(m[0], m[0]), dim)


class _Search:
    """The search over the numbers of axes, for programs that are built in one environment."""

    def __init__(self, programs: Sequence[Program], given: Mapping[str, str], equal: bool):
        self.programs, self.given, self.equal = programs, given, equal
        self.sizes = made_sizes(programs, given)
        self.builds = MOST_BUILDS
        self.order = [{node.span: k for k, node in reversed(list(enumerate(postorder(p))))} for p in programs]
        self.first: _Conflict | None = None
        self.values: tuple[Shape, ...] = ()

    def solved(self, unknowns: Sequence[Unknown]) -> _Trial | None:
        """The first choice, from the most conventional on, whose sizes can be found."""
        refused: list[frozenset[tuple[str, int]]] = []
        for choice in islice(_choices([len(u.options) for u in unknowns]), MOST_CHOICES):
            chosen = {(u.name, k) for u, k in zip(unknowns, choice, strict=True)}
            if any(part <= chosen for part in refused):
                continue
            found, conflict = self.sized(_Trial(unknowns, choice))
            if conflict is None:
                return found
            self.first = self.first or conflict
            refused.append(frozenset(pair for pair in chosen if pair[0] in conflict.made_of))
            if self.builds <= 0 or not refused[-1]:
                break
        return None

    def sized(self, trial: _Trial) -> tuple[_Trial, _Conflict | None]:
        """The trial with sizes made equal as long as this brings the building further."""
        conflict = self.build(trial)
        while conflict is not None:
            better = None
            for pairs in _merges(conflict.shapes):
                tried = trial.merged(pairs)
                if tried is None or self.builds <= 0:
                    continue
                after = self.build(tried)
                if after is None or after.progress > conflict.progress:
                    better = tried, after
                    break
                if better is None and after.progress == conflict.progress and len(pairs) == 1 and _elsewhere(after, conflict):
                    better = tried, after
            if better is None:
                return trial, conflict
            trial, conflict = better
        return trial, None

    def build(self, trial: _Trial) -> _Conflict | None:
        """What the constructors refuse, or None; other errors than those about shapes aren't for us."""
        self.builds -= 1
        environment = declare({**self.given, **trial.declarations()})
        environment = replace(environment, extra_dims=environment.extra_dims | self.sizes)
        shapes: list[Shape] = []
        for k, program in enumerate(self.programs):
            try:
                shapes.append(build(program, environment)[0].shape)
            except ShapeError as error:
                at = self.order[k].get(error.span or (0, 0), 0)
                return _Conflict((k, at), error.shapes, self.made_of(program, error), error)
        self.values = tuple(shapes)
        if self.equal and len(set(shapes)) > 1:
            names = frozenset(u.name for u in trial.unknowns)
            return _Conflict((len(shapes), 0), tuple(shapes[:2]), names, ShapeError("the sides differ in shape"))
        return None

    @staticmethod
    def made_of(program: Program, error: SymderivError) -> frozenset[str]:
        """The names that stand in the refused part of the text, and in the values that it uses."""
        start, stop = error.span or (0, 0)
        lines = {line.name: line.value for line in program.assignments}
        todo = [n for n in postorder(program) if n.span[0] >= start and n.span[1] <= stop]
        found: set[str] = set()
        while todo:
            node = todo.pop()
            name = node.name if isinstance(node, Ref) else node.function if isinstance(node, Call) else None
            if name is not None and name not in found:
                found.add(name)
                todo.extend(postorder(lines[name]) if name in lines else ())
        return frozenset(found)


def infer_shapes(
    *texts: str | Mapping[str, str], equal: bool = False, wrt: str = ""
) -> dict[str, Proposal]:
    """A declaration for every symbol and unknown function of the texts, in the order of their first use.

    The last argument may be the shapes that are given. ``equal`` says that the texts have one shape; ``wrt`` is the
    variable, whose size is then called n. A name that stands in a given shape is a size, and is not declared.

    Raises ParseError for a text that can't be read, and the constructors' own ShapeError where no shapes were found.
    """
    given = dict(texts[-1]) if texts and isinstance(texts[-1], Mapping) else {}
    programs = [parse_program(text) for text in texts if isinstance(text, str)]
    declared = {name: text for name, text in given.items() if text.strip() or name in values_of(programs)}
    known = declare(declared)
    search = _Search(programs, declared, equal)
    unknowns = unknowns_of(programs, known, search.sizes)
    trial = search.solved(unknowns)
    if trial is None:
        assert search.first is not None
        raise search.first.error
    values = search.values
    sure = {u.name for k, u in enumerate(unknowns) if not _other(search, unknowns, trial, k)}
    counts = {u.name for u in unknowns if u.name in SIZES and not any(trial.axes[u.name]) and only_divides(u.name, programs)}
    taken = {*known.dims, *values_of(programs), *declared, *(u.name for u in unknowns)} - counts
    names = named_sizes(trial.axes, values, wrt, taken)
    proposed = {name: text for name, text in trial.declarations(names).items() if name not in counts & {*names.values()}}
    found: dict[str, Proposal] = {}
    for name in dict.fromkeys([*values_of(programs), *called_in(programs)]):
        if name in declared:
            found[name] = Proposal(name, declared[name], "given")
        elif name in proposed:
            found[name] = Proposal(name, proposed[name], "follows" if name in sure else "assumed")
    return found


def _other(search: _Search, unknowns: Sequence[Unknown], trial: _Trial, k: int) -> bool:
    """Whether an unknown could have another number of axes, all others as they are."""
    search.builds = MOST_DOUBTS
    for option in range(len(unknowns[k].options)):
        if option != trial.choice[k]:
            choice = [*trial.choice[:k], option, *trial.choice[k + 1 :]]
            if search.sized(_Trial(unknowns, choice))[1] is None or search.builds <= 0:
                return True
    return False


# ---------------------------------------------------------------- the order of the search
def _choices(counts: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All choices of an option for each unknown, those with the smallest sum of places first.

    >>> list(_choices([2, 2]))
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    waiting: list[tuple[int, tuple[int, ...]]] = [(0, (0,) * len(counts))]
    seen = {waiting[0][1]}
    while waiting:
        _, choice = heapq.heappop(waiting)
        yield choice
        for k, count in enumerate(counts):
            after = (*choice[:k], choice[k] + 1, *choice[k + 1 :])
            if after[k] < count and after not in seen:
                seen.add(after)
                heapq.heappush(waiting, (sum(after), after))


def _merges(shapes: Sequence[Shape]) -> Iterator[Merges]:
    """What could be made equal where these shapes don't fit: one pair, all that stand against each other, or all."""
    if len(shapes) == 1:
        yield from ([(a, b)] for k, a in enumerate(shapes[0]) for b in shapes[0][k + 1 :])
        return
    for left, right in pairwise(shapes):
        yield from ([(a, b)] for a in reversed(left) for b in right if a != b)
    for left, right in pairwise(shapes):
        if left and right and len(left) > 1 and len(right) > 1:
            yield [(a, b) for a, b in zip(reversed(left), reversed(right), strict=False) if 1 not in (a, b)]
    every = [dim for shape in shapes for dim in shape if dim != 1]
    if len(every) > 2:
        yield [(every[0], dim) for dim in every[1:]]


def sizes_in(shape: str) -> tuple[str, ...]:
    """The names of the sizes in a shape's text.

    >>> sizes_in("m*q n")
    ('m', 'q', 'n')
    """
    return tuple(dict.fromkeys(atom for dim in parse_dims(shape) for atom in dim_atoms(dim)))


__all__ = ["How", "Proposal", "infer_shapes", "sizes_in"]
