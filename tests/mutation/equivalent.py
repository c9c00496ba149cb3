"""Mutants that mean the same, or change nothing but a cost, each with the reason why no test can, or should, see it.

A mutant is named by ``module:function: what``, as the runner prints it. A test holds that each is still one.
"""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {
}
