"""Cuts a text in NumPy notation into tokens, and refuses early what no such text has.

After this pass brackets are known to be balanced and not too deep, and lines inside them are joined.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import NamedTuple

from symderiv.errors import ParseError, Span, clip

LONGEST_TEXT = 100_000
DEEPEST_BRACKETS = 200
MOST_DIGITS = 300

CONSTANTS = {"True": True, "False": False, "None": None}


class Token(NamedTuple):
    """A piece of the source; ``kind`` is number, name, keyword (only lambda), string, operator, newline or end."""

    kind: str
    text: str
    start: int
    stop: int

    @property
    def span(self) -> Span:
        return (self.start, self.stop)


_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\f\u00a0\ufeff]|\\(?:\r\n|\n|\r)|\#[^\r\n]*)+)
    |(?P<newline>\r\n|\n|\r|;)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<string>"[^"\r\n]*"|'[^'\r\n]*')
    |(?P<operator>\.\.\.|\*\*=|//=|\*\*|//|[=!<>:+\-*/@%]=|[-+*/@()\[\],:=<>.%−])""",
    re.VERBOSE,
)

_CLOSES = {")": "(", "]": "["}
_OPENS = {"(": ")", "[": "]"}
_AUGMENTED = frozenset({":=", "+=", "-=", "*=", "/=", "@=", "%=", "**=", "//="})
_PLAIN_QUOTES = 'write plain quotes, "…"'
_SMALL = "write an index as part of the name (x_i), or in square brackets (x[0])"
_NO_LATEX = "LaTeX isn't read: write NumPy's notation, as in sum((A @ x - b)**2)/2"
_INSTEAD = {
    "\\": _NO_LATEX,
    "$": _NO_LATEX,
    "^": "write ** for powers: x**2",
    "'": "quotes only hold an einsum specification; a transpose is written .T",
    '"': "quotes only hold an einsum specification, and end on their line",
    **dict.fromkeys("“”„‘’‚«»`´", _PLAIN_QUOTES),
    **dict.fromkeys("·×∙⋅•⊙∗", "write * for the elementwise product and @ for the matrix product"),
    "⊗": "write kron(A, B) for the Kronecker product and outer(a, b) for the outer one",
    "∘": "write a composition as calls: f(g(x))",
    "ᵀ": "a transpose is written .T",
    "÷": "write /",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write a fact with ==, < or >",
    "√": "write sqrt(x)",
    "∑": "write sum(x)",
    "‖": "write norm(x)",
    "|": "write abs(x) or norm(x)",
    "{": "write brackets as ( )",
    "}": "write brackets as ( )",
    "!": "there are no factorials, and no !=",
    **dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "write ** for powers: x**2"),
    **dict.fromkeys("₀₁₂₃₄₅₆₇₈₉", "write an index as part of the name (x1), or in square brackets (x[0])"),
}
_KEYWORD_HINTS = {
    "lambda": "as a name, write lam or lambda_",
    "import": "a text is read, never run",
    "if": "write where(x > 0, x, y), or a function of the table: relu(x)",
}


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text``, the last of them of kind "end"; raises ParseError.

    >>> [token.text for token in tokenize("W @ (x  # input\\n + 1)")]
    ['W', '@', '(', 'x', '+', '1', ')', '']
    """
    if len(text) > LONGEST_TEXT:
        size = f"a text of {len(text):,} characters; at most {LONGEST_TEXT:,} are read"
        raise ParseError(size, text, (LONGEST_TEXT, LONGEST_TEXT + 1), hint="build large networks as modules")
    tokens: list[Token] = []
    brackets: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unexpected(text, position)
        kind, start, position = str(match.lastgroup), position, match.end()
        if kind == "space" or (kind == "newline" and brackets and match[0] != ";"):
            continue
        token = Token(kind, match[0], start, position)
        if kind == "number":
            _check_number(text, token)
        elif kind == "name":
            token = _checked_name(text, token)
        elif kind == "operator":
            token = _checked_operator(text, token, brackets)
        elif kind == "newline" and brackets:
            raise _unclosed(text, brackets[-1])
        tokens.append(token)
    if brackets:
        raise _unclosed(text, brackets[-1])
    tokens.append(Token("end", "", len(text.rstrip()), len(text.rstrip())))
    return tokens


def _unexpected(text: str, position: int) -> ParseError:
    """The error for a character that begins no token."""
    character = text[position]
    shown = repr(character) if character.isprintable() else f"U+{ord(character):04X}"
    hint = _NO_LATEX if re.search(r"\\[A-Za-z]|[_^]\{", text) else _INSTEAD.get(character, _SMALL if character.isalnum() else None)
    return ParseError(f"unexpected character {shown}", text, (position, position + 1), hint=hint)


def _unclosed(text: str, bracket: Token) -> ParseError:
    return ParseError(
        f"'{bracket.text}' is never closed", text, bracket.span, hint=f"close it with '{_OPENS[bracket.text]}'"
    )


def _check_number(text: str, token: Token) -> None:
    """Refuses a number that runs into a name, and one that is too long or too large to compute with."""
    following = text[token.stop : token.stop + 1]
    if following == "_" or following.isalpha():
        message, span = f"'{following}' stands directly after a number", (token.start, token.stop + 1)
        raise ParseError(message, text, span, hint="write * in a product: 2*x")
    mantissa, _, exponent = token.text.lower().partition("e")
    if len(mantissa) > MOST_DIGITS or len(exponent) > 5 or (exponent and abs(int(exponent)) > MOST_DIGITS):
        raise ParseError(f"a number of more than {MOST_DIGITS} digits", text, token.span)


def _checked_name(text: str, token: Token) -> Token:
    """The name in Python's normal form, or a keyword; refuses what Python wouldn't take for a name."""
    for offset, character in enumerate(token.text):
        if character in _INSTEAD or unicodedata.decomposition(character).startswith(("<sub>", "<super>")):
            raise _unexpected(text, token.start + offset)
    name = unicodedata.normalize("NFKC", token.text)
    if not name.isidentifier():
        raise ParseError(f"'{clip(token.text)}' is not a name", text, token.span, hint="use letters, digits and _")
    if name.startswith("__") and name.endswith("__"):
        raise ParseError(f"'{clip(name)}' is a name of Python's own, which has no meaning here", text, token.span)
    if keyword.iskeyword(name) and name not in CONSTANTS:
        hint = _KEYWORD_HINTS.get(name, "the notation has assignments and expressions only")
        if name != "lambda" or text[: token.start].strip():
            raise ParseError(f"'{name}' is a Python keyword, and no name", text, token.span, hint=hint)
    kind = "keyword" if name == "lambda" else "name"
    return token._replace(kind=kind, text=name)


def _checked_operator(text: str, token: Token, brackets: list[Token]) -> Token:
    """The operator, with ``brackets``, the open ones, brought up to date."""
    if token.text == "−":
        return token._replace(text="-")
    if token.text in _AUGMENTED:
        raise ParseError(f"'{token.text}' assigns twice", text, token.span, hint="write name = value, once for a name")
    if token.text in {"//", "%"}:
        raise ParseError(f"'{token.text}' has no derivative here", text, token.span, hint="write / for a quotient")
    if token.text == "!=":
        raise ParseError("'!=' is not known", text, token.span, hint="write a fact with ==, < or >")
    if token.text in _OPENS:
        brackets.append(token)
        if len(brackets) > DEEPEST_BRACKETS:
            hint = "give the inner parts names: z = …"
            raise ParseError(f"more than {DEEPEST_BRACKETS} brackets inside each other", text, token.span, hint=hint)
    elif token.text in _CLOSES:
        if not brackets:
            raise ParseError(f"'{token.text}' closes nothing", text, token.span)
        if brackets[-1].text != _CLOSES[token.text]:
            raise ParseError(f"'{token.text}' doesn't close the '{brackets[-1].text}' here", text, brackets[-1].span)
        brackets.pop()
    return token
