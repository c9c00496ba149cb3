"""Near misses of true identities, as people mistype them: none of them may be proved that doesn't hold.

``python -m tests.fuzz.near_misses 5000`` makes so many, asks `prove` of each, and compares what it says with values at random
points; the counts are printed, and everything that is wrong.
"""

from __future__ import annotations

import ast
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symderiv.errors import SymderivError
from symderiv.frontend.inputs import parse
from symderiv.verdicts import prove_exprs
from symderiv.verify import same_value

Claim = tuple[str, str, Mapping[str, str], Any]
TRIALS = 4
ALIKE = (
    ("exp", "cosh", "sinh"), ("sigmoid", "tanh", "softplus"), ("sin", "cos"), ("relu", "abs", "sign"), ("sqrt", "log"),
    ("inv", "det"), ("softmax", "log_softmax"), ("logdet", "det", "trace"), ("norm", "sum", "max", "mean", "logsumexp"),
)  # fmt: skip
"""functions that are taken for one another"""


@dataclass
class Found:
    """How often each status was given, and the near misses about which it is wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


# ---------------------------------------------------------------- making them
def near_misses(text: str, rng: random.Random) -> Iterator[str]:
    """Texts that differ from an expression at one place, in random order.

    >>> sorted(near_misses("A.T @ x", random.Random(0)))[:4]
    ['(-A).T @ x', '(2 * A).T @ x', '(A + 1e-06).T @ x', '(A.T + 1e-06) @ x']
    """
    tree = ast.parse(text, mode="eval")
    places = [n for n in ast.walk(tree.body) if isinstance(n, ast.expr)]
    names = sorted({n.id for n in places if isinstance(n, ast.Name)})
    made = {ast.unparse(ast.fix_missing_locations(_copy(tree.body, n, new))) for n in places for new in _changes(n, names)}
    found = sorted(made - {ast.unparse(tree.body)})
    rng.shuffle(found)
    yield from found


def _copy(node: Any, old: ast.expr, new: ast.expr) -> Any:
    """The tree with one node replaced; nothing of the first tree is changed."""
    if node is old:
        return new
    if isinstance(node, list):
        return [_copy(x, old, new) for x in node]
    if isinstance(node, ast.AST):
        return type(node)(**{name: _copy(value, old, new) for name, value in ast.iter_fields(node)})
    return node


def _changes(n: ast.expr, names: Sequence[str]) -> Iterator[ast.expr]:
    """What may stand in a node's place by mistake."""
    if isinstance(n, ast.BinOp):
        yield ast.BinOp(n.right, n.op, n.left)
        yield n.left
        yield n.right
        for a, b in ((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.MatMult, ast.Mult)):
            for old, new in ((a, b), (b, a)):
                if isinstance(n.op, old):
                    yield ast.BinOp(n.left, new(), n.right)
    elif isinstance(n, ast.UnaryOp):
        yield n.operand
    elif isinstance(n, ast.Attribute):
        yield n.value                                           # a dropped transpose
    elif isinstance(n, ast.Call) and isinstance(n.func, ast.Name):
        if len(n.args) > 1:
            yield ast.Call(n.func, n.args[::-1], n.keywords)
        elif n.args:
            yield n.args[0]
        yield from (
            ast.Call(ast.Name(g), n.args, n.keywords) for fs in ALIKE if n.func.id in fs for g in fs if g != n.func.id
        )
    elif isinstance(n, ast.Constant) and isinstance(n.value, int | float):
        yield ast.Constant(n.value + 1)
        return
    elif isinstance(n, ast.Name):
        yield from (ast.Name(other) for other in names if other != n.id)
    yield ast.UnaryOp(ast.USub(), n)
    yield ast.BinOp(ast.Constant(2), ast.Mult(), n)
    yield ast.BinOp(n, ast.Add(), ast.Constant(1e-6))
    yield ast.Attribute(n, "T")


# ---------------------------------------------------------------- asking
def ask(claim: Claim, changed: str, seed: int = 0) -> tuple[str, str]:
    """(prove's status, what values at random points say); ("refused", "") where it is no claim at all."""
    lhs, _, shapes, assume = claim
    try:
        left, _, facts = parse(lhs, dict(shapes), assume)
        right = parse(changed, dict(shapes), assume)[0]
        verdict = prove_exprs(left, right, facts)
        if verdict.status == "refuted":
            return "refuted", ""
        return verdict.status, same_value(left, right, facts, trials=TRIALS, seed=seed + 1).verdict
    except SymderivError:
        return "refused", ""


def run(claims: Sequence[Claim], number: int, seed: int = 0, tell: Callable[[str], None] = lambda line: None) -> Found:
    """Ask of ``number`` near misses in all, the same number of each identity as far as it has them."""
    found, rng = Found(), random.Random(seed)
    sources = [(claim, near_misses(claim[1], rng)) for claim in claims]
    while sources and sum(found.counts.values()) < number:
        for source in list(sources):
            claim, texts = source
            changed = next(texts, None)
            if changed is None:
                sources.remove(source)
                continue
            status, values = ask(claim, changed, seed)
            if status == "refused":
                continue
            found.counts[status] += 1
            line = f"{status}, values {values or 'differ'}: {claim[0]} == {changed}, {claim[3] or 'no facts'}"
            if status == "proved" and values != "checked":
                (found.wrong if values == "refuted" else found.open).append(line)
            elif status in ("checked", "unknown"):
                (found.wrong if status == "checked" and values == "refuted" else found.open).append(line)
            else:
                continue
            if status == "proved" or values == "refuted":
                tell(line)
    return found


def main(number: int, seed: int) -> int:
    from tests.test_prove import PROVED

    found = run(PROVED, number, seed, print)
    print("\n".join(found.open))
    asked = sum(found.counts.values())
    print(f"{asked} near misses of {len(PROVED)} identities, seed {seed}: {dict(found.counts)}; wrong: {len(found.wrong)}")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
