"""The texts of the tables as expressions: definitions and derivatives, instantiated for a node.

Each text is parsed once; what is left at a call is to build it over the node's own arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from symderiv.errors import NoRuleError
from symderiv.frontend.build_text import expand
from symderiv.frontend.notation import tensor_params
from symderiv.frontend.values import Value
from symderiv.functions import SCALAR, TENSOR
from symderiv.ir import Call, Expr, Map
from symderiv.ops import broadcast


def instantiate(text: str, arguments: Mapping[str, Expr], params: Mapping[str, Value] | None = None) -> Expr:
    """A text of the tables over these arguments; parameters are numbers, None, True, False, axes.

    >>> from symderiv.build import symbol
    >>> instantiate("log(sum(exp(x), axis=axis))", {"x": symbol("u", ("m", "n"))}, {"axis": 0}).shape
    ('n',)
    """
    return expand(text, {**arguments, **(params or {})})


def has_definition(node: Expr) -> bool:
    """Whether a function's node can be unfolded by `definition_of`."""
    if isinstance(node, Call):
        return not node.abstract and not node.ders and node.fn in TENSOR and TENSOR[node.fn].definition is not None
    return isinstance(node, Map) and not node.generic and node.fn in SCALAR and SCALAR[node.fn].definition is not None


def definition_of(node: Map | Call) -> Expr:
    """The node unfolded once by its row's definition; NoRuleError where it has none."""
    if not has_definition(node):
        raise NoRuleError(f"'{node.fn}' has no definition to unfold")
    if isinstance(node, Call):
        row = TENSOR[node.fn]
        return expand(row.definition or "", {**dict(zip(row.arguments, node.args, strict=True)), **tensor_params(node)})
    return broadcast(expand(SCALAR[node.fn].definition or "", _scope(node)), node.shape)


def derivative_of(node: Map) -> Expr:
    """f'(arg), of the argument's shape, by the row's statement of it.

    >>> from symderiv.build import apply, symbol
    >>> derivative_of(apply("softplus", symbol("v", ("n",))))
    <sigmoid(v)>
    """
    if node.generic or node.fn not in SCALAR:
        raise NoRuleError(f"no derivative is known for '{node.fn}'")
    return broadcast(expand(SCALAR[node.fn].derivative, _scope(node)), node.arg.shape)


def _scope(node: Map) -> dict[str, Value]:
    values: Sequence[Fraction] = node.params
    return {"x": node.arg, **dict(zip((name for name, _ in SCALAR[node.fn].params), values, strict=True))}
