r"""A formula as one line of Unicode text, for terminals and for labels that can hold no markup.

>>> linear(r"\frac{\partial f(z_i)}{\partial h_j} = f'(z_i)\sum_k W_{ik}\,\delta_{kj}")
"∂f(z_i)/∂h_j = f'(z_i) Σ_k W_ik δ_kj"
>>> linear(r"J_N^\top h_L\,J_N - \frac{1+a}{2s}\,x^{-1}\in\mathbb{R}^{n\times n}")
'J_Nᵀ h_L J_N - ((1 + a)/(2s)) x⁻¹ ∈ ℝ^(n×n)'
>>> linear(r"\begin{bmatrix}1&2\\0&-1\end{bmatrix}\Longrightarrow A\succeq 0")
'[1 2; 0 -1] ⟹ A ⪰ 0'
"""

from __future__ import annotations

import re
from functools import lru_cache

from symderiv.handout.formula import BIG, CLOSING, OPENING, PRODUCTS, RELATIONS, SUMS, TEXT, WIDE, Node, parse
from symderiv.handout.unicode import RAISED, SIGN

_BLACKBOARD = {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "E": "𝔼", "C": "ℂ", "Q": "ℚ"}
_ABOVE = {"hat": "\u0302", "widehat": "\u0302", "bar": "\u0304", "overline": "\u0304", "tilde": "\u0303"}
_ABOVE |= {"widetilde": "\u0303", "dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7", "mathring": "\u030a"}
_BIG = {"\\sum": "Σ", "\\prod": "Π", "\\int": "∫", "\\bigoplus": "⊕", "\\bigotimes": "⊗"}
_FRACTIONS = {"\\frac", "\\tfrac", "\\dfrac"}
_NAMES = BIG | {"\\" + name for name in TEXT if name != "mathrm"}
_INFIX = RELATIONS | SUMS | PRODUCTS
_CALL = re.compile(r"[∂\w]+\(\w+\)ᵀ?")
_ORDER = re.compile("[∂d][²³⁴]")
_SIMPLE = re.compile(r"[\w∂′'ᵀ.]+")


@lru_cache(maxsize=8192)
def linear(latex: str) -> str:
    """The formula as text; what isn't known keeps its name."""
    return re.sub(r" +", " ", _text(parse(latex))).strip()


def _text(nodes: tuple[Node, ...], tight: bool = False) -> str:
    found: list[str] = []
    before = ""
    for index, node in enumerate(nodes):
        text = node.text
        unary = text in SUMS and (not before or before in _INFIX | OPENING | {",", "\\,", *WIDE})
        if text in ("^", "_"):
            found.append(_script(node))
            found.append(" " if _under_big(nodes, index) else "")
        elif text == "\\,":
            found.append("" if tight else " ")
        elif text in WIDE or text in ("\\ ", "\\;", "\\:", "~"):
            found.append(" ")
        elif text in _INFIX:
            sign = _sign(text) + ("\u0338" if before == "\\not" else "")
            found.append(sign if tight or unary else f" {sign} ")
        elif text == ",":
            found.append("," if tight else ", ")
        elif text != "\\not":
            one = _factor(nodes, index) if text in _FRACTIONS else _one(node)
            if text == "\\sqrt" and [n.text for n in nodes[index + 1 : index + 2]] == ["^"]:
                one = f"({one})"                                # the square of a root
            if _apart("".join(found[-4:])[-2:], one, node, before):
                found.append(" ")
            found.append(one)
            if text in BIG and nodes[index + 1 : index + 2] and nodes[index + 1].text not in ("_", "^"):
                found.append(" ")
        before = text
    return "".join(found)


def _apart(left: str, right: str, node: Node, before: str) -> bool:
    """Whether a factor needs a space before it: fractions, sums, names of several letters, what follows an index."""
    if not left or not right or left[-1] in " ([{⟨∂-+" or _ORDER.fullmatch(left) or node.text in CLOSING:
        return False
    if node.text in _FRACTIONS | BIG or before in _FRACTIONS or node.text.startswith("\\operatorname"):
        return True
    if not right[0].isalnum() and right[0] not in "∂∇":
        return False
    word = (len(right) > 1 and right[:2].isalpha()) or (left[-1].isdigit() and right[0].isdigit())
    return word or before in ("_", "^") or before in _NAMES or (left[-1].isalpha() and right[0].isdigit())


def _factor(nodes: tuple[Node, ...], index: int) -> str:
    """A fraction; in brackets where it's a factor that isn't a derivative, so that 1/s x can't be read as 1/(s x)."""
    one = _one(nodes[index])
    apart = _INFIX | {",", ";", ".", "\\quad", "\\qquad"}
    before, after = nodes[max(index - 1, 0) : index], nodes[index + 1 : index + 2]
    alone = all(n.text in apart | OPENING for n in before) and all(n.text in apart | CLOSING for n in after)
    return one if alone or re.match("∂|d[A-Za-z]", one) else f"({one})"


def _under_big(nodes: tuple[Node, ...], index: int) -> bool:
    while index and nodes[index].text in ("^", "_"):
        index -= 1
    follows = index + 1
    while follows < len(nodes) and nodes[follows].text in ("^", "_"):
        follows += 1
    return nodes[index].text in BIG and follows < len(nodes)


def _script(node: Node) -> str:
    inside = _text(node.args[0], tight=True).strip()
    if node.text == "^" and inside and all(sign in RAISED for sign in inside):
        return "".join(RAISED[sign] for sign in inside)
    if node.text == "^" and re.fullmatch("′+", inside):
        return inside
    return node.text + (
        inside if re.fullmatch(r"[^\W_]+|:|[^\W_](?:,[^\W_]|,:)*|:(?:,[^\W_]|,:)*", inside) else f"({inside})"
    )


def _one(node: Node) -> str:
    text, name = node.text, node.text.lstrip("\\")
    if name in TEXT and node.raw == "d":
        return "d"
    if name in TEXT:
        return re.sub(r"\\([%&_#$ ])", r"\1", node.raw)
    if text in _FRACTIONS and len(node.args) == 2:
        return f"{_grouped(node.args[0], False)}/{_grouped(node.args[1], True)}"
    if name == "sqrt" and node.args:
        inside = _text(node.args[0])
        return f"√{inside}" if _SIMPLE.fullmatch(inside) else f"√({inside})"
    if name in ("underbrace", "overbrace") and node.args:
        return f"[{_text(node.args[0])}]"
    if name == "mathbb" and node.args:
        return _BLACKBOARD.get(_text(node.args[0]), _text(node.args[0]))
    if name in _ABOVE and node.args:
        inside = _text(node.args[0])
        return inside + _ABOVE[name] if len(inside) == 1 else f"{name}({inside})"
    if text == "\\begin":
        return _rows(node)
    if text == "\\left":
        opening, closing = node.raw.split("\n")
        return _delimiter(opening) + _text(node.args[0]) + _delimiter(closing)
    if node.args:
        return "".join(map(_text, node.args))
    if text in _BIG:
        return _BIG[text]
    if text in ("{", "}", "\\!", "\\displaystyle", "\\textstyle", "\\limits"):
        return ""
    return _sign(text)


def _rows(node: Node) -> str:
    rows = [[_text(cell).strip() for cell in row] for row in node.rows]
    if node.raw.rstrip("*") in ("bmatrix", "pmatrix", "matrix", "smallmatrix", "vmatrix"):
        return "[" + "; ".join(" ".join(row) for row in rows) + "]"
    if node.raw == "cases":
        return "{" + "; ".join(", ".join(filter(None, row)) for row in rows) + "}"
    return "; ".join(" ".join(filter(None, row)) for row in rows)


def _grouped(nodes: tuple[Node, ...], below: bool) -> str:
    """One side of a fraction, in brackets if it would be read wrongly without."""
    inside = _text(nodes).strip()
    factors = sum(node.text not in ("^", "_", "'") for node in nodes)
    if any(sign in inside for sign in " /·⊙⊗+-") and (factors > 1 or (below and "/" in inside and inside[-1] != ")")):
        return f"({inside})"
    if inside.startswith("∂"):
        return f"({inside})" if below and inside.count("∂") > 1 else inside
    few = 2 if inside.startswith("d") else 1
    return f"({inside})" if below and factors > few and not _CALL.fullmatch(inside) else inside


def _delimiter(text: str) -> str:
    return "" if text == "." else _sign(text)


def _sign(text: str) -> str:
    if text in ("\\{", "\\}", "\\_", "\\%", "\\&", "\\#", "\\$"):
        return text[1]
    if text == "\\|":
        return "‖"
    if text in OPENING | CLOSING and not text.startswith("\\"):
        return text
    return SIGN.get(text[1:], text[1:]) if text.startswith("\\") else text
