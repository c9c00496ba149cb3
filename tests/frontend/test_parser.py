"""The parser: what a text means is what Python's own grammar says; what it refuses, it refuses with a caret."""

from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symderiv.errors import ParseError
from symderiv.frontend.lexer import DEEPEST_BRACKETS, LONGEST_TEXT
from symderiv.frontend.parser import parse_facts, parse_function, parse_program
from symderiv.frontend.syntax import Program, names, outline, postorder

# ---------------------------------------------------------------------------------------- Python's ast as the oracle
SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
}
SIGNS |= {ast.USub: "-", ast.UAdd: "+"}


def python_outline(node: ast.AST) -> str:
    """The outline of Python's tree, in the words of ours."""
    match node:
        case ast.Expression(body=body):
            return f"(program {python_outline(body)})"
        case ast.Constant(value=value):
            return repr(value)
        case ast.Name(id=name):
            return name
        case ast.BinOp(left=left, op=op, right=right):
            return f"({SIGNS[type(op)]} {python_outline(left)} {python_outline(right)})"
        case ast.UnaryOp(op=op, operand=operand):
            return f"({SIGNS[type(op)]} {python_outline(operand)})"
        case ast.Attribute(value=value, attr="T"):
            return f"(T {python_outline(value)})"
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args, keywords=keywords):
            return call_outline(name, [value, *args], keywords)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            return call_outline(name, args, keywords)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=items)):
            return f"(index {' '.join(map(python_outline, [value, *items]))})"
        case ast.Subscript(value=value, slice=item):
            return f"(index {python_outline(value)} {python_outline(item)})"
        case ast.Slice(lower=lower, upper=upper, step=step):
            return f"(slice {' '.join('_' if part is None else python_outline(part) for part in (lower, upper, step))})"
        case ast.Tuple(elts=items):
            return f"({' '.join(['tuple', *map(python_outline, items)])})"
        case ast.List(elts=items):
            return f"({' '.join(['list', *map(python_outline, items)])})"
    raise AssertionError(ast.dump(node))


def call_outline(name: str, args: list[ast.expr], keywords: list[ast.keyword]) -> str:
    parts = [*map(python_outline, args), *(f"({k.arg}: {python_outline(k.value)})" for k in keywords)]
    return f"({' '.join([f'call {name}', *parts])})"


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(p) if isinstance(p, str) else p for p in parts)).map("".join)


gap = st.sampled_from(["", " ", "  "])
leaves = st.sampled_from(["x", "W", "b_1", "θ", "2", "0.5", "10"])
operator = joined(gap, st.sampled_from(["+", "-", "*", "/", "@", "**"]), gap)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    index = st.one_of(inner, joined(inner, ":", inner), st.sampled_from([":", "::2", "1:", ":-1", "None"]))
    return st.one_of(
        joined(inner, operator, inner),
        joined(inner, operator, inner, operator, inner),
        joined(st.sampled_from(["-", "+", "--"]), gap, inner),
        joined("(", gap, inner, ")"),
        joined("(", inner, ").T"),
        joined("W", st.sampled_from([".T", "[0].T", ".sum()", ".T.sum(axis=-1)"])),
        joined("tanh(", inner, ")"),
        joined("f(", inner, ",", gap, inner, ", axis=(0, 1), keepdims=True)"),
        joined("(", inner, ")[", index, ", ", index, "]"),
        joined("[", inner, ", (", inner, ",)]"),
    )


expressions = st.recursive(leaves, larger, max_leaves=25)


@settings(max_examples=500, deadline=None)
@given(expressions)
def test_structure_is_that_of_python(text: str) -> None:
    assert outline(parse_program(text)) == python_outline(ast.parse(text, mode="eval"))


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_span_of_a_part_is_its_own_text(text: str) -> None:
    program = parse_program(text)
    for node in postorder(program.value):
        own = text[slice(*node.span)]
        if type(node).__name__ not in {"Slice", "Keyword", "Constant"}:
            assert outline(parse_program(own).value) == outline(node)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(
    ["x", "W", "2", "1e5", "+", "-", "*", "**", "@", "/", "(", ")", "[", "]", ",", ":", ".", ".T", "=", "==", "<", "np.",
     "sum", "(", ")", "'a'", '"', "None", "lambda", "if", "\n", ";", "#", "\\", " ", "^", "ᵀ", "²", "\0", "!=", "\r"]
)).map("".join)))  # fmt: skip
def test_any_text_ends_in_a_tree_or_a_parse_error(text: str) -> None:
    for parse in (parse_program, parse_facts, parse_function):
        try:
            parse(text)
        except ParseError as error:
            assert error.line is not None and error.line >= 1
            assert error.column is not None and error.column >= 1
            assert "^" in str(error)


# ---------------------------------------------------------------------------------------------------- single texts
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x ** 2", "(- (** x 2))"),
        ("2 ** -x ** y", "(** 2 (- (** x y)))"),
        ("a @ b * c / d", "(/ (* (@ a b) c) d)"),
        ("-a @ b", "(@ (- a) b)"),
        ("a − b", "(- a b)"),
        ("np.tanh(x) + numpy.linalg.inv(A).T", "(+ (call tanh x) (T (call inv A)))"),
        ("sp.T @ np.pi", "(@ (T sp) np.pi)"),
        ("x.sum(axis=1)", "(call sum x (axis: 1))"),
        ("x.transpose() @ y.dot(z)", "(@ (T x) (call dot y z))"),
        ("x[np.newaxis, None, 1:]", "(index x None None (slice 1 _ _))"),
        ('einsum("ij,jk->ik", A, B)', "(call einsum 'ij,jk->ik' A B)"),
        ("(a +\n   b  # a comment, with (\n)", "(+ a b)"),
        ("a \\\n + b", "(+ a b)"),
    ],
)
def test_text_has_structure(text: str, expected: str) -> None:
    assert outline(parse_program(text).value) == expected


def test_program_of_assignments() -> None:
    program = parse_program("\n    z = W @ x + b   # affine\n\n    a = tanh(z); -y @ log(a)\n")
    assert [line.name for line in program.assignments] == ["z", "a"]
    assert outline(program) == "(program (= z (+ (@ W x) b)) (= a (call tanh z)) (@ (- y) (call log a)))"
    assert names(program) == {"W", "x", "b", "z", "y", "a"}
    assert program.text[slice(*program.assignments[1].name_span)] == "a"


def test_program_that_ends_in_an_assignment_has_its_value() -> None:
    assert outline(parse_program("z = x; u = z + 1")) == "(program (= z x) (= u (+ z 1)) u)"


def test_an_assigned_name_is_no_prefix() -> None:
    assert outline(parse_program("sp = x; sp.sum()").value) == "(call sum sp)"


def test_function() -> None:
    function = parse_function("lambda u, v: tanh(A @ u) @ v")
    assert function.parameters == ("u", "v")
    assert outline(function.body.value) == "(@ (call tanh (@ A u)) v)"


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("", 1, 1, "nothing to read"),
        ("tanh(W @ x", 1, 5, "'(' is never closed"),
        ("z = f(x\nu = z", 1, 6, "'(' is never closed"),
        ("(a + b]", 1, 1, "doesn't close"),
        ("a) + b", 1, 2, "closes nothing"),
        ("x^2", 1, 2, "write ** for powers"),
        ("x²", 1, 2, "write ** for powers"),
        (r"\frac{1}{2} x", 1, 1, "LaTeX isn't read"),
        ("x^{2}", 1, 2, "LaTeX isn't read"),
        ("$x$", 1, 1, "LaTeX isn't read"),
        ("Wᵀ x", 1, 2, "written .T"),
        ("W' x", 1, 2, "written .T"),
        ("a ⊙ b", 1, 3, "elementwise"),
        ("f(“a”)", 1, 3, "plain quotes"),
        ("a b", 1, 3, "an operator between 'a' and 'b'"),
        ("2x", 1, 1, "write * in a product"),
        ("2(x)", 1, 2, "only a function with a name"),
        ("a +", 1, 4, "found the end of the text"),
        ("z = a +\nb", 1, 8, "put brackets"),
        ("a, b", 1, 2, "a text has one value"),
        ("a == b", 1, 3, "comparison"),
        ("f(a == b)", 1, 5, "comparison"),
        ("W.T = 3", 1, 5, "only assigns to a plain name"),
        ("a += 1", 1, 3, "once for a name"),
        ("x = 1\nx = 2", 2, 1, "assigned twice, first on line 1"),
        ("x = x + 1", 1, 5, "used before it is assigned"),
        ("y = x\nx = 2", 1, 5, "used before it is assigned"),
        ("a\nb", 1, 1, "only the last line"),
        ("import os", 1, 1, "Python keyword"),
        ("a if b else c", 1, 3, "Python keyword"),
        ("lambda * x", 1, 1, "write lam"),
        ("x.__class__", 1, 3, "Python's own"),
        ("__import__('os')", 1, 1, "Python's own"),
        ("x.real", 1, 2, "'.real' is not known"),
        ("x.sun()", 1, 2, "did you mean '.sum()'?"),
        ("x + 'a'", 1, 5, "not a value"),
        ("None = 3", 1, 1, "not a value"),
        ("f(axis=1, axis=2)", 1, 11, "given twice"),
        ("f(axis=1, x)", 1, 11, "without a name"),
        ("f(*x)", 1, 3, "expected an expression"),
        ("x[]", 1, 3, "expected an expression"),
        ("1e999", 1, 1, "300 digits"),
        ("x // 2", 1, 3, "write / for a quotient"),
    ],
)
def test_refusal_has_place_and_advice(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_program(text)
    assert (caught.value.line, caught.value.column) == (line, column), str(caught.value)
    assert said in str(caught.value)


# ------------------------------------------------------------------------------------------------- large and hostile
@pytest.mark.parametrize("text", [
    "a+" * 40_000 + "a", "x" + ".T" * 40_000, "x" + "[0]" * 20_000, "f(" * 190 + "x" + ")" * 190,
    "\n".join(f"z{i} = {f'z{i - 1}' if i else 'x'} + 1" for i in range(3000)),
], ids=["sum", "transposes", "indices", "calls", "lines"])  # fmt: skip
def test_large_text_is_read(text: str) -> None:
    start = time.process_time()
    assert isinstance(parse_program(text), Program)
    assert time.process_time() - start < 20  # a quadratic reader takes minutes


@pytest.mark.parametrize("text", [
    "(" * 10_000 + "x" + ")" * 10_000, "[" * 90_000, "-" * 90_000 + "x", "2**" * 30_000 + "2", "f(" * 10_000,
    "x" * 200_000, "a+" * 200_000 + "a", "'" * 90_000, "9" * 90_000, "-(" * 10_000, "a = 1;" * 10_000, "\\\n" * 40_000,
], ids=range(12))  # fmt: skip
def test_hostile_text_is_refused_quickly(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ParseError) as caught:
        parse_program(text)
    assert len(str(caught.value)) < 1000
    assert time.perf_counter() - start < 5


def test_limits_are_said() -> None:
    with pytest.raises(ParseError, match=str(DEEPEST_BRACKETS)):
        parse_program("(" * (DEEPEST_BRACKETS + 1))
    with pytest.raises(ParseError, match=f"{LONGEST_TEXT:,}"):
        parse_program("x" * (LONGEST_TEXT + 1))
