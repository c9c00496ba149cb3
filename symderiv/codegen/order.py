"""In which order a product of several arrays is contracted: chosen once, when the code is generated.

The time of each pairing is modelled (a call, the bytes moved, the multiplications). All orders are tried for up to
`EXACT` factors; with more of them the cheapest pairs are joined first, with `MANY` opt_einsum's greedy search does it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

EXACT = 6
MANY = 16
AVERSIONS = 4.0, 60.0
"""how much a pair is disliked for a result that is larger than the two; all are tried where there are more than `EXACT`"""

Pairs = tuple[tuple[int, int], ...]
"""which two are joined, one after the other; results are numbered on from the factors"""

_CALL, _BYTES, _FLOP, _LOOP = 1e-6, 0.5e-9, 0.1e-9, 5e-9


@lru_cache(maxsize=4096)
def contraction_order(factors: tuple[int, ...], kept: int, sizes: tuple[int, ...]) -> tuple[Pairs, float]:
    """The order and its modelled time; factors and the result are bit sets of labels, ``sizes`` is by label.

    >>> contraction_order((0b011, 0b110, 0b100), 0b001, (64, 64, 64))[0]  # A B x
    ((1, 2), (0, 3))
    """
    runs = [_Run(factors, kept, sizes, aversion) for aversion in (AVERSIONS if EXACT < len(factors) <= MANY else AVERSIONS[:1])]
    best = min(runs, key=_Run.planned)
    return tuple(best.pairs), best.spent


class _Run:
    """One planning: groups of (number, labels) that are still to be joined."""

    def __init__(self, factors: tuple[int, ...], kept: int, sizes: tuple[int, ...], aversion: float) -> None:
        self.kept = kept
        self.aversion = aversion
        self.sizes = sizes
        self.known: dict[int, float] = {}
        self.groups = list(enumerate(factors))
        self.next = len(factors)
        self.pairs: list[tuple[int, int]] = []
        self.spent = 0.0

    def planned(self) -> float:
        """Join all groups; the time that it takes."""
        if len(self.groups) > MANY:
            self.greedy_search()
        while len(self.groups) > EXACT:
            self.join(*min(combinations(range(len(self.groups)), 2), key=self.growth))
        if len(self.groups) > 1:
            self.exact()
        return self.spent

    def entries(self, labels: int) -> float:
        value = self.known.get(labels)
        if value is None:
            value, rest = 1.0, labels
            while rest:
                low = rest & -rest
                value *= self.sizes[low.bit_length() - 1]
                rest ^= low
            self.known[labels] = value
        return value

    def time(self, a: int, b: int, c: int) -> float:
        moved = _BYTES * (self.entries(a) + self.entries(b) + self.entries(c))
        common = a & b
        if not common & ~c:
            return _CALL + moved + _LOOP * self.entries(c) / self.run(a, b, c)
        left, right = a & c & ~common, b & c & ~common
        if not left or not right:
            return _CALL + 2 * _BYTES * self.entries(a | b) + moved
        return 1.5 * _CALL + _FLOP * self.entries(a | b) + moved + 0.4e-6 * (self.entries(common & c) - 1)

    def run(self, a: int, b: int, c: int) -> float:
        """The entries that an elementwise product goes through without a jump: its last axes that both have, or one."""
        size, state = 1.0, None
        while c:
            high = 1 << (c.bit_length() - 1)
            here = (bool(a & high), bool(b & high))
            if state is not None and here != state:
                break
            state = here
            size *= self.entries(high)
            c ^= high
        return size

    def result(self, a: int, b: int) -> int:
        outside = self.kept
        for k, (_, labels) in enumerate(self.groups):
            if k not in (a, b):
                outside |= labels
        return (self.groups[a][1] | self.groups[b][1]) & outside

    def growth(self, pair: tuple[int, int]) -> tuple[bool, float]:
        a, b = (self.groups[k][1] for k in pair)
        c = self.result(*pair)
        grown = self.entries(c) - self.entries(a) - self.entries(b)
        return (not a & b and bool(a) and bool(b), self.time(a, b, c) + self.aversion * _BYTES * grown)

    def join(self, a: int, b: int) -> None:
        joined = self.result(a, b)
        first, second = sorted((a, b))
        self.spent += self.time(self.groups[a][1], self.groups[b][1], joined)
        self.pairs.append((self.groups[first][0], self.groups[second][0]))
        self.groups[first] = (self.next, joined)
        del self.groups[second]
        self.next += 1

    def greedy_search(self) -> None:
        from opt_einsum import paths

        sets = [frozenset(k for k in range(len(self.sizes)) if ls >> k & 1) for _, ls in self.groups]
        out = frozenset(k for k in range(len(self.sizes)) if self.kept >> k & 1)
        names = {k: chr(192 + k) for k in range(len(self.sizes))}
        named = [frozenset(names[k] for k in s) for s in sets]
        sizes = {names[k]: size for k, size in enumerate(self.sizes)}
        numbers = [g for g, _ in self.groups]
        for step in paths.greedy(named, frozenset(names[k] for k in out), sizes):
            chosen = [numbers[k] for k in step]
            if len(chosen) == 1:
                continue
            place = {number: k for k, (number, _) in enumerate(self.groups)}
            self.join(*(place[number] for number in chosen))
            numbers = [n for n in numbers if n not in chosen] + [self.next - 1]

    def exact(self) -> None:
        """The best order of the groups that are left."""
        groups = list(self.groups)
        full = (1 << len(groups)) - 1
        union = [0] * (full + 1)
        for s in range(1, full + 1):
            union[s] = union[s & (s - 1)] | groups[(s & -s).bit_length() - 1][1]
        labels = [union[s] & (self.kept | union[full ^ s]) for s in range(full + 1)]
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
                        time += self.time(labels[part], labels[rest], labels[s])
                        if found is None or time < found[0]:
                            found = (time, part)
                part = (part - 1) & s
            assert found is not None
            best[s] = found
        self.spent += best[full][0]
        self.number(full, best)

    def number(self, s: int, best: list[tuple[float, int]]) -> int:
        """Write down the pairs of a set of groups (at most `EXACT` deep), and return the number of the result."""
        if s & (s - 1) == 0:
            return self.groups[s.bit_length() - 1][0]
        part = best[s][1]
        first, second = sorted((part, s ^ part), key=lambda p: p & -p)
        self.pairs.append((self.number(first, best), self.number(second, best)))
        self.next += 1
        return self.next - 1
