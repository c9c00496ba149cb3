"""Elementwise expressions as rational functions of eᵛ: an exact test of equality, one entry at a time.

An elementwise expression is one scalar formula, the same for each entry. With e^v, roots, logarithms and whatever else
occurs as independent generators it is a fraction of two polynomials; two formulas with one cancelled fraction are
equal. (Fractions that differ may still be equal, by a law between generators that isn't known here.)

>>> from symderiv.build import apply, add, ones, power, symbol
>>> u = symbol("u", ("n",))
>>> s = apply("sigmoid", u)
>>> equal(apply("tanh", u), add([(2, apply("sigmoid", add([(2, u)], ("n",)))), (-1, ones(("n",)))], ("n",)))
True
"""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction

import sympy as sp

from symderiv.build import add, apply, contract, ones, power, scale, symbol, view
from symderiv.frontend.rows import definition_of, has_definition
from symderiv.ir import Add, Box, Contract, Expr, Map, Name, Shape, Symbol, depends

Letters = tuple[Hashable, ...]
WEIGHT_LIMIT = 400


class heaviside(sp.Function):
    """The step with a derivative of zero, as the row states it (SymPy's own gives a distribution)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)


class relu(sp.Function):
    """max(x, 0), by which antiderivatives in pieces are written without overflow."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return heaviside(self.args[0])


_PLAIN = {
    "exp": sp.exp,
    "log": sp.log,
    "sin": sp.sin,
    "cos": sp.cos,
    "atan": sp.atan,
    "erf": sp.erf,
    "heaviside": heaviside,
}


class Scalars:
    """Entries of expressions of one shape as SymPy expressions; what isn't understood is a symbol of its own.

    ``variable``, if given, must be understood wherever it occurs: an entry that hides it is None. With ``names`` a
    name is a symbol too, and isn't opened.
    """

    def __init__(self, shape: Shape, variable: Expr | None = None, names: bool = False) -> None:
        self.shape = shape
        self.variable = variable
        self.names = names
        self.atoms: dict[tuple[Expr, Letters], sp.Symbol] = {}
        self.back: dict[sp.Symbol, tuple[Expr, Letters]] = {}
        self._memo: dict[tuple[Expr, Letters], sp.Expr | None] = {}

    @property
    def letters(self) -> Letters:
        return tuple(range(len(self.shape)))

    def entry(self, root: Expr) -> sp.Expr | None:
        """The formula of one entry, or None."""
        assert root.shape == self.shape
        return self._entry(root, self.letters) if root.weight <= WEIGHT_LIMIT else None

    def atom(self, node: Expr, letters: Letters) -> sp.Symbol | None:
        if self.variable is not None and node is not self.variable and depends(node, self.variable):
            return None
        key = (node, letters)
        if key not in self.atoms:
            made = sp.Symbol(f"v{len(self.atoms)}", real=True)
            self.atoms[key], self.back[made] = made, key
        return self.atoms[key]

    def _entry(self, node: Expr, letters: Letters) -> sp.Expr | None:
        key = (node, letters)
        if key not in self._memo:
            self._memo[key] = self._formula(node, letters)
        return self._memo[key]

    def _formula(self, node: Expr, letters: Letters) -> sp.Expr | None:
        if (isinstance(node, Name) and self.names) or node is self.variable:
            return self.atom(node, letters)
        if isinstance(node, Name | Box):
            return self._entry(node.kids[0], letters)
        if isinstance(node, Symbol) and node.kind == "const":
            return sp.pi if node.name == "pi" else sp.E
        if isinstance(node, Add):
            parts = [self._entry(t, letters) for _, t in node.terms]
            return (
                None
                if None in parts
                else sp.Add(*(_rational(c) * p for (c, _), p in zip(node.terms, parts, strict=True)))
            )
        if isinstance(node, Map) and not node.generic:
            if node.fn != "pow" and has_definition(node):
                return self._entry(definition_of(node), letters)
            if node.fn == "pow" or node.fn in _PLAIN:
                inner = self._entry(node.arg, letters)
                if inner is None:
                    return None
                return inner ** _rational(node.params[0]) if node.fn == "pow" else _PLAIN[node.fn](inner)
        if isinstance(node, Contract):
            found = self._product(node, letters)
            if found is not None:
                return found
        return self.atom(node, letters)

    def _product(self, node: Contract, letters: Letters) -> sp.Expr | None:
        """A product of entries; factors that share summed labels are one symbol."""
        at: dict[int, Hashable] = {}
        for x, letter in zip(node.out, letters, strict=True):
            if at.setdefault(x, letter) != letter:
                return None  # δ
        whole = [k for k, ls in enumerate(node.labels) if all(x in at for x in ls)]
        rest = [k for k in range(len(node.factors)) if k not in whole]
        result: sp.Expr = sp.Integer(1)
        for k in whole:
            part = self._entry(node.factors[k], tuple(at[x] for x in node.labels[k]))
            if part is None:
                return None
            result *= part
        if rest:
            out = tuple(x for x in dict.fromkeys(node.out) if any(x in node.labels[k] for k in rest))
            inner = contract([node.factors[k] for k in rest], [node.labels[k] for k in rest], out)
            if inner is node:
                return None
            part = self._entry(inner, tuple(at[x] for x in out))
            return None if part is None else result * part
        return result

    # ------------------------------------------------------------ back
    def expression(self, formula: sp.Expr) -> Expr | None:
        """The expression whose entries a formula gives; None where it holds a function that isn't in the table."""
        done: dict[sp.Basic, Expr | None] = {}
        for part in sp.postorder_traversal(formula):
            if part not in done:
                done[part] = self._built(part, done)
        return done[formula]

    def _built(self, e: sp.Basic, done: dict[sp.Basic, Expr | None]) -> Expr | None:
        shape, labels = self.shape, self.letters
        if isinstance(e, sp.Rational):
            return scale(Fraction(int(e.p), int(e.q)), ones(shape))
        if e in (sp.pi, sp.E):
            return view(symbol("pi" if e is sp.pi else "e", (), "const"), (), labels, dict(enumerate(shape)))
        if isinstance(e, sp.Symbol):
            if e not in self.back:
                return None
            node, letters = self.back[e]
            return view(node, letters, labels, dict(enumerate(shape)))
        args = [done[a] for a in e.args]
        if any(a is None for a in args):
            return None
        if isinstance(e, sp.Add):
            return add([(1, a) for a in args if a is not None], shape)
        if isinstance(e, sp.Mul):
            return contract([a for a in args if a is not None], [labels] * len(args), labels, dict(enumerate(shape)))
        if isinstance(e, sp.Pow) and isinstance(e.exp, sp.Rational) and args[0] is not None:
            return power(args[0], Fraction(int(e.exp.p), int(e.exp.q)))
        fn = next((name for name, f in _BACK.items() if isinstance(e, f)), None)
        return apply(fn, args[0]) if fn is not None and args[0] is not None and len(args) == 1 else None


_BACK = {
    **_PLAIN,
    "tanh": sp.tanh,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "atan": sp.atan,
    "tan": sp.tan,
    "abs": sp.Abs,
    "relu": relu,
    "asinh": sp.asinh,
    "atanh": sp.atanh,
}


def _rational(c: Fraction) -> sp.Rational:
    return sp.Rational(c.numerator, c.denominator)


class Fractions:
    """SymPy formulas as cancelled fractions in independent generators; ``meaning`` says what a generator stands for."""

    def __init__(self) -> None:
        self.generators: dict[tuple[str, sp.Expr], sp.Symbol] = {}
        self.meaning: dict[sp.Symbol, sp.Expr] = {}
        self.relations: dict[sp.Symbol, sp.Expr] = {}
        """a polynomial that vanishes at a generator: rⁿ − base for a root, h² − h for a step"""

    def cancelled(self, formula: sp.Expr) -> sp.Expr | None:
        """The fraction, or None where a part has no such form."""
        try:
            form = self._form(formula)
            return None if form is None else sp.cancel(sp.together(form))
        except (sp.PolynomialError, NotImplementedError, RecursionError):
            return None

    def vanishes(self, formula: sp.Expr) -> bool:
        """True only if the formula is zero wherever it is defined."""
        form = self.cancelled(formula)
        if form is None:
            return False
        numerator = sp.expand(sp.fraction(form)[0])
        for generator, relation in reversed(self.relations.items()):
            if numerator.has(generator):
                numerator = sp.rem(numerator, sp.fraction(sp.together(relation))[0], generator)
                numerator = sp.expand(sp.fraction(sp.together(numerator))[0])
        return bool(numerator == 0)

    def meant(self, form: sp.Expr) -> sp.Expr:
        """The formula with its generators written out."""
        while True:
            known = {s: self.meaning[s] for s in form.free_symbols if s in self.meaning}
            if not known:
                return form
            form = form.xreplace(known)

    def _generator(self, kind: str, key: sp.Expr, meaning: sp.Expr) -> sp.Symbol:
        if (kind, key) not in self.generators:
            made = sp.Symbol(f"g{len(self.generators)}", real=True)
            self.generators[kind, key], self.meaning[made] = made, meaning
        return self.generators[kind, key]

    def _form(self, e: sp.Expr) -> sp.Expr | None:
        if e.is_Rational or e.is_Symbol:
            return e
        if isinstance(e, sp.exp) or e is sp.E:
            return self._exponential(e.args[0] if e.args else sp.Integer(1))
        if e is sp.pi:
            return self._generator("constant", e, e)
        parts = [self._form(a) for a in e.args] if not isinstance(e, sp.Pow) else [self._form(e.base)]
        if not parts or any(p is None for p in parts):
            return None
        if isinstance(e, sp.Add | sp.Mul):
            return e.func(*parts)
        if isinstance(e, sp.Pow):
            return self._power(parts[0], e.exp)
        if isinstance(e, sp.log | sp.erf | sp.sin | sp.cos | sp.atan | heaviside):
            key = sp.cancel(sp.together(parts[0]))
            made = self._generator(type(e).__name__, key, e.func(key))
            if isinstance(e, heaviside):
                self.relations[made] = made**2 - made
            return made
        return None

    def _power(self, base: sp.Expr, q: sp.Expr) -> sp.Expr | None:
        if q.is_Integer:
            return base**q
        if not q.is_Rational:
            return None
        base = sp.cancel(sp.together(base))
        root = self._generator(f"root {q.q}", base, base ** sp.Rational(1, q.q))
        self.relations[root] = root ** int(q.q) - base
        return root ** int(q.p)

    def _exponential(self, argument: sp.Expr) -> sp.Expr | None:
        """exp(Σ c m) = Π (e^m)^c: a generator for each m, roots of it for fractions c."""
        form = self._form(argument)
        if form is None:
            return None
        result: sp.Expr = sp.Integer(1)
        for term in sp.Add.make_args(sp.expand(sp.cancel(sp.together(form)))):
            c, m = term.as_coeff_Mul()
            if not c.is_Rational:
                return None
            base = self._generator("exp", m, sp.exp(m))
            part = self._power(base, c)
            if part is None:
                return None
            result *= part
        return result


def equal(a: Expr, b: Expr) -> bool:
    """True only if two elementwise expressions are equal wherever both are defined."""
    if a.shape != b.shape or a.weight + b.weight > WEIGHT_LIMIT:
        return False
    for names in (True, False):
        scalars = Scalars(a.shape, None, names)
        left, right = scalars.entry(a), scalars.entry(b)
        if left is not None and right is not None and Fractions().vanishes(left - right):
            return True
    return False


__all__ = ["Fractions", "Scalars", "equal"]
