"""Reads whole texts into syntax trees: programs of assignments, functions, and lists of facts.

A line ends at a newline or ``;`` outside of brackets; indentation and ``#`` comments don't matter::

    program  = { name "=" expression } [ expression ]         a name is assigned once, before it is used
    function = "lambda" name, … ":" expression
    facts    = { expression [ ("==" | "<" | ">" | "<=" | ">=") expression … ] "," }
"""

from __future__ import annotations

from symderiv.errors import ParseError
from symderiv.frontend.expressions import COMPARISONS, Reader
from symderiv.frontend.lexer import CONSTANTS
from symderiv.frontend.syntax import Assignment, Compare, Function, Node, Program, Ref


def parse_program(text: str) -> Program:
    """The program that ``text`` is; its value is its last line, or the last name assigned. Raises ParseError.

    >>> parse_program("z = np.tanh(W @ x)\\n-z.sum() ** 2")
    <Program (program (= z (call tanh (@ W x))) (- (** (call sum z) 2)))>
    """
    reader = Reader(text)
    assignments: dict[str, Assignment] = {}
    value: Node | None = None
    while not _at_end(reader):
        if value is not None:
            hint = "give it a name: name = …; only the last line may do without"
            raise ParseError("this line is neither the last one nor named", text, value.span, hint=hint)
        if reader.token.kind == "name" and reader.peek().text == "=" and reader.token.text not in CONSTANTS:
            line = _assignment(reader, assignments)
            assignments[line.name] = line
            reader.assigned.add(line.name)
        else:
            value = reader.expression()
        if reader.token.kind not in ("newline", "end"):
            reader.fail("the end of the line")
    if value is None and assignments:
        last = next(reversed(assignments.values()))
        value = Ref(last.name, span=last.name_span)
    if value is None:
        raise ParseError("there is nothing to read", text, (0, 0), hint='write an expression: "tanh(W @ x)"')
    return Program(tuple(assignments.values()), value, text, span=(0, len(text)))


def _assignment(reader: Reader, before: dict[str, Assignment]) -> Assignment:
    """The line ``name = expression``."""
    name = reader.advance()
    reader.advance()
    value = reader.expression()
    if name.text in before:
        first = ParseError("", reader.text, before[name.text].name_span).line
        message, hint = f"'{name.text}' is assigned twice, first on line {first}", "a name has one value; take another"
        raise ParseError(message, reader.text, name.span, hint=hint)
    if use := reader.used.get(name.text):
        message, hint = f"'{name.text}' is used before it is assigned", "a name has one value: take another for this"
        raise ParseError(message, reader.text, use.span, hint=hint)
    return Assignment(name.text, value, name.span, span=(name.start, value.span[1]))


def parse_function(text: str) -> Function:
    """The function that a text such as ``lambda w: tanh(A @ w)`` is; raises ParseError.

    >>> parse_function("lambda u, v: u @ v")
    <Function (lambda u v: (program (@ u v)))>
    """
    reader = Reader(text)
    start = reader.token.start
    if reader.token.kind != "keyword":
        reader.fail("'lambda', as in lambda w: tanh(A @ w)")
    parameters: list[str] = []
    while reader.token.text != ":":
        reader.advance()
        if reader.token.kind != "name" or reader.token.text in (*CONSTANTS, *parameters):
            reader.fail("the name of a parameter")
        parameters.append(reader.advance().text)
        if reader.token.text not in (",", ":"):
            reader.fail("',' or ':'")
    reader.advance()
    body = reader.expression()
    if not _at_end(reader):
        reader.fail("the end of the function")
    span = (start, body.span[1])
    return Function(tuple(parameters), Program((), body, text, span=body.span), span=span)


def parse_facts(text: str) -> tuple[Node, ...]:
    """Expressions and comparisons, separated by ``,`` ``;`` or newlines; raises ParseError.

    >>> parse_facts("onehot(y), 0 < p < 1")
    (<Call (call onehot y)>, <Compare (< 0 p)>, <Compare (< p 1)>)
    """
    reader = Reader(text)
    found: list[Node] = []
    while not _at_end(reader):
        left = reader.expression()
        if reader.token.text not in COMPARISONS:
            found.append(left)
        while reader.token.text in COMPARISONS:
            operator = reader.advance().text
            right = reader.expression()
            found.append(Compare(operator, left, right, span=(left.span[0], right.span[1])))
            left = right
        if reader.token.text == ",":
            reader.advance()
        elif reader.token.kind not in ("newline", "end"):
            reader.fail("'==', '<', '>' or the end of the assumption")
    return tuple(found)


def _at_end(reader: Reader) -> bool:
    """Whether nothing but empty lines is left, which are passed over."""
    while reader.token.kind == "newline":
        reader.advance()
    return reader.token.kind == "end"
