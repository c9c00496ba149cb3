"""Random scalar functions whose curvature is worth asking for, as hypothesis strategies that shrink.

A function is grown from what is wanted of it (convex, concave, affine, of one sign), by the rules of disciplined convex
programming; now and then a rule is broken on purpose, so that what is neither convex nor concave comes up too, and only
looks as if. What the certificate says is judged by numbers alone: the growth isn't evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.grammar import NAME, bracketed

SYMBOLS: Mapping[str, str] = {
    "x": "n", "y": "n", "p": "n", "t": "", "s": "", "X": "n n", "R": "m n",
    "A": "m n", "B": "k n", "b": "m", "c": "n", "w": "m", "v": "m", "q": "n", "l": "", "g": "", "P": "n n", "S": "n n", "K": "k k",
}  # fmt: skip
VARIABLES = ("x", "y", "p", "t", "s", "X", "R")
FACTS: Mapping[str, str] = {
    "p": "p > 0", "t": "t > 0", "X": "pd(X)", "w": "w >= 0", "l": "l >= 0", "P": "pd(P)", "S": "psd(S)", "K": "psd(K)",
}  # fmt: skip
WRONG = 8
"""one growth in so many breaks a rule"""


@dataclass(frozen=True)
class Asked:
    """A function as text, the shapes of its symbols, the facts, and the variables that it is asked about jointly."""

    text: str
    shapes: Mapping[str, str]
    assume: tuple[str, ...]
    wrt: tuple[str, ...]

    def call(self) -> str:
        """The call, to be pasted."""
        by = repr(self.wrt[0]) if len(self.wrt) == 1 else repr(list(self.wrt))
        declared = ", ".join(f"{n}={s!r}" for n, s in self.shapes.items())
        return f"sd.curvature({self.text!r}, {by}, assume={list(self.assume)!r}, {declared})"


class Growth:
    """Texts of functions that bend as wanted; ``draw`` is hypothesis's."""

    def __init__(self, draw: Callable[..., Any], variables: Sequence[str]) -> None:
        self.draw, self.variables = draw, variables

    def pick(self, options: Sequence[str]) -> str:
        return str(self.draw(st.sampled_from(list(options))))

    def fits(self, texts: Sequence[str]) -> list[str]:
        """Those that speak of no variable but the chosen ones."""
        others = set(VARIABLES) - set(self.variables)
        return [t for t in texts if not others & set(NAME.findall(t))]

    def wrong(self) -> bool:
        return self.draw(st.integers(0, WRONG)) == WRONG

    def vector(self, d: str) -> str:
        """An affine vector of length n, m or k."""
        parts = {
            "n": ["x", "y", "p", "c", "2 * x", "-x", "x - c", "x + y", "P @ x", "X @ c",
                  "(A.T @ v + x)", "x * c", "t * c + x", "diag(X)"],
            "m": ["A @ x + b", "A @ x", "R @ c", "v - A @ y", "b + t * v", "A @ (x - y)", "R @ c - b", "A @ p", "v * (A @ x)", "b"],
            "k": ["B @ x", "B @ (x - c)", "B @ y", "t * (B @ c)", "B @ X @ c"],
        }[d]
        return bracketed(self.pick(self.fits(parts) or ["c", "b", "B @ c"]["nmk".index(d) : "nmk".index(d) + 1]))

    def affine(self) -> str:
        parts = ["c @ x", "t", "s", "trace(P @ X)", "sum(R)", "v @ R @ c", "sum(p)", "b @ (A @ y)",
                 "2 * t - s", "trace(X)", "g", "x[0]", "c @ X @ c"]
        return bracketed(self.pick(self.fits(parts) or ["g"]))

    def convex(self, depth: int) -> str:
        """A convex scalar."""
        if self.wrong():
            return self.anything(depth)
        d = self.pick("nmk")
        a, a2, e = self.vector(d), self.vector(d), self.affine()
        atoms = [
            f"norm({a})", f"sum(abs({a}))", f"max({a})", f"logsumexp({a})", f"sum(exp({a}))", f"({a} @ {a})", f"sum(softplus({a}))",
            f"sum(relu({a}))", f"abs({e})", f"({e})**2", f"({e})**4", f"exp({e})", f"sum(({a} - {a2})**2)", f"-min({a})", f"relu({e})",
            f"sum(logcosh({a}))", f"norm({a})**3", f"sum(maximum({a}, {a2}))", f"norm({a}) * 2", f"softplus({e})",
            f"sum(square({a}))", f"sum(abs({a})**3)",
        ]  # fmt: skip
        special = self.fits([
            "x @ P @ x", "(x - c) @ S @ (x - c)", "(A @ x - b) @ (A @ x - b)", "-logdet(X)", "trace(inv(X))", "c @ inv(X) @ c",
            "x @ inv(X) @ x", "sum(x**2)/t", "sum(p * log(p))", "-sum(log(p))", "sum(1/p)", "1/t", "-sqrt(t)", "t * log(t)", "-log(t)",
            "sum(p * log(p/c**2))", "t * exp(s/t)", "-sum(sqrt(p))", "sum(p**1.5)", "trace(R.T @ R @ P)", "sum((R @ c - b)**2)",
            "hinge(R @ c, v)", "huber(A @ x, b)",
            "sqrt(1 + x @ x)", "sqrt(x @ P @ x)", "mse(A @ x, b)", "(B @ x) @ K @ (B @ x)", "s**2/t", "trace(X @ X)",
            "sum(R**2)", "norm(R)", "bce_with_logits(A @ x, w)", "poisson_nll(A @ x, b)", "log_cosh(A @ x, b)", "cross_entropy(A @ x, w)",
            "sum(softplus(-v * (A @ x)))", "-log(t - x @ x)", "1/(t*s**2)", "sum(x * x * w[0])",
        ])  # fmt: skip
        if depth <= 0:
            return self.pick(atoms + special * 2)
        inner = bracketed(self.convex(depth - 1))
        made = [
            f"{inner} + {bracketed(self.convex(depth - 1))}", f"{inner} + {e}", f"{inner} - {bracketed(self.concave(depth - 1))}",
            f"l * {inner}", f"3 * {inner}", f"exp({inner})", f"maximum({inner}, {bracketed(self.convex(depth - 1))})", f"softplus({inner})",
            f"relu({inner})", f"(relu({inner}))**2", f"log(exp({inner}) + exp({bracketed(self.convex(depth - 1))}))", f"{inner} * sum(w)",
            f"relu({inner})**1.5", f"sum(w * {inner})", f"-log(exp(-{inner}))",
        ]  # fmt: skip
        return self.pick(made)

    def concave(self, depth: int) -> str:
        if self.wrong():
            return self.anything(depth)
        special = self.fits([
            "sqrt(t)", "log(t)", "sum(log(p))", "logdet(X)", "sqrt(t*p[0])", "-sum(p*log(p))", "log(sum(p))", "sum(sqrt(p))", "min(x)",
            "log(1 + sum(p))", "sum(log_sigmoid(A @ x))", "sum(log(normal_cdf(A @ x)))",
            "sum(w * log(1 - normal_cdf(A @ y)))", "sum(log(sigmoid(R @ c)))", "logdet(A @ diag(p) @ A.T)", "t*log(1 + p[0]/t)",
            "t*log(p[0]/t)", "-norm(x)",
        ])  # fmt: skip
        negated = f"-{bracketed(self.convex(depth))}"
        if depth <= 0:
            return self.pick([negated, *special, *special])
        inner = bracketed(self.concave(depth - 1))
        return self.pick([
            negated, f"{inner} + {bracketed(self.concave(depth - 1))}", f"minimum({inner}, {self.affine()})", f"-exp(-{inner})",
            f"-softplus(-{inner})", f"2 * {inner}", f"l * {inner} + {self.affine()}", f"-relu(-{inner})", f"log_sigmoid({inner})",
        ])  # fmt: skip

    def anything(self, depth: int) -> str:
        """What looks as if it were convex, and often isn't."""
        one, two = bracketed(self.convex(depth - 1) if depth > 0 else self.affine()), bracketed(self.affine())
        a, d = self.vector("m"), self.vector("n")
        return self.pick([
            f"{one} * {two}", f"minimum({one}, {two})", f"sqrt(1 + {one}**2)", f"log(1 + {one}**2)", f"sin({one})", f"tanh({one})",
            f"{one}**3", f"{two} - {one}", f"g * {one}", f"sum(v * abs({a}))", f"sum(tanh({a}))", f"sum({a}**3)", f"norm({a}) - max({a})",
            f"sum({d} * c * {d})", f"abs({one})", f"{one}**2", f"exp(-{one})", f"max({a}) * {two}", f"sum(sigmoid({a}))",
            f"sum({d}**4 - {d}**2)", f"1/(1 + {one}**2)",
            f"log(1 + exp({one})) - {one}/2", f"sum(relu({a}) - abs({a})/3)", f"silu({two})", f"{two} * abs({two})",
        ])  # fmt: skip


@st.composite
def functions(draw: Callable[..., Any], depth: int = 2) -> Asked:
    """A function of one, two or three variables."""
    chosen = draw(st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=3, unique=True))
    growth = Growth(draw, chosen)
    kind = draw(st.sampled_from(("convex", "convex", "concave", "anything")))
    text = getattr(growth, str(kind))(draw(st.integers(0, depth)))
    names = set(NAME.findall(text))
    used = [n for n in SYMBOLS if n in names]
    wrt = tuple(n for n in used if n in VARIABLES)
    if not wrt:
        text, used, wrt = f"{text} + 0 * sum(x)", [*used, *([] if "x" in used else ["x"])], ("x",)
    sizes = names & {"n", "m", "k"}
    assert not sizes, text
    facts = tuple(FACTS[n] for n in used if n in FACTS and draw(st.integers(0, WRONG)) < WRONG)  # now and then one is missing
    return Asked(text, {n: SYMBOLS[n] for n in used}, facts, wrt)


__all__ = ["FACTS", "SYMBOLS", "VARIABLES", "Asked", "functions"]
