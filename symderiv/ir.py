"""The expression: eight immutable, interned node kinds, and nothing else.

Everything linear is one node, `Contract`: product, transpose, inner, outer, trace, diag, Hadamard and Kronecker products
differ in their labels alone. A label that is repeated in ``out`` is a unit tensor δ, an output label that no factor
carries is a broadcast axis. Coefficients live in `Add` only. The constructors (lower-case functions in `build`) bring
every node to its canonical form; this module only stores it: equal structure is the same object, whatever its indices
were called, so ``a is b`` compares expressions.

Node        fields                                   stands for
Symbol      name, shape, kind, props                 a variable, a dimension used as a number, π or e
Contract    factors, labels, out, dims               Σ over labels not in out of the product of the factors
Add         terms ((coefficient, node), …)           a linear combination
Map         fn, params, order, generic, arg          fn^(order)(arg), elementwise
Call        fn, params, abstract, args, ders         a tensor function, differentiated by the arguments ders
Name        name, role, body                         body, told under a name
Der         body, wrt                                a derivative not yet taken (a hole)
Box         body                                     brackets: body, kept apart (for telling only)
"""
from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, count
from typing import Any
from weakref import WeakValueDictionary

from symderiv import bounds
from symderiv.dims import Dim
from symderiv.services import service

Shape = tuple[Dim, ...]

_table: WeakValueDictionary[bytes, Expr] = WeakValueDictionary()
_lock = threading.Lock()


class Expr:
    """A node. Never built directly: use the constructors of `symderiv.build`."""

    __slots__ = ("__weakref__", "_classes", "_oriented", "digest", "kids", "shape", "weight")
    digest: bytes
    shape: Shape
    kids: tuple[Expr, ...]
    weight: int
    """number of factor occurrences, as if names were opened: what simplification lowers (names count one)"""
    _classes: tuple[int, ...] | None
    _oriented: tuple[Expr | None, tuple[int, ...]] | None

    def __repr__(self) -> str:
        small = self.weight <= 200 and not any(isinstance(n, Der | Box) for n in postorder(self))
        return f"<{self.text() if small else debug(self)}>"

    def latex(self, notation: str = "matrix") -> str:
        """LaTeX of the expression, in matrix or index notation."""
        text: str = service("expr.latex")(self, notation)
        return text

    def text(self) -> str:
        """Plain text of the expression."""
        text: str = service("expr.text")(self)
        return text

    def numpy(self, **options: Any) -> Any:
        """A NumPy function of the symbols, which are given by keyword."""
        return service("expr.numpy")(self, **options)

    def to_sympy(self) -> Any:
        """The SymPy matrix expression; NoRuleError for what SymPy can't hold."""
        return service("expr.to_sympy")(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What IPython and notebooks without LaTeX show."""
        printer.text(self.text())

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __reduce__(self) -> Any:
        raise TypeError("expressions are interned; save a Derivation with to_json instead")


class Symbol(Expr):
    """A variable (kind "variable"), a dimension as a number ("dim"), a constant ("const"), a formal argument ("formal"), or a
    constant array of ones and zeros ("structure": its name is the condition, see `structures`)."""

    __slots__ = ("kind", "name", "props")
    name: str
    kind: str
    props: frozenset[str]


class Contract(Expr):
    """Σ over the labels that are not in ``out`` of Π factors; ``labels[f]`` are the labels of factor f, ``dims`` is by label."""

    __slots__ = ("dims", "factors", "labels", "out")
    factors: tuple[Expr, ...]
    labels: tuple[tuple[int, ...], ...]
    out: tuple[int, ...]
    dims: tuple[Dim, ...]


class Add(Expr):
    """Σ coefficient · node, all of one shape; no terms is zero, one term is a scaled node."""

    __slots__ = ("terms",)
    terms: tuple[tuple[Fraction, Expr], ...]


class Map(Expr):
    """A scalar function applied to each entry; ``pow`` has its exponent in params; ``order`` counts derivatives of a generic one."""

    __slots__ = ("fn", "generic", "order", "params")
    fn: str
    params: tuple[Fraction, ...]
    order: int
    generic: bool

    @property
    def arg(self) -> Expr:
        return self.kids[0]


class Call(Expr):
    """A tensor function; ``ders`` lists the arguments it was differentiated by, in order; their axes follow the output's."""

    __slots__ = ("abstract", "ders", "fn", "params")
    fn: str
    params: tuple[Any, ...]
    abstract: bool
    ders: tuple[int, ...]

    @property
    def args(self) -> tuple[Expr, ...]:
        return self.kids


class Name(Expr):
    """``body`` under a name; role "user" (of a program), "cotangent", "jacobian" or "auto"."""

    __slots__ = ("name", "role")
    name: str
    role: str

    @property
    def body(self) -> Expr:
        return self.kids[0]


class Der(Expr):
    """∂body/∂wrt, not yet taken: shape body.shape + wrt.shape; wrt may be an inner node of body."""

    __slots__ = ("wrt",)
    wrt: Expr

    @property
    def body(self) -> Expr:
        return self.kids[0]


SIGNED = "signed"
"""the note of a Box around a difference that is printed with just this sign; such a Box isn't drawn"""


class Box(Expr):
    """Brackets that keep the body from being merged into what stands around it; ``note`` says why they are shown."""

    __slots__ = ("note",)
    note: str

    @property
    def body(self) -> Expr:
        return self.kids[0]


def intern(cls: type[Expr], key: str, kids: tuple[Expr, ...], shape: Shape, weight: int, fields: dict[str, Any]) -> Any:
    """Return the one node of this content, making it if need be; ``key`` is all content besides the kids."""
    if bounds.watched:
        bounds.tick()
    h = blake2b(f"{cls.__name__}|{key}|{shape}".encode(), digest_size=16)
    for kid in kids:
        h.update(kid.digest)
    digest = h.digest()
    node = _table.get(digest)
    if node is None:
        with _lock:
            node = _table.get(digest)
            if node is None:
                node = cls.__new__(cls)
                node.digest, node.kids, node.shape, node.weight = digest, kids, shape, weight
                node._classes = node._oriented = None
                for field, value in fields.items():
                    setattr(node, field, value)
                _table[digest] = node
    return node


def postorder(*roots: Expr, kids: Callable[[Expr], Sequence[Expr]] | None = None) -> Iterator[Expr]:
    """Every node below the roots once, kids before parents (iterative: depth isn't bounded by the interpreter's stack).

    ``kids`` says what else than its kids counts as below a node.
    """
    seen: set[Expr] = set()
    for root in roots:
        stack: list[tuple[Expr, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                yield node
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                below = node.kids if kids is None else kids(node)
                stack.extend((kid, False) for kid in reversed(below) if kid not in seen)


def free_symbols(*roots: Expr) -> list[Symbol]:
    """The symbols below the roots, each once, in order of first use; sizes of axes aren't symbols."""
    return [n for n in postorder(*roots) if isinstance(n, Symbol)]


def names_in(*roots: Expr, functions: bool = True) -> set[str]:
    """Every name in use below the roots: of symbols and named values, and of functions and modules unless these may share it."""
    return {getattr(n, "name", "") or (getattr(n, "fn", "") if functions else "") for n in postorder(*roots)}


def free_name(taken: Iterable[str], *wanted: str) -> str:
    """The first of the names that no other is printed as; then the first of them with a number behind it.

    >>> free_name({"u"}, "u", "v"), free_name({"u", "v", "u1"}, "u", "v"), free_name({"δ_z"}, "delta_z", "g_z")
    ('v', 'u2', 'g_z')
    """
    return free_in_print({as_printed(text) for text in taken}, *wanted)


def free_in_print(shown: Container[str], *wanted: str) -> str:
    """The same for names that are given as they are printed."""
    numbered = (f"{wanted[0]}{k}" for k in count(1))
    return next(text for text in chain(wanted, numbered) if as_printed(text) not in shown)


@lru_cache(maxsize=4096)
def as_printed(name: str) -> str:
    """What print leaves of a name: underscores at its ends and before numbers aren't seen, Greek letters are spelled.

    >>> as_printed("delta_z_") == as_printed("δ_z"), as_printed("x_1") == as_printed("x1"), as_printed("a_bc") == as_printed("ab_c")
    (True, True, False)
    """
    spelled = re.sub("[\u0370-\u03ff]", lambda m: _spelled(m.group()), name)
    return re.sub(r"_+(?=\d|_|$)|^_+", "", spelled)


def alike_in_print(nodes: Iterable[Expr]) -> tuple[str, str] | None:
    """Two names among the nodes that are printed as one, x_1 and x1, or the name of an array that is a size's too."""
    shown: dict[str, tuple[str, str]] = {}
    for n in nodes:
        if isinstance(n, Name) or (isinstance(n, Symbol) and n.kind != "structure"):
            what = n.name, n.kind if isinstance(n, Symbol) and n.kind in ("dim", "const") else ""
            known = shown.setdefault(as_printed(n.name), what)
            if known != what:
                return known[0], n.name
    return None


def _spelled(letter: str) -> str:
    """A Greek letter by its name, as delta or Delta."""
    found = re.fullmatch("GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", unicodedata.name(letter, ""))
    text = found[2].replace("LAMDA", "LAMBDA") if found else letter
    return text.lower() if found and found[1] == "SMALL" else text.capitalize() if found else letter


def depends(root: Expr, wrt: Expr, memo: dict[tuple[Expr, Expr], bool] | None = None) -> bool:
    """True if ``wrt`` occurs in ``root``."""
    memo = {} if memo is None else memo
    known = memo.get((root, wrt))
    if known is not None:
        return known
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if (node, wrt) in memo:
            continue
        if node is wrt:
            memo[node, wrt] = True
        elif ready or not node.kids:
            memo[node, wrt] = any(memo.get((kid, wrt), False) for kid in node.kids)
        else:
            stack.append((node, True))
            stack.extend((kid, False) for kid in node.kids)
    return memo[root, wrt]


def number_of(node: Expr) -> Fraction | None:
    """The value of a scalar node that is a plain number, else None.

    A number is the empty contraction, scaled: ``Add(((c, 1),))``.
    """
    if node.shape:
        return None
    if isinstance(node, Contract):
        return Fraction(1) if not node.factors else None
    if isinstance(node, Add):
        if not node.terms:
            return Fraction(0)
        if len(node.terms) == 1 and isinstance(node.terms[0][1], Contract) and not node.terms[0][1].factors:
            return node.terms[0][0]
    return None


def is_zero(node: Expr) -> bool:
    return isinstance(node, Add) and not node.terms


def scaled(node: Expr) -> tuple[Fraction, Expr]:
    """(coefficient, rest): splits a one-term Add.

    2·x gives (2, x); anything else gives (1, itself).
    """
    if isinstance(node, Add) and len(node.terms) == 1:
        return node.terms[0]
    return Fraction(1), node


def weight_shown(root: Expr) -> int:
    """The weight where what recurs is written once and named: each compound node counts once, then 1 a use."""
    total, seen, stack = 0, set[Expr](), [root]
    while stack:
        n = stack.pop()
        if n in seen or isinstance(n, Name) or not n.kids:
            total += min(n.weight, 1)
            continue
        seen.add(n)
        total += n.weight - sum(kid.weight for kid in n.kids)
        stack.extend(n.kids)
    return total


_F1 = Fraction(1)


def base_and_exponent(node: Expr) -> tuple[Expr, Fraction]:
    if type(node) is Map and node.fn == "pow":
        return node.kids[0], node.params[0]
    return node, _F1


_LETTERS = "ijklmnpqrstuvabcdefgh"


def debug(node: Expr, names: bool = True) -> str:
    """A short linear text of a node, for errors of the engine's own, and at the prompt for what is large or not derived."""
    done: dict[Expr, str] = {}
    for n in postorder(node):
        done[n] = _debug_one(n, done)
        if len(done[n]) > 4000:
            done[n] = done[n][:4000] + "…"
    return done[node]


def _debug_one(n: Expr, done: dict[Expr, str]) -> str:
    if isinstance(n, Symbol):
        return n.name
    if isinstance(n, Name):
        return n.name
    if isinstance(n, Map):
        fn = f"pow{n.params[0]}" if n.fn == "pow" else n.fn + "'" * n.order
        return f"{fn}({done[n.arg]})"
    if isinstance(n, Call):
        ders = "".join(f"_{d}" for d in n.ders)
        return f"{n.fn}{ders}({', '.join(done[a] for a in n.args)})"
    if isinstance(n, Add):
        return "(" + " + ".join(f"{c}*{done[t]}" if c != 1 else done[t] for c, t in n.terms) + ")" if n.terms else "0"
    if isinstance(n, Der):
        return f"D[{done[n.body]}/{debug(n.wrt)}]"
    if isinstance(n, Box):
        return f"[{done[n.body]}]"
    assert isinstance(n, Contract)
    if not n.factors and not n.out:
        return "1"
    def letters(ls: Sequence[int]) -> str:
        return "".join(_LETTERS[x % len(_LETTERS)] for x in ls)
    return "{" + " ".join(f"{done[f]}_{letters(ls)}" if ls else done[f] for f, ls in zip(n.factors, n.labels, strict=True)) \
        + (f" -> {letters(n.out)}" if n.out else "") + "}"
