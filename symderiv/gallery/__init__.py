"""The gallery: every function and every loss of the tables with its derivatives, made by the engine.

``python -m symderiv.gallery FOLDER`` writes the pages (Markdown) and their plots (SVG). A new row has its entry at once.

>>> from symderiv.gallery.book import pages
>>> [page.file for page in pages()]
['activations.md', 'elementary.md', 'arrays.md', 'losses.md']
"""
