"""Formulas from expressions: matrix form, index form, plain text."""
