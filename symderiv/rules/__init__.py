"""The rules. To add one, decorate a function in the module of its topic; `RULES` has them all by name."""
from symderiv.rules import (
    algebra,
    assumptions,
    definitions,
    differentiation,
    entries,
    expectation,
    exponentials,
    joins,
    pieces,
    spectra,
    splitting,
    structure,
)
from symderiv.rules.base import RULES, Context, Rule, Used, rule

__all__ = ["RULES", "Context", "Rule", "Used", "algebra", "assumptions", "definitions", "differentiation", "entries", "expectation",
           "exponentials", "joins", "pieces", "rule", "spectra", "splitting", "structure"]
