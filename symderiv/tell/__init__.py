"""Telling: a derivation's proof as chapters of whole-formula states. Views only: each state is made of recorded ones.

A forward lemma is told level by level: its first rule, then each hole inside replaced by the next state of the lemma that
fills it, until all are filled; then a line per run of one family of algebra. Unit tensors stay in brackets until the end,
so that "contract delta" is the opening of a bracket. A reverse sweep is told lemma by lemma: each named cotangent is a
chapter. ``detail`` "full" gives a line to each step that changes the text, "brief" keeps the last state of each phase.
"""
from __future__ import annotations

from symderiv.tell.forward import forward_chapters
from symderiv.tell.lines import CONTRACT_DELTA, Chapter, Line, Why, algebra_lines, differential, numbered
from symderiv.tell.reverse import reverse_chapters
from symderiv.tell.story import brief, combined_chapter, derivative_of, differential_chapter, differential_state, story

__all__ = [
    "CONTRACT_DELTA", "Chapter", "Line", "Why", "algebra_lines", "brief", "combined_chapter", "derivative_of",
    "differential", "differential_chapter", "differential_state", "forward_chapters", "numbered", "reverse_chapters", "story",
]
