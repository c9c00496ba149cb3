"""The pages of the gallery, made from the tables, and written into a folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from symderiv.functions import SCALAR, TENSOR
from symderiv.gallery.arrays import array_entry
from symderiv.gallery.losses import loss_entry
from symderiv.gallery.markdown import GalleryPage
from symderiv.gallery.scalars import scalar_entry
from symderiv.losses import LOSSES

PLOTTED = "Each plot shows f, f′ and f″ by the NumPy code that was made of the derivation. "
TOLD = "*Proved* and *checked* are two words: see [trust](../trust.md)."


@cache
def pages() -> tuple[GalleryPage, ...]:
    """All pages; a row of a table is an entry of one of them."""
    modules = tuple(scalar_entry(row) for row in SCALAR.values() if row.activation)
    others = tuple(scalar_entry(row) for row in SCALAR.values() if not row.activation)
    return (
        GalleryPage("activations.md", "Activations", f"Elementwise functions that are modules too. {PLOTTED}{TOLD}", modules),
        GalleryPage("elementary.md", "Elementary functions", f"The other elementwise functions. {PLOTTED}{TOLD}", others),
        GalleryPage("arrays.md", "Functions of arrays", f"Functions of whole vectors and matrices, with their Jacobians. {TOLD}",
                    tuple(map(array_entry, TENSOR.values()))),
        GalleryPage("losses.md", "Losses", "Losses of one sample u of o entries with its target y: gradient, Hessian and the "
                    f"certificate of curvature. {TOLD}", tuple(map(loss_entry, LOSSES.values()))),
    )


def files() -> dict[str, str]:
    """Every file of the gallery by its name."""
    return {name: text for page in pages() for name, text in {page.file: page.text, **page.plots}.items()}


def write(folder: Path) -> list[Path]:
    """Writes the gallery into a folder, which is made if it isn't there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files()]
