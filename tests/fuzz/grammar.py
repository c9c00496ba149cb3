"""Random programs in NumPy notation, of every shape that the notation has, as hypothesis strategies that shrink.

A program is grown from its shape downwards: what can give an m×n matrix, from what can give its parts. Each text is a
Python expression as well, so that NumPy and JAX can evaluate the very text that the engine reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.fuzz.idioms import ENTRIES, SQUARE, VECTORS_M, VECTORS_N
from tests.fuzz.idioms import MATRICES as WITH_MATRICES
from tests.fuzz.idioms import SCALARS as TO_SCALARS
from tests.fuzz.idioms import VECTORS as TO_VECTORS

Shape = tuple[str, ...]
#: By order, and by shape.
IDIOMS: Mapping[object, Sequence[tuple[str, tuple[str, ...]]]] = {
    0: TO_SCALARS, 1: TO_VECTORS, 2: WITH_MATRICES, ("n",): VECTORS_N, ("m",): VECTORS_M, ("n", "n"): SQUARE,
}

SYMBOLS: Mapping[str, str] = {
    "x": "n", "y": "n", "u": "m", "v": "m", "w": "k", "c": "", "t": "", "A": "m n", "B": "n k", "M": "m k", "C": "n n",
    "S": "n n", "P": "n n", "Q": "n n", "R": "m m", "E": "n n", "T": "n m k",
    "p": "n", "q": "n", "h": "m", "s": "n", "r": "k",
}
FACTS: Mapping[str, str] = {
    "S": "symmetric(S)", "P": "pd(P)", "Q": "orthogonal(Q)", "E": "diagonal(E)", "p": "p > 0", "q": "sum(q) == 1",
    "h": "onehot(h)", "s": "s**2 == 1", "r": "r < 0", "R": "psd(R)",
}
SMOOTH = (
    *("tanh", "sigmoid", "exp", "sin", "cos", "softplus", "log_sigmoid", "gelu", "silu", "erf", "atan", "sinh", "cosh", "mish"),
    *("asinh", "logcosh", "square", "gelu_tanh", "tanhshrink", "normal_cdf", "normal_pdf", "erfc", "expm1"),
)
KINKED = (
    *("relu", "abs", "leaky_relu", "elu", "selu", "celu", "relu6", "hardtanh", "hardsigmoid", "hardswish", "softsign", "softshrink"),
    *("hardshrink", "sign", "heaviside"),
)
POSITIVE = ("log", "sqrt", "rsqrt", "reciprocal", "log1p")
LOSSES = ("mse", "cross_entropy", "huber", "log_cosh", "bce_with_logits", "poisson_nll", "half_squared_error", "hinge", "soft_margin")
NUMBERS = ("2", "3", "0.5", "1", "-1", "1.5", "pi", "10")
NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


@dataclass(frozen=True)
class Program:
    """A text, the shapes of its symbols, the facts about them, and what is asked: the variables and the order."""

    text: str
    shapes: Mapping[str, str]
    assume: tuple[str, ...]
    wrt: str
    order: int

    def call(self) -> str:
        """The call that derives it, to be pasted."""
        declared = ", ".join(f"{n}={s!r}" for n, s in self.shapes.items())
        return f"sd.derivative({self.text!r}, {self.wrt!r}, order={self.order}, assume={list(self.assume)!r}, {declared})"


def bracketed(text: str) -> str:
    """The text, in brackets where an operator outside of all brackets could bind to what it is put beside.

    >>> bracketed("inv(P) @ x"), bracketed("(a + b)"), bracketed("exp(a + b)")
    ('(inv(P) @ x)', '(a + b)', 'exp(a + b)')
    """
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and letter in "+-*/@<>":
            return f"({text})"
    return text


class Grammar:
    """What can give a value of a shape; ``draw`` is hypothesis's, ``names`` are the program's own."""

    def __init__(self, draw: Callable[..., object], kinks: bool) -> None:
        self.draw, self.kinks = draw, kinks
        self.lines: list[str] = []
        self.named: dict[str, Shape] = {}

    def pick(self, options: Sequence[str]) -> str:
        return str(self.draw(st.sampled_from(options)))

    def value(self, shape: Shape, depth: int) -> str:
        """A text of that shape, at most ``depth`` operations deep."""
        if depth <= 0:
            return self.leaf(shape)
        makers = {0: SCALARS, 1: VECTORS, 2: MATRICES, 3: TENSORS}[len(shape)]
        return bracketed(self.pick_maker(makers)(self, shape, depth - 1))

    def pick_maker(self, makers: Sequence[Callable[..., str]]) -> Callable[..., str]:
        return self.draw(st.sampled_from(makers))

    def leaf(self, shape: Shape) -> str:
        fitting = [n for n, s in SYMBOLS.items() if tuple(s.split()) == shape]
        named = [n for n, s in self.named.items() if s == shape] * 2
        turned = [f"{n}.T" for n, s in SYMBOLS.items() if len(shape) == 2 and tuple(s.split()) == shape[::-1] != shape]
        return self.pick([*fitting, *named, *turned] or ["ones((" + ", ".join(shape) + ",))"])

    def other(self, *taken: str) -> str:
        return self.pick([d for d in ("n", "m", "k") if d not in taken] or ["n"])

    def line(self, depth: int) -> None:
        """One more assignment."""
        shape = self.draw(st.sampled_from([("n",), ("m",), ("m", "n"), ("n", "k"), (), ("n", "n")]))
        text = self.value(shape, depth)
        name = f"z{len(self.lines) + 1}"
        self.lines.append(f"{name} = {text}")
        self.named[name] = shape


Maker = Callable[[Grammar, Shape, int], str]


# ---------------------------------------------------------------- of any shape
def leaf(g: Grammar, shape: Shape, depth: int) -> str:
    return g.leaf(shape)


def add(g: Grammar, shape: Shape, depth: int) -> str:
    return f"({g.value(shape, depth)} {g.pick('+-')} {g.value(shape, depth)})"


def times(g: Grammar, shape: Shape, depth: int) -> str:
    return f"({g.value(shape, depth)} * {g.value(shape, depth)})"


def scaled(g: Grammar, shape: Shape, depth: int) -> str:
    return f"({g.pick(NUMBERS)} * {g.value(shape, depth)})"


def shifted(g: Grammar, shape: Shape, depth: int) -> str:
    return f"({g.pick(NUMBERS)} {g.pick('+-')} {g.value(shape, depth)})"


def by_scalar(g: Grammar, shape: Shape, depth: int) -> str:
    return f"({g.value((), depth)} * {g.value(shape, depth)})"


def over(g: Grammar, shape: Shape, depth: int) -> str:
    below = g.value(g.draw(st.sampled_from([(), shape])), depth)
    return f"({g.value(shape, depth)} / (1 + {below}**2))"


def power(g: Grammar, shape: Shape, depth: int) -> str:
    return f"({g.value(shape, depth)})**{g.pick('23')}"


def mapped(g: Grammar, shape: Shape, depth: int) -> str:
    names = SMOOTH + (KINKED if g.kinks else ())
    return f"{g.pick(names)}({g.value(shape, depth)})"


def mapped_positive(g: Grammar, shape: Shape, depth: int) -> str:
    inner = g.value(shape, depth)
    return f"{g.pick(POSITIVE)}({g.pick(('1 + exp({})', '2 + ({})**2', '1 + sigmoid({})')).format(inner)})"


def negative(g: Grammar, shape: Shape, depth: int) -> str:
    return f"(-{g.value(shape, depth)})"


def extreme(g: Grammar, shape: Shape, depth: int) -> str:
    if not g.kinks:
        return add(g, shape, depth)
    return f"{g.pick(('maximum', 'minimum'))}({g.value(shape, depth)}, {g.value(shape, depth)})"


def idiom(g: Grammar, shape: Shape, depth: int) -> str:
    """A spelling that a rule looks for, with random values in its places."""
    rows = [*ENTRIES, *(row for wanted, found in IDIOMS.items() if wanted in (shape, len(shape)) for row in found)]
    text, holes = g.draw(st.sampled_from(rows))
    if not g.kinks and any(f"{name}(" in text for name in ("relu", "abs", "max", "where", "clip", "maximum")):
        return mapped(g, shape, depth)
    axes = dict(zip("ab", shape, strict=False))
    filled = [g.value(tuple(axes.get(d, d) for h in hole for d in (shape if h == "." else h)), depth - 1) for hole in holes]
    return str(text).replace("ones(a)", f"ones({shape[0] if shape else 'n'})").format(*(f"({v})" for v in filled))


ANY: tuple[Maker, ...] = (
    *(leaf, add, times, scaled, shifted, by_scalar, over, power, mapped, mapped, mapped_positive, negative, extreme),
    *(idiom, idiom, idiom),
)


# ---------------------------------------------------------------- scalars
def summed(g: Grammar, shape: Shape, depth: int) -> str:
    inner = g.draw(st.sampled_from([("n",), ("m",), ("m", "n"), ("n", "k"), ("n", "m", "k")]))
    return f"{g.pick(('sum', 'sum', 'mean', 'norm', 'logsumexp', 'var'))}({g.value(inner, depth)})"


def inner(g: Grammar, shape: Shape, depth: int) -> str:
    d = (g.pick("nmk"),)
    return f"({g.value(d, depth)} @ {g.value(d, depth)})"


def form(g: Grammar, shape: Shape, depth: int) -> str:
    d = g.pick("nm")
    return f"({g.value((d,), depth)} @ {g.value((d, 'n'), depth)} @ {g.value(('n',), depth - 1)})"


def trace(g: Grammar, shape: Shape, depth: int) -> str:
    return f"trace({g.value(('n', 'n'), depth)})"


def determinant(g: Grammar, shape: Shape, depth: int) -> str:
    return g.pick(("logdet(P + outer({0}, {0}))", "det(C + outer({0}, y))", "logdet(P + R_ * eye(n))", "det(S * {1})")).replace(
        "R_", "t**2"
    ).format(g.value(("n",), depth), g.value((), depth))


def loss(g: Grammar, shape: Shape, depth: int) -> str:
    name = g.pick(LOSSES if g.kinks else tuple(x for x in LOSSES if x not in ("huber", "hinge")))
    target = "h" if name == "cross_entropy" else "v"
    return f"{name}({g.value(('m',), depth)}, {target})"


def frobenius(g: Grammar, shape: Shape, depth: int) -> str:
    return f"sum({g.value(('m', 'n'), depth)} * {g.value(('m', 'n'), depth)})"


SCALARS: tuple[Maker, ...] = (*ANY, summed, summed, summed, inner, inner, form, form, trace, determinant, loss, frobenius)


# ---------------------------------------------------------------- vectors
def product(g: Grammar, shape: Shape, depth: int) -> str:
    d = g.other(*shape)
    if g.draw(st.booleans()):
        return f"({g.value((*shape, d), depth)} @ {g.value((d,), depth)})"
    return f"({g.value((d,), depth)} @ {g.value((d, *shape), depth)})"


def normalised(g: Grammar, shape: Shape, depth: int) -> str:
    name = g.pick(("softmax", "log_softmax", "layer_norm", "rms_norm", "softmin", "normalize"))
    return f"{name}({g.value(shape, depth)})"


def along(g: Grammar, shape: Shape, depth: int) -> str:
    d = g.other(*shape)
    axis = int(g.draw(st.booleans()))
    inside = (d, *shape) if axis == 0 else (*shape, d)
    return f"{g.pick(('sum', 'mean', 'logsumexp', 'var', 'norm'))}({g.value(inside, depth)}, axis={axis})"


def centred(g: Grammar, shape: Shape, depth: int) -> str:
    text = g.value(shape, depth)
    return f"({text} - {g.pick(('mean', 'sum', 'logsumexp'))}({text}))"


def solved(g: Grammar, shape: Shape, depth: int) -> str:
    if shape != ("n",):
        return product(g, shape, depth)
    return g.pick(("solve(P, {})", "inv(P) @ {}", "Q @ {}", "S @ {}", "E @ {}")).format(g.value(shape, depth))


def diagonal(g: Grammar, shape: Shape, depth: int) -> str:
    return f"diag({g.value((*shape, *shape), depth)})" if shape in (("n",), ("m",)) else leaf(g, shape, depth)


VECTORS: tuple[Maker, ...] = (*ANY, product, product, product, normalised, normalised, along, centred, solved, diagonal)


# ---------------------------------------------------------------- matrices
def matrix_product(g: Grammar, shape: Shape, depth: int) -> str:
    d = g.pick("nmk")
    return f"({g.value((shape[0], d), depth)} @ {g.value((d, shape[1]), depth)})"


def transposed(g: Grammar, shape: Shape, depth: int) -> str:
    return f"({g.value(shape[::-1], depth)}).T"


def outer(g: Grammar, shape: Shape, depth: int) -> str:
    return f"outer({g.value(shape[:1], depth)}, {g.value(shape[1:], depth)})"


def normalised_rows(g: Grammar, shape: Shape, depth: int) -> str:
    return f"{g.pick(('softmax', 'log_softmax', 'layer_norm', 'normalize'))}({g.value(shape, depth)}, axis={g.pick('01')})"


def broadcast(g: Grammar, shape: Shape, depth: int) -> str:
    if shape[0] == shape[1]:
        return matrix_product(g, shape, depth)
    return f"({g.value(shape, depth)} {g.pick('+-*')} {g.value(shape[1:], depth)})"


def squared(g: Grammar, shape: Shape, depth: int) -> str:
    if shape[0] != shape[1]:
        return matrix_product(g, shape, depth)
    own = g.pick(("diag({v})", "inv({m} @ {m}.T + P)", "eye({d})", "{m} @ {m}", "{m}.T @ {m}", "{m} + {m}.T"))
    if shape != ("n", "n"):                                     # P is n×n
        own = g.pick(("diag({v})", "eye({d})", "{m} @ {m}", "{m} + {m}.T"))
    return "(" + own.format(v=g.value(shape[:1], depth), m=f"({g.value(shape, depth)})", d=shape[0]) + ")"


def einsum(g: Grammar, shape: Shape, depth: int) -> str:
    d, e = shape
    if g.draw(st.booleans()):
        return f'einsum("ij,ij->ij", {g.value(shape, depth)}, {g.value(shape, depth)})'
    return f'einsum("ijk,k->ij", {g.value((d, e, "k"), depth)}, {g.value(("k",), depth)})'


MATRICES: tuple[Maker, ...] = (
    *ANY, matrix_product, matrix_product, transposed, outer, normalised_rows, broadcast, squared, squared, einsum,
)  # fmt: skip


# ---------------------------------------------------------------- tensors
def tensor_product(g: Grammar, shape: Shape, depth: int) -> str:
    return f'einsum("ij,k->ijk", {g.value(shape[:2], depth)}, {g.value(shape[2:], depth)})'


def tensor_batch(g: Grammar, shape: Shape, depth: int) -> str:
    return f'einsum("ik,jk->ijk", {g.value((shape[0], shape[2]), depth)}, {g.value((shape[1], shape[2]), depth)})'


TENSORS: tuple[Maker, ...] = (leaf, tensor_product, tensor_batch, add, scaled, mapped)


# ---------------------------------------------------------------- programs
@st.composite
def programs(draw: Callable[..., object], depth: int = 3, order: int = 2) -> Program:
    """A program of up to three assignments, one of its symbols to differentiate by, and an order."""
    g = Grammar(draw, kinks=bool(draw(st.booleans())))
    for _ in range(int(draw(st.integers(0, 2)))):
        g.line(int(draw(st.integers(1, depth))))
    shape = draw(st.sampled_from([(), (), ("n",), ("m",), ("m", "n")]))
    value = g.value(shape, int(draw(st.integers(1, depth + 1))))
    lines = _needed(g.lines, value)
    text = "\n".join([*lines, value])
    used = [n for n in SYMBOLS if n in set(NAME.findall(text))]
    if not used:
        text, used = f"{text} + c" if not shape else f"({text}) * c", ["c"]
    sizes = set(NAME.findall(text)) & {"n", "m", "k"} - {d for n in used for d in SYMBOLS[n].split()}
    for size in sorted(sizes):                                  # a size in the text is that of a symbol
        name = {"n": "x", "m": "u", "k": "w"}[size]
        text, used = f"{text} + 0 * sum({name})", [*used, name]
    facts = tuple(FACTS[n] for n in used if n in FACTS)
    asked = int(draw(st.integers(1, order)))
    shapes = {n: SYMBOLS[n] for n in used}
    free = [n for n in used if n not in ("h", "s")] or used
    wrt = draw(st.sampled_from(free))
    if asked > 1 and len(shape) + 2 * len(SYMBOLS[str(wrt)].split()) > 5:
        asked = 1
    return Program(text, shapes, facts, str(wrt), asked)


def _needed(lines: Sequence[str], value: str) -> list[str]:
    """The assignments that the value uses, directly or not."""
    kept: list[str] = []
    wanted = set(NAME.findall(value))
    for line in reversed(lines):
        name, _, body = line.partition(" = ")
        if name in wanted:
            kept.insert(0, line)
            wanted |= set(NAME.findall(body))
    return kept


def without(program: Program, fact: str) -> Program:
    """The same program with one fact fewer."""
    return replace(program, assume=tuple(f for f in program.assume if f != fact))
