"""The derivative: one table of local Jacobians, and the rules that chain them.

``local(node, k)`` is ∂node/∂(its k-th kid), every other kid held, of shape node.shape + kid.shape. It is stated once;
forward (`product_rule`, …) and reverse (`pull_back`) are contractions of it. Only true leaves have one by hand.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from symderiv.build import (
    add,
    apply,
    call,
    contract,
    der,
    identity,
    name,
    power,
    scale,
    substitute,
    symbol,
    transform,
    value_shape,
    view,
    zero,
)
from symderiv.errors import NoRuleError
from symderiv.frontend.rows import definition_of, derivative_of, has_definition
from symderiv.ir import Add, Box, Call, Contract, Der, Expr, Map, Name, depends, postorder
from symderiv.rules import spectra
from symderiv.rules.base import Context, rule

CALCULUS = "Magnus & Neudecker 2019, chapter 5"

# ---------------------------------------------------------------- local Jacobians
def local(node: Expr, k: int, lemma: Expr | None = None) -> Expr:
    """∂node/∂node.kids[k]; for a function with a definition, ``lemma`` is its Jacobian on formal arguments."""
    kid = node.kids[k]
    if isinstance(node, Name | Box):
        return identity(kid.shape)
    if isinstance(node, Add):
        return scale(node.terms[k][0], identity(kid.shape))
    if isinstance(node, Contract):
        others = [j for j in range(len(node.factors)) if j != k]
        return contract([node.factors[j] for j in others], [node.labels[j] for j in others], node.out + node.labels[k],
                        dict(enumerate(node.dims)))
    if isinstance(node, Map):
        slope = _slope(node)
        labels = tuple(range(len(node.shape)))
        return contract((slope,), (labels,), labels + labels)
    if isinstance(node, Call):
        if node.abstract:
            made = call(node.fn, node.args, value_shape(node), node.params, True, (*node.ders, k))
            return _ders_last(node, k, made)
        if lemma is not None:
            return substitute(lemma, dict(zip(formal_arguments(node), node.args, strict=True)))
        if node.fn in _PRIMITIVES:
            return _PRIMITIVES[node.fn](node)
    raise NoRuleError(f"no derivative is known for '{getattr(node, 'fn', node)}' (argument {k + 1} of {len(node.kids)})")


def _ders_last(node: Call, k: int, made: Call) -> Expr:
    """The axes of the new derivative go last; the node keeps those of its arguments in order."""
    value = len(value_shape(node))
    position, after = value, []
    for d in made.ders:
        width = len(made.args[d].shape)
        after.append((d, tuple(range(position, position + width))))
        position += width
    last = max(j for j, (d, _) in enumerate(after) if d == k)
    order = list(range(value)) + [p for j, (_, places) in enumerate(after) if j != last for p in places] + list(after[last][1])
    if order == list(range(len(order))):
        return made
    return view(made, tuple(range(len(order))), tuple(order))


def _slope(node: Map) -> Expr:
    """f'(arg), of the argument's shape."""
    if node.fn == "pow":
        q = node.params[0]
        return scale(q, power(node.arg, q - 1))
    if node.generic:
        return apply(node.fn, node.arg, node.params, node.order + 1, True)
    return derivative_of(node)


def _inverse(node: Call) -> Expr:
    return contract((scale(-1, node), node), (("i", "k"), ("l", "j")), ("i", "j", "k", "l"))


def _determinant(node: Call) -> Expr:
    inverse = call("inv", node.args, node.args[0].shape)
    return contract((node, inverse), ((), ("j", "i")), ("i", "j"))


def _log_determinant(node: Call) -> Expr:
    return view(call("inv", node.args, node.args[0].shape), ("j", "i"), ("i", "j"))


def _reshape(node: Call) -> Expr:
    kid = node.args[0]
    return call("reshape", (identity(kid.shape),), node.shape + kid.shape, (*node.params, *(1 for _ in kid.shape)))


def _maximum(node: Call) -> Expr:
    """1 at the largest entry, away from ties."""
    labels, kept = spectra.along(node)
    return view(call("is_max", node.args, node.args[0].shape, node.params), labels, kept + labels)


def _threshold(half: Fraction, support: Callable[[Expr], Expr]) -> Callable[[Call], Expr]:
    """∂τ = ⟨s, c ∂x⟩/Σs, by differentiating Σ max(cx − τ, 0)ᵏ = 1; s is H(x − τ), or max(x/2 − τ, 0)."""
    def local(node: Call) -> Expr:
        x = node.args[0]
        labels, kept = spectra.along(node)
        s = support(add([(half, x), (-1, view(node, kept, labels, dict(enumerate(x.shape))))], x.shape))
        found = contract((s, power(view(s, labels, kept), -1)), (labels, kept), kept + labels)
        return scale(half, found)
    return local


_PRIMITIVES = {
    "sparsemax_threshold": _threshold(Fraction(1), lambda v: apply("heaviside", v)),
    "entmax15_threshold": _threshold(Fraction(1, 2), lambda v: apply("relu", v)),
    "inv": _inverse, "det": _determinant, "logdet": _log_determinant, "reshape": _reshape, "max": _maximum,
    "is_max": lambda node: zero(node.shape + node.args[0].shape), **spectra.LOCAL,
}
"""∂(X⁻¹)_ij/∂X_kl = −(X⁻¹)_ik (X⁻¹)_lj; ∂det X/∂X = det X · X⁻ᵀ; ∂log|det X|/∂X = X⁻ᵀ (Petersen & Pedersen 2012, 2.1–2.2)."""


def formal_arguments(node: Call) -> tuple[Expr, ...]:
    """Fresh symbols of the arguments' shapes, on which a function's lemma is proved."""
    return tuple(symbol("u" if len(node.args) == 1 else f"u{k + 1}", a.shape, "formal") for k, a in enumerate(node.args))


def formal(node: Call) -> Call:
    """The function at its formal arguments."""
    return call(node.fn, formal_arguments(node), value_shape(node), node.params, node.abstract, node.ders)


def needs_lemma(node: Expr) -> bool:
    """True for a function whose Jacobian is derived from its definition."""
    return isinstance(node, Call) and not node.abstract and node.fn not in _PRIMITIVES and has_definition(node)


# ---------------------------------------------------------------- forward
def _named(jacobian: Expr, context: Context) -> Expr:
    """A local Jacobian in the user's names: 1 − a² where a = tanh z."""
    return transform(jacobian, lambda n: n if isinstance(n, Name) else context.names.get(n)) if context.names else jacobian


def _forward(goal: Der, context: Context, lemma: Expr | None = None) -> Expr:
    """Σ_k local(c, k) · ∂kid_k/∂x, over the kids that depend on x."""
    c, x = goal.body, goal.wrt
    out = tuple(("o", p) for p in range(len(c.shape)))
    tail = tuple(("x", p) for p in range(len(x.shape)))
    terms = []
    for k, kid in enumerate(c.kids):
        if depends(kid, x):
            inner = tuple(("k", p) for p in range(len(kid.shape)))
            terms.append((1, contract((_named(local(c, k, lemma), context), der(kid, x)), (out + inner, inner + tail), out + tail)))
    return add(terms, goal.shape)


def _dependent(goal: Der) -> int:
    return sum(depends(kid, goal.wrt) for kid in goal.body.kids)


def _two() -> tuple[Der, Context]:
    a, x = symbol("A", (3, 2)), symbol("x", (2,))
    y = contract((a, x), (("i", "j"), ("j",)), ("i",))
    return der(contract((apply("tanh", y), y), (("i",), ("i",)), ("i",)), x), Context()


def _one() -> tuple[Der, Context]:
    x = symbol("x", (2,))
    return der(contract((symbol("A", (3, 2)), apply("tanh", x)), (("i", "j"), ("j",)), ("i",)), x), Context()


def _sum() -> tuple[Der, Context]:
    x = symbol("x", (2,))
    return der(add([(1, apply("exp", x)), (-3, apply("sin", x))], (2,)), x), Context()


def _map() -> tuple[Der, Context]:
    x = symbol("x", (2,))
    return der(apply("tanh", contract((symbol("A", (3, 2)), x), (("i", "j"), ("j",)), ("i",))), x), Context()


def _call() -> tuple[Der, Context]:
    x = symbol("w", (2,))
    return der(call("N", (apply("tanh", x),), (3,), abstract=True), x), Context()


@rule("differentiate variable", r"\partial x_k/\partial x_j=\delta_{kj}", [Der],
      example=lambda: (der(symbol("x", (2,)), symbol("x", (2,))), Context()))
def differentiate_variable(node: Der, context: Context) -> Expr | None:
    return identity(node.wrt.shape) if node.body is node.wrt else None


@rule("differentiate constant", r"\partial c/\partial x_j=0", [Der],
      example=lambda: (der(symbol("c", (3,)), symbol("x", (2,))), Context()))
def differentiate_constant(node: Der, context: Context) -> Expr | None:
    return None if depends(node.body, node.wrt) else zero(node.shape)


@rule("sum rule", r"\partial(a+b)=\partial a+\partial b", [Der], example=_sum, source=CALCULUS)
def sum_rule(node: Der, context: Context) -> Expr | None:
    return _forward(node, context) if isinstance(node.body, Add) and node.body is not node.wrt else None


@rule("product rule", r"\partial\textstyle\sum_k a_kb_k=\sum_k(\partial a_k\,b_k+a_k\,\partial b_k)", [Der], example=_two,
      source=CALCULUS)
def product_rule(node: Der, context: Context) -> Expr | None:
    return _forward(node, context) if isinstance(node.body, Contract) and node.body is not node.wrt and _dependent(node) > 1 else None


@rule("linearity", r"\partial\textstyle\sum_k c_k\,x_k=\sum_k c_k\,\partial x_k", [Der], example=_one, source=CALCULUS)
def linearity(node: Der, context: Context) -> Expr | None:
    return _forward(node, context) if isinstance(node.body, Contract) and node.body is not node.wrt and _dependent(node) == 1 else None


@rule("elementwise chain rule", r"\partial f(z_i)=f^{\prime}(z_i)\,\partial z_i", [Der], example=_map, source=CALCULUS)
def elementwise_chain_rule(node: Der, context: Context) -> Expr | None:
    return _forward(node, context) if isinstance(node.body, Map) and node.body is not node.wrt else None


def _vec() -> tuple[Der, Context]:
    x = symbol("x", (2,))
    product = contract((x, symbol("a", (3,))), (("i",), ("j",)), ("i", "j"))
    return der(call("reshape", (product,), (6,), (2,)), x), Context()


@rule("linearity", r"\partial\operatorname{vec}(X)=\operatorname{vec}(\partial X)", [Der], example=_vec, source=CALCULUS)
def differentiate_reshaped(node: Der, context: Context) -> Expr | None:
    """Joining axes is linear: the derivative of what is joined, joined."""
    body, x = node.body, node.wrt
    if not isinstance(body, Call) or body.fn != "reshape" or body is x:
        return None
    return call("reshape", (der(body.args[0], x),), node.shape, (*body.params, *(1 for _ in x.shape)))


@rule("chain rule", r"\partial N_i(u)=\textstyle\sum_k(J_N(u))_{ik}\,\partial u_k", [Der], example=_call, source=CALCULUS)
def chain_rule(node: Der, context: Context) -> Expr | None:
    if not isinstance(node.body, Call) or node.body is node.wrt or needs_lemma(node.body):
        return None
    return _forward(node, context)


@rule("chain rule", r"\partial N_i(u)=\textstyle\sum_k(J_N(u))_{ik}\,\partial u_k", [Der], family="lemma", source=CALCULUS)
def chain_rule_with_lemma(node: Der, context: Context, choice: object, cited: tuple) -> Expr | None:
    """The chain rule at a function whose Jacobian on formal arguments is the cited lemma."""
    if not isinstance(node.body, Call) or cited[0].before is not der(formal(node.body), formal_arguments(node.body)[0]):
        return None
    return _forward(node, context, cited[0].after)


@rule("unfold definition", r"f(x)\to\text{its definition}", [Der],
      example=lambda: (der(call("softmax", (symbol("u", (3,)),), (3,), (0,)), symbol("u", (3,))), Context()))
def differentiate_definition(node: Der, context: Context) -> Expr | None:
    """Replace a function by its definition, to differentiate it."""
    if isinstance(node.body, Call) and needs_lemma(node.body) and node.body is not node.wrt:
        return der(definition_of(node.body), node.wrt)
    return None


@rule("unfold name", r"z\to\text{what it stands for}", [Der], family="name",
      example=lambda: (der(name("z", apply("tanh", symbol("x", (2,)))), symbol("x", (2,))), Context()))
def differentiate_named(node: Der, context: Context) -> Expr | None:
    body = node.body
    return der(body.body, node.wrt) if isinstance(body, Name | Box) and body is not node.wrt else None


FORWARD = (differentiate_variable, differentiate_constant, differentiate_named, sum_rule, product_rule, linearity,
           elementwise_chain_rule, differentiate_reshaped, chain_rule)
"""The rules that open a hole, in the order tried; `differentiate_definition` and lemmas are the engine's choice."""


# ---------------------------------------------------------------- reverse
@lru_cache(maxsize=64)
def uses(root: Expr) -> dict[Expr, tuple[tuple[Expr, int], ...]]:
    """For each node below the root, the places (node above, which kid) where it is used."""
    found: dict[Expr, list[tuple[Expr, int]]] = {}
    for node in postorder(root):
        for k, kid in enumerate(node.kids):
            found.setdefault(kid, []).append((node, k))
    return {kid: tuple(places) for kid, places in found.items()}


@rule("pull back", r"\delta_x=(\partial v/\partial x^\top)^\top\delta_v", [Der], family="lemma",
      source="Griewank & Walther 2008, section 3.2")
def pull_back(node: Der, context: Context, choice: object, cited: tuple) -> Expr | None:
    """∂L/∂c = Σ over the uses v of c of (∂L/∂v)·(local Jacobian of v by c): cotangents of all uses add."""
    root, c = node.body, node.wrt
    if root.shape or root is c:
        return None
    lemmas = {proof.before: proof.after for proof in cited}
    inner = tuple(("k", p) for p in range(len(c.shape)))
    terms = []
    for v, k in uses(root).get(c, ()):
        out = tuple(("o", p) for p in range(len(v.shape)))
        lemma = None
        if needs_lemma(v):
            assert isinstance(v, Call)
            lemma = lemmas.get(der(formal(v), formal_arguments(v)[0]))
            if lemma is None:
                return None
        terms.extend(_distributed(_named(local(v, k, lemma), context), der(root, v), out, inner))
    return add(terms, c.shape)


def _distributed(jacobian: Expr, cotangent: Expr, out: tuple, inner: tuple) -> list[tuple[Fraction, Expr]]:
    """Cotangent · Jacobian, over the terms of a Jacobian that is a sum: (diag p − p pᵀ)ᵀδ is two vectors."""
    terms = jacobian.terms if isinstance(jacobian, Add) else ((Fraction(1), jacobian),)
    return [(c, contract((cotangent, t), (out, out + inner), inner)) for c, t in terms]


# ---------------------------------------------------------------- names
@rule("name", r"\text{let } z=\ldots", [Expr], family="name", choices=lambda node, context: ())
def let(node: Expr, context: Context, choice: tuple[str, str]) -> Expr | None:
    """Give a node a name; choice is (name, role)."""
    return name(choice[0], node, choice[1])


@rule("unfold name", r"z\to\text{what it stands for}", [Name], family="name",
      example=lambda: (name("z", apply("tanh", symbol("x", (2,)))), Context()))
def unfold_name(node: Name, context: Context) -> Expr | None:
    return node.body


__all__ = ["FORWARD", "formal", "formal_arguments", "let", "local", "needs_lemma", "pull_back", "unfold_name", "uses"]
