"""``symderiv list``: what is known by name, read from the tables and the registry of rules."""
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence

import click

from symderiv.cli.frame import put
from symderiv.functions import ALIASES, SCALAR, TENSOR, ScalarFunction, TensorFunction
from symderiv.losses import LOSSES
from symderiv.modules import CLASSES
from symderiv.rules import RULES

Row = dict[str, str]


def _scalar(row: ScalarFunction) -> Row:
    return {"name": row.name, "definition": row.definition or "(primitive)", "derivative": row.derivative,
            "parameters": ", ".join(f"{p}={v}" for p, v in row.params), "source": row.source}


def _tensor(row: TensorFunction) -> Row:
    return {"name": row.name, "definition": row.definition or "(primitive)", "derivative": "by its definition" if row.definition
            else "by a rule", "parameters": ", ".join(f"{p}={v}" for p, v in row.params), "source": row.source}


def functions() -> list[Row]:
    """Every function of the tables, with the other names that it goes by."""
    rows = [*map(_scalar, SCALAR.values()), *map(_tensor, TENSOR.values())]
    names = {row["name"]: [a for a, own in sorted(ALIASES.items()) if own == row["name"]] for row in rows}
    return [{**row, "also": ", ".join(names[row["name"]])} for row in rows]


def activations() -> list[Row]:
    """The functions that are modules too."""
    return [*({"module": row.module, **_scalar(row)} for row in SCALAR.values() if row.module is not None),
            *({"module": row.module, **_tensor(row)} for row in TENSOR.values() if row.module is not None)]


def losses() -> list[Row]:
    """The losses, with what each matches."""
    return [{"name": row.name, "module": row.module, "definition": row.definition, "arguments": ", ".join(row.arguments),
             "convexity": row.convexity or "", "matching": row.matching or "", "convention": row.convention,
             "source": row.source} for row in LOSSES.values()]


def rules() -> list[Row]:
    """The rules in order of definition."""
    return [{"name": row.name, "title": row.title, "law": row.law, "family": row.family, "source": row.source}
            for row in RULES.values()]


def modules() -> list[Row]:
    """The modules and losses by class name, each with the first line of its documentation."""
    return [{"name": name, "about": ((made.__doc__ or "").strip().splitlines() or [""])[0]} for name, made in CLASSES.items()]


TABLES: Mapping[str, Callable[[], list[Row]]] = {
    "functions": functions, "activations": activations, "losses": losses, "rules": rules, "modules": modules,
}
SHORT = {"functions": ("name", "definition", "derivative"), "activations": ("module", "name", "definition", "derivative"),
         "losses": ("name", "module", "definition", "matching"), "rules": ("name", "title", "law"),
         "modules": ("name", "about")}
"""the columns shown as text; JSON has all"""


@click.command("list", short_help="What is known by name.")
@click.argument("what", type=click.Choice(tuple(TABLES)))
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--out", metavar="FILE", help="Write to a file.")
def list_table(what: str, form: str, out: str | None) -> None:
    """List the functions, activations, losses, rules or modules."""
    rows = TABLES[what]()
    if form == "json":
        put(json.dumps(rows, indent=1, ensure_ascii=False), out)
    elif out is None and sys.stdout.isatty():
        _show(rows, SHORT[what])
    else:
        put(columns(rows, SHORT[what]), out)


def columns(rows: Sequence[Row], keys: Sequence[str]) -> str:
    """A table as plain text, two spaces between its columns.

    >>> print(columns([{"name": "tanh", "definition": "…"}, {"name": "id", "definition": "x"}], ["name", "definition"]))
    name  definition
    tanh  …
    id    x
    """
    table = [list(keys), *([row[key] for key in keys] for row in rows)]
    widths = [max(len(line[k]) for line in table) for k in range(len(keys))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table)


def _show(rows: Sequence[Row], keys: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    table = Table(box=None, pad_edge=False)
    for key in keys:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[key]) for key in keys))
    Console().print(table)
