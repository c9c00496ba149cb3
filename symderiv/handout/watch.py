"""Builds handouts, then builds again whatever changes.

A sheet is built again when its source changes, its ``notation.toml``, or a file of its folder that it imports. The system
wakes us where watchfiles is installed (``pip install 'symderiv[watch]'``); elsewhere the files are looked at twice a second.
Which sheets are to be built is decided by the files themselves in both cases.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from symderiv.errors import SymderivError
from symderiv.handout.build import Built, complain, each, find_sources, frame, ordered
from symderiv.handout.needed import needed

_EVERY = 0.5
_AT_LEAST_EVERY = 2000
"""in ms: the files are looked at so often even where the system reports nothing, as on some network drives"""
State = Mapping[Path, tuple[tuple[str, int, int], ...]]


def watch(
    paths: Sequence[str | Path],
    out: str | Path,
    formats: Sequence[str],
    lecturer: str | Path | None = None,
    variants: int = 1,
    say: Callable[[str], None] = print,
    wakes: Iterable[object] | None = None,
) -> None:
    """Build all sources, then those that change, appear or are mended, until ``wakes`` end or Ctrl-C.

    Raises SymderivError as `build` does. ``wakes`` yields whenever the files are to be looked at.
    """
    order = ordered(out, formats, lecturer, variants)
    before: State = {}
    built: dict[Path, Built] = {}
    for _ in _woken(paths) if wakes is None else wakes:
        now = state(paths)
        changed = [path for path in now if now[path] != before.get(path)]
        gone = [path for path in before if path not in now]
        if not changed and not gone:
            continue
        done = dict(each(changed, order)) if changed else {}
        fresh = {path: done[path] for path in changed}
        built = {path: fresh.get(path) or built[path] for path in now}
        frame(list(built.values()), order)
        complain([fresh[path] for path in changed])
        say(_said(fresh, gone, built, before))
        before = now


def state(paths: Sequence[str | Path]) -> State:
    """The sources as they are now: of each file that one is built from, when it was written, and its size; none where there
    is no source any more."""
    try:
        return {path: tuple(map(_as_it_is, needed(path))) for path in find_sources(paths)}
    except (SymderivError, FileNotFoundError):                  # deleted, or being replaced by an editor
        return {}


def _as_it_is(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return str(path), found.st_mtime_ns, found.st_size


def _said(fresh: Mapping[Path, Built], gone: Sequence[Path], built: Mapping[Path, Built], before: State) -> str:
    """What was done, in one line."""
    good = sum(not one.error for one in built.values())
    if not before:
        return f"{good} of {len(built)} handouts built; watching for changes (Ctrl-C ends it)"
    done = [f"built {one.slug}" for one in fresh.values() if not one.error]
    parts = [*done, *(f"failed: {one.slug}" for one in fresh.values() if one.error), *(f"gone: {path.name}" for path in gone)]
    return f"{', '.join(parts)} ({good} of {len(built)} are good)"


def _woken(paths: Sequence[str | Path]) -> Iterator[object]:
    """Yields at once, then whenever something may have changed."""
    find_sources(paths)
    yield None
    if find_spec("watchfiles") is None:
        while True:
            time.sleep(_EVERY)
            yield None
    from watchfiles import watch as wait

    folders = {path if path.is_dir() else path.parent for path in map(Path, paths)}
    yield from wait(*sorted(folders), watch_filter=None, recursive=False, rust_timeout=_AT_LEAST_EVERY, yield_on_timeout=True)
