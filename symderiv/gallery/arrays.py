"""Entries of the functions of whole arrays."""

from __future__ import annotations

import symderiv as sd
from symderiv.errors import SymderivError
from symderiv.functions import REALS, TensorFunction
from symderiv.gallery.markdown import Entry, display, entry_text, facts, folded
from symderiv.reference import interval_text, params_text

MATRICES = ("det", "inv", "logdet")
"""of a square matrix, though their rows don't say so"""


def shapes_of(row: TensorFunction) -> dict[str, str]:
    """The shapes of its arguments: a row with a signature says them, others take vectors."""
    of_matrix = row.signature.partition("->")[0].strip() or ("n n" if row.name in MATRICES else "n")
    return dict.fromkeys(_letters(row), of_matrix)


def _letters(row: TensorFunction) -> list[str]:
    matrix = bool(row.signature) or row.name in MATRICES
    return [letter.upper() if matrix else letter for letter in row.arguments]


def derivation(row: TensorFunction) -> sd.Derivation:
    """Its Jacobian by the first argument; of a number that depends on a matrix, the gradient.

    >>> from symderiv.functions import TENSOR
    >>> derivation(TENSOR["logsumexp"]).result.text(), derivation(TENSOR["det"]).result.text()
    ('softmax(x)ᵀ', 'det(X) X⁻ᵀ')
    """
    shapes = shapes_of(row)
    text = f"{row.name}({', '.join(shapes)})"
    variable = next(iter(shapes))
    scalar = not sd.parse(text, shapes=shapes).shape
    of_matrix = len(shapes[variable].split()) == 2
    return (sd.gradient if scalar and of_matrix else sd.jacobian)(text, variable, shapes=shapes)


def array_entry(row: TensorFunction) -> Entry:
    """The entry of a function of a vector or a matrix."""
    shapes = shapes_of(row)
    value = sd.parse(f"{row.name}({', '.join(shapes)})", shapes=shapes)
    equations, parts, missing, verdict = [], [], "", ""
    letters = list(shapes)
    try:
        found = derivation(row)
    except SymderivError as error:
        missing = str(error).replace("\n", "; ")
    else:
        head = rf"\nabla_{{{letters[0]}}}" if value.shape == () and len(shapes[letters[0]].split()) == 2 else ""
        left = head or rf"\frac{{\partial}}{{\partial {letters[0]}^{{\top}}}}"
        equations.append((rf"{left}\,{row.tex(*letters)}", found.result.latex()))
        verdict = f"derived by the rules, and {found.verify(trials=3, seed=0).verdict} by complex steps"
        parts = [folded("NumPy: the derivative", found.numpy().source())]
    named = ", ".join(f"`{letter}`: `{shape}`" for letter, shape in shapes.items())
    about = [
        ("In code", f"`{row.name}({', '.join(letters)})`" + (f", as a module `sd.{row.module}()`" if row.module else "")),
        ("Here", f"{named}, with value of shape `{' '.join(map(str, value.shape)) or 'scalar'}`"),
        ("Parameters", f"`{params_text(row.params)}`" if row.params else ""),
        ("Definition", f"`{row.definition}`" if row.definition else "a primitive, for which there is a rule"),
        ("Entries in", f"${interval_text(row.range)}$" if row.range != REALS else ""),
        ("Holds of a value `p`", ", ".join(f"`{fact}`" for fact in row.facts)),
        ("Each entry", row.convexity or ""),
        ("Not differentiable", row.rough),
        ("No derivative is given", missing),
        ("Derivative", verdict),
        ("Source", row.source),
    ]
    return Entry(row.name, entry_text(row.name, [display(equations) if equations else "", facts(about), *parts]))
