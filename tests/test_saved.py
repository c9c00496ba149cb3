"""Saved derivations: what is written is read back, and holds when it is checked again."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import symderiv as sd
from symderiv.saved import from_json, to_json
from tests.saved_cases import CASES, NETWORK, SHAPES, derived, document, text_of

ROOT = Path(__file__).parent.parent


# ---------------------------------------------------------------- there and back
@pytest.mark.parametrize("case", CASES)
def test_what_is_saved_is_read_back_and_holds(case: str) -> None:
    original, saved = derived(case), from_json(text_of(case))
    report = saved.check()
    assert report, report.failures
    assert report.steps == sum(report.rules.values()) > 0
    if saved.split is not None:
        assert saved.replay() == {label: getattr(original, label).result for label in saved.parts}
        assert to_json(saved.split) == text_of(case)
    else:
        assert saved.replay() == original.result
        if original.kind not in ("G", "R"):
            assert saved.derivation.text() == original.text()
        assert saved.derivation.assumptions == original.assumptions == report.assumptions
        assert to_json(saved.derivation) == text_of(case)


def test_a_derivation_has_it_as_a_method() -> None:
    assert derived("softmax").to_json() == text_of("softmax")


def test_the_document_can_be_read_by_people() -> None:
    (entry,) = document("softmax")["derivations"]
    assert entry["text"] == "softmax(W @ h + b)"
    assert entry["shown"]["wrt"] == ["h"]
    assert entry["shown"]["results"] == derived("softmax").result.text()
    steps = [item for proof in document("softmax")["proofs"] for item in proof["items"] if item["step"] == "rule"]
    assert {"unfold definition", "elementwise chain rule"} <= {step["title"] for step in steps}


def test_what_is_read_can_be_evaluated() -> None:
    saved = from_json(text_of("softmax")).derivation
    assert saved.numpy().source() == derived("softmax").numpy().source()
    assert saved.verify(trials=2)


@pytest.mark.parametrize("seed", ["0", "1", "31"])
def test_the_bytes_are_the_same_in_every_process(seed: str) -> None:
    program = (
        "import symderiv as sd\n"
        f"print(sd.hessian({NETWORK!r}, 'W1', assume='onehot(y)', **{SHAPES!r}).to_json(), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert done.stdout == text_of("network Hessian")


def test_reading_and_checking_imports_no_numpy() -> None:
    program = (
        "import sys\nfrom symderiv.saved import from_json\n"
        "assert from_json(sys.stdin.read()).check()\nprint('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=text_of("softmax"), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_deep_network_is_saved_and_checked() -> None:
    lines = ["a0 = x"]
    for k in range(1, 41):
        lines.append(f"a{k} = tanh(W{k} @ a{k - 1})")
    text = "\n".join([*lines, "sum(a40)"])
    shapes = {f"W{k}": "n n" for k in range(1, 41)}
    saved = from_json(to_json(sd.gradient(text, list(shapes), x="n", **shapes)))
    assert saved.check()
