"""In which order a product of several arrays is contracted: chosen once, when the code is generated.

The time of each pairing is modelled (a call, the bytes moved, the multiplications); all orders are tried for up to
`EXACT` factors, with more of them the cheapest pair is joined first.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

EXACT = 6
Tree = int | tuple["Tree", "Tree"]

_CALL, _BYTES, _FLOP = 1e-6, 0.5e-9, 0.1e-9


@lru_cache(maxsize=1024)
def contraction_order(factors: tuple[int, ...], kept: int, sizes: tuple[int, ...]) -> Tree:
    """The order as nested pairs; factors and the result are bit sets of labels, ``sizes`` is by label.

    >>> contraction_order((0b011, 0b110, 0b100), 0b001, (64, 64, 64))   # A B x
    (0, (1, 2))
    """
    model = _Model(sizes)
    groups: list[tuple[Tree, int]] = [(k, labels) for k, labels in enumerate(factors)]
    while len(groups) > EXACT:
        a, b = min(combinations(range(len(groups)), 2), key=lambda ab: model.growth(groups, ab, kept))
        joined = model.result(groups, (a, b), kept)
        groups = [g for k, g in enumerate(groups) if k not in (a, b)] + [((groups[a][0], groups[b][0]), joined)]
    return _exact(groups, kept, model)


class _Model:
    """Modelled times, in seconds."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self.known: dict[int, float] = {}

    def entries(self, labels: int) -> float:
        value = self.known.get(labels)
        if value is None:
            value = 1.0
            for k, size in enumerate(self.sizes):
                if labels >> k & 1:
                    value *= size
            self.known[labels] = value
        return value

    def time(self, a: int, b: int, c: int) -> float:
        moved = _BYTES * (self.entries(a) + self.entries(b) + self.entries(c))
        common = a & b
        if not common & ~c:
            return _CALL + moved
        left, right = a & c & ~common, b & c & ~common
        if not left or not right:
            return _CALL + 2 * _BYTES * self.entries(a | b) + moved
        return 1.5 * _CALL + _FLOP * self.entries(a | b) + moved + 0.4e-6 * (self.entries(common & c) - 1)

    def result(self, groups: list[tuple[Tree, int]], pair: tuple[int, int], kept: int) -> int:
        outside = kept
        for k, (_, labels) in enumerate(groups):
            if k not in pair:
                outside |= labels
        return (groups[pair[0]][1] | groups[pair[1]][1]) & outside

    def growth(self, groups: list[tuple[Tree, int]], pair: tuple[int, int], kept: int) -> tuple[bool, float]:
        a, b = groups[pair[0]][1], groups[pair[1]][1]
        c = self.result(groups, pair, kept)
        grown = self.entries(c) - self.entries(a) - self.entries(b)
        return (not a & b and bool(a) and bool(b), self.time(a, b, c) + 4 * _BYTES * grown)


def _exact(groups: list[tuple[Tree, int]], kept: int, model: _Model) -> Tree:
    count = len(groups)
    full = (1 << count) - 1
    union = [0] * (full + 1)
    for s in range(1, full + 1):
        low = (s & -s).bit_length() - 1
        union[s] = union[s & (s - 1)] | groups[low][1]
    labels = [union[s] & (kept | union[full ^ s]) for s in range(full + 1)]
    best: list[tuple[float, int]] = [(0.0, 0)] * (full + 1)
    for s in range(1, full + 1):
        if s & (s - 1) == 0:
            continue
        found: tuple[float, int] | None = None
        part = (s - 1) & s
        while part:
            rest = s ^ part
            if part > rest:
                time = best[part][0] + best[rest][0]
                if found is None or time < found[0]:
                    time += model.time(labels[part], labels[rest], labels[s])
                    if found is None or time < found[0]:
                        found = (time, part)
            part = (part - 1) & s
        assert found is not None
        best[s] = found

    def tree(s: int) -> Tree:  # at most EXACT deep
        if s & (s - 1) == 0:
            return groups[s.bit_length() - 1][0]
        part = best[s][1]
        first, second = sorted((part, s ^ part), key=lambda p: p & -p)
        return tree(first), tree(second)

    return tree(full)
