"""The induction over layers as an object that checks itself.

Claim, backwards: for l = L, …, 0 the derivative of the loss by a_l is what the recursion gives. Base: l = L. Step: if the
loss is C_l(a_l) as a function of a_l, whatever C_l is, then by a_{l−1} it is C_l(F(a_{l−1}; θ_l)), and its derivative is the
step's result. `check` looks at what makes this an induction: both derivations replay, the step's subject is the layer under
an abstract function, its result speaks of that function through the hypotheses alone, and base and step together give
what the engine derives of networks of one and two layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symderiv import derive
from symderiv.build import call, contract, unnamed
from symderiv.depth import unrolled
from symderiv.depth.recursion import Recursion, assumed, backward_subject, by_state, equations
from symderiv.errors import SymderivError
from symderiv.ir import Call, Expr, postorder
from symderiv.services import service


@dataclass(frozen=True)
class Checked:
    """One thing that was looked at: what, whether it holds, and how that is known."""

    what: str
    holds: bool
    how: str


@dataclass(frozen=True)
class Findings:
    """What a check of an induction found; true where all of it holds."""

    items: tuple[Checked, ...]

    def __bool__(self) -> bool:
        return all(item.holds for item in self.items)

    def text(self) -> str:
        """A line for each thing that was looked at."""
        return "\n".join(f"{'holds' if i.holds else 'FAILS'}: {i.what} ({i.how})" for i in self.items)

    def __repr__(self) -> str:
        return self.text()


@dataclass(frozen=True)
class Induction:
    """Base and step of a recursion."""

    recursion: Recursion

    @property
    def base(self) -> Any:
        return self.recursion.base

    @property
    def step(self) -> Any:
        return self.recursion.step

    def check(self, depths: tuple[int, ...] = (1, 2)) -> Findings:
        """Base, step, hypothesis, and both together at small depths."""
        found = [self._replayed("base", self.base), self._replayed("step", self.step)]
        found += [self._subject(), self._hypothesis(), self._equations()]
        if self.recursion.factor is not None:
            found += [self._replayed("the layer's Jacobian", self.recursion.factor), self._product()]
        if self.recursion.cut is not None:
            found.append(self._replayed("the step between named values", self.recursion.cut.step))
        for depth in depths if all(item.holds for item in found) else ():
            found += self._together(depth)
        return Findings(tuple(found))

    # ------------------------------------------------------------ what is looked at
    def _replayed(self, what: str, derivation: Any) -> Checked:
        try:
            same = derivation.replay() == derivation.result
        except SymderivError as error:
            return Checked(what, False, error.message)
        count = len(derivation.steps)
        return Checked(what, same, f"{count} {'step' if count == 1 else 'steps'} replayed")

    def _subject(self) -> Checked:
        """The step is about one generic layer, under a function or over one of which nothing is known."""
        r = self.recursion
        if r.kind == "jacobian":
            before = call(f"{r.layer.state.name}_{r.layer.at(-1)}", [r.layer.state_at("0")], r.layer.state.shape, (), True)
            wanted: Expr = r.layer.step(before, r.layer.at())
        else:
            wanted = backward_subject(r.layer)[0]
        end = self.layer_end()
        holds = self.step.subject is wanted and self.base.subject is end
        return Checked("the base is of the loss, the step of one layer and an abstract function", holds, "built again")

    def layer_end(self) -> Expr:
        """What the base differentiates."""
        layer = self.recursion.layer
        return layer.state_at("0") if self.recursion.kind == "jacobian" else layer.named_loss()

    def _hypothesis(self) -> Checked:
        """The equations hold no trace of the abstract function: they say the same of any."""
        r = self.recursion
        abstract = {n.fn for n in r.hypotheses if isinstance(n, Call)}
        results = [p.after for p in self.step.flat]
        made = [assumed(x, r.hypotheses) for x in results]
        spoken = postorder(*made, *(e.right for e in r.equations))
        holds = not any(isinstance(n, Call) and n.fn in abstract for n in spoken) and not any(f.subject in abstract for f in r.facts)
        count = len(r.hypotheses)
        how = f"{count} {'derivative' if count == 1 else 'derivatives'} replaced"
        return Checked("the hypothesis is all that the step uses of it", holds, how)

    def _equations(self) -> Checked:
        """The equations are the step's results under the hypotheses."""
        r = self.recursion
        try:
            holds = tuple(equations(self.step, r.hypotheses, r.layer, r.equations[0].left)) == r.equations
        except (SymderivError, ValueError, IndexError):
            holds = False
        return Checked("the equations are the step's results", holds, "read from it again")

    def _product(self) -> Checked:
        """The step multiplies by the layer's Jacobian."""
        r = self.recursion
        assert r.factor is not None
        (equation,) = r.equations
        before = max(r.hypotheses.values(), key=lambda s: len(s.shape))
        order = len(r.layer.state.shape)
        i, m, o = (tuple((x, p) for p in range(order)) for x in "imo")
        product = contract((r.factor.result, before), (i + m, m + o), i + o)
        verdict = service("prove")(unnamed(equation.right), unnamed(product), r.facts)
        return Checked("the step multiplies by the layer's Jacobian", verdict.status == "proved", verdict.status)

    def _together(self, depth: int) -> list[Checked]:
        """Base and step at a depth that is a number, against the engine on the whole network."""
        r = self.recursion
        found = []
        for part in unrolled.parts(r, depth):
            if len(part.by) > 1 and sum(len(x.shape) for x in part.by) > 4:
                continue
            direct = _direct(part, r)
            verdict = service("prove")(unnamed(part.value), unnamed(direct), r.facts, trials=4)
            found.append(Checked(f"at depth {depth}, {part.label}", bool(verdict), verdict.status))
        return found


def _direct(part: unrolled.Part, r: Recursion) -> Expr:
    """The engine's derivative of the whole network."""
    x = part.by[0]
    if r.kind == "jacobian":
        made: Expr = by_state(part.subject, x, r.facts).result
    elif len(part.by) == 1:
        made = derive.gradient(part.subject, [x], r.facts).result
    else:
        made = derive.derivative(part.subject, [x], r.facts, 2, "hessian").result
    return made


def induction(recursion: Recursion) -> Induction:
    """The induction that a recursion rests on."""
    return Induction(recursion)


__all__ = ["Checked", "Findings", "Induction", "induction"]
