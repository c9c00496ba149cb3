r"""Lemmas for the appendix of a paper: what is stated and derived, in which order, and what each rests on.

>>> paper = appendix(
...     lemma("loss", gradient("logsumexp(u) - y @ u", "u", u="o", y="o"), title="Cross-entropy"),
...     lemma("softmax", jacobian("softmax(u)", "u", u="o")),
... )
>>> [one.label for one in ordered(paper, r"By Lemmas~\ref{lem:softmax} and~\ref{lem:loss}")]
['softmax', 'loss']
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symderiv.derive import Derivation
from symderiv.errors import SymderivError, UnknownNameError
from symderiv.handout.calls import Call, Identity, Place, SourceError, gradient, here, jacobian
from symderiv.handout.locate import told
from symderiv.handout.model import slug
from symderiv.present.writer import DETAILS, NOTATIONS
from symderiv.splits import GaussNewton

PREFIX = "lem:"
Told = Derivation | GaussNewton
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9:.\-]*")
_REFERENCES = re.compile(r"\\(?:[cC]|page|eq|auto|name|v|labelc)?ref(?:range)?\*?\s*(?:\[[^\]]*\])?\s*\{([^}]*)\}")


@dataclass(frozen=True)
class Lemma:
    """One lemma: its label, the call that derives it or the identity that is claimed, and how it is written.

    ``uses`` are labels of lemmas that it rests on; those whose derivative is a step of its own are found without.
    ``before`` and ``after`` are prose around the statement.
    """

    label: str
    item: Call | Identity
    title: str
    before: str
    after: str
    uses: tuple[str, ...]
    notation: str
    detail: str
    place: Place


@dataclass(frozen=True)
class Appendix:
    """The lemmas of a paper, in the order in which they are written down."""

    lemmas: tuple[Lemma, ...]
    place: Place


def lemma(
    label: str, item: Call | Identity, /, *, title: str = "", before: str = "", after: str = "", uses: str = "", notation: str = "matrix",
    detail: str = "normal",
) -> Lemma:  # fmt: skip
    """A lemma with the label ``lem:label``; raises SymderivError for a label, notation or detail that can't be."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise SymderivError(f"'{label}' can't be the label of a lemma", hint="take letters, digits, and - : . between them")
    if not isinstance(item, Call | Identity):
        raise SymderivError(f"the lemma '{label}' isn't given a derivation", hint='as in lemma("layer", jacobian("W @ h", "h", ...))')
    for given, known, kind in ((notation, NOTATIONS, "notation"), (detail, DETAILS, "detail")):
        if given not in known:
            raise UnknownNameError.among(given, known, kind, f"take one of {', '.join(known)}")
    return Lemma(label.removeprefix(PREFIX), item, title, before, after, tuple(uses.split()), notation, detail, here())


def appendix(*lemmas: Lemma) -> Appendix:
    """The lemmas of a paper; raises SymderivError where two have one label, or a label that is used is none's."""
    found = Appendix(lemmas, here())
    labels = [one.label for one in lemmas]
    for k, one in enumerate(lemmas):
        if one.label in labels[:k]:
            raise SymderivError(f"two lemmas have the label '{one.label}'", hint="give each one of its own")
        for used in one.uses:
            if used not in labels:
                raise UnknownNameError.among(used, labels, "lemma", f"labels: {', '.join(labels)}")
    return found


def of_sheet(items: Iterable[Any]) -> Appendix:
    """The derivations and identities of a handout as lemmas, labelled by what is derived."""
    found: dict[str, Lemma] = {}
    for item in items:
        call = item if isinstance(item, Call | Identity) else getattr(item, "call", None)
        if isinstance(call, Call | Identity):
            words = f"{call.left} is {call.right}" if isinstance(call, Identity) else f"{call.operator} {_called(call.arguments[0])}"
            text = slug(words)[:40].strip("-") or "lemma"
            label = next(t for t in (text, *(f"{text}-{n}" for n in range(2, 10_000))) if t not in found)
            found[label] = Lemma(label, call, "", "", "", (), "matrix", "normal", call.place)
    return Appendix(tuple(found.values()), Place("", 1))


def _called(what: Any) -> str:
    """What is derived, in words that are the same in every process: of a function its name."""
    return getattr(what, "__name__", None) or (what if isinstance(what, str) else type(what).__name__)


def ordered(paper: Appendix, text: str = "", rests: Mapping[str, Sequence[str]] | None = None) -> tuple[Lemma, ...]:
    r"""The lemmas in the order of use.

    Those that ``text``, the paper's LaTeX, refers to (by \ref, \cref, \autoref, …) come first, in the order in which it
    does; a lemma comes after those that it rests on: those that it says it uses, or ``rests``. Raises SymderivError where
    lemmas rest on each other in a circle.
    """
    by = {one.label: one for one in paper.lemmas}
    named = (name.strip().removeprefix(PREFIX) for found in _REFERENCES.findall(_uncommented(text)) for name in found.split(","))
    below = {one.label: one.uses for one in paper.lemmas} if rests is None else rests
    done: dict[str, Lemma] = {}

    def put(label: str, above: tuple[str, ...]) -> None:
        if label in above:
            raise SourceError(by[label].place, f"lemmas rest on each other in a circle: {' → '.join((*above, label))}")
        if label not in done:
            for used in below[label]:
                put(used, (*above, label))
            done[label] = by[label]

    for label in dict.fromkeys([*(name for name in named if name in by), *by]):
        put(label, ())
    return tuple(done.values())


def unused(paper: Appendix, text: str) -> list[str]:
    """The labels that the paper never refers to."""
    named = {name.strip().removeprefix(PREFIX) for found in _REFERENCES.findall(_uncommented(text)) for name in found.split(",")}
    return [one.label for one in paper.lemmas if one.label not in named]


def _uncommented(text: str) -> str:
    return re.sub(r"(?<!\\)%.*", "", text)


def run(one: Lemma) -> Told | None:
    """The derivation of a lemma, None of an identity; raises SourceError at the lemma's place."""
    if isinstance(one.item, Identity):
        return None
    try:
        derived = one.item.run()
    except SourceError:
        raise
    except SymderivError as error:
        raise SourceError(*told(error, one.place)) from error
    if not isinstance(derived, Derivation | GaussNewton):
        raise SourceError(one.place, f"the lemma '{one.label}' has to be a derivation, or an identity")
    return derived


def resting(derived: Mapping[str, Told | None], paper: Appendix) -> dict[str, tuple[str, ...]]:
    """For each label those of the lemmas that it rests on: the ones it names, and those whose derivative is one of its steps."""
    goals = {label: {id(proof.before) for part in _parts(told) for proof in part.flat} for label, told in derived.items()}
    inside = {label: {id(proof.before) for part in _parts(told) for proof in part.lemmas} - goals[label]
              for label, told in derived.items()}  # fmt: skip
    met = {label: [k for k, own in goals.items() if own and k != label and own <= inside[label]] for label in goals}
    return {one.label: tuple(dict.fromkeys([*one.uses, *met[one.label]])) for one in paper.lemmas}


def _parts(told: Told | None) -> tuple[Derivation, ...]:
    return () if told is None else told.parts if isinstance(told, GaussNewton) else (told,)


__all__ = ["Appendix", "Lemma", "appendix", "gradient", "jacobian", "lemma", "of_sheet", "ordered", "resting", "run", "unused"]
