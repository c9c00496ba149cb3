"""Proofs, facts and contexts as records and back. A record cites proofs by number, each smaller than its own."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symderiv.derive import Derivation
from symderiv.errors import SymderivError
from symderiv.facts import Fact, Facts
from symderiv.ir import Box, Expr, Name
from symderiv.record import Cong, Fire, Item, Proof, proofs
from symderiv.rules import RULES, Context
from symderiv.saved.form import LONGEST_NAME, Piece, SavedError, guarded
from symderiv.saved.nodes import MOST_AXES, MOST_KIDS, Record, below, read_ref, write_node

MOST_PROOFS = 400_000
MOST_FACTS = 500
MOST_ITEMS = 5000


# ---------------------------------------------------------------- writing
class Writer:
    """Numbers nodes, facts, contexts and proofs as they are met; the lists are the document's."""

    def __init__(self, facts: Facts) -> None:
        self.nodes: list[Record] = []
        self.facts: list[Record] = []
        self.contexts: list[Record] = []
        self.proofs: list[Record] = []
        self._node: dict[Expr, int] = {}
        self._fact: dict[Fact, int] = {}
        self._context: dict[int, int] = {}
        self._proof: dict[int, int] = {}
        for fact in facts:
            subject = {"function": fact.subject} if isinstance(fact.subject, str) else self.node(fact.subject)
            value = None if fact.value is None else self.node(fact.value)
            self._fact[fact] = len(self.facts)
            self.facts.append({"kind": fact.kind, "subject": subject, "text": fact.text, "value": value,
                               "axes": list(fact.axes)})

    def node(self, root: Expr) -> int:
        """The number of a node; it and what is below it are written where they are new."""
        if root not in self._node:
            for node in below(root):
                if node not in self._node:
                    record = write_node(node, self._node)
                    self._node[node] = len(self.nodes)
                    self.nodes.append(record)
        return self._node[root]

    def fact(self, fact: Fact) -> int:
        if fact not in self._fact:
            raise SymderivError(f"a step uses '{fact.text}', which the derivation doesn't state")
        return self._fact[fact]

    def context(self, context: Context) -> int:
        if id(context) not in self._context:
            record = {"facts": [self.fact(f) for f in context.facts],
                      "names": [[self.node(body), self.node(name)] for body, name in context.names.items()]}
            if record not in self.contexts:
                self.contexts.append(record)
            self._context[id(context)] = self.contexts.index(record)
        return self._context[id(context)]

    def proof(self, root: Proof) -> int:
        """The number of a proof; it and the proofs below it are written where they are new."""
        for proof in proofs(root):
            if id(proof) not in self._proof:
                record = {"before": self.node(proof.before), "after": self.node(proof.after),
                          "context": self.context(proof.context), "items": [self.item(i) for i in proof.items]}
                self._proof[id(proof)] = len(self.proofs)
                self.proofs.append(record)
        return self._proof[id(root)]

    def item(self, item: Item) -> Record:
        if isinstance(item, Proof):
            return {"step": "proof", "proof": self._proof[id(item)]}
        ends = {"before": self.node(item.before), "after": self.node(item.after)}
        if isinstance(item, Cong):
            return {"step": "inside", **ends, "kids": [None if p is None else self._proof[id(p)] for p in item.kids]}
        return {"step": "rule", "rule": item.rule, "title": item.law.title, "law": item.law.law, **ends,
                "choice": self.choice(item.choice), "facts": [self.fact(f) for f in item.facts],
                "cited": [self._proof[id(p)] for p in item.cited]}

    def choice(self, value: Any) -> Any:
        """What a step chose: nothing, numbers, texts, nodes, facts, and tuples of these."""
        if value is None or isinstance(value, int | str):
            return value
        if isinstance(value, tuple):
            return [self.choice(part) for part in value]
        if isinstance(value, Expr):
            return {"node": self.node(value)}
        if isinstance(value, Fact):
            return {"fact": self.fact(value)}
        if isinstance(value, Fraction):
            return {"fraction": str(value)}
        raise SymderivError(f"a choice of type {type(value).__name__} can't be saved")


def parts_numbers(derivation: Derivation, writer: Writer) -> Any:
    """The numbers of a derivation's proofs, arranged as its result is."""
    def of(parts: Any) -> Any:
        return writer.proof(parts) if isinstance(parts, Proof) else [of(part) for part in parts]
    return of(derivation.proofs)


# ---------------------------------------------------------------- reading
class Reader:
    """Facts, contexts and proofs of a document whose nodes have been read."""

    def __init__(self, nodes: list[Expr]) -> None:
        self.nodes = nodes
        self.facts: list[Fact] = []
        self.contexts: list[Context] = []
        self.proofs: list[Proof] = []

    def node(self, piece: Piece) -> Expr:
        return read_ref(piece, self.nodes)

    def read_facts(self, piece: Piece) -> None:
        for item in piece.items(MOST_FACTS):
            at = item.fields("kind", "subject", "text", "value", "axes")
            subject = at["subject"].fields("function")["function"].text(LONGEST_NAME) \
                if isinstance(at["subject"].value, dict) else self.node(at["subject"])
            value = None if at["value"].nothing() else self.node(at["value"])
            axes = tuple(a.integer(0, MOST_AXES) for a in at["axes"].items(MOST_AXES))
            self.facts.append(Fact(at["kind"].text(LONGEST_NAME), subject, at["text"].text(), value, axes))

    def read_contexts(self, piece: Piece) -> None:
        for item in piece.items(MOST_ITEMS):
            at = item.fields("facts", "names")
            names: dict[Expr, Name] = {}
            for pair in at["names"].items(len(self.nodes)):
                body, name = (self.node(p) for p in self._pair(pair))
                if not isinstance(name, Name) or (name.body is not body and not (
                        isinstance(name.body, Box) and name.body.body is body)):
                    raise pair.wrong("a node and a name of it")
                names[body] = name
            self.contexts.append(Context(Facts(self._facts(at["facts"])), names))

    @staticmethod
    def _pair(piece: Piece) -> list[Piece]:
        items = piece.items(2)
        if len(items) != 2:
            raise piece.wrong("a pair")
        return items

    def _facts(self, piece: Piece) -> tuple[Fact, ...]:
        return tuple(self.facts[f.integer(0, len(self.facts) - 1)] for f in piece.items(MOST_FACTS))

    def proof(self, piece: Piece) -> Proof:
        return self.proofs[piece.integer(0, len(self.proofs) - 1)]

    def read_proofs(self, piece: Piece) -> None:
        for item in piece.items(MOST_PROOFS):
            at = item.fields("before", "after", "context", "items")
            before, after = self.node(at["before"]), self.node(at["after"])
            context = self.contexts[at["context"].integer(0, len(self.contexts) - 1)]
            items = tuple(self.item(i) for i in at["items"].items(MOST_ITEMS))
            if not items and before is not after:
                raise item.wrong("steps from one node to another")
            with guarded(item.where, "its steps don't join its ends"):
                self.proofs.append(Proof(before, after, items, context))
            _check_joined(items, item)

    def item(self, piece: Piece) -> Item:
        kind = piece.kind("step")
        if kind == "proof":
            return self.proof(piece.fields("step", "proof")["proof"])
        if kind == "inside":
            at = piece.fields("step", "before", "after", "kids")
            kids = tuple(None if p.nothing() else self.proof(p) for p in at["kids"].items(MOST_KIDS))
            return Cong(self.node(at["before"]), self.node(at["after"]), kids)
        if kind != "rule":
            raise piece.wrong("a step: rule, inside or proof")
        at = piece.fields("step", "rule", "title", "law", "before", "after", "choice", "facts", "cited")
        rule = RULES.get(at["rule"].text(LONGEST_NAME))
        if rule is None:
            raise at["rule"].wrong("a rule's name")
        if (rule.title, rule.law) != (at["title"].text(), at["law"].text()):
            raise SavedError(f"{piece.where}: the rule {rule.name} is '{rule.title}', with another title or law than here",
                             hint=f"its law is {rule.law}")
        cited = tuple(self.proof(p) for p in at["cited"].items(MOST_ITEMS))
        return Fire(rule.name, self.node(at["before"]), self.node(at["after"]), self.choice(at["choice"]), cited,
                    self._facts(at["facts"]))

    def choice(self, piece: Piece, depth: int = 0) -> Any:
        value = piece.value
        if value is None or isinstance(value, str | bool):
            return value
        if isinstance(value, int):
            return piece.integer(-(2**31), 2**31)
        if isinstance(value, list) and depth < 4:
            return tuple(self.choice(part, depth + 1) for part in piece.items(MOST_ITEMS))
        for kind, read in (("node", self.node), ("fact", lambda p: self._facts(Piece([p.value], p.where))[0]),
                           ("fraction", Piece.fraction)):
            if isinstance(value, dict) and value.keys() == {kind}:
                return read(piece.fields(kind)[kind])
        raise piece.wrong("a choice")


def _check_joined(items: Sequence[Item], piece: Piece) -> None:
    for k in range(1, len(items)):
        if items[k].before is not items[k - 1].after:
            raise SavedError(f"{piece.where}.items[{k}]: it doesn't start where the step before it ends")
