"""The imports run one way, heavy packages stay out of the core, files stay small.

All imports count, those inside functions too; only those under ``if TYPE_CHECKING`` don't.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "symderiv"

# Lowest first. A part imports only parts of rows above its own. A part is a module of symderiv or a package with all in
# it; a dotted name takes one module out of its package and gives it a place of its own.
LAYERS = (
    ("errors",),
    ("bounds",),
    ("services", "dims", "canon", "jets", "rounding", "arguments", "sympy_program"),
    ("structures", "decision"),
    ("ir", "functions", "families", "links", "smooth", "evaluate_axes", "evaluate_matrices", "evaluate_expectation"),
    ("nodes", "patterns", "losses", "evaluate_functions"),
    ("flatten",),
    ("construct",),
    ("rebuild",),
    ("build",),
    ("ops", "facts", "evaluate"),
    ("frontend",),
    ("network_text",),
    ("frontend.inputs",),
    ("frontend.instances", "rational", "points", "intervals", "draw"),
    ("held",),
    ("rules",),
    ("record", "affinity", "verify"),
    ("simplify",),
    ("engine",),
    ("derive", "expect"),
    ("splits", "codegen", "render.tree", "render.letters"),
    ("render.construct", "sympy_out"),
    ("network",),
    ("slices",),
    ("kronecker",),
    ("lift",),
    ("tell", "render"),
    ("present", "compiled"),
    ("proving", "checking", "saved"),
    ("proving.numeric",),
    ("certificates", "verdicts", "pairing", "integrals", "spot"),
    ("statements",),
    ("block_certificates", "information", "layerwise", "linear_models", "composite", "potentials", "backpropagation",
     "pair_curvature", "conventions"),
    ("natural",),
    ("modules", "sympy_functions", "torch_models"),
    ("antigradient",),
    ("potential",),
    ("matched",),
    ("api", "depth"),
    ("consequences",),
    ("depth.code",),
    ("__init__",),
    ("handout", "reference", "testing"),
    ("gallery",),
    ("pytest_plugin",),
    ("notebook",),
    ("web",),
    ("cli",),
)
# Packages that only some parts may import: the core has to stay light, and to run where they can't be had.
HEAVY = {
    "numpy": {
        *("jets", "rounding", "smooth", "evaluate", "evaluate_axes", "evaluate_functions", "evaluate_matrices",
        "evaluate_expectation", "draw", "verify", "checking", "proving.numeric"),
        *("codegen", "compiled", "depth.code", "handout", "gallery", "cli", "testing", "torch_models"),
    },
    "opt_einsum": {"codegen"},
    "latexify": {"handout"},
    "math_core": {"handout"},
    "rich": {"handout", "cli"},
    "click": {"cli"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "watchfiles": {"handout"},
    "torch": {"torch_models"},
    "matplotlib": set(),
}
# Independence: whatever a part imports, directly or not, is none of these.
INDEPENDENT = {
    "verify": {"rules", "engine", "simplify", "derive", "tell", "codegen", "ops"},
    "evaluate": {"rules", "engine", "simplify", "derive", "tell", "codegen", "ops", "build", "canon"},
    "rules": {"engine", "derive", "verify", "evaluate", "render", "codegen"},
    "engine": {"verify", "evaluate", "render", "codegen"},
}
# Parts that may import by a name made at run time, which the table above can't see: what is loaded on demand.
BY_NAME = {"services", "handout", "__init__"}
ENTRY = {"__main__"}
LONGEST_FILE = 400


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)] = path
    return found


def part(module: str) -> str:
    """The part of the package that a module belongs to.

    >>> part("symderiv.handout.writers.html")
    'handout'
    """
    names = module.split(".")[1:]
    placed = {name for row in LAYERS for name in row}
    return next((name for n in (2, 1) if (name := ".".join(names[:n])) in placed), names[0])


def imports(text: str, module: str, package: bool) -> Iterator[str]:
    """The dotted names that a source text imports, each as far as it can be a module.

    >>> sorted(imports("def f():\\n  from symderiv.ir import Expr\\nimport numpy.linalg", "symderiv.a", False))
    ['numpy.linalg', 'symderiv.ir', 'symderiv.ir.Expr']
    """
    for node in _outside_type_checking(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: len(module.split(".")) - node.level + package]
                base = ".".join([*above, *filter(None, [base])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _outside_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for branch in child.orelse:
                yield from _outside_type_checking(branch)
        else:
            yield from _outside_type_checking(child)


@cache
def graph() -> dict[str, set[str]]:
    """For each module, the modules of the package that it imports."""
    found: dict[str, set[str]] = {}
    for module, path in modules().items():
        names = set(imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py"))
        own = names & modules().keys()
        if "symderiv" in names and any(f"symderiv.{name}" not in modules() for name in _from_package(path)):
            own.add("symderiv.__init__")
        longest = {name for name in own if not any(other.startswith(name + ".") for other in own & names)}
        found[module] = longest - {module}
    return found


def _from_package(path: Path) -> set[str]:
    """What a module takes from the package itself: names, or ``*`` for ``import symderiv``."""
    found: set[str] = set()
    for node in _outside_type_checking(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import) and any(alias.name == "symderiv" for alias in node.names):
            found.add("*")
        elif isinstance(node, ast.ImportFrom) and node.module == "symderiv" and not node.level:
            found |= {alias.name for alias in node.names}
    return found


@cache
def parts() -> dict[str, set[str]]:
    """For each part, the other parts that it imports."""
    found: dict[str, set[str]] = {part(module): set() for module in modules()}
    for module, others in graph().items():
        found[part(module)] |= {part(other) for other in others} - {part(module)}
    return found


def reached(start: str) -> set[str]:
    """All parts that a part imports, directly or not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = parts().get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def test_no_module_imports_itself_through_others() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(reversed(error.args[1])))


def test_every_part_has_its_place() -> None:
    table = [name for row in LAYERS for name in row]
    assert len(table) == len(set(table)), "a part stands in the table twice"
    homeless = sorted(parts().keys() - ENTRY - set(table))
    assert not homeless, f"without a row in LAYERS: {homeless}"


def test_imports_run_one_way() -> None:
    level = {name: number for number, row in enumerate(LAYERS) for name in row}
    wrong = [
        f"{one} (row {level[one]}) imports {other} (row {level.get(other, 'none')})"
        for one, others in parts().items()
        if one in level
        for other in sorted(others)
        if level.get(other, len(LAYERS)) >= level[one]
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_stay_out_of_the_core(package: str) -> None:
    users = {
        part(module)
        for module, path in modules().items()
        if any(n.split(".")[0] == package for n in imports(path.read_text(encoding="utf-8"), module, False))
    }
    assert users <= HEAVY[package], f"{package} is imported by {sorted(users - HEAVY[package])}"


@pytest.mark.parametrize("name", INDEPENDENT)
def test_what_checks_shares_nothing_with_what_it_checks(name: str) -> None:
    assert not reached(name) & INDEPENDENT[name]


def test_imports_by_name_are_made_in_one_place() -> None:
    found = {
        part(module)
        for module, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute)
        and {"import_module", "_import_module", "__import__"} & {getattr(node, "id", ""), getattr(node, "attr", "")}
    }
    assert found <= BY_NAME


def test_deriving_imports_no_heavy_package() -> None:
    program = (
        "import sys, symderiv as sd\n"
        "d = sd.jacobian('tanh(W @ h)', 'h', W='o n', h='n')\n"
        "d.latex(); d.steps\n"
        "print(sorted({'numpy', 'latexify', 'math_core', 'matplotlib', 'rich', 'click'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("folder", ["symderiv", "tests", "derivations"])
def test_files_stay_small(folder: str) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    long = {name: length for name, length in lengths.items() if length > LONGEST_FILE}
    assert not long, f"longer than {LONGEST_FILE} lines: {long}"


def test_the_test_sees_what_it_has_to_see() -> None:
    """Planted faults: an import inside a function, a relative one, one under TYPE_CHECKING."""
    text = (
        "if TYPE_CHECKING:\n    import a\nelse:\n    import b\ndef f():\n    from . import c\n    from ..d import e\n"
    )
    assert set(imports(text, "symderiv.x.y", False)) == {
        *("b", "symderiv.x", "symderiv.x.c", "symderiv.d", "symderiv.d.e")
    }
    assert len(graph()) > 20
    assert max(map(len, graph().values())) > 3


EXCUSES = re.compile(r"# (?:type: ignore|noqa|pragma: no cover)\b(?P<rest>.*)")
REASON = re.compile(r"^(?:\[[a-z-]+(?:, ?[a-z-]+)*\]|: [A-Z]+\d+)?  (?:# \w|\(\w).{8,}")


def unreasoned(text: str) -> list[str]:
    """What silences a checker and doesn't say which of its complaints, and why.

    >>> unreasoned("a = 1  # " + "noqa\\nb = 2  # " + "type: ignore[misc]  # defaults of a lambda aren't inferred")
    ['# noqa']
    """
    found = [match for line in text.splitlines() if (match := EXCUSES.search(line))]
    return [match[0] for match in found if not REASON.match(match["rest"])]


@pytest.mark.parametrize("folder", ["symderiv", "tests", "derivations", "benchmarks", ".ci"])
def test_what_silences_a_checker_says_why(folder: str) -> None:
    files = {path: unreasoned(path.read_text(encoding="utf-8")) for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)}
    assert not {path.name: found for path, found in files.items() if found}
