"""Mutants that mean the same, or change nothing but a cost, each with the reason why no test can, or should, see it.

A mutant is named by ``module:function: what``, as the runner prints it. A test holds that each is still one.
"""

from __future__ import annotations

ATOMS, FORMS, JUDGED = (f"symderiv.certificates.{name}" for name in ("atoms_checked", "forms_checked", "judged"))
FUNCTIONS = "symderiv.certificates.functions_checked"
CODE, RULES = "symderiv.codegen", "symderiv.rules"
ONE_LENGTH = "both are of one length by construction; strict=True says so to the reader"
PLAN = "a guess of a cost, or a limit of a search: another plan, with the same values"
BORDER = "differs at one floating-point number alone, the tolerance itself"

EQUIVALENT: dict[str, str] = {
    f"{ATOMS}:powers: 1 → 2 in judge.is_signed(child.expr, 1, strict=a < 0)": "a sign is asked for by being above 0",
    f"{ATOMS}:powers: Lt → LtE: a < 0": "the exponent of a factor is never 0",
    f"{ATOMS}:_entropy: True → False in strict=True": "log s stands in the function, so its domain says s > 0 already",
    f"{ATOMS}:norm: Gt → GtE: c > 0": "the coefficient of a term is never 0",
    f"{ATOMS}:_squared: 0 → 1 in moving[0] #3": "the two are one node, as was asked before",
    f"{ATOMS}:_ratios: True → False in strict=True": "log(t/x) stands in the function, so its domain says x > 0 already",
    f"{ATOMS}:matrix_fraction: True → False in strict=True": ONE_LENGTH,
    f"{FORMS}:_mirrored: True → False in strict=True": ONE_LENGTH,
    f"{FORMS}:_entrywise: 0 → 1 in e.params[0] > 0": "a power of 1 is its base, no node",
    f"{FUNCTIONS}:_strong: Lt → LtE: found.least.relative < (1e-12 if strictly else -1e-09)": BORDER,
    f"{JUDGED}:Judge.ends: Lt → LtE: abs(low) < TOLERANCE": BORDER,
    f"{JUDGED}:Judge.ends: Lt → LtE: abs(high) < TOLERANCE": BORDER,
    f"{CODE}.contraction:Contractor.known: Lt → LtE: len(kept) < 3": PLAN,
    f"{CODE}.inplace:ufunc: 3 → 4 in 3:": "what follows np. is an identifier from its second letter on, too",
    f"{CODE}.order:_Run.run: IsNot → Is: state is not None": PLAN,
    f"{CODE}.order:_Run.exact: Gt → GtE: part > rest": "a set and its complement are never equal",
    f"{CODE}.signature:docstring: 108 → 109 in clip(says, 108)": "a width of text, where one letter more is as good",
    f"{CODE}.terms:Opened.factored: True → False in strict=True #4": ONE_LENGTH,
    f"{CODE}.terms:Opened.sum_of: and ↔ or: isinstance(t, Name) or self.uses.get(t, 1) > 1": PLAN,
    f"{CODE}.terms:Opened.expand: Gt → GtE: count + len(inner) - 1 > MOST_TERMS": PLAN,
    f"{CODE}.terms:Opened.expand: Sub → Add: len(inner) - 1": PLAN,
    f"{CODE}.terms:Opened.pays: Sub → Add: len(spliced) - 1": PLAN,
    f"{CODE}.terms:Opened.pays: Add → Sub: sum((self.planner.time(t) for t in inner)) + ENTRY * len(inner) * self": PLAN,
    f"{RULES}.algebra:_matrix_times: True → False in strict=True": ONE_LENGTH,
    f"{RULES}.definitions:negative: Lt → LtE: c < 0": "the number in front of a node is never 0, not of zero either",
    f"{RULES}.definitions:_sum_of_exp: 1 → 2 in -1": "any number below 0 marks the axis that is summed",
}
