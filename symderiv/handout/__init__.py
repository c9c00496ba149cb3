"""Handouts: neutral pages (``model``), the writers that turn a page into text, and the builder of the sheets.

Nothing here knows any mathematics: a page holds formulas as LaTeX text.
"""
