"""The Gauss–Newton split: H = G + R at a named intermediate value, by one parameter or by several.

G = J_uᵀ h_L J_u and R = Σ_k (∂L/∂u_k) ∂²u_k/∂w∂w (Schraudolph 2002; Martens 2020, section 8), each derived from holes:
the Hessian in u is taken of the loss as a function of u alone. By several parameters the parts are blocks, one for each
pair. Where the loss's Hessian in u turns out to be the outer square of its gradient (cross-entropy split after softmax),
G is shown as the outer square of ∇_w L; of samples, as the sum of one for each.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import product
from typing import Any, cast
from unicodedata import normalize

from symderiv.build import add, axes, box, contract, der, name, substitute, symbol
from symderiv.derive import Derivation, chosen, derivative, expect_new, expect_scalar, times, unfolded
from symderiv.dims import dim_atoms
from symderiv.engine import Engine
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.facts import Facts
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import Environment
from symderiv.ir import Expr, Name, Symbol, base_and_exponent, depends, free_name, is_zero, names_in, postorder
from symderiv.ops import shape_text
from symderiv.record import Fire, Item, Proof, chain
from symderiv.rules.splitting import mirrored_block, outer_square, outer_squares, square_of_gradient
from symderiv.services import service


@dataclass(frozen=True)
class GaussNewton:
    """The parts of a split: derivations H, G and R, and what they are made of.

    ``at`` is the intermediate u, ``jacobian`` ∂u/∂w, ``outer`` the Hessian of the loss in u, ``slope`` its gradient in u.
    By one parameter ``wrt`` is its symbol; by a list, a tuple: then the results of H, G and R are tuples of tuples of
    blocks, and that of ``jacobian`` a tuple. ``certificate`` says whether G, of several parameters the whole matrix of
    blocks, is positive or negative semi-definite. Each of H, G and R is derived when it is first asked for, from ``made``;
    ``product`` derives G times arrays, of several parameters, without its blocks.
    """

    made: Mapping[str, Callable[[], Derivation]]
    at: Name
    wrt: Symbol | tuple[Symbol, ...]
    jacobian: Derivation
    outer: Derivation
    slope: Derivation
    facts: Facts
    product: Callable[[tuple[Symbol, ...]], Derivation] | None = None

    @cached_property
    def H(self) -> Derivation:
        """The whole Hessian, by the chain rule alone."""
        return self.made["H"]()

    @cached_property
    def G(self) -> Derivation:
        """The Gauss–Newton part."""
        return self.made["G"]()

    @cached_property
    def R(self) -> Derivation:
        """What is left: the curvature of the intermediate."""
        return self.made["R"]()

    def each(self, change: Callable[[Derivation], Derivation]) -> Mapping[str, Callable[[], Derivation]]:
        """H, G and R changed in one way, when they are asked for."""
        return {"H": lambda: change(self.H), "G": lambda: change(self.G), "R": lambda: change(self.R)}

    @cached_property
    def certificate(self) -> Any:
        """The verdict on G, with its proof or a counterexample: "psd", "nsd", "indefinite" or "unknown"."""
        if isinstance(self.wrt, tuple):
            if not self.G.several:
                raise SymderivError("a block off the diagonal has no sign", hint="ask for that of the whole split")
            return service("certificate.blocks")(self.G.result, self.outer.result, self.facts)
        return service("certificate")(self.G.result, self.facts)

    @property
    def empirical_fisher(self) -> bool:
        """True where the derivation found G = ∇L ∇Lᵀ, because the loss's Hessian in ``at`` is an outer square; of samples, the
        sum of one square for each, or their mean."""
        return any(step.fire.rule == outer_square.name for step in self.G.steps)

    @property
    def reduction(self) -> str:
        """What is done over the rows of the intermediate, the samples: "sum", "mean", or "" where it has no rows or it isn't known."""
        return _reduction(self.outer.result, self.at)

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.jacobian, self.slope, self.outer, self.G, self.R, self.H)

    def block(self, a: str, b: str) -> GaussNewton:
        """The split by one pair of the parameters; UnknownNameError for one that it wasn't split by."""
        if not isinstance(self.wrt, tuple):
            raise SymderivError("this split is by one parameter", hint="give gauss_newton a list of parameters")
        known = [x.name for x in self.wrt]
        for text in (a, b):
            if text not in known:
                raise UnknownNameError.among(text, known, "parameter", f"it was split by {', '.join(known)}")
        i, j = known.index(a), known.index(b)
        pair = (self.wrt[i],) if i == j else (self.wrt[i], self.wrt[j])
        made = self.each(lambda d: replace(d, proofs=d.proofs[i][j], wrt=pair, several=False))
        return replace(self, made=made, wrt=pair[0] if i == j else pair, product=None)

    def times(self, v: Symbol | Sequence[Symbol]) -> GaussNewton:
        """The split's parts multiplied by v (one for each parameter), each an expression that never holds the matrix."""
        if isinstance(self.wrt, tuple):
            vs = tuple(cast(Sequence[Symbol], v))
            made = dict(self.each(lambda d: _times_blocks(d, vs)))
            if self.product is not None:
                made["G"] = partial(self.product, vs)
            return replace(self, made=made, product=None)
        return replace(self, made=self.each(lambda d: times(d, cast(Symbol, v))))

    def replay(self) -> tuple[Any, ...]:
        """Replay every part."""
        return tuple(part.replay() for part in self.parts)

    def latex(self, notation: str = "matrix", detail: str = "normal") -> str:
        """The split's formulas, one after the other."""
        text: str = service("split.latex")(self, notation, detail)
        return text

    def text(self, notation: str = "matrix", detail: str = "normal") -> str:
        text: str = service("split.text")(self, notation, detail)
        return text

    def markdown(self, notation: str = "matrix", detail: str = "normal") -> str:
        return f"$$\n{self.latex(notation, detail)}\n$$\n"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex(detail='brief')}\n$$"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return chosen(service("derivations.bundle")(self, (self.G, self.R)), include, exclude)

    def verify(self, trials: int = 20, seed: int = 0) -> Any:
        """Check each part, and that G + R is H, on independent numbers."""
        return service("split.verify")(self, trials=trials, seed=seed)

    def __repr__(self) -> str:
        return self.text(detail="brief")


def find_split(f: Expr, at: Any, environment: Environment) -> Expr:
    """The node to split at: a named intermediate, or the subexpression that a text is."""
    names = {n.name: n for n in postorder(f) if isinstance(n, Name) and n.role == "user"}
    advice = f"split at one of {', '.join(names)}" if names else "name one: u = …"
    if not isinstance(at, str) or not at.strip():
        raise SymderivError(f"at={at!r} isn't the name of an intermediate value", hint=advice)
    text = at.strip()
    if text.isidentifier():
        text = normalize("NFKC", text)                          # as the texts are read
    if text in names:
        return names[text]
    if text in environment.names:
        raise UnknownNameError(f"'{text}' is computed, but the loss doesn't mention it", hint=f"write the loss in terms of it, or {advice}")
    if text.isidentifier() and text not in environment.symbols:
        raise UnknownNameError(f"the loss doesn't use an intermediate value '{text}'", hint=advice) if not names else \
            UnknownNameError.among(text, tuple(names), "intermediate value", advice)
    node, _ = build_text(text, environment)
    known = set(postorder(f))
    if node not in known:
        raise SymderivError(f"'{text}' is no part of {f.text()}",
                            hint=f"split at one of {', '.join(names)}" if names else "split at a part, or name one: u = …")
    if isinstance(node, Symbol):
        raise SymderivError(f"'{text}' is a symbol, not an intermediate value", hint="split at what is computed from it")
    return node


def split(f: Expr, wrt: Symbol | Sequence[Symbol], u: Expr, facts: Facts, avoid: Iterable[str] = ()) -> GaussNewton:
    """Split the Hessian of a scalar f by one parameter, or by several in blocks, at the intermediate u.

    An intermediate without a name gets one that isn't in use, nor one of those to ``avoid``.
    """
    several = not isinstance(wrt, Symbol)
    xs = tuple(wrt) if not isinstance(wrt, Symbol) else (wrt,)
    expect_scalar(f, "gauss_newton", "split a scalar loss")
    if len(u.shape) > 2:
        raise ShapeError(f"the split needs a vector or matrix; this is {shape_text(u.shape)}", shapes=(u.shape,))
    label = u.name if isinstance(u, Name) else free_name(names_in(f) | set(avoid), *"uvsq")
    for x in xs:
        if not depends(u, x):
            raise SymderivError(f"'{label}' doesn't depend on '{x.name}'", hint="split between the variable and the loss")
    inner = u.body if isinstance(u, Name) else u
    held = name(label, box(inner, "silent"))                    # kept whole: the loss is a function of u, however it is spelt
    whole = substitute(f, {u: held})
    around = substitute(whole, {held: symbol("u", held.shape, "formal")})
    for x in xs:
        if depends(around, x):
            raise SymderivError(f"'{x.name}' reaches the loss past '{label}' too", hint="split where all ways pass through")
    engine = Engine(facts, xs)
    begin = engine.begin(whole)
    loss = begin.after
    held = next((n for n in postorder(loss) if isinstance(n, Name) and n.name == label), held)
    parts = _Parts(engine, f, loss, held)
    jac: Any = tuple(parts.jacobian(x) for x in xs)
    grid = [[(x, y) for y in xs] for x in xs]

    def gauss_newton() -> Derivation:
        g: dict[tuple[int, int], Proof] = {}
        for a, b in sorted(product(range(len(xs)), repeat=2), key=lambda at: at[0] > at[1]):  # those above the diagonal first
            g[a, b] = parts.g(xs[a], xs[b], g.get((b, a)))
        blocks = tuple(tuple(g[a, b] for b in range(len(xs))) for a in range(len(xs)))
        return Derivation("G", f, xs, blocks if several else blocks[0][0], facts, 2, False, several)

    def rest() -> Derivation:
        r: Any = tuple(tuple(parts.r(x, y) for x, y in row) for row in grid)
        return Derivation("R", f, xs, r if several else r[0][0], facts, 2, False, several)

    def multiplied(vs: tuple[Symbol, ...]) -> Derivation:
        return Derivation(_times_kind("G", vs), f, xs, parts.product(xs, vs), facts, 2, False, True)

    made = {"H": lambda: derivative(f, xs, facts, 2, "hessian", several), "G": gauss_newton, "R": rest}
    as_variable = cast(Symbol, held)                            # a name has all that is read of a variable
    return GaussNewton(made, held, xs if several else xs[0],
                       Derivation("jacobian", held, xs, jac if several else jac[0], facts, 1, False, several),
                       Derivation("hessian", loss, (as_variable,), parts.second_outer, facts, 2),
                       Derivation("gradient", loss, (as_variable,), parts.slope, facts), facts,
                       multiplied if several and parts.square is None else None)


class _Parts:
    """G and R for pairs of parameters, from lemmas that they share."""

    def __init__(self, engine: Engine, f: Expr, loss: Expr, held: Name) -> None:
        self.engine, self.f, self.loss, self.held = engine, f, loss, held
        self.slope = engine.jacobian(loss, held)
        self.second_outer = engine.second(self.slope, held, engine.jacobian(self.slope.after, held))
        self.k = tuple(("k", p) for p in range(len(held.shape)))
        self.m = tuple(("m", p) for p in range(len(held.shape)))
        self.square = self._square()

    def jacobian(self, x: Symbol) -> Proof:
        return self.engine.jacobian(self.held, x)

    def _filled(self, goal: Expr, lemmas: dict[Expr, Proof]) -> Proof:
        filled = self.engine.fill(goal, lemmas)
        return chain(goal, [filled, self.engine.simplify(filled.after)], self.engine.context)

    def _square(self) -> Proof | None:
        """The proof that (∂L/∂u)(∂L/∂u)ᵀ, or that of each row, is the Hessian in u, if it is."""
        slope = der(self.loss, self.held)
        if not depends(self.second_outer.after, self.held) or is_zero(self.second_outer.after):
            return None
        tried = (self._filled(square, {slope: self.slope}) for square in outer_squares(slope))
        return next((found for found in tried if found.after is self.second_outer.after), None)

    def g(self, x: Symbol, y: Symbol, mirror: Proof | None = None) -> Proof:
        """∂u/∂xᵀ · ∂²L/∂u∂u · ∂u/∂y, by ``mirror``, the block of y and x, where that is there and the middle symmetric."""
        i, j = axes("i", x), axes("j", y)
        left, right, outer = der(self.held, x), der(self.held, y), self.second_outer.before
        goal = contract((left, outer, right), (self.k + i, self.k + self.m, self.m + j), i + j)
        if self.square is not None:
            return self._as_square(goal, x, y)
        if mirror is not None:
            cited = (mirror, self.second_outer)
            turned = mirrored_block.apply(goal, self.engine.context, None, cited)
            if isinstance(turned, Expr):
                return chain(goal, [Fire(mirrored_block.name, goal, turned, None, cited)], self.engine.context)
        lemmas: dict[Expr, Proof] = {left: self.jacobian(x), right: self.jacobian(y), outer: self.second_outer}
        return unfolded(self.engine, self._filled(goal, lemmas), goal, [])

    def product(self, xs: tuple[Symbol, ...], vs: tuple[Symbol, ...]) -> tuple[Proof, ...]:
        """∂u/∂xᵀ · ∂²L/∂u∂u · Σ_b ∂u/∂x_b · v_b for each x: forward once, and back once."""
        forward = [(der(self.held, x), v, axes("v", v)) for x, v in zip(xs, vs, strict=True)]
        total = add([(1, contract((j, v), (self.m + a, a), self.m)) for j, v, a in forward], self.held.shape)
        moved = self._filled(total, {j: self.jacobian(x) for (j, _, _), x in zip(forward, xs, strict=True)})
        outer = self.second_outer.before
        rows = []
        for x in xs:
            i, left = axes("i", x), der(self.held, x)
            goal = contract((left, outer, total), (self.k + i, self.k + self.m, self.m), i)
            lemmas: dict[Expr, Proof] = {left: self.jacobian(x), outer: self.second_outer, total: moved}
            rows.append(unfolded(self.engine, self._filled(goal, lemmas), goal, []))
        return tuple(rows)

    def _as_square(self, goal: Expr, x: Symbol, y: Symbol) -> Proof:
        """∇_x L ∇_y Lᵀ: the Hessian in u is an outer square, and the chain rule gives each factor; or so for each row."""
        assert self.square is not None
        slope = der(self.loss, self.held)
        rows = self.k[:1] if self.square.before is not next(outer_squares(slope)) else ()
        cited = (self.second_outer, self.square)
        opened = outer_square.cite(goal, self.engine.context, cited)
        gradients = []
        for z in (x, y):
            lemmas: dict[Expr, Proof] = {der(self.held, z): self.jacobian(z), slope: self.slope}
            gradients.append(self._filled(
                contract((der(self.held, z), slope), (self.k + axes("i", z), self.k), rows + axes("i", z)), lemmas))
        after = square_of_gradient.cite(opened, self.engine.context, gradients)
        steps: list[Item] = [Fire(outer_square.name, goal, opened, None, cited),
                             Fire(square_of_gradient.name, opened, after, None, tuple(gradients))]
        return chain(goal, [*steps, self.engine.simplify(after)], self.engine.context)

    def r(self, x: Symbol, y: Symbol) -> Proof:
        """Σ_k (∂L/∂u_k) ∂²u_k/∂x∂y."""
        i, j = axes("i", x), axes("j", y)
        slope, first = der(self.loss, self.held), self.jacobian(x)
        curved = self.engine.second(first, y, self.engine.jacobian(first.after, y))
        goal = contract((slope, curved.before), (self.k, self.k + i + j), i + j)
        return unfolded(self.engine, self._filled(goal, {slope: self.slope, curved.before: curved}), goal, [])



def _times_blocks(d: Derivation, vs: tuple[Symbol, ...]) -> Derivation:
    """Σ_b block_ab · v_b for each a, from the blocks' own lemmas."""
    engine = Engine(d.facts)
    expect_new(d, *vs)
    rows = []
    for blocks in d.proofs:
        terms, lemmas = [], {}
        for proof, v in zip(blocks, vs, strict=True):
            front, tail = tuple(range(len(proof.after.shape) - len(v.shape))), axes("v", v)
            terms.append((1, contract((proof.before, v), (front + tail, tail), front)))
            lemmas.update({p.before: p for p in (proof, *d.lemmas)})
        goal = add(terms, terms[0][1].shape)
        filled = engine.fill(goal, {k: p for k, p in lemmas.items() if k in set(postorder(goal))})
        rows.append(chain(goal, [filled, engine.simplify(filled.after)], engine.context))
    return Derivation(_times_kind(d.kind, vs), d.subject, d.wrt, tuple(rows), d.facts, d.order, False, True)


def _times_kind(kind: str, vs: tuple[Symbol, ...]) -> str:
    return f"{kind} times {', '.join(v.name for v in vs)}"


def _reduction(outer: Expr, at: Name) -> str:
    if len(at.shape) < 2:
        return ""
    rows = dim_atoms(at.shape[0])
    if not rows:                                                # a number among numbers: nothing says what it counts
        return ""
    powers = {(s.name, base_and_exponent(n)[1]) for n in postorder(outer) for s in n.kids
              if isinstance(s, Symbol) and s.kind == "dim" and s.name in rows}
    elsewhere = {atom for d in at.shape[1:] for atom in dim_atoms(d)} & set(rows)
    return "sum" if not powers else "mean" if powers == {(atom, Fraction(-1)) for atom in rows} and not elsewhere else ""


__all__ = ["GaussNewton", "find_split", "split"]
