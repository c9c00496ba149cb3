"""Reads one expression of the notation: NumPy's operators and calls, with Python's precedence.

The grammar, in which a prefix such as ``np.`` is dropped::

    expression = operand { ("+" | "-" | "*" | "/" | "@" | "**") expression } | ("+" | "-") expression
    compared   = expression [ ("<" | ">" | "<=" | ">=") expression ]
    operand    = (number | name | "(" compared ")" | tuple | list) { ".T" | "." method call | call | "[" items "]" }
    call       = "(" [ compared | string | constant | name "=" … ], … ")"

Nothing is ever evaluated. A method that nests is a generator, which yields what is to be read inside; the loop in
``expression`` holds the stack, so that the depth of a text is bounded by a message and not by the interpreter.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any, NoReturn, cast

from symderiv.errors import ParseError, clip, nearest
from symderiv.frontend.lexer import CONSTANTS, Token, tokenize
from symderiv.frontend.syntax import (
    Binary,
    Call,
    Compare,
    Constant,
    Index,
    Keyword,
    ListExpr,
    Node,
    Number,
    Ref,
    Slice,
    String,
    Transpose,
    TupleExpr,
    Unary,
)

Reading = Generator[Any, Any, Any]

MODULES = frozenset({"np", "numpy", "sp", "scipy", "sympy", "jnp", "math", "jax", "torch", "nn", "F"})
SUBMODULES = frozenset({"linalg", "special", "nn", "functional", "numpy"})
METHODS = frozenset(
    {"sum", "mean", "var", "std", "max", "min", "dot", "trace", "prod", "cumsum", "clip", "diagonal", "flatten", "ravel",
     "reshape", "squeeze", "swapaxes"}
)  # fmt: skip
NUMBERS = frozenset({"pi", "e"})
"""with a prefix these are the numbers, whatever is called so"""
ATTRIBUTES = frozenset({"shape", "size"})
COMPARISONS = frozenset({"==", "<", ">", "<=", ">="})

_BINDING = {"+": 10, "-": 10, "*": 20, "/": 20, "@": 20, "**": 40}
_BINDING_RIGHT = {"+": 11, "-": 11, "*": 21, "/": 21, "@": 21, "**": 30}
_BINDING_SIGN = 30
_DEEPEST_READING = 1000


class Reader:
    """A position in the tokens of one text, from which ``expression`` reads on.

    ``used`` holds the first use of each name that stands for a value; ``assigned`` the names that a program has given.
    """

    def __init__(self, text: str):
        self.text = text
        self.tokens = tokenize(text)
        self.position = 0
        self.token = self.tokens[0]
        self.assigned: set[str] = set()
        self.used: dict[str, Ref] = {}

    def expression(self) -> Node:
        """Runs the reading of one expression, with the stack of those inside it here and not in the interpreter."""
        stack: list[Reading] = [self.binary(0)]
        value: Any = None
        while True:
            try:
                inner = stack[-1].send(value)
            except StopIteration as finished:
                stack.pop()
                value = finished.value
                if not stack:
                    return value
            else:
                value = None
                stack.append(inner)
                if len(stack) > _DEEPEST_READING:
                    hint = "give the inner parts names: z = …"
                    raise ParseError("nested too deeply", self.text, self.token.span, hint=hint)

    # ------------------------------------------------------------------------------------------------ expressions
    def binary(self, binding: int) -> Reading:
        """Operands joined by operators that bind at least as tightly as ``binding``."""
        left: Node
        if self.token.text in ("+", "-") and self.token.kind == "operator":
            sign = self.advance()
            operand = yield self.binary(_BINDING_SIGN)
            left = Unary(sign.text, operand, span=(sign.start, operand.span[1]))
        else:
            atom = self.atom()
            left = atom if atom is not None else (yield self.bracketed())
            while self.token.text in (".", "(", "["):
                left = self.attribute(left) if self.token.text == "." else (yield self.applied(left))
        while self.token.kind == "operator" and _BINDING.get(self.token.text, -1) >= binding:
            sign = self.advance()
            right = yield self.binary(_BINDING_RIGHT[sign.text])
            left = Binary(sign.text, left, right, sign.span, span=(left.span[0], right.span[1]))
        return left

    def atom(self) -> Node | None:
        """A number or a name; None where a bracket opens."""
        token = self.token
        if token.kind == "number":
            self.advance()
            return Number(token.text, span=token.span)
        if token.kind == "name" and token.text not in CONSTANTS:
            return self.name()
        if token.text not in ("(", "["):
            self.fail("an expression")
        return None

    def name(self) -> Node:
        """A name, without a prefix such as ``np.`` or ``np.linalg.`` (where this isn't ``sp.T`` for a symbol ``sp``)."""
        start = self.token.start
        inside = MODULES - self.assigned
        while self.token.text in inside and self.peek().text == "." and self.peek(2).kind == "name":
            if self.peek(2).text == "T" or (self.token.text == "F" and self.peek(2).text in METHODS | ATTRIBUTES | {"transpose"}):
                break
            self.advance()
            self.advance()
            inside = SUBMODULES
        token = self.advance()
        if token.text == "newaxis" and inside is SUBMODULES:
            return Constant(None, span=(start, token.stop))
        constant = token.text in NUMBERS and inside is SUBMODULES
        found = Ref(f"np.{token.text}" if constant else token.text, span=(start, token.stop))
        if self.token.text != "(":
            self.used.setdefault(token.text, found)
        return found

    def bracketed(self) -> Reading:
        """``(expression)``, a tuple or a list."""
        opening = self.advance()
        closing = ")" if opening.text == "(" else "]"
        items: list[Node] = []
        comma = False
        while self.token.text != closing:
            items.append((yield self.compared()))
            comma = self.token.text == ","
            if not comma and self.token.text != closing:
                self.fail(f"'{closing}'")
            if comma:
                self.advance()
        span = (opening.start, self.advance().stop)
        if closing == "]":
            return ListExpr(tuple(items), span=span)
        return replace(items[0], span=span) if len(items) == 1 and not comma else TupleExpr(tuple(items), span=span)

    def attribute(self, base: Node) -> Node:
        """``base.T`` whole; of ``base.method`` a call without its arguments, which ``applied`` puts in."""
        dot, name = self.advance(), self.advance()
        span = (base.span[0], name.stop)
        if name.text == "T" and self.token.text != "(":
            return Transpose(base, span=span)
        if name.kind == "name" and name.text in METHODS | {"transpose"} and self.token.text == "(":
            return Call(name.text, (base,), (), name.span, span=span)
        if name.kind == "name" and name.text in ATTRIBUTES and self.token.text != "(":
            return Call(name.text, (base,), (), name.span, span=span)
        close = nearest(name.text, METHODS | {"T"})
        if close:
            hint = f"did you mean '.{close}{'()' if close != 'T' else ''}'?"
        else:
            hint = f"there are .T and the methods {', '.join(sorted(METHODS))}; others are functions: f(x)"
        raise ParseError(f"'.{clip(name.text)}' is not known", self.text, (dot.start, name.stop), hint=hint)

    def applied(self, base: Node) -> Reading:
        """``base(arguments)`` or ``base[items]``."""
        if self.token.text == "[":
            self.advance()
            items: list[Node] = [(yield self.item())]
            while self.accept(","):
                if self.token.text != "]":
                    items.append((yield self.item()))
            return Index(base, tuple(items), span=(base.span[0], self.expect("]").stop))
        arguments: tuple[Node, ...] = ()
        if isinstance(base, Ref):
            name, name_span = base.name, base.span
        elif isinstance(base, Call) and self.tokens[self.position - 1].kind == "name":
            name, name_span, arguments = base.function, base.function_span, base.arguments
        else:
            message, hint = "only a function with a name can be called", "a product is written with * or @"
            raise ParseError(message, self.text, self.token.span, hint=hint)
        self.advance()
        given, keywords = yield self.arguments()
        span = (base.span[0], self.expect(")").stop)
        if name == "transpose" and arguments and not given and not keywords:
            return Transpose(arguments[0], span=span)
        return Call(name, arguments + given, keywords, name_span, span=span)

    def arguments(self) -> Reading:
        """The positional and the keyword arguments of a call, up to its bracket."""
        arguments: list[Node] = []
        keywords: dict[str, Keyword] = {}
        while self.token.text != ")":
            if self.token.kind == "name" and self.peek().text == "=":
                name = self.advance()
                self.advance()
                value = yield self.value()
                if name.text in keywords:
                    raise ParseError(f"'{name.text}=' is given twice", self.text, name.span)
                keywords[name.text] = Keyword(name.text, value, name.span, span=(name.start, value.span[1]))
            else:
                argument = yield self.value()
                if keywords:
                    raise ParseError("an argument without a name follows one with a name", self.text, argument.span)
                arguments.append(argument)
            if not self.accept(","):
                break
        return tuple(arguments), tuple(keywords.values())

    def item(self) -> Reading:
        """One item of an index: an expression, None or a slice."""
        start = self.token.start
        if self.token.text == "...":
            return Constant(cast(Any, Ellipsis), span=self.advance().span)
        first = None if self.token.text == ":" else (yield self.value())
        if first is not None and self.token.text != ":":
            return first
        bounds = [first]
        while len(bounds) < 3 and self.accept(":"):
            bounds.append(None if self.token.text in (":", ",", "]") else (yield self.binary(0)))
        span = (start, self.tokens[self.position - 1].stop)
        return Slice(bounds[0], bounds[1], bounds[2] if len(bounds) == 3 else None, span=span)

    def value(self) -> Reading:
        """An expression, or a string, True, False or None standing alone."""
        token = self.token
        if self.peek().text in (",", ")", "]"):
            if token.kind == "string":
                return String(self.advance().text[1:-1], span=token.span)
            if token.kind == "name" and token.text in CONSTANTS:
                return Constant(CONSTANTS[self.advance().text], span=token.span)
        return (yield self.compared())

    def compared(self) -> Reading:
        """An expression, or a comparison of two, which is 1 or 0: it stands in brackets, or is an argument."""
        left: Node = yield self.binary(0)
        if self.token.text not in COMPARISONS - {"=="}:
            return left
        operator = self.advance().text
        right: Node = yield self.binary(0)
        if self.token.text in COMPARISONS:
            hint = "a comparison is of two values; a product says that both hold: (0 < x)*(x < 1)"
            raise ParseError("comparisons can't be chained", self.text, self.token.span, hint=hint)
        return Compare(operator, left, right, span=(left.span[0], right.span[1]))

    # ------------------------------------------------------------------------------------------------ tokens
    def peek(self, distance: int = 1) -> Token:
        return self.tokens[min(self.position + distance, len(self.tokens) - 1)]

    def advance(self) -> Token:
        token = self.token
        self.position = min(self.position + 1, len(self.tokens) - 1)
        self.token = self.tokens[self.position]
        return token

    def accept(self, text: str) -> bool:
        return self.token.text == text and bool(self.advance())

    def expect(self, text: str) -> Token:
        if self.token.text != text:
            self.fail(f"'{text}'")
        return self.advance()

    def fail(self, wanted: str) -> NoReturn:
        """Raises the ParseError for the present token, where ``wanted`` should have been."""
        token, before = self.token, self.tokens[self.position - 1] if self.position else None
        message, hint = f"expected {wanted}, found '{clip(token.text)}'", None
        starts = token.kind in ("number", "name", "string") or token.text in ("(", "[")
        if token.kind == "end":
            message = f"expected {wanted}, found the end of the text"
        elif token.kind == "newline":
            message = f"expected {wanted}, found the end of the line"
            hint = "put brackets around what goes on over several lines"
        elif token.kind == "keyword":
            message = "a lambda stands only where a function is given"
            hint = "write the expression itself; as a name, write lam or lambda_"
        elif token.text in CONSTANTS or token.kind == "string":
            message, hint = f"{clip(token.text)} is not a value here", "it stands only alone, as an argument of a call"
        elif token.text in COMPARISONS:
            message = f"'{token.text}' is a comparison, which is no value here"
            hint = "a fact is stated with assume=; 1 where x > 0 and else 0 is (x > 0), with its brackets; == has no such value"
        elif token.text == "=":
            message = "'=' only assigns to a plain name at the start of a line, or names an argument"
            hint = "a comparison in an assumption is written =="
        elif starts and before is not None and wanted != "an expression" and before.kind != "newline":
            message = f"expected an operator between '{clip(before.text)}' and '{clip(token.text)}'"
            hint = "a product is written * (elementwise) or @ (matrix product)"
        elif token.text == ",":
            hint = "a text has one value; a tuple stands in brackets"
        raise ParseError(message, self.text, (token.start, max(token.stop, token.start + 1)), hint=hint)
