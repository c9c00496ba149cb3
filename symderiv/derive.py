"""Derivations: what the public operators return. The result is the fold of the recorded steps.

The operators take expressions here; `api` dispatches on text, SymPy, modules and Python functions.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symderiv.arguments import whole
from symderiv.build import contract, der
from symderiv.dims import dim_product
from symderiv.engine import Engine
from symderiv.errors import NoRuleError, ShapeError, SymderivError
from symderiv.facts import Facts
from symderiv.ir import Contract, Der, Expr, Name, Shape, Symbol, depends, free_symbols, postorder, weight_shown
from symderiv.ops import shape_text
from symderiv.record import Cong, Fire, Item, Proof, chain, check_fire, fires, proofs, replay
from symderiv.rules.assumptions import SYMMETRIC, apply_symmetry
from symderiv.rules.base import RULES, Context
from symderiv.rules.structure import structure_of
from symderiv.services import service

FORWARD_NODES = 14
"""a scalar of no more nodes than this between it and its one variable, unnamed, is told forward, as textbooks do"""
UNFOLD_TO_WEIGHT = 40
"""a result is shown with the engine's own names opened, up to this weight, what recurs in it counted once"""


IDENTITY = "identity "
"""how the kind of a derivation begins that is no derivative, but an expression of derivatives; its name follows"""


def is_whole(kind: str) -> bool:
    """Whether a derivation is of an expression made of derivatives, told from its definition on.

    >>> is_whole("G"), is_whole("hessian times v"), is_whole("identity F"), is_whole("gradient")
    (True, True, True, False)
    """
    return kind in ("G", "R") or " times " in kind or kind.startswith(IDENTITY)


@dataclass(frozen=True, eq=False)
class Step:
    """One recorded step: a rule at one node."""

    fire: Fire
    context: Context

    @property
    def rule(self) -> str:
        """The rule's title."""
        return self.fire.law.title

    @property
    def law(self) -> str:
        """The rule's law, in LaTeX."""
        return self.fire.law.law

    @property
    def before(self) -> Expr:
        return self.fire.before

    @property
    def after(self) -> Expr:
        return self.fire.after

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The facts this step rests on, as the user wrote them."""
        return tuple(dict.fromkeys(f.text for f in self.fire.facts))

    def __repr__(self) -> str:
        return f"Step({self.rule}: {self.before.text()} = {self.after.text()})"


@dataclass(frozen=True, eq=False)
class Derivation:
    """A derivative with its proof.

    ``result`` has shape ``shape``; for several variables, and for blocks, both are tuples. ``kind`` is "gradient",
    "jacobian", "hessian", "derivative" or a part of a Gauss–Newton split; ``subject`` is what was differentiated.
    """

    kind: str
    subject: Expr
    wrt: tuple[Symbol, ...]
    proofs: Any
    facts: Facts
    order: int = 1
    vec: bool = False
    several: bool = False
    source: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    # ------------------------------------------------------------ results
    @property
    def flat(self) -> tuple[Proof, ...]:
        """The proofs of all parts, in order."""
        return tuple(_flatten(self.proofs))

    @property
    def result(self) -> Any:
        """The derivative: an Expr, or a tuple of them (of tuples for blocks)."""
        return _nested(self.proofs, lambda p: p.after)

    @property
    def shape(self) -> Any:
        """The result's shape, symbolic; with vec, (rows, columns)."""
        return _nested(self.proofs, lambda p: self._shape(p.after))

    def _shape(self, result: Expr) -> Shape:
        if not self.vec:
            return result.shape
        (x,) = self.wrt
        rows = result.shape[:len(result.shape) - len(x.shape)]
        return (dim_product(*rows), dim_product(*x.shape))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The facts that the steps used, and symmetries by which symbols are written, as the user wrote them."""
        known = set(free_symbols(self.subject))
        written = [f.text for f in self.facts.of(*SYMMETRIC) if f.subject in known and "symmetric" in f.subject.props]
        return tuple(dict.fromkeys([*written, *(text for step in self.steps for text in step.assumptions)]))

    # ------------------------------------------------------------ steps
    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step that the result rests on, lemmas before what uses them."""
        seen: dict[int, Step] = {}
        for proof in self.flat:
            for fire, context in fires(proof):
                seen.setdefault(id(fire), Step(fire, context))
        return tuple(seen.values())

    @property
    def lemmas(self) -> tuple[Proof, ...]:
        """The proofs of derivatives that the result rests on, each once."""
        found = {id(p): p for root in self.flat for p in proofs(root) if isinstance(p.before, Der)}
        return tuple(found.values())

    def replay(self) -> Any:
        """Run every rule and constructor again; gives ``result`` itself, or raises SymderivError."""
        return _nested(self.proofs, replay)

    def check(self, step: Step) -> bool:
        """Check one step alone, from its node, choice, citations and facts."""
        if not isinstance(step, Step):
            raise SymderivError(f"check takes one of .steps, not {step!r}", hint="as in d.check(d.steps[0])")
        return check_fire(step.fire, step.context)

    # ------------------------------------------------------------ views
    def latex(self, notation: str = "matrix", detail: str = "normal") -> str:
        """LaTeX of the steps; notation "matrix", "index" or "differential", detail "brief", "normal" or "full"."""
        text: str = service("derivation.latex")(self, notation=notation, detail=detail)
        return text

    def markdown(self, notation: str = "matrix", detail: str = "normal") -> str:
        """The steps as Markdown with ``aligned`` inside ``$$``."""
        text: str = service("derivation.markdown")(self, notation=notation, detail=detail)
        return text

    def html(self, notation: str | None = None, detail: str = "normal") -> str:
        """A self-contained page with MathML."""
        text: str = service("derivation.html")(self, notation=notation, detail=detail)
        return text

    def text(self, notation: str = "matrix", detail: str = "normal") -> str:
        """The steps as plain text."""
        text: str = service("derivation.text")(self, notation=notation, detail=detail)
        return text

    def to_json(self) -> str:
        """The derivation as JSON: its input, its steps and its result."""
        text: str = service("derivation.json")(self)
        return text

    def to_sympy(self) -> Any:
        """The result as a SymPy matrix expression (a tuple for several)."""
        return _nested(self.proofs, lambda p: service("expr.to_sympy")(p.after))

    def numpy(self, compress: bool = False, **options: Any) -> Any:
        """A NumPy function that takes the symbols as keywords.

        ``backend`` is "jax", "torch" or "dask" for those libraries' arrays; with ``also``, another derivation or several, it
        returns their results too, what all share computed once: ``hessian.numpy(compress=True, also=gradient)``.
        """
        return service("derivation.numpy")(self, compress=compress, **options)

    def verify(self, trials: int = 20, seed: int = 0) -> Any:
        """Compare the result, and each step, with independent numbers; the report is true or false."""
        return service("derivation.verify")(self, trials=trials, seed=seed)

    def specialize(self, shapes: Mapping[str, Any] | None = None, **parts: Any) -> Derivation:
        """Put concrete modules and functions in for abstract ones, and derive again: ``N="lambda w: tanh(A @ w)", A="o n"``."""
        again: Derivation = service("derivation.specialize")(self, {**(shapes or {}), **parts})
        return again

    def _repr_html_(self) -> str:
        return str(service("derivation.html")(self, notation=None, detail="normal", fragment=True))

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex(detail='brief')}\n$$"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """All forms at once: what shows no HTML has Markdown and LaTeX to show."""
        made: dict[str, str] = service("derivation.bundle")(self)
        return chosen(made, include, exclude)

    def __repr__(self) -> str:
        return self.text(detail="brief")


def chosen(made: dict[str, str], include: Any, exclude: Any) -> dict[str, str]:
    """The forms that a notebook asks for."""
    return {kind: text for kind, text in made.items() if kind in (include or made) and kind not in (exclude or ())}


def _flatten(parts: Any) -> Iterator[Proof]:
    if isinstance(parts, Proof):
        yield parts
    else:
        for part in parts:
            yield from _flatten(part)


def _nested(parts: Any, of: Any) -> Any:
    return of(parts) if isinstance(parts, Proof) else tuple(_nested(part, of) for part in parts)


# ---------------------------------------------------------------- the operators on expressions
def under(goal: Expr, inner: Proof, context: Context) -> list[Item]:
    """The step that rewrites what stands under a hole, or nothing where it stays."""
    if not inner.items:
        return []
    assert isinstance(goal, Der)
    return [Cong(goal, der(inner.after, goal.wrt), (inner,))]


def unfolded(engine: Engine, proof: Proof, goal: Expr, items: list[Item]) -> Proof:
    """The derivation's last part: the engine's own names opened, where the result stays readable."""
    last = engine.unname(proof.after, heaviest=UNFOLD_TO_WEIGHT)
    items = [*items, proof]
    if last.items and weight_shown(last.after) <= UNFOLD_TO_WEIGHT:
        items.append(last)
    return with_symmetry(engine, oriented(engine, chain(goal, items, engine.context)))


def oriented(engine: Engine, proof: Proof) -> Proof:
    """The last choice of form: 1 − σ(x) or σ(−x)."""
    turned = engine.orient(proof.after)
    return chain(proof.before, [proof, turned], engine.context) if turned.items else proof


def with_symmetry(engine: Engine, proof: Proof) -> Proof:
    """What is assumed of the variable itself, used at the end: the derivative was taken in all entries, freely."""
    items: list[Item] = [proof]
    used = apply_symmetry.fire(proof.after, engine.context)
    if used is not None:
        items.append(Fire(apply_symmetry.name, proof.after, used.after, None, (), used.facts))
        items.append(engine.simplify(used.after))
    late = engine.finish(items[-1].after)
    if late.items:
        items.append(late)
    return proof if len(items) == 1 else chain(proof.before, items, engine.context)


def expect_scalar(f: Expr, what: str, instead: str) -> None:
    if f.shape:
        raise ShapeError(f"{what} needs a scalar; this has shape {shape_text(f.shape)}", hint=instead, shapes=(f.shape,))


def first_derivative(engine: Engine, f: Expr, wrt: Sequence[Symbol]) -> tuple[Proof, list[Proof]]:
    """(normalisation of f, the proofs of its derivative by each variable), reverse for networks and forward else."""
    begin = engine.begin(f)
    if f.shape or _small(begin.after, wrt):
        return begin, [engine.jacobian(begin.after, x) for x in wrt]
    return begin, engine.gradients(begin.after, list(wrt))


def _small(f: Expr, wrt: Sequence[Symbol]) -> bool:
    if len(wrt) > 1 or len(wrt[0].shape) > 1:
        return False
    memo: dict[tuple[Expr, Expr], bool] = {}
    way = [n for n in postorder(f) if depends(n, wrt[0], memo)]
    return len(way) <= FORWARD_NODES and not any(isinstance(n, Name) for n in way)


def gradient(f: Expr, wrt: Sequence[Symbol], facts: Facts, several: bool = False, structured: bool = False,
             source: str = "") -> Derivation:
    """∇f for each variable, of its shape."""
    expect_scalar(f, "gradient", "take jacobian, or sum(…) first")
    engine = Engine(facts, wrt)
    begin, lemmas = first_derivative(engine, f, wrt)
    parts = []
    for x, lemma in zip(wrt, lemmas, strict=True):
        goal = der(f, x)
        items = under(goal, begin, engine.context)
        proof = with_symmetry(engine, oriented(engine, chain(goal, [*items, lemma], engine.context))) if several \
            else unfolded(engine, lemma, goal, items)
        parts.append(_within_structure(proof, x, engine) if structured else proof)
    return Derivation("gradient", f, tuple(wrt), tuple(parts) if several else parts[0], facts, 1, False, several, source)


def _within_structure(proof: Proof, x: Symbol, engine: Engine) -> Proof:
    """The derivative within symmetric matrices, G + Gᵀ − G⊙I, or within diagonal ones, G⊙I."""
    if "orthogonal" in x.props or engine.all_facts.find(x, "orthogonal"):  # an equation, held back while deriving
        raise NoRuleError(f"'{x.name}' is orthogonal: a derivative within orthogonal matrices isn't one by entries",
                          hint="leave structured=True out, and project the ambient gradient")
    found = structure_of(x, engine.facts)
    if found is None:
        raise SymderivError(f"structured=True needs a structure of '{x.name}'",
                            hint=f'assume "symmetric({x.name})", "psd({x.name})" or "diagonal({x.name})"')
    used = RULES[found].fire(proof.after, engine.context)
    if used is None:
        raise NoRuleError("a structured derivative is only known for the gradient by a square matrix")
    step = Fire(found, proof.after, used.after)
    return chain(proof.before, [proof, step, engine.simplify(used.after)], engine.context)


def jacobian(f: Expr, wrt: Sequence[Symbol], facts: Facts, several: bool = False, vec: bool = False,
             source: str = "") -> Derivation:
    """∂f/∂x of shape f.shape + x.shape; of a scalar a row, (1,) + x.shape."""
    engine = Engine(facts, wrt)
    begin, lemmas = first_derivative(engine, f, wrt)
    parts = []
    for x, lemma in zip(wrt, lemmas, strict=True):
        hole = der(f, x)
        proof = unfolded(engine, lemma, hole, under(hole, begin, engine.context))
        parts.append(proof if f.shape else as_row(proof, engine))
    if vec and several:
        raise SymderivError("vec=True takes one variable", hint="ask for one variable at a time")
    return Derivation("jacobian", f, tuple(wrt), tuple(parts) if several else parts[0], facts, 1, vec, several, source)


def as_row(proof: Proof, engine: Engine) -> Proof:
    """A scalar's derivative as a Jacobian: with an axis of size 1 in front."""
    def row(node: Expr) -> Expr:
        labels = tuple(range(len(node.shape)))
        return contract((node,), (labels,), ("one", *labels), {"one": 1})
    goal = row(proof.before)
    if isinstance(goal, Contract) and goal.kids == (proof.before,):
        return Proof(goal, row(proof.after), (Cong(goal, row(proof.after), (proof,)),), engine.context)
    return Proof(proof.before, proof.after, proof.items, engine.context)


def derivative(f: Expr, wrt: Sequence[Symbol], facts: Facts, order: int, kind: str = "derivative", several: bool = False,
               source: str = "") -> Derivation:
    """The derivative of any order: f.shape + order × x.shape; for several variables of order 2, tuples of tuples."""
    order = whole("order", order, 1, "the order of a derivative")
    engine = Engine(facts, wrt)
    begin, lemmas = first_derivative(engine, f, wrt)
    if not several:
        (x,), (lemma,) = wrt, lemmas
        return Derivation(kind, f, tuple(wrt), _higher(engine, f, begin, lemma, x, [x] * (order - 1)), facts, order, False,
                          False, source)
    if order > 2:
        raise SymderivError("a derivative of an order above 2 takes one variable", hint="ask for one variable at a time")
    if order == 1:
        rows: Any = tuple(_higher(engine, f, begin, lemma, x, []) for x, lemma in zip(wrt, lemmas, strict=True))
    else:
        rows = tuple(tuple(_higher(engine, f, begin, lemma, x, [y]) for y in wrt)
                     for x, lemma in zip(wrt, lemmas, strict=True))
    return Derivation(kind, f, tuple(wrt), rows, facts, order, False, True, source)


def _higher(engine: Engine, f: Expr, begin: Proof, lemma: Proof, x: Symbol, then: Sequence[Symbol]) -> Proof:
    """Differentiate a first derivative further, by each variable in turn."""
    goal: Expr = der(f, x)
    proof = chain(goal, [*under(goal, begin, engine.context), lemma], engine.context)
    for y in then:
        goal = der(goal, y)
        items = under(goal, proof, engine.context)
        proof = chain(goal, [*items, engine.jacobian(proof.after, y, named=True)], engine.context)
    return unfolded(engine, proof, goal, [])


def times(d: Derivation, v: Symbol) -> Derivation:
    """The product of a second derivative with a v of the variable's shape, as an expression that never holds the matrix."""
    engine = Engine(d.facts)
    (proof,) = d.flat
    (x,) = d.wrt
    expect_new(d, v)
    front = tuple(range(len(proof.after.shape) - len(x.shape)))
    tail = tuple(("v", k) for k in range(len(x.shape)))
    goal = contract((proof.before, v), (front + tail, tail), front)
    lemmas = {p.before: p for p in (proof, *d.lemmas) if p.before in goal.kids}
    filled = engine.fill(goal, lemmas)
    whole = chain(goal, [filled, engine.simplify(filled.after)], engine.context)
    return Derivation(f"{d.kind} times {v.name}", d.subject, d.wrt, whole, d.facts, d.order, source=d.source)


def expect_new(d: Derivation, *vs: Symbol) -> None:
    """Refuse arrays that are called as a value is that the derivation names."""
    named = {n.name for p in d.flat for n in postorder(d.subject, p.after) if isinstance(n, Name)}
    clash = next((v.name for v in vs if v.name in named), None)
    if clash is not None:
        raise SymderivError(f"'{clash}' is the name of a value in the derivative", hint="take another name for the array")
