"""Functions of JAX, PyTorch and Dask arrays, by the array API standard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from symderiv.codegen.function import Arguments, Generated
from symderiv.codegen.generate import arguments_of, as_tuple, indented, nested, quoted, returned_shapes, wanted_sizes
from symderiv.codegen.lower import Lowering
from symderiv.codegen.mathematics import mathematics
from symderiv.codegen.names import Names
from symderiv.codegen.portable import PortableEmitter
from symderiv.codegen.regroup import regrouped
from symderiv.codegen.signature import docstring, signature
from symderiv.errors import EvaluationError, SymderivError
from symderiv.ir import Expr, Symbol

BACKENDS = {
    "jax": ("import jax.numpy as xp", ("jax",)),
    "torch": ("import array_api_compat.torch as xp", ("torch", "array_api_compat")),
    "dask": ("import array_api_compat.dask.array as xp", ("dask", "array_api_compat")),
}
"""for each backend: how its namespace is imported, and the packages that have to be there"""


def generate_for(
    backend: str,
    exprs: Sequence[Expr] | Expr,
    inputs: Sequence[Symbol],
    name: str = "gradient",
    doc: str = "",
    pattern: Any = None,
    symmetric: bool = False,
) -> Generated:
    """Source over the array API standard for the expressions, and its function; see `generate` for the arguments.

    Raises SymderivError for an unknown backend and where its packages aren't installed, NoRuleError for functions that
    the standard hasn't.
    """
    opening, packages = BACKENDS.get(backend, ("", ()))
    if not opening:
        known = ", ".join(f'"{b}"' for b in ("numpy", *BACKENDS))
        raise SymderivError(f"there is no backend {backend!r}", hint=f"it is one of {known}")
    missing = [p for p in packages if find_spec(p) is None]
    if missing:
        raise SymderivError(f"backend=\"{backend}\" needs {' and '.join(missing)}, which isn't installed",
                            hint=f"pip install 'symderiv[{backend}]'")
    single = isinstance(exprs, Expr)
    roots = regrouped([exprs] if isinstance(exprs, Expr) else list(exprs))
    lowering = Lowering(roots, {}, symmetric, choices=False)
    outputs = [lowering.value(root) for root in roots]
    program, names = lowering.program, Names()
    for taken in ("xp", "math"):
        names.fresh(taken)
    function_name = names.fresh(name)
    arguments, variables = arguments_of(roots, inputs, program, outputs, names)
    head = signature(arguments, wanted_sizes(program, outputs), names)
    variables.update({("size", atom): variable for atom, variable in head.sizes.items()})
    emitter = PortableEmitter(program, outputs, names, variables, head.size_text, mathematics,
                              "a if isinstance(a, xp.Tensor) else " if backend == "torch" else "")
    returned = emitter.run()
    arrays = [a.variable for a in head.arguments if a.shape is not None and a.needed]
    checks = [f"{', '.join(arrays)}{',' if len(arrays) == 1 else ''} = _arrays({', '.join(arrays)})"] if arrays else []
    body = [*head.unpack, *([f"if {' or '.join(head.quick_checks)}:", '    raise ValueError("an argument has a wrong shape")']
                            if head.quick_checks else [])]
    made = f"**{emitter.made}"
    if any(made in line for line in (*emitter.lines, *returned)):
        device = f', "device": {arrays[0]}.device' if backend == "torch" and arrays else ""
        kind = f'"dtype": {arrays[0]}.dtype{device}' if arrays else ""
        body.append(f"{emitter.made} = {{{kind}}}")
    given = nested(returned, pattern) if pattern is not None else as_tuple(returned, single)
    says = docstring(doc, head, returned_shapes(roots, [None] * len(roots)))
    code = [head.head(function_name), *indented(quoted(says)), *indented([*checks, *body, *emitter.lines]), f"    return {given}"]
    uses_math = any("math." in text for text in (*emitter.lines, *emitter.helpers, *returned))
    imports = (["import math", ""] if uses_math else []) + [opening]
    source = "\n".join(imports) + "\n\n\n" + "\n\n".join(f"{h.strip()}\n" for h in emitter.helpers) + "\n\n" + "\n".join(code) + "\n"
    space: dict[str, Any] = {}
    exec(compile(source, f"<generated {function_name}>", "exec"), space)
    return Generated(function_name, source, _checked(space[function_name], Arguments(head.arguments, function_name)),
                     tuple(head.arguments))


def _checked(function: Callable[..., Any], arguments: Arguments) -> Callable[..., Any]:
    """The function by keyword or position, with this package's errors."""

    def called(*args: Any, **kwargs: Any) -> Any:
        values = arguments.placed(args, kwargs)
        try:
            return function(*values)
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            arguments.explain(values)
            if isinstance(error, TypeError):
                raise EvaluationError(str(error), hint="give arrays of real numbers") from error
            raise

    called.__name__ = called.__qualname__ = function.__name__
    called.__doc__ = function.__doc__
    return called


__all__ = ["BACKENDS", "generate_for"]
