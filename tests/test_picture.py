"""The picture of the structure is what the imports are now."""

from __future__ import annotations

import re
from graphlib import CycleError

import pytest

from tests.picture import AREAS, areas, direct, levels, picture
from tests.test_architecture import ENTRY, ROOT, parts


def test_the_picture_is_made_from_the_imports() -> None:
    written = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert written == picture(areas(parts())), "run: python -m tests.picture docs"
    assert "(architecture.svg)" in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_part_is_in_one_area() -> None:
    held = [part for names in AREAS.values() for part in names.split()]
    assert len(held) == len(set(held))
    assert set(held) == parts().keys() - ENTRY


def test_an_area_stands_above_what_it_imports() -> None:
    found = areas(parts())
    level = levels(found)
    assert all(level[area] > level[other] for area, others in found.items() for other in others)
    assert level["expressions"] < level["rules"] < level["engine"] < level["public operators"] < level["command line"]
    assert level["evaluator, verify"] < level["public operators"]


def test_what_the_picture_has_to_see() -> None:
    """Planted: a cycle, a line that another path makes needless, an import that wasn't there."""
    graph = {"low": set[str](), "middle": {"low"}, "high": {"middle", "low"}}
    assert direct(graph) == {"low": [], "middle": ["low"], "high": ["middle"]}
    assert levels(graph) == {"low": 0, "middle": 1, "high": 2}
    assert len(re.findall("<path ", picture(graph))) == 2
    with pytest.raises(CycleError):
        levels({"low": {"high"}, "middle": {"low"}, "high": {"middle"}})
    imports = {part: set(others) for part, others in parts().items()}
    imports["ir"] = imports["ir"] | {"cli"}
    with pytest.raises(CycleError):
        picture(areas(imports))
