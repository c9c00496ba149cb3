"""The Gauss–Newton block of a linear layer, (a aᵀ) ⊗ S, and K-FAC's approximation of it for batches.

For s = W a the Jacobian of s by W is δ ⊗ a, so that the block by W is (a aᵀ) ⊗ S with S = J_sᵀ h J_s, where J_s is the
Jacobian of the split's value u by s and h the loss's Hessian in u: an identity, for each sample. Of a batch it is
Σ_n (a_n a_nᵀ) ⊗ S_n. K-FAC (Martens & Grosse 2015) puts (Σ_n a_n a_nᵀ / m) ⊗ Σ_n S_n in its place; what that leaves out
is the covariance Σ_n (A_n − Ā) ⊗ (S_n − S̄), which is derived too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symderiv.build import add, axes, box, call, contract, name, power, size, substitute, symbol
from symderiv.derive import Derivation, expect_scalar
from symderiv.dims import dim_product
from symderiv.engine import Engine
from symderiv.errors import NoRuleError, SymderivError
from symderiv.facts import Facts
from symderiv.ir import Contract, Expr, Name, Symbol, depends, free_name, names_in, postorder
from symderiv.record import Fire, Item, Proof, chain
from symderiv.rules.algebra import distribute, sums_in
from symderiv.statements import Statements, filled, statement
from symderiv.verify import same_value


@dataclass(frozen=True)
class KFAC(Statements):
    """The block of one layer's weights W, of shape o×n.

    ``block`` derives the exact Gauss–Newton block G[i, j, k, l]; ``A`` and ``S`` are its factors: n×n and o×o for one
    sample, m×n×n and m×o×o for a batch, where G is Σ_n A_n ⊗ S_n; ``exact`` says whether K-FAC's product was
    found to be G itself.
    ``factors`` are K-FAC's: A and S themselves, or the mean of the A_n and the sum of the S_n; ``approximation`` is their
    product, ``remainder`` derives what that leaves out of a batch (None for one sample). Kronecker products belong to the
    column-major vec W.
    """

    block: Derivation
    A: Expr
    S: Expr
    factors: tuple[Expr, Expr]
    approximation: Expr
    exact: bool
    remainder: Derivation | None
    layer: Expr
    at: Name
    wrt: Symbol
    samples: Any
    status: str

    @property
    def kron(self) -> Expr:
        """K-FAC's matrix A ⊗ S, of order n·o, for the column-major vec of W."""
        a, s = self.factors
        outer = contract((a, s), (("j", "l"), ("i", "k")), ("j", "i", "l", "k"))
        return call("reshape", (outer,), (dim_product(a.shape[0], s.shape[0]), dim_product(a.shape[1], s.shape[1])), (2, 2))

    def step(self, gradient: Expr, damping: Symbol | None = None) -> Expr:
        """K-FAC's step S⁻¹ ∇W A⁻¹, with damping (S + λI)⁻¹ ∇W (A + λI)⁻¹: (A ⊗ S)⁻¹ vec ∇W, as a matrix."""
        def inverse(x: Expr) -> Expr:
            unit = contract((damping,), ((),), ("i", "i"), {"i": x.shape[0]}) if damping is not None else None
            return call("inv", (x if unit is None else add([(1, x), (1, unit)], x.shape),), x.shape)
        a, s = map(inverse, self.factors)
        return contract((s, gradient, a), (("i", "k"), ("k", "l"), ("l", "j")), ("i", "j"))

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.block, *([self.remainder] if self.remainder else []))

    def summary(self) -> str:
        a, s = self.factors
        product = f"({a.text()}) ⊗ ({s.text()})"
        if self.remainder is None:
            return f"G = {product}: an identity ({self.status})"
        if self.exact:
            return f"G = Σ_n A_n ⊗ S_n, exactly ({self.status}); K-FAC's {product} is the same here"
        return f"G = Σ_n A_n ⊗ S_n, exactly ({self.status}); K-FAC takes {product}, and leaves out Σ_n (A_n − Ā) ⊗ (S_n − S̄)"


def kfac_of(f: Expr, w: Symbol, u: Expr, facts: Facts) -> KFAC:
    """The block of the weights w of the one linear layer that they are used in, split at u."""
    expect_scalar(f, "kfac", "take a scalar loss")
    layer, activation, batched = _layer(f, w)
    if not depends(u, w) and u is not layer:
        raise SymderivError(f"the intermediate value doesn't depend on '{w.name}'", hint="split between the layer and the loss")
    taken = names_in(f, functions=False)                        # a loss L(u) is called L
    label = u.name if isinstance(u, Name) else free_name(taken, *"uvq")
    s_held = name(free_name({*taken, label}, "s"), box(layer, "silent"))
    inner = substitute(u.body if isinstance(u, Name) else u, {layer: s_held})
    held = name(label, box(inner, "silent"))
    stand_in = symbol(label, held.shape, "formal")
    around = substitute(f, {u: stand_in})
    whole = substitute(around, {stand_in: held})
    if depends(around, w):
        raise SymderivError(f"'{w.name}' reaches the loss past '{label}' too", hint="split where all ways pass through")
    engine = Engine(facts, (w,))
    begun = engine.begin(whole).after
    loss = name(free_name({*taken, label, s_held.name}, "L"), begun)
    held = next((n for n in postorder(loss) if isinstance(n, Name) and n.name == label), held)
    s_held = next((n for n in postorder(held) if isinstance(n, Name) and n.name == s_held.name), s_held)
    return _made(engine, f, loss, held, s_held, w, activation, batched, facts)


def _made(engine: Engine, f: Expr, loss: Expr, u: Name, s: Name, w: Symbol, a: Expr, batched: bool, facts: Facts) -> KFAC:
    slope = engine.jacobian(loss, u)
    outer = engine.second(slope, u, engine.jacobian(slope.after, u))
    to_s, to_w = engine.jacobian(u, s), engine.jacobian(s, w)
    k, m, i, j = axes("k", u), axes("m", u), axes("i", s), axes("j", s)
    core_goal = contract((to_s.before, outer.before, to_s.before), (k + i, k + m, m + j), i + j)
    core = filled(engine, core_goal, {to_s.before: to_s, outer.before: outer})
    core = chain(core_goal, [core, engine.unname(core.after)], engine.context)
    goal = contract((to_w.before, core_goal, to_w.before), (i + axes("p", w), i + j, j + axes("q", w)), axes("p", w) + axes("q", w))
    block = _block(engine, goal, {to_w.before: to_w, to_s.before: to_s, outer.before: outer})
    part_a, part_s, samples = _parts(a, core.after, batched)
    product = _sum_of_products(part_a, part_s, batched)
    simple = engine.simplify(product).after
    status = "proved" if simple is block.after else "checked" if same_value(block.after, product, facts, 6) else "refuted"
    if status == "refuted":
        raise NoRuleError("samples are mixed between this layer and the loss: the block is no sum over samples",
                          hint="batch normalisation and losses across samples have no Kronecker factors")
    derivation = statement("G", "Gauss–Newton block", f, (w,), block, facts)
    if not batched:
        return KFAC(derivation, part_a, part_s, (part_a, part_s), product, True, None, s, u, w, None, status)
    mean_a = engine.simplify(_mean(part_a, samples)).after
    sum_s = engine.simplify(contract((part_s,), (("n", "i", "k"),), ("i", "k"))).after
    approximation = contract((mean_a, sum_s), (("j", "l"), ("i", "k")), ("i", "j", "k", "l"))
    same = samples == 1 or engine.simplify(approximation).after is block.after
    rest = _covariance(samples, w)
    return KFAC(derivation, part_a, part_s, (mean_a, sum_s), approximation, same, rest, s, u, w, samples, status)


def _block(engine: Engine, goal: Expr, lemmas: dict[Expr, Proof]) -> Proof:
    found = filled(engine, goal, lemmas)
    return chain(goal, [found, engine.unname(found.after)], engine.context)


def _mean(parts: Expr, samples: Any) -> Expr:
    return contract((power(size(samples), -1), parts), ((), ("n", "j", "l")), ("j", "l"))


def _parts(a: Expr, core: Expr, batched: bool) -> tuple[Expr, Expr, Any]:
    """(a aᵀ, S) of each sample."""
    if not batched:
        return contract((a, a), (("j",), ("l",)), ("j", "l")), core, None
    part_a = contract((a, a), (("n", "j"), ("n", "l")), ("n", "j", "l"))
    diagonal = contract((core,), (("n", "i", "n", "k"),), ("n", "i", "k"))
    return part_a, diagonal, a.shape[0]


def _sum_of_products(part_a: Expr, part_s: Expr, batched: bool) -> Expr:
    n = ("n",) if batched else ()
    return contract((part_a, part_s), ((*n, "j", "l"), (*n, "i", "k")), ("i", "j", "k", "l"))


def _covariance(samples: Any, w: Symbol) -> Derivation:
    """Σ_n (A_n − Ā) ⊗ (S_n − S̄) = Σ_n A_n ⊗ S_n − m Ā ⊗ S̄, for any A_n and S_n."""
    o, n = w.shape
    engine = Engine()
    a, s = symbol("A", (samples, n, n)), symbol("S", (samples, o, o))

    def centred(x: Expr) -> Expr:
        rows = {"n": samples, "j": x.shape[1], "l": x.shape[2]}
        mean = contract((_mean(x, samples),), (("j", "l"),), ("n", "j", "l"), rows)
        return add([(1, x), (-1, mean)], x.shape)

    goal = contract((centred(a), centred(s)), (("n", "j", "l"), ("n", "i", "k")), ("i", "j", "k", "l"))
    return statement("R", "what K-FAC leaves out", goal, (a,), _multiplied_out(engine, goal))


def _multiplied_out(engine: Engine, goal: Expr) -> Proof:
    items: list[Item] = []
    current = goal
    for _ in range(4):
        kids = current.kids if not isinstance(current, Contract) else (current,)
        choice = tuple((n, sums_in(t)[0]) for n, t in enumerate(kids) if sums_in(t))
        if not choice:
            break
        used = distribute.fire(current, engine.context, choice)
        if used is None or used.after is current:
            break
        items.append(Fire(distribute.name, current, used.after, choice))
        current = used.after
    return chain(goal, items, engine.context)


def _layer(f: Expr, w: Symbol) -> tuple[Contract, Expr, bool]:
    """(s, a, whether a has rows) of the one product s = W a, or s = a Wᵀ by rows, in which W is used."""
    if len(w.shape) != 2:
        raise SymderivError(f"'{w.name}' isn't a matrix of weights", hint="kfac takes the weights of a linear layer")
    using = [n for n in postorder(f) if w in n.kids]
    if len(using) != 1 or not isinstance(using[0], Contract) or len(using[0].factors) != 2:
        raise NoRuleError(f"'{w.name}' isn't used in exactly one product W a", hint="write the layer as s = W @ a, or s = A @ W.T")
    node = using[0]
    at = node.factors.index(w)
    a, (i, j), own = node.factors[1 - at], node.labels[at], node.labels[1 - at]
    if depends(a, w) or i not in node.out or j in node.out or own[-1] != j or node.out not in ((i,), (*own[:-1], i)) or len(own) > 2:
        raise NoRuleError(f"the product with '{w.name}' isn't W a", hint="write the layer as s = W @ a, or s = A @ W.T")
    return node, a, len(own) == 2


__all__ = ["KFAC", "kfac_of"]
