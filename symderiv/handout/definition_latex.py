r"""A Python definition as a formula, through latexify, which prints some programs wrongly: those are refused here.

latexify 0.4 knows no shapes. ``A.T`` and ``x.sum()`` come out as products with a name, ``*`` between arrays as if it were
the matrix product, and keywords are left out. So a definition is printed only if everything in it is on the lists below;
products of names, powers and functions only if the arguments are declared to be numbers.

>>> text = "def silu(x):\n    return x / (1 + exp(-x))\n"
>>> definition_latex(text, scalar=True)
'\\mathrm{silu}(x) = \\frac{x}{1 + \\exp \\left( -x \\right)}'
>>> refusal("def f(W, x):\n    return W.T @ x\n")
'@ stands between arrays'
>>> refusal(text)
'a quotient of what may be arrays'
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

FUNCTIONS = frozenset({"exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "abs"})
PREFIXES = frozenset({"np", "numpy", "math"})
_BETWEEN = {ast.Mult: "product", ast.Div: "quotient", ast.Pow: "power"}


def source_of(function: Callable[..., Any]) -> str:
    """The text of a Python function, as it stands in its file."""
    return textwrap.dedent(inspect.getsource(function)).strip()


def definition_latex(source: str, scalar: bool = False) -> str | None:
    """LaTeX of a function's definition, or None where it is refused; ``scalar`` says that all arguments are numbers."""
    if refusal(source, scalar) is not None:
        return None
    from latexify import transformers
    from latexify.codegen import FunctionCodegen
    from latexify.exceptions import LatexifyError

    tree = transformers.PrefixTrimmer(PREFIXES).visit(_without_docstring(source))
    try:
        text = str(FunctionCodegen(use_math_symbols=True).visit(tree))
    except LatexifyError:
        return None
    return text.replace(r"\mathopen{}", "").replace(r"\mathclose{}", "")


def refusal(source: str, scalar: bool = False) -> str | None:
    """Why a definition isn't printed, or None where it is: everything in it must be known to come out right."""
    try:
        body = _without_docstring(source).body
    except SyntaxError:
        return "it is no function"
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        return "it is no single function"
    return _function(body[0], scalar)


def _without_docstring(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in tree.body:
        first = node.body[0] if isinstance(node, ast.FunctionDef) else None
        if isinstance(node, ast.FunctionDef) and isinstance(first, ast.Expr) and len(node.body) > 1:
            node.body = node.body[1:] if isinstance(first.value, ast.Constant) else node.body
    return tree


def _function(node: ast.FunctionDef, scalar: bool) -> str | None:
    a = node.args
    if a.defaults or a.kw_defaults or a.kwonlyargs or a.posonlyargs or a.vararg or a.kwarg or node.decorator_list:
        return "only plain arguments are printed"
    *assignments, last = node.body
    known = {one.arg for one in a.args}
    for statement in assignments:
        plain = isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
        if not plain or not isinstance(statement, ast.Assign):
            return "only assignments to names are printed"
        name = ast.unparse(statement.targets[0])
        if name in known:                                       # y = y - 1 is no equation
            return f"{name} has two values"
        known.add(name)
        found = _expression(statement.value, scalar)
        if found is not None:
            return found
    if not isinstance(last, ast.Return) or last.value is None:
        return "it must end with a return"
    return _expression(last.value, scalar)


def _expression(node: ast.expr, scalar: bool) -> str | None:
    """Why an expression is refused, or None."""
    match node:
        case ast.Name():
            return None
        case ast.Constant(value=value):
            return None if type(value) in (int, float) and repr(value).replace(".", "", 1).isdigit() else "only plain numbers are printed"
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _expression(inner, scalar)
        case ast.BinOp(op=ast.MatMult()):
            return "@ stands between arrays"
        case ast.BinOp(left=left, op=op, right=right):
            return _operation(left, op, right, scalar) or _expression(left, scalar) or _expression(right, scalar)
        case ast.Call():
            return _call(node, scalar)
        case ast.Attribute(attr=name):
            return f".{name} isn't printed"
        case _:
            return f"{type(node).__name__} isn't printed"


def _operation(left: ast.expr, op: ast.operator, right: ast.expr, scalar: bool) -> str | None:
    if isinstance(op, ast.Add | ast.Sub):
        return None
    word = _BETWEEN.get(type(op))
    if word is None:
        return f"{type(op).__name__} isn't printed"
    if isinstance(op, ast.Mult) and (_open_ended(left) or isinstance(right, ast.UnaryOp)):
        return "a product that reads otherwise without brackets"
    if scalar:
        return None
    number = isinstance(right, ast.Constant) or (isinstance(left, ast.Constant) and isinstance(op, ast.Mult))
    if isinstance(op, ast.Pow) or not number:
        return f"a {word} of what may be arrays"
    return None


def _open_ended(node: ast.expr) -> bool:
    """Whether a formula ends in a function without brackets, as log x does: a factor after it would seem to belong to it."""
    while isinstance(node, ast.BinOp | ast.UnaryOp):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow):
            return False
        node = node.right if isinstance(node, ast.BinOp) else node.operand
    return isinstance(node, ast.Call) and not isinstance(node.args[0] if node.args else node, ast.BinOp | ast.UnaryOp)


def _call(node: ast.Call, scalar: bool) -> str | None:
    if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        return "keywords aren't printed"
    called = node.func
    if isinstance(called, ast.Attribute):
        if not isinstance(called.value, ast.Name) or called.value.id not in PREFIXES:
            return f".{called.attr}() isn't printed"
        name = called.attr
    elif isinstance(called, ast.Name):
        name = called.id
    else:
        return "only functions by name are printed"
    if name not in FUNCTIONS or len(node.args) != 1:
        return f"{name}() isn't on the list"
    if not scalar:
        return f"{name}() of what may be an array"
    return _expression(node.args[0], scalar)
