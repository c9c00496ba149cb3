"""Mutation testing: break one place of the source at a time, and see that the tests fail.

    python -m tests.mutation.run [--group rules] [--sample 40 | --each] [--seed 0] [--seconds 180] [--report FILE] [--again FILE]

Groups: ``rules`` (the conditions and formulas of the rules), ``rows`` (the derivative of each elementwise function),
``generator`` (the code generator), ``checker`` (what takes the steps of certificates again). A mutant lives in a process of
its own, in which the module is compiled from its broken source; the files aren't touched. It is killed where a test of its
group fails, or doesn't end. What survives is printed as it is found: either a test is missing, or the mutant means the
same; those of which that is known stand in ``equivalent.py`` with the reason, and aren't tried. ``--again`` tries what a
report lists as surviving, wherever the lines are now. ``--each`` draws one mutant of every function. ``--forked`` collects
the tests once and runs only those that enter what is broken (``forked.py``): many times as fast, and what survives there
can be tried ``--again`` in the slow way. Exit code 0: the figures are for reading.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from tests.mutation.equivalent import EQUIVALENT

ROOT = Path(__file__).parent.parent.parent
RULE_TESTS = tuple(f"tests/test_{name}.py" for name in
                   ("rules", "rule_forms", "pieces", "sparsemax", "determinants", "fisher", "seed", "engine", "cases"))
CHECKER = ("check", "judged", "forms_checked", "functions_checked", "atoms_checked")
CHECKER_TESTS = ("tests/test_certificates_forged.py", "tests/test_certificates_laws.py", "tests/test_convexity.py",
                 "tests/test_curvature.py")
GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rules": (("symderiv/rules/*.py",), RULE_TESTS),
    "rows": (("symderiv/functions/[ae]*.py",), ("tests/test_functions_table.py",)),
    "generator": (("symderiv/codegen/*.py",), ("tests/codegen",)),
    "checker": (tuple(f"symderiv/certificates/{name}.py" for name in CHECKER), CHECKER_TESTS),
}
"""the sources that are broken, and the tests that have to see it"""
QUIET = ("-q", "-x", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
COMPARED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn,
            ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is}  # fmt: skip
COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}


@dataclass(frozen=True)
class Mutant:
    """One change in one module: its number there, its line, and ``function: what``, by which it is found again."""

    module: str
    number: int
    line: int
    what: str

    @property
    def key(self) -> str:
        return f"{self.module}:{self.what}"

    def __str__(self) -> str:
        return f"{self.key} (line {self.line})"


class Mutator(ast.NodeTransformer):
    """Walks a module's source and counts the places where it may be broken; breaks the one of the given number."""

    def __init__(self, rows: bool, number: int | None = None) -> None:
        self.rows, self.number = rows, number
        self.found: list[tuple[int, str]] = []
        self.within: list[str] = []
        self.around: list[ast.AST] = []
        self.seen: Counter[str] = Counter()

    def place(self, node: ast.AST, what: str) -> bool:
        """Whether this place is the one to be broken; the second of two that read the same in a function is called #2."""
        told = f"{'.'.join(self.within) or 'module'}: {what}"
        self.seen[told] += 1
        self.found.append((getattr(node, "lineno", 0), told if self.seen[told] == 1 else f"{told} #{self.seen[told]}"))
        return len(self.found) - 1 == self.number

    def visit(self, node: ast.AST) -> ast.AST:
        self.around.append(node)
        visited: ast.AST = super().visit(node)
        self.around.pop()
        return visited

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.returns is not None and ast.unparse(node.returns).endswith(", Context]"):
            return node                                         # a rule's example: another one is as good
        self.within.append(node.name)
        if not self.rows:
            node.body = [part if _docstring(part) else self.visit(part) for part in node.body]
        self.within.pop()
        return node                                             # decorators, annotations and defaults are left alone

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.within.append(node.name)
        node.body = [self.visit(part) for part in node.body]
        self.within.pop()
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None and self.rows:
            node.value = self.visit(node.value)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        value = node.value
        if self.rows and node.arg == "derivative" and isinstance(value, ast.Constant) and isinstance(value.value, str):
            for what, made in (("1.001 times", f"1.001*({value.value})"), ("1/1000 more", f"({value.value}) + 0.001")):
                if self.place(value, f"derivative: {what} {value.value}"):
                    node.value = ast.Constant(made)
            return node
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        other = COMPARED.get(type(node.ops[0]))
        if not self.rows and other and self.place(node, f"{_sign(node.ops[0])} → {other.__name__}: {_shown(node)}"):
            node.ops[0] = other()
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        text = isinstance(node.left, ast.Constant | ast.JoinedStr) and not isinstance(getattr(node.left, "value", 0), int | float)
        self.generic_visit(node)
        other = COMPUTED.get(type(node.op))
        if not self.rows and not text and other and self.place(node, f"{_sign(node.op)} → {other.__name__}: {_shown(node)}"):
            node.op = other()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if not self.rows and self.place(node, f"and ↔ or: {_shown(node)}"):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if not self.rows and isinstance(node.op, ast.Not | ast.USub) and self.place(node, f"without its sign: {_shown(node)}"):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if self.rows or not isinstance(node.value, int):
            return node
        other = (not node.value) if isinstance(node.value, bool) else node.value + 1
        what = f"{node.value} → {other} in {_shown(self.around[-2] if len(self.around) > 1 else node)}"
        return ast.copy_location(ast.Constant(other), node) if self.place(node, what) else node


def _sign(op: ast.AST) -> str:
    return type(op).__name__


def _shown(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0][:70]


def _docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


# ---------------------------------------------------------------- mutants
def sources(group: str) -> list[Path]:
    return sorted(path for pattern in GROUPS[group][0] for path in ROOT.glob(pattern))


def source_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def mutants(group: str) -> Iterator[Mutant]:
    """Every mutant of a group, in the order of the source."""
    for path in sources(group):
        walked = Mutator(group == "rows")
        walked.visit(ast.parse(path.read_text(encoding="utf-8")))
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for number, (line, what) in enumerate(walked.found):
            yield Mutant(module, number, line, what)


def broken(path: Path, number: int, rows: bool) -> ast.Module:
    """The module's syntax tree with one place broken."""
    tree = Mutator(rows, number).visit(ast.parse(path.read_text(encoding="utf-8")))
    ast.fix_missing_locations(tree)
    assert isinstance(tree, ast.Module)
    return tree


def drawn_of(every: Sequence[Mutant], count: int, each: bool, start: int) -> list[Mutant]:
    """A sample of so many (0: all), or one of every function, in the order of the source."""
    lots = random.Random(start)
    if not each:
        chosen = lots.sample(every, min(count or len(every), len(every)))
    else:
        functions: dict[tuple[str, str], list[Mutant]] = {}
        for mutant in every:
            functions.setdefault((mutant.module, mutant.what.partition(": ")[0]), []).append(mutant)
        chosen = [lots.choice(of) for of in functions.values()]
    return sorted(chosen, key=lambda m: (m.module, m.number))


class Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from its broken source."""

    def __init__(self, module: str, number: int, rows: bool) -> None:
        self.module, self.number, self.rows = module, number, rows
        self.path = source_of(module)

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(broken(self.path, self.number, self.rows), str(self.path), "exec"), module.__dict__)


def child(module: str, number: int, group: str) -> int:
    """Run the tests of a group on a mutant, until one fails."""
    sys.meta_path.insert(0, Planted(module, number, group == "rows"))
    importlib.import_module(module)                             # now: pytest's own loader would come before this one
    import pytest

    return int(pytest.main([*QUIET, *GROUPS[group][1]]))


def tried(mutant: Mutant, group: str, seconds: float) -> str:
    """killed, hangs or survived, by all the group's tests in a process of its own."""
    command = [sys.executable, "-m", "tests.mutation.run", "--child", mutant.module, str(mutant.number), "--group", group]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "survived" if done.returncode == 0 else "killed"


def listed(report: Path) -> set[str]:
    """The keys of what a report lists as surviving."""
    lines = report.read_text(encoding="utf-8").splitlines()
    return {line.removeprefix("- ").rpartition(" (line ")[0] for line in lines if line.startswith("- ")}


def try_all(group: str, drawn: Sequence[Mutant], every: int, try_one: Callable[[Mutant], str]) -> list[str]:
    """Tries mutants one after another, printing what survives; gives the report: the figures, and the survivors."""
    started, ends, survived = time.monotonic(), Counter[str](), []
    for mutant in drawn:
        end = "equivalent" if mutant.key in EQUIVALENT else try_one(mutant)
        ends[end] += 1
        if end == "survived":
            survived.append(f"- {mutant}")
            print(survived[-1], flush=True)
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    figures = f"{group}: {len(drawn)} of {every} mutants, {told}, {time.monotonic() - started:.0f} s"
    print(figures, flush=True)
    return [figures, *survived]


def try_forked(group: str, drawn: Sequence[Mutant], every: int, seconds: float) -> list[str]:
    """The same in forks of one run of the tests."""
    import pytest

    from tests.mutation.forked import Tried

    found: list[str] = []

    def ask(tests: Tried) -> None:
        def try_one(mutant: Mutant) -> str:
            path = source_of(mutant.module)
            old, new = (compile(broken(path, number, group == "rows"), str(path), "exec") for number in (-1, mutant.number))
            return tests.end_of(old, new) or tried(mutant, group, seconds)

        found.extend(try_all(group, drawn, every, try_one))

    plugin = Tried(sources(group), ask, seconds)
    pytest.main([*QUIET, *GROUPS[group][1]], plugins=[plugin])
    if plugin.failed:
        sys.exit("fails with nothing broken: " + ", ".join(plugin.failed))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--group", choices=GROUPS)
    parser.add_argument("--sample", type=int, default=40, help="mutants of a group, drawn at random; 0 for all")
    parser.add_argument("--each", action="store_true", help="one mutant of every function instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=180, help="for the tests of one mutant")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--again", type=Path, help="try what this report lists as surviving, nothing else")
    parser.add_argument("--forked", action="store_true", help="collect once, and run the tests that enter what is broken")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        return child(asked.child[0], int(asked.child[1]), asked.group)
    keys = listed(asked.again) if asked.again else None
    lines = []
    for group in [asked.group] if asked.group else GROUPS:
        every = list(mutants(group))
        if keys is not None:
            drawn = [mutant for mutant in every if mutant.key in keys]
        else:
            drawn = drawn_of(every, asked.sample, asked.each, asked.seed)
        if not drawn:
            continue
        if asked.forked:
            lines += try_forked(group, drawn, len(every), asked.seconds)
            continue
        if tried(Mutant(every[0].module, -1, 0, "nothing"), group, asked.seconds) != "survived":
            sys.exit(f"the tests of {group} fail, or take too long, with nothing broken")
        lines += try_all(group, drawn, len(every), partial(tried, group=group, seconds=asked.seconds))
    if keys is not None:
        found = {mutant.key for group in GROUPS for mutant in mutants(group)}
        print("\n".join(f"gone: {key}" for key in sorted(keys - found)), end="")
    if asked.report:
        asked.report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
