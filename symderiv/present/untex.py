"""Short formulas of the tables, as notes and facts are, from LaTeX to plain text."""
from __future__ import annotations

import re

from symderiv.render.symbols import GREEK

_BEFORE = (
    (r"\\partial *", "∂"), (r"\^\{2\}", "²"), (r"\^\{3\}", "³"), (r"\{\\odot ", r"{\\odot"), (r"\\[lr]vert *", "|"),
    (r"\\langle *", "⟨"), (r"\\rangle *", "⟩"),
    (r"\\sqrt\{((?:[^{}]|\{[^{}]*\})*)\}", r"sqrt(\1)"),
    (r"\\[td]?frac(\d)(\d)", r"\1/\2 "), (r"\\[td]?frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1/\2) "),
    (r"\^\{([^{}\\]*[/+-][^{}]*)\}", r"^(\1)"),
)
"""patterns, in order: what has braces with a meaning"""

_SIGNS = {
    **GREEK, "succeq": "⪰", "succ": "≻", "preceq": "⪯", "prec": "≺", "cdot": "·", "infty": "∞", "partial": "∂", "le": "≤",
    "ge": "≥", "ne": "≠", "varphi": "φ", "mathcal": "",
}

_AFTER = (
    (r"^{\prime}", "′"), (r"^\top", "ᵀ"), (r"^{\top}", "ᵀ"), ("^2", "²"), ("_1", "₁"), ("_2", "₂"),
    ("_3", "₃"), ("-", "−"), (r"\,", " "), (r"\top", "ᵀ"), (r"}\operatorname", " "), (r"\operatorname", ""), (r"\mathbf", ""),
    (r"\text", ""), (r"\nabla", "∇"), (r"\lVert", "‖"), (r"\rVert", "‖"), (r"\odot", "⊙"), (r"\otimes", "⊗"), ("\\", ""),
    ("{", ""), ("}", ""),
)
"""texts, in order"""


def untex(latex: str) -> str:
    r"""Plain text of a short formula.

    >>> untex(r"\tanh^{\prime}=1-\tanh^{2}"), untex(r"(y-u)^{\odot 2}"), untex(r"\lvert x\rvert^{\prime}=\operatorname{sign}")
    ('tanh′=1−tanh²', '(y−u)^⊙2', '|x|′=sign')
    >>> untex(r"\operatorname{erf}^{\prime}(x)=\tfrac{2}{\sqrt{\pi}}e^{-x^{2}}")
    'erf′(x)=(2/sqrt(π)) e^(−x²)'
    >>> untex(r"\sqrt{\mathbf{1}+r}")
    'sqrt(1+r)'
    """
    for pattern, new in _BEFORE:
        latex = re.sub(pattern, new, latex)
    latex = re.sub(r"\\([A-Za-z]+)", lambda m: _SIGNS.get(m[1], m[0]), latex)
    latex = re.sub(r" *([≻⪰≺⪯≤≥≠]) *", r" \1 ", latex)
    latex = re.sub(r"_\{([A-Za-z][+-]\d)\}", r"_(\1)", latex)
    for old, replacement in _AFTER:
        latex = latex.replace(old, replacement)
    return latex
