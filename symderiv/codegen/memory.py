"""How much memory one array may take: a result that can't fit is refused before it is made."""

from __future__ import annotations

import os

from symderiv.errors import TooLargeError


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 8 * 2**30


#: A generated function refuses to make a single array of more bytes than this.
MEMORY_LIMIT = int(0.75 * _physical_memory())


def check_size(size: float, shape: object = None) -> None:
    """Raise TooLargeError for an array of so many bytes if it would not fit in memory."""
    if size > MEMORY_LIMIT:
        of = f" of shape {shape}" if shape is not None else ""
        raise TooLargeError(
            f"an array{of} of {size / 2**30:,.1f} GiB would not fit in memory",
            hint='ask for compress=True, which keeps δ as it is, or times="v", which never builds the array',
        )
