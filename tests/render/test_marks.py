"""Marks of print that would be read otherwise without their brackets, and signs of ours beside names of the user's."""

from __future__ import annotations

import pytest

import symderiv as sd


@pytest.mark.parametrize(
    ("exponent", "shown"), [("1.25", "(5/4) x^⊙(1/4) ⊙ y"), ("3", "3 x ⊙ x ⊙ y"), ("5", "5 x^⊙4 ⊙ y"), ("7/3", "(7/3) x^⊙(4/3) ⊙ y")]
)
def test_an_exponent_that_is_a_fraction_stands_in_brackets(exponent: str, shown: str) -> None:
    """x^⊙4/3 would be a third of x^⊙4."""
    assert sd.gradient(f"y @ x**({exponent})", "x", x="n", y="n").result.text() == shown
