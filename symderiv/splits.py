"""The Gauss–Newton split: H = G + R at a named intermediate value.

G = J_uᵀ h_L J_u and R = Σ_k (∂L/∂u_k) ∂²u_k/∂w∂w (Schraudolph 2002; Martens 2020, section 8), each derived from holes:
the Hessian in u is taken of the loss as a function of u alone.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from symderiv.build import box, contract, der, name, substitute, symbol
from symderiv.derive import Derivation, derivative, expect_scalar, times, unfolded
from symderiv.engine import Engine
from symderiv.errors import ShapeError, SymderivError, UnknownNameError
from symderiv.facts import Facts
from symderiv.frontend.build_text import build_text
from symderiv.frontend.environment import Environment
from symderiv.ir import Expr, Name, Symbol, depends, postorder
from symderiv.ops import shape_text
from symderiv.services import service
from symderiv.trace import Proof, chain


@dataclass(frozen=True)
class GaussNewton:
    """The parts of a split: derivations H, G and R, and what they are made of.

    ``at`` is the intermediate u, ``jacobian`` ∂u/∂w, ``outer`` the Hessian of the loss in u, ``slope`` its gradient in u.
    ``certificate`` says whether G is positive or negative semi-definite.
    """

    H: Derivation
    G: Derivation
    R: Derivation
    at: Name
    wrt: Symbol
    jacobian: Derivation
    outer: Derivation
    slope: Derivation
    facts: Facts

    @cached_property
    def certificate(self) -> Any:
        """The verdict on G, with its proof or a counterexample: "psd", "nsd", "indefinite" or "unknown"."""
        return service("certificate")(self.G.result, self.facts)

    @property
    def parts(self) -> tuple[Derivation, ...]:
        return (self.jacobian, self.slope, self.outer, self.G, self.R, self.H)

    def times(self, v: Symbol) -> GaussNewton:
        """The split's parts multiplied by v, each an expression that never holds the matrix."""
        return replace(self, H=times(self.H, v), G=times(self.G, v), R=times(self.R, v))

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

    def verify(self, trials: int = 20, seed: int = 0) -> Any:
        """Check each part, and that G + R is H, on independent numbers."""
        return service("split.verify")(self, trials=trials, seed=seed)

    def __repr__(self) -> str:
        return self.text(detail="brief")


def find_split(f: Expr, at: str, environment: Environment) -> Expr:
    """The node to split at: a named intermediate, or the subexpression that a text is."""
    names = {n.name: n for n in postorder(f) if isinstance(n, Name) and n.role == "user"}
    text = at.strip()
    if text in names:
        return names[text]
    if text.isidentifier() and text not in environment.symbols:
        raise UnknownNameError.among(text, tuple(names), "intermediate value",
                                     f"split at one of {', '.join(names)}" if names else "name one: u = …")
    node, _ = build_text(text, environment)
    known = set(postorder(f))
    if node not in known:
        raise SymderivError(f"'{text}' is no part of {f.text()}",
                            hint=f"split at one of {', '.join(names)}" if names else "split at a part, or name one: u = …")
    if isinstance(node, Symbol):
        raise SymderivError(f"'{text}' is a symbol, not an intermediate value", hint="split at what is computed from it")
    return node


def split(f: Expr, x: Symbol, u: Expr, facts: Facts) -> GaussNewton:
    """Split the Hessian of a scalar f by x at the intermediate u."""
    expect_scalar(f, "gauss_newton", "split a scalar loss")
    if len(u.shape) > 2:
        raise ShapeError(f"the split needs a vector or matrix; this is {shape_text(u.shape)}", shapes=(u.shape,))
    label = u.name if isinstance(u, Name) else _free_name(f)
    if not depends(u, x):
        raise SymderivError(f"'{label}' doesn't depend on '{x.name}'", hint="split between the variable and the loss")
    inner = u.body if isinstance(u, Name) else u
    held = name(label, box(inner, "silent"))                    # kept whole: the loss is a function of u, however it is spelt
    whole = substitute(f, {u: held})
    if depends(substitute(whole, {held: _stand_in(held)}), x):
        raise SymderivError(f"'{x.name}' reaches the loss past '{label}' too", hint="split where all ways pass through")
    engine = Engine(facts, [x])
    begin = engine.begin(whole)
    loss = begin.after
    held = next((n for n in postorder(loss) if isinstance(n, Name) and n.name == label), held)
    slope = engine.jacobian(loss, held)
    outer = engine.jacobian(slope.after, held)
    jac = engine.jacobian(held, x)
    curved = engine.jacobian(jac.after, x)
    k, m = tuple(("k", p) for p in range(len(u.shape))), tuple(("m", p) for p in range(len(u.shape)))
    i, j = tuple(("i", p) for p in range(len(x.shape))), tuple(("j", p) for p in range(len(x.shape)))
    whole_g = contract((der(held, x), der(der(loss, held), held), der(held, x)), (k + i, k + m, m + j), i + j)
    whole_r = contract((der(loss, held), der(der(held, x), x)), (k, k + i + j), i + j)

    def told(goal: Expr, kind: str, lemmas: dict[Expr, Proof]) -> Derivation:
        filled = engine.fill(goal, lemmas)
        proof = unfolded(engine, chain(goal, [filled, engine.simplify(filled.after)], engine.context), goal, [])
        return Derivation(kind, f, (x,), proof, facts, 2)

    second_outer = engine.second(slope, held, outer)
    second_inner = engine.second(jac, x, curved)
    g = told(whole_g, "G", {der(held, x): jac, der(der(loss, held), held): second_outer})
    r = told(whole_r, "R", {der(loss, held): slope, der(der(held, x), x): second_inner})
    h = derivative(f, [x], facts, 2, "hessian")
    as_variable = cast(Symbol, held)                            # a name has all that is read of a variable
    return GaussNewton(h, g, r, held, x, Derivation("jacobian", held, (x,), jac, facts),
                       Derivation("hessian", loss, (as_variable,), second_outer, facts, 2),
                       Derivation("gradient", loss, (as_variable,), slope, facts), facts)


def _stand_in(u: Expr) -> Expr:
    return symbol("u", u.shape, "formal")


def _free_name(f: Expr) -> str:
    taken = {n.name for n in postorder(f) if isinstance(n, Name | Symbol)}
    return next(t for t in ("u", "v", "s", "q", *(f"u{k}" for k in range(1, 1000))) if t not in taken)


__all__ = ["GaussNewton", "find_split", "split"]
