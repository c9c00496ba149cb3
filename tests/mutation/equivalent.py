"""Mutants that mean the same, or change nothing but a cost, each with the reason why no test can, or should, see it.

A mutant is named by ``module:function: what``, as the runner prints it. A test holds that each is still one.
"""

from __future__ import annotations

ATOMS, FORMS, JUDGED = (f"symderiv.certificates.{name}" for name in ("atoms_checked", "forms_checked", "judged"))
FUNCTIONS = "symderiv.certificates.functions_checked"
ONE_LENGTH = "both are of one length by construction; strict=True says so to the reader"
BORDER = "differs at one floating-point number alone, the tolerance itself"

EQUIVALENT: dict[str, str] = {
    f"{ATOMS}:powers: 1 → 2 in judge.is_signed(child.expr, 1, strict=a < 0)": "a sign is asked for by being above 0",
    f"{ATOMS}:powers: Lt → LtE: a < 0": "the exponent of a factor is never 0",
    f"{ATOMS}:_entropy: True → False in strict=True": "log s stands in the function, so its domain says s > 0 already",
    f"{ATOMS}:matrix_fraction: True → False in strict=True": ONE_LENGTH,
    f"{FORMS}:_mirrored: True → False in strict=True": ONE_LENGTH,
    f"{FORMS}:_entrywise: 0 → 1 in e.params[0] > 0": "a power of 1 is its base, no node",
    f"{FUNCTIONS}:_strong: Lt → LtE: found.least.relative < (1e-12 if strictly else -1e-09)": BORDER,
    f"{JUDGED}:Judge.ends: Lt → LtE: abs(low) < TOLERANCE": BORDER,
    f"{JUDGED}:Judge.ends: Lt → LtE: abs(high) < TOLERANCE": BORDER,
}
