"""Limits of time and memory, several threads at once, interruptions at any moment, caches that end."""

from __future__ import annotations

import ast
import gc
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

import symderiv as sd
from symderiv import bounds, ir
from symderiv.build import add, axis_classes, contract, identity, permute, symbol
from symderiv.saved import from_json

NETWORK = "z = W1 @ x\na = tanh(z)\nu = W2 @ a\n-y @ log_softmax(u)"
SHAPES = {"W1": "h n", "x": "n", "W2": "o h", "y": "o"}
TASKS = {
    "gradient": lambda **bound: sd.gradient(NETWORK, ["W1", "W2"], shapes=SHAPES, **bound),
    "jacobian": lambda **bound: sd.jacobian("softmax(A @ x)", "A", A="m n", x="n", **bound),
    "hessian": lambda **bound: sd.hessian(NETWORK, "W1", shapes=SHAPES, assume="sum(y) == 1", **bound),
    "derivative": lambda **bound: sd.derivative("logsumexp(u)", "u", order=3, u="n", **bound),
    "gauss_newton": lambda **bound: sd.gauss_newton(NETWORK, "W1", at="u", shapes=SHAPES, **bound),
    "prove": lambda **bound: sd.prove("inv(A + U @ V.T)", "inv(A) - inv(A) @ U @ inv(eye(k) + V.T @ inv(A) @ U) @ V.T @ inv(A)",
                                      A="n n", U="n k", V="n k", **bound),
    "curvature": lambda **bound: sd.curvature("logsumexp(A @ x) + sum(x**2)", "x", A="m n", x="n", **bound),
    "matching": lambda **bound: sd.matching("softmax(u)", "-y @ log(p)", input="u", output="p", target="y", u="o", y="o", **bound),
    "matching_loss": lambda **bound: sd.matching_loss("softmax(u)", input="u", target="y", u="o", y="o", **bound),
    "fisher": lambda **bound: sd.fisher(NETWORK, "W1", at="u", shapes=SHAPES, **bound),
    "kfac": lambda **bound: sd.kfac(NETWORK, "W1", at="u", shapes=SHAPES, **bound),
    "natural_gradient": lambda **bound: sd.natural_gradient(NETWORK, "x", at="u", shapes=SHAPES, **bound),
    "matched_curvature": lambda **bound: sd.matched_curvature("softmax(u)", "-y @ log(p)", input="u", u="o", y="o",
                                                              assume="sum(y) == 1", **bound),
    "hessian_backpropagation": lambda **bound: sd.hessian_backpropagation(NETWORK, shapes=SHAPES, **bound),
    "bregman": lambda **bound: sd.bregman("sum(x*log(x) - x)", "x", x="n", assume="x > 0", **bound),
    "fenchel_young": lambda **bound: sd.fenchel_young("logsumexp(u)", "u", u="o", **bound),
    "glm": lambda **bound: sd.glm("binomial", "probit", **bound),
    "glm_table": lambda **bound: sd.glm_table(("poisson",), **bound),
    "faa_di_bruno": lambda **bound: sd.faa_di_bruno(4, **bound),
    "convert": lambda **bound: sd.convert("torch", "textbook", "cross_entropy", **bound),
    "deep": lambda **bound: sd.deep("z = W @ a + b; tanh(z)", "a", W="h h", a="h", b="h", **bound),
}  # fmt: skip


# ---------------------------------------------------------------- time and memory
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_operator_takes_a_time(task, monkeypatch):
    task(seconds=600, megabytes=8000)
    ticking(monkeypatch)
    with pytest.raises(sd.TooLargeError, match=r"not done within 5 seconds\ngive more, name intermediate values"):
        task(seconds=5)


def ticking(monkeypatch):
    """A clock that goes on by a second whenever it's looked at, which is often."""
    clock = itertools.count()
    monkeypatch.setattr(bounds, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(bounds, "EVERY", 1)


def test_memory_is_bounded(monkeypatch):
    sizes = itertools.count(0, 300_000)
    monkeypatch.setattr(bounds, "EVERY", 1)
    monkeypatch.setattr(bounds, "resident", lambda: float(next(sizes)))
    with pytest.raises(sd.TooLargeError, match="not done within 3 MB of memory"):
        TASKS["hessian"](megabytes=3)


def test_the_memory_in_use_is_told():
    before = bounds.resident()
    block = bytearray(50_000_000)
    assert before is not None
    assert bounds.resident() - before > 40_000_000
    del block


def test_limits_hold_for_all_inside_and_nest(monkeypatch):
    ticking(monkeypatch)
    with pytest.raises(sd.TooLargeError, match="within 7 seconds"), sd.limits(seconds=10_000), sd.limits(seconds=7):
        TASKS["gradient"]()
    assert bounds.watched == 0
    TASKS["gradient"]()


@pytest.mark.parametrize("bound", [{"seconds": 0}, {"seconds": -1.5}, {"megabytes": True}, {"seconds": float("nan")}, {"megabytes": [1]}])
def test_a_bound_is_a_number(bound):
    (name, value), = bound.items()
    with pytest.raises(sd.SymderivError) as caught:
        TASKS["derivative"](**bound)
    assert str(caught.value) == f"{name}={value!r}: a limit is a number above 0\nleave it out for no limit"


def test_a_symbol_may_have_these_names():
    assert sd.gradient("sum(seconds**2 * megabytes)", "seconds", seconds="n", megabytes="n").result.text() == "2 megabytes ⊙ seconds"
    found = sd.gradient("sum(seconds**2)", "seconds", shapes={"seconds": "n"}, seconds=60)
    assert found.result.text() == "2 seconds"


# ---------------------------------------------------------------- interrupted
@pytest.mark.parametrize("task", [TASKS["hessian"], TASKS["prove"], TASKS["matching_loss"]], ids=["hessian", "prove", "matching_loss"])
def test_an_interruption_at_any_moment_leaves_nothing_broken(task, monkeypatch):
    expected = told(task())
    monkeypatch.setattr(bounds, "watched", 1)
    ticks = min(ticks_of(task, monkeypatch) for _ in range(3)) * 9 // 10  # fewer where nodes of an earlier run are still alive
    assert ticks > 40
    for stop in range(1, ticks, max(1, ticks // 15)):
        left = itertools.count(stop, -1)

        def interrupt(left=left):
            if next(left) == 0:
                raise KeyboardInterrupt

        monkeypatch.setattr(bounds, "tick", interrupt)
        with pytest.raises(KeyboardInterrupt):
            task()
        monkeypatch.setattr(bounds, "tick", lambda: None)
        assert told(task()) == expected


def ticks_of(task, monkeypatch):
    """How often the clock is asked during a task."""
    total = itertools.count()
    monkeypatch.setattr(bounds, "tick", lambda: next(total))
    task()
    return next(total)


def told(found):
    """What a derivation, a verdict or a matching loss says, whole."""
    return found.text() if hasattr(found, "text") else (getattr(found, "status", None) or found.loss.text())


# ---------------------------------------------------------------- threads
def test_threads_derive_at_the_same_time():
    def work(name):
        return told(TASKS[name]())

    names = ["hessian", "gradient", "jacobian", "derivative", "prove", "matching_loss"]
    alone = [work(name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, names * 6))
    assert together == alone * 6


def test_a_limit_is_for_its_own_thread(monkeypatch):
    ticking(monkeypatch)
    with ThreadPoolExecutor(2) as pool:
        bounded = pool.submit(TASKS["hessian"], seconds=5)
        free = [pool.submit(TASKS["hessian"]) for _ in range(3)]
        with pytest.raises(sd.TooLargeError):
            bounded.result()
        assert len({f.result().result.text() for f in free}) == 1


# ---------------------------------------------------------------- nothing grows without end
def test_nodes_are_let_go():
    def derive(k):
        sd.hessian(f"sum(tanh(A{k} @ x{k})**2)", f"x{k}", shapes={f"A{k}": "m n", f"x{k}": "n"})

    for k in range(40):
        derive(k)
    gc.collect()
    before = len(ir._table)
    for k in range(100, 200):
        derive(k)
    gc.collect()
    made = len(ir._table) - before
    assert made < 2000, "of some 100 nodes each"


def test_every_cache_is_bounded():
    package = Path(sd.__file__).parent
    endless = []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for mark in map(ast.unparse, node.decorator_list):
                    if mark in ("cache", "functools.cache", "lru_cache(None)", "lru_cache(maxsize=None)") and node.args.args:
                        endless.append(f"{path.relative_to(package)}:{node.name}")
    assert sorted(endless) == ["services.py:service", "web/assets.py:asset"], "keyed by a table of our own"


def test_a_limit_may_be_a_number_that_no_float_holds() -> None:
    assert sd.gradient("x**2", "x", x="", seconds=10**400, megabytes=10**400).result.text() == "2 x"


def test_an_interrupted_test_of_symmetry_leaves_nothing_behind(monkeypatch) -> None:
    """Whether A + Aᵀ + B Bᵀ is symmetric is found by turning it; a node that is half tested must not pass for one that isn't."""
    a, b = symbol("A", ("n", "n")), symbol("B", ("n", "n"))
    node = add([(1, a), (1, permute(a, (1, 0))), (1, contract((b, b), ("ik", "jk"), "ij"))], ("n", "n"))
    monkeypatch.setattr(bounds, "watched", 1)
    for stop in itertools.count(1):
        node._classes, left = None, itertools.count(1)

        def tick(stop=stop, left=left) -> None:
            if next(left) == stop:
                raise KeyboardInterrupt

        monkeypatch.setattr(bounds, "tick", tick)
        try:
            assert axis_classes(node) == (0, 0)
            break
        except KeyboardInterrupt:
            monkeypatch.setattr(bounds, "tick", lambda: None)
            assert axis_classes(node) == (0, 0)
    assert stop > 3


def test_a_node_that_another_thread_tests_is_tested_here_too(monkeypatch) -> None:
    a = symbol("A", ("n", "n"))
    node = add([(1, a), (1, permute(a, (1, 0))), (2, identity(("n",)))], ("n", "n"))
    node._classes = None
    found = []

    def meanwhile() -> None:                                    # in the midst of the test, in a thread of its own
        monkeypatch.setattr(bounds, "watched", 0)
        with ThreadPoolExecutor(1) as pool:
            found.append(pool.submit(axis_classes, node).result())

    monkeypatch.setattr(bounds, "tick", meanwhile)
    monkeypatch.setattr(bounds, "watched", 1)
    assert axis_classes(node) == (0, 0) and found == [(0, 0)]


@pytest.mark.parametrize("text", ["x" + "*1e200"*40, "x" + "/1e200"*40, "1" + "*1e299"*30, "(" * 20 + "x" + "**1e299)" * 20])
def test_a_number_that_python_would_not_write_is_too_large(text: str) -> None:
    with pytest.raises(sd.TooLargeError, match="digits"):
        sd.parse(text, x="")


def test_a_number_of_many_digits_is_saved_and_read() -> None:
    saved = from_json(sd.gradient("x**2*1e299*1e299", "x", x="").to_json())
    assert saved.check()
