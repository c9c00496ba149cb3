"""Names for sizes that have none: n for the input's, o for the output's, m for samples, then h, k, p, …

>>> named_sizes({"W": [["_0", "_1"]], "h": [["_1"]]}, (("_0",),), "", {"W", "h"})
{'_0': 'o', '_1': 'n'}
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from symderiv.ir import Shape

LETTERS = (*"hkpqrdlst", *(f"{letter}{k}" for k in range(1, 30) for letter in "nkpq"))
INPUTS = ("x", "h", "w", "v", "z")
OUTPUTS = ("y", "u", "t", "p")
_FRESH = re.compile(r"\b_\d+\b")


def named_sizes(
    axes: Mapping[str, Sequence[Sequence[str]]], values: Sequence[Shape], wrt: str, taken: Collection[str]
) -> dict[str, str]:
    """A name for every size that has none, by what its axes belong to; none of ``taken``, which mean something else."""
    order = dict.fromkeys(
        name for groups in axes.values() for group in groups for dim in group for name in _FRESH.findall(str(dim))
    )
    found: dict[str, str] = {}

    def give(size: str | None, *letters: str) -> None:
        free = [letter for letter in letters if letter not in taken and letter not in found.values()]
        if size is not None and size in order and size not in found and free:
            found[size] = free[0]

    single = {name: groups[0] for name, groups in axes.items() if len(groups) == 1}
    vectors = {name: dims[0] for name, dims in single.items() if len(dims) == 1}
    if len(single.get("X", ())) == 2:
        give(single["X"][0], "m")
        give(single["X"][1], "n")
    if len(single.get("Q", ())) == 2 == len(single.get("K", ())):
        give(single["K"][1], "d")
    give(vectors.get(wrt), "n")
    for name in INPUTS:
        give(vectors.get(name), "n")
    for dim in (str(dim) for value in values for dim in value[:1]):
        give(dim, "o")
    for name in OUTPUTS:
        give(vectors.get(name), "o")
    for size in order:
        give(size, *LETTERS)
    return {size: found[size] for size in sorted(found)}


__all__ = ["named_sizes"]
