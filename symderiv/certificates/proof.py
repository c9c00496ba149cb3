"""What a certificate of curvature is made of: a tree of claims, each with its rule, its law and the facts it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from symderiv.decision import Decision
from symderiv.facts import Facts
from symderiv.ir import Expr

Kind = Literal["matrix", "entries", "function"]
Axes = tuple[int, ...]
LAWS = {
    "zero": r"0\succeq 0",
    "name": r"z=\ldots",
    "fact": r"\text{by assumption}",
    "range": r"\text{by the ranges of its parts}",
    "sum": r"P,Q\succeq 0\Rightarrow P+Q\succeq 0",
    "scaling": r"P\succeq 0,\ c\ge 0\Rightarrow cP\succeq 0",
    "weighting": r"w\ge 0,\ P\succeq 0\Rightarrow wP\succeq 0",
    "diagonal": r"v\ge 0\Rightarrow\operatorname{diag}(v)\succeq 0",
    "outer square": r"v\,v^\top\succeq 0",
    "square": r"A^\top A\succeq 0",
    "congruence": r"P\succeq 0\Rightarrow A^\top P A\succeq 0",
    "weighted sum of squares": r"w\ge 0\Rightarrow A^\top\operatorname{diag}(w)A\succeq 0",
    "Schur product": r"P,Q\succeq 0\Rightarrow P\odot Q\succeq 0",
    "Kronecker product": r"P,Q\succeq 0\Rightarrow P\otimes Q\succeq 0",
    "quadratic form": r"P\succeq 0\Rightarrow x^\top P x\ge 0",
    "product": r"a,b\ge 0\Rightarrow ab\ge 0",
    "power": r"a\ge 0\Rightarrow a^q\ge 0",
    "Schur series": r"P\succeq 0\Rightarrow e^{P_{ij}}\succeq 0",
    "inverse": r"P\succ 0\Rightarrow P^{-1}\succ 0",
    "diagonal minus rank one": r"d\ge 0,\ \textstyle\sum_i v_i^2/d_i\le 1\Rightarrow\operatorname{diag}(d)-v\,v^\top\succeq 0",
    "symmetric directions": r"\langle V,H V\rangle\text{ for }V=V^\top",
    "Hessian of a convex function": r"L\text{ convex}\Rightarrow h_L\succeq 0",
    "Hessian of a concave function": r"L\text{ concave}\Rightarrow h_L\preceq 0",
    "simplification": r"P=Q",
    "affine": r"f(x)=Ax+b",
    "sum of functions": r"f,g\text{ convex}\Rightarrow f+g\text{ convex}",
    "nonnegative weights": r"w\ge 0,\ f\text{ convex}\Rightarrow wf\text{ convex}",
    "convex function of an affine one": r"f\text{ convex}\Rightarrow f(Ax+b)\text{ convex}",
    "monotone composition": r"f\text{ convex, increasing},\ g\text{ convex}\Rightarrow f\circ g\text{ convex}",
    "log-concave function": r"f\text{ log-concave},\ g\text{ affine}\Rightarrow\log f(g)\text{ concave}",
    "norm": r"\sqrt{c+\textstyle\sum_i g_i^2}\text{ convex for }c\ge 0\text{ and convex }\lvert g_i\rvert",
    "second derivative": r"\nabla^2 f\succeq 0\Rightarrow f\text{ convex}",
    "product of powers": r"\textstyle\prod_i x_i^{a_i}\text{ concave for }a\ge 0,\ \sum_i a_i\le 1;"
    r"\text{ convex if one }a_i>0\text{ at most and, with one, }\sum_i a_i\ge 1",
    "perspective": r"f\text{ convex},\ t>0\Rightarrow t\,f(x/t)\text{ convex in }(x,t)",
    "matrix fraction": r"a^\top X^{-1}a\text{ convex in }(a,X),\ X\succ 0",
    "log det": r"\log\det X\text{ concave},\ X\succ 0",
    "pointwise maximum": r"f,g\text{ convex}\Rightarrow\max(f,g)\text{ convex}",
    "pointwise minimum": r"f,g\text{ concave}\Rightarrow\min(f,g)\text{ concave}",
    "Huber function": r"g\text{ affine}\Rightarrow g^2-\max(\lvert g\rvert-\delta,0)^2\text{ convex}",
}


@dataclass(frozen=True)
class ProofNode:
    """One claim: of a matrix, that it is ``relation`` 0 (⪰, ≻, ⪯, ≺) as a form on its axes ``left`` and ``right``, at every
    index of the others; of ``entries``, that they are ≥, >, ≤ or < 0; of a function, that it is convex, concave or affine.

    ``detail`` holds what the rule chose, so that the claim can be checked from its children again.
    """

    expr: Expr
    kind: Kind
    relation: str
    rule: str
    left: Axes = ()
    right: Axes = ()
    children: tuple[ProofNode, ...] = ()
    facts: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def law(self) -> str:
        return LAWS[self.rule]

    @property
    def strict(self) -> bool:
        return self.relation in ("≻", "≺", ">", "<") or bool(self.detail.get("strict"))

    @property
    def sign(self) -> int:
        return -1 if self.relation in ("⪯", "≺", "≤", "<", "concave") else 1

    @property
    def claim(self) -> str:
        """The claim as text."""
        if self.kind == "function":
            how = "strongly " if self.detail.get("modulus") is not None else "strictly " if self.strict else ""
            return f"{self.expr.text()} is {how}{self.relation}"
        return f"{self.expr.text()} {self.relation} 0"

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every fact that the tree uses."""
        return tuple(dict.fromkeys(t for node in self.walk() for t in node.facts))

    def walk(self) -> Iterator[ProofNode]:
        """The tree, root first."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def __repr__(self) -> str:
        return self.text()

    def text(self, indent: int = 0) -> str:
        """The tree, a line per claim."""
        given = f"  [{', '.join(self.facts)}]" if self.facts else ""
        lines = [f"{'  ' * indent}{self.claim}  — {self.rule}{given}"]
        return "\n".join([*lines, *(child.text(indent + 1) for child in self.children)])


@dataclass(frozen=True)
class Counterexample:
    """Where a form takes a sign: arrays by name, a direction v of the variable's shape, and vᵀHv."""

    values: Mapping[str, Any]
    direction: Any
    value: float

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True, repr=False)
class Certificate(Decision):
    """``verdict`` is "psd", "nsd", "indefinite" or "unknown"; true where it is decided. ``zero`` says that the form is 0.

    ``counterexample`` shows a negative value of the form, ``positive`` a positive one: both together make it
    indefinite, one alone says what it is not. ``undecided`` is the smallest part about which nothing could be shown.
    """

    verdict: Literal["psd", "nsd", "indefinite", "unknown"]
    expr: Expr
    strict: bool = False
    proof: ProofNode | None = None
    counterexample: Counterexample | None = None
    positive: Counterexample | None = None
    reason: str = ""
    undecided: Expr | None = None
    zero: bool = False
    facts: Facts = field(default_factory=Facts, repr=False)

    def __bool__(self) -> bool:
        return self.verdict != "unknown"

    @property
    def assumptions(self) -> tuple[str, ...]:
        return self.proof.assumptions if self.proof else ()


@dataclass(frozen=True, repr=False)
class Curvature(Decision):
    """``verdict`` is "convex", "concave", "affine", "neither" or "unknown", with a proof or a counterexample.

    ``strict`` says strictly convex or concave, ``strong`` holds what makes it strongly so. The counterexample of
    "neither" is a point, a direction of the variable's shape (a dictionary, asked of several variables) and the negative
    curvature in it; ``positive`` is one of positive curvature.
    """

    verdict: Literal["convex", "concave", "affine", "neither", "unknown"]
    strict: bool = False
    proof: ProofNode | None = None
    counterexample: Counterexample | None = None
    positive: Counterexample | None = None
    reason: str = ""
    hessian: Expr | None = None
    undecided: Expr | None = None
    given: tuple[str, ...] = ()
    """facts used in deriving the Hessian, and where the function is defined"""
    strong: Expr | None = None
    """a definite matrix free of the variable that the Hessian exceeds (convex) or stays below (concave)"""

    def __bool__(self) -> bool:
        return self.verdict != "unknown"

    @property
    def assumptions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*(self.proof.assumptions if self.proof else ()), *self.given)))


__all__ = ["LAWS", "Axes", "Certificate", "Counterexample", "Curvature", "ProofNode"]
