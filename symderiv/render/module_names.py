"""Signs for a module's derivatives: J_N, H_N, j_L, h_L."""
from __future__ import annotations

from symderiv.build import value_shape
from symderiv.ir import Call
from symderiv.render.style import Style

_SIGNS = {(1, 0): "j", (2, 0): "h", (1, 1): "J", (2, 1): "H"}
"""by (how often it is differentiated, whether its value has axes)"""


def derivative_name(node: Call, style: Style, row: bool = False) -> str:
    """The sign of a derivative.

    J_N and H_N; of a scalar function of a vector the column j_L, the row J_L and the matrix h_L; f' of a function of a
    scalar; ∂_1 N where there are several arguments.
    """
    fn, times, values = style.head(node), len(node.ders), len(value_shape(node))
    plain = style.thin == " "
    if len(node.args) > 1:
        at = ",".join(str(d + 1) for d in node.ders)
        power = "" if times == 1 else style.raised("", str(times))
        return f"∂{power}_{at} {fn}" if plain else rf"\partial{power}_{{{at}}}{fn}"
    inputs = len(node.args[0].shape)
    if inputs == 0:
        return fn + ("'" * times if times <= 3 else f"^{{({times})}}")
    if times > 2:
        return f"D^{times} {fn}" if plain else f"(D^{times}{fn})"
    sign = _SIGNS[times, min(values, 1)]
    if row or inputs > 1:
        sign = sign.upper()
    return f"{sign}_{fn}" if plain or len(fn) == 1 else f"{sign}_{{{fn}}}"
