"""Rules that rest on a fact: of the user's (each use is a step that names it), or of a function's range."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from symderiv.build import add, call, contract, name, ones, power, substitute, symbol, view
from symderiv.facts import Fact, facts
from symderiv.functions import TENSOR
from symderiv.ir import Add, Call, Contract, Expr, Map, Symbol, is_zero, scaled
from symderiv.rules.base import Context, Used, peel, rule
from symderiv.rules.definitions import axes as axes_of


def _y() -> Expr:
    return symbol("y", (3,))


def _given(*given: Fact) -> Context:
    return Context(facts(given))


def _square_is_one() -> Context:
    return _given(Fact("equal", power(_y(), 2), "y**2 == 1", ones((3,))))


@rule("assumption", r"\text{lhs}\to\text{rhs}", [Contract, Map, Call],
      example=lambda: (power(_y(), 2), _square_is_one()))
def apply_equality(node: Expr, context: Context) -> Used | None:
    """A node that a fact equates with another is replaced by it; yᵏ by powers of a known yᵐ."""
    for fact in context.facts.of("equal"):
        if fact.value is None:
            continue
        if fact.subject is node:
            return Used(fact.value, (fact,))
        if isinstance(fact.subject, Map) and fact.subject.fn == "pow" and isinstance(node, Map) and node.fn == "pow":
            m, k = fact.subject.params[0], node.params[0]
            if fact.subject.arg is peel(node.arg) and m > 1 and m.denominator == k.denominator == 1 and k >= m:
                labels = tuple(range(len(node.shape)))
                return Used(contract((fact.value, power(node.arg, k - m)), (labels, labels), labels), (fact,))
    return None


def _summed_rows(node: Contract) -> Iterator[tuple[int, Expr, tuple[int, ...], tuple[int, ...]]]:
    """(factor, base, labels, axes) of factors some of whose axes are summed and touch no other factor."""
    for k, (f, ls) in enumerate(zip(node.factors, node.labels, strict=True)):
        others = {x for j, row in enumerate(node.labels) if j != k for x in row}
        axes = tuple(a for a, x in enumerate(ls) if x not in others and x not in node.out and ls.count(x) == 1)
        if axes:
            yield k, f, ls, axes


def _without(node: Contract, k: int, rows: list[tuple[Expr, tuple[int, ...]]]) -> Expr:
    kept = [(f, ls) for j, (f, ls) in enumerate(zip(node.factors, node.labels, strict=True)) if j != k] + rows
    used = {x for _, ls in kept for x in ls} | set(node.out)
    return contract([f for f, _ in kept], [ls for _, ls in kept], node.out, {x: node.dims[x] for x in used})


_ON_SIMPLEX = frozenset(row.name for row in TENSOR.values() if "sum(p, axis=axis) == 1" in row.facts)


@rule("entries sum to one", r"\mathbf{1}^\top\operatorname{softmax}(u)=1", [Contract], family="sum to one",
      example=lambda: (view(call("softmax", (_y(),), (3,), (0,)), (0,), ()), Context()))
def softmax_sums_to_one(node: Contract, context: Context) -> Expr | None:
    """So do those of every function whose row says that its values lie on a simplex."""
    for k, f, ls, axes in _summed_rows(node):
        p = peel(f)
        if isinstance(p, Call) and p.fn in _ON_SIMPLEX and not p.abstract and not p.ders and set(axes_of(p)) <= set(axes):
            rest = tuple(x for a, x in enumerate(ls) if a not in axes_of(p))
            return _without(node, k, [(ones(tuple(node.dims[x] for x in rest)), rest)])
    return None


def _centred() -> tuple[Expr, Context]:
    x = symbol("x", (3,))
    return view(name("c", add([(1, x), (Fraction(-1, 3), view(x, "k", "i", {"i": 3}))], (3,))), (0,), ()), Context()


@rule("assumption", r"\textstyle\sum_i y_i=c", [Contract],
      example=lambda: (view(_y(), (0,), ()), _given(Fact("sum", _y(), "sum(y) == 1", ones(()), (0,)))))
def apply_sum(node: Contract, context: Context) -> Used | None:
    """Σy over the axes that a fact is about is replaced by its value."""
    for fact in context.facts.of("sum"):
        for k, f, ls, axes in _summed_rows(node):
            if peel(f) is fact.subject and set(fact.axes) <= set(axes) and fact.value is not None:
                rest = tuple(x for a, x in enumerate(ls) if a not in fact.axes)
                return Used(_without(node, k, [(fact.value, rest)]), (fact,))
    return None


@rule("unfold name", r"\textstyle\sum_i z_i=c\text{ where the terms of }z\text{ cancel}", [Contract], family="name", example=_centred)
def sum_of_named(node: Contract, context: Context) -> Used | None:
    """Σz over what z stands for, where that is a number: x − mean x sums to 0."""
    for k, f, ls, axes in _summed_rows(node):
        body = peel(f)
        if f is body or not isinstance(body, Add):
            continue
        rest = tuple(x for a, x in enumerate(ls) if a not in axes)
        inner = tuple(range(len(ls)))
        kept = tuple(a for a in inner if a not in axes)
        used: list[Fact] = []
        terms: list[tuple[Fraction, Expr]] = []
        for c, t in body.terms:
            over = view(t, inner, kept)
            known = apply_sum.fire(over, context)
            used.extend(known.facts if known else ())
            terms.append((c, known.after if known else over))
        value = add(terms, tuple(body.shape[a] for a in kept))
        if is_zero(value) or scaled(value)[1] is ones(value.shape):
            return Used(_without(node, k, [(value, rest)]), tuple(dict.fromkeys(used)))
    return None


@rule("assumption", r"y_i\,y_j=\delta_{ij}\,y_i\text{ for one-hot }y", [Contract],
      example=lambda: (contract((_y(), _y()), ((0,), (1,)), (0, 1)), _given(Fact("onehot", _y(), "onehot(y)"))))
def apply_onehot(node: Contract, context: Context) -> Used | None:
    for fact in context.facts.of("onehot"):
        places = [k for k, f in enumerate(node.factors) if peel(f) is fact.subject]
        for a in places:
            for b in places:
                la, lb = node.labels[a], node.labels[b]
                if a < b and la[:-1] == lb[:-1] and la[-1] != lb[-1]:
                    out = tuple(la[-1] if x == lb[-1] else x for x in node.out)
                    rows = [(f, tuple(la[-1] if x == lb[-1] else x for x in ls))
                            for k, (f, ls) in enumerate(zip(node.factors, node.labels, strict=True)) if k != b]
                    used = {x for _, ls in rows for x in ls} | set(out)
                    return Used(contract([f for f, _ in rows], [ls for _, ls in rows], out, {x: node.dims[x] for x in used}), (fact,))
    return None


@rule("assumption", r"Q^\top Q=I,\ Q\,Q^\top=I", [Contract],
      example=lambda: (contract((symbol("Q", (3, 3)), symbol("Q", (3, 3))), (("k", "i"), ("k", "j")), ("i", "j")),
                       _given(Fact("orthogonal", symbol("Q", (3, 3)), "orthogonal(Q)"))))
def apply_orthogonal(node: Contract, context: Context) -> Used | None:
    for fact in context.facts.of("orthogonal"):
        places = [k for k, f in enumerate(node.factors) if peel(f) is fact.subject]
        for a in places:
            for b in places:
                for axis in (0, 1):
                    x = node.labels[a][axis]
                    if a < b and x == node.labels[b][axis] and x not in node.out \
                            and sum(ls.count(x) for ls in node.labels) == 2:
                        i, j = node.labels[a][1 - axis], node.labels[b][1 - axis]
                        rows = [(f, tuple(i if y == j else y for y in ls))
                                for k, (f, ls) in enumerate(zip(node.factors, node.labels, strict=True)) if k not in (a, b)]
                        out = tuple(i if y == j else y for y in node.out)
                        used = {y for _, ls in rows for y in ls} | set(out) | {i}
                        return Used(contract([f for f, _ in rows], [ls for _, ls in rows], out,
                                             {y: node.dims[y] for y in used}), (fact,))
    return None


@rule("inverse", r"X^{-1}X=I", [Contract],
      example=lambda: (contract((call("inv", (symbol("X", (3, 3)),), (3, 3)), symbol("X", (3, 3))),
                                (("i", "k"), ("k", "j")), ("i", "j")), Context()))
def cancel_inverse(node: Contract, context: Context) -> Expr | None:
    """X⁻¹X = X X⁻¹ = I."""
    for a, f in enumerate(node.factors):
        inv = peel(f)
        if not (isinstance(inv, Call) and inv.fn == "inv" and not inv.ders):
            continue
        for b, g in enumerate(node.factors):
            if peel(g) is not peel(inv.args[0]) or a == b:
                continue
            for near, far in ((1, 0), (0, 1)):
                x = node.labels[a][near]
                if x == node.labels[b][far] and x not in node.out and sum(ls.count(x) for ls in node.labels) == 2:
                    i, j = node.labels[a][far], node.labels[b][near]
                    rows = [(h, tuple(i if y == j else y for y in ls))
                            for k, (h, ls) in enumerate(zip(node.factors, node.labels, strict=True)) if k not in (a, b)]
                    out = tuple(i if y == j else y for y in node.out)
                    used = {y for _, ls in rows for y in ls} | set(out) | {i}
                    return contract([h for h, _ in rows], [ls for _, ls in rows], out, {y: node.dims[y] for y in used})
    return None


SYMMETRIC = ("symmetric", "psd", "pd", "diagonal")


def _skew() -> tuple[Expr, Context]:
    x = symbol("X", (3, 3))
    return view(x, (0, 1), (1, 0)), _given(Fact("symmetric", x, "symmetric(X)"))


@rule("assumption", r"X^\top=X", [Expr], example=_skew)
def apply_symmetry(node: Expr, context: Context) -> Used | None:
    """Use the symmetry of a variable, once its derivative has been taken in all entries."""
    used = {f.subject: f for f in context.facts.of(*SYMMETRIC) if isinstance(f.subject, Symbol) and "symmetric" not in f.subject.props}
    if not used:
        return None
    after = substitute(node, {x: symbol(x.name, x.shape, x.kind, (*x.props, "symmetric")) for x in used})
    return None if after is node else Used(after, tuple(used.values()))


__all__ = ["SYMMETRIC", "apply_equality", "apply_onehot", "apply_orthogonal", "apply_sum", "apply_symmetry", "cancel_inverse",
           "softmax_sums_to_one", "sum_of_named"]
