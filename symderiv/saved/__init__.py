"""Derivations as JSON: written whole, read strictly, and checked again without deriving.

>>> from symderiv.api import gradient
>>> text = to_json(gradient("sum((X @ w - y)**2)", "w", X="m n", w="n", y="m"))
>>> saved = from_json(text)
>>> saved.replay().text(), bool(saved.check()), to_json(saved.derivation) == text
('2 Xᵀ (X w − y)', True, True)

The document: ``nodes`` (each with its kids' numbers), ``facts``, ``contexts``, ``proofs`` (each with its steps: a rule
at a node, a replacement inside a node, or a proof), ``derivations`` (text, expression, variables, result), a version
and a digest. The same derivation gives the same bytes.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any, cast

from symderiv.derive import Derivation
from symderiv.errors import SymderivError, TooLargeError
from symderiv.facts import Facts
from symderiv.ir import Expr, Name, Symbol
from symderiv.record import Proof
from symderiv.saved.checks import Checked, check_all
from symderiv.saved.form import LONGEST_NAME, Piece, SavedError, compact, guarded, parse_document
from symderiv.saved.goals import KINDS, SPLIT_PARTS
from symderiv.saved.nodes import MOST_NODES, read_nodes
from symderiv.saved.proofs import MOST_PROOFS, Reader, Writer, parts_numbers
from symderiv.splits import GaussNewton

FORMAT = "symderiv derivation"
VERSION = 1
LONGEST = 64_000_000
"""characters of a document"""
MOST_VARIABLES = 1000
HIGHEST_ORDER = 32
SHOWN_TO_WEIGHT = 500
_FIELDS = ("format", "version", "symderiv", "digest", "at", "derivations", "facts", "contexts", "proofs", "nodes")


@dataclass(frozen=True)
class Saved:
    """What a document holds: derivations by part (one, called "", or the parts of a split), and the results stated."""

    parts: Mapping[str, Derivation]
    results: Mapping[str, Any]
    split: GaussNewton | None
    version: str

    @property
    def derivation(self) -> Derivation:
        """The derivation; of a split, that of H."""
        return self.parts["H" if self.split is not None else ""]

    def replay(self) -> Any:
        """Run every rule and constructor again: the result, of a split a dict of all; SavedError where it isn't the one stated."""
        found = {}
        for label, derivation in self.parts.items():
            with guarded(label or "the derivation", "its steps don't hold"):
                found[label] = derivation.replay()
            if found[label] != self.results[label]:
                raise SavedError(f"{label or 'the derivation'}: the steps don't give the result that is stated")
        return found if self.split is not None else found[""]

    def check(self) -> Checked:
        """Check every step and what is claimed; true where all holds."""
        labelled = [(label or derivation.kind, derivation, self.results[label]) for label, derivation in self.parts.items()]
        return check_all(labelled, self.split)


# ---------------------------------------------------------------- writing
def to_json(derivation: Derivation | GaussNewton) -> str:
    """A derivation, or a Gauss–Newton split with its parts, as JSON."""
    if isinstance(derivation, GaussNewton):
        if isinstance(derivation.wrt, tuple):
            raise SymderivError("a split by several parameters isn't saved whole", hint="save one for each parameter")
        parts = {label: getattr(derivation, label) for label in SPLIT_PARTS}
    else:
        parts = {"": derivation}
    writer = Writer(derivation.facts)
    written = [_write(label, part, writer) for label, part in parts.items()]
    at = writer.node(derivation.at) if isinstance(derivation, GaussNewton) else None
    if len(writer.nodes) > MOST_NODES or len(writer.proofs) > MOST_PROOFS:
        raise TooLargeError(f"{len(writer.nodes)} nodes and {len(writer.proofs)} proofs are too many to save",
                            hint="name intermediate values, or save the parts one by one")
    document = {"format": FORMAT, "version": VERSION, "symderiv": _installed(), "digest": "", "at": at,
                "derivations": written, "facts": writer.facts, "contexts": writer.contexts, "proofs": writer.proofs,
                "nodes": writer.nodes}
    document["digest"] = _digest(document)
    return _laid_out(document)


def _write(label: str, derivation: Derivation, writer: Writer) -> dict[str, Any]:
    return {"part": label, "kind": derivation.kind, "text": derivation.source, "subject": writer.node(derivation.subject),
            "wrt": [writer.node(x) for x in derivation.wrt], "order": derivation.order, "vec": derivation.vec,
            "several": derivation.several, "proofs": parts_numbers(derivation, writer),
            "written": [writer.node(x) for x in derivation.facts.sums],
            "results": _each(derivation.result, writer.node), "shown": _shown(derivation, derivation.result)}


def _each(parts: Any, of: Any) -> Any:
    return [_each(part, of) for part in parts] if isinstance(parts, tuple) else of(parts)


def _shown(derivation: Derivation, results: Any) -> Any:
    """The formulas as text, for who reads the document; empty for a long one. They are compared when it is read."""
    def text(node: Expr) -> str:
        return node.text() if node.weight <= SHOWN_TO_WEIGHT else ""
    return {"subject": text(derivation.subject), "wrt": [x.name for x in derivation.wrt],
            "results": _each(results, text)}


def _digest(document: Mapping[str, Any]) -> str:
    content = compact({key: value for key, value in document.items() if key != "digest"})
    return "blake2b " + blake2b(content.encode(), digest_size=20).hexdigest()


def _laid_out(document: Mapping[str, Any]) -> str:
    """Fields and entries on lines of their own, so that two documents can be compared."""
    rows = []
    for key, value in document.items():
        if isinstance(value, list) and value:
            entries = ",\n  ".join(compact(entry) for entry in value)
            rows.append(f'"{key}": [\n  {entries}\n]')
        else:
            rows.append(f'"{key}": {compact(value)}')
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _installed() -> str:
    try:
        return installed("symderiv")
    except PackageNotFoundError:
        return "unknown"


# ---------------------------------------------------------------- reading
def from_json(text: str) -> Saved:
    """Read a document; SavedError for one that isn't in the format, is of another version, or was changed.

    Nothing in it is trusted: `Saved.check` runs each step's rule again.
    """
    top = Piece(parse_document(text, LONGEST), "the document")
    if not isinstance(top.value, dict) or top.value.get("format") != FORMAT:
        raise SavedError("this isn't a saved derivation", hint="save one with .to_json(), or: symderiv derive … --format json")
    if compact(top.value.get("version")) != str(VERSION):
        raise SavedError(f"version {compact(top.value.get('version'))[:20]} of the format isn't known",
                         hint=f"this symderiv reads version {VERSION}; derive it again")
    at = top.fields(*_FIELDS)
    if at["digest"].text(LONGEST_NAME) != _digest(top.value):
        raise SavedError("the document was changed after it was written: its digest doesn't fit",
                         hint="derive it again")
    reader = Reader(read_nodes(at["nodes"]))
    reader.read_facts(at["facts"])
    reader.read_contexts(at["contexts"])
    reader.read_proofs(at["proofs"])
    parts: dict[str, Derivation] = {}
    results: dict[str, Any] = {}
    for item in at["derivations"].items(len(SPLIT_PARTS)):
        label, derivation, result = _read(item, reader)
        parts[label], results[label] = derivation, result
    split = None
    if at["at"].nothing():
        if list(parts) != [""]:
            raise at["derivations"].wrong("one derivation")
    else:
        split = _read_split(at["at"], parts, reader, at["derivations"])
    return Saved(parts, results, split, at["symderiv"].text(LONGEST_NAME))


def _read(item: Piece, reader: Reader) -> tuple[str, Derivation, Any]:
    at = item.fields("part", "kind", "text", "subject", "wrt", "order", "vec", "several", "written", "proofs", "results", "shown")
    kind = at["kind"].text(LONGEST_NAME)
    if kind not in KINDS:
        raise at["kind"].wrong(f"one of {', '.join(KINDS)}")
    wrt = [reader.node(x) for x in at["wrt"].items(MOST_VARIABLES)]
    variables = tuple(x for x in wrt if (isinstance(x, Symbol) and x.kind == "variable") or isinstance(x, Name))
    if len(variables) < len(wrt) or not wrt:
        raise at["wrt"].wrong("variables")
    several = at["several"].flag()
    if not several and (len(wrt) > 1 or isinstance(at["proofs"].value, list)):
        raise at["several"].wrong("true, for several variables")
    proofs = _read_each(at["proofs"], reader.proof)
    results = _read_each(at["results"], reader.node)
    facts = Facts(tuple(reader.facts), tuple(reader.node(x) for x in at["written"].items(MOST_NODES)))
    derivation = Derivation(kind, reader.node(at["subject"]), cast("tuple[Symbol, ...]", variables), proofs, facts,
                            at["order"].integer(1, HIGHEST_ORDER), at["vec"].flag(), several, at["text"].text())
    if _arrangement(proofs) != _arrangement(results):
        raise at["results"].wrong("a result for each proof")
    if compact(at["shown"].value) != compact(_shown(derivation, results)):
        raise at["shown"].wrong("the formulas of the nodes, as this version of symderiv prints them")
    return at["part"].text(LONGEST_NAME), derivation, results


def _read_each(piece: Piece, of: Any, depth: int = 0) -> Any:
    if isinstance(piece.value, list) and depth < 2:
        return tuple(_read_each(part, of, depth + 1) for part in piece.items(MOST_VARIABLES))
    return of(piece)


def _arrangement(parts: Any) -> Any:
    return tuple(_arrangement(part) for part in parts) if isinstance(parts, tuple) else None


def _read_split(piece: Piece, parts: Mapping[str, Derivation], reader: Reader, where: Piece) -> GaussNewton:
    at = reader.node(piece)
    if not isinstance(at, Name):
        raise piece.wrong("a named intermediate value")
    if tuple(parts) != SPLIT_PARTS:
        raise where.wrong(f"the parts {', '.join(SPLIT_PARTS)} of a split")
    (x, *others) = parts["H"].wrt
    by = {"slope": (at,), "outer": (at,)}
    whole = all(isinstance(d.proofs, Proof) and d.wrt == by.get(label, (x,)) for label, d in parts.items())
    if others or not whole or not isinstance(x, Symbol):
        raise where.wrong("the parts of a split by one variable")
    made = {label: partial(parts.__getitem__, label) for label in "HGR"}
    return GaussNewton(made, at, x, parts["jacobian"], parts["outer"], parts["slope"], parts["H"].facts)


__all__ = ["Checked", "Saved", "SavedError", "SymderivError", "from_json", "to_json"]
