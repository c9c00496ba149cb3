"""The page's server: this machine only, safe headers, bounded work, and it goes on after anything."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import pytest

from symderiv.web.assets import FILES
from tests.command import process
from tests.web.page_process import Server, serving

QUESTION = {"do": "derive", "text": "tanh(W @ h)", "wrt": "h", "shapes": {"W": "o n", "h": "n"}}
ENDLESS = "x" + " * (x + 1)" * 60


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(seconds=4) as running:
        yield running


def test_the_page_and_its_files_are_served(server: Server) -> None:
    status, headers, body = server.request("GET", "/")
    assert status == 200
    assert b'data-engine="server"' in body
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    for name in FILES:
        assert server.request("GET", f"/{name}")[0] == 200, name
    assert server.request("GET", "/../pyproject.toml")[0] == 404
    assert server.request("GET", "/server.py")[0] == 404


def test_nothing_is_loaded_from_elsewhere(server: Server) -> None:
    for name in ("", *FILES):
        body = server.request("GET", f"/{name}")[2].decode()
        for address in ("http://www.w3.org/",):  # names of formats, not places
            body = body.replace(address, "")
        assert "http://" not in body.replace("http.server", "")
        assert "https://" not in body


def test_a_question_is_answered(server: Server) -> None:
    found = server.ask(**QUESTION)
    assert found["ok"]
    assert any(block["type"] == "result" for block in found["top"])
    assert "tanh" in found["copies"]["latex"]["text"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1", "", "localhost:1"])
def test_other_hosts_are_refused(server: Server, host: str) -> None:
    assert server.request("GET", "/", host=host)[0] in (400, 421)


def test_another_sites_page_is_refused(server: Server) -> None:
    body = json.dumps(QUESTION).encode()
    given = {"content_type": "application/json"}
    assert server.request("POST", "/answer", body, origin="https://evil.example", **given)[0] == 421
    assert server.request("POST", "/answer", body, origin=f"http://127.0.0.1:{server.port}", **given)[0] == 200
    assert server.request("POST", "/answer", body, content_type="text/plain")[0] == 415


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b'{"do": 3}', b'{"do": "derive", "text": 5}', b"\xff\xfe", b'{"do":"no"}',
                                  b'{"do": "derive", "text": "x", "shapes": [1], "wrt": {}}', b"[" * 5000])  # fmt: skip
def test_what_is_no_question_is_told(server: Server, body: bytes) -> None:
    status, _, answer = server.request("POST", "/answer", body, content_type="application/json")
    found = json.loads(answer)
    assert status == 200
    assert not found["ok"]
    assert found["error"]["message"]
    assert "Traceback" not in answer.decode()


def test_a_long_and_an_endless_formula_are_told_within_the_limit_and_it_goes_on(server: Server) -> None:
    found = server.ask(do="derive", text="x + " * 50_000 + "x", wrt="x", shapes={"x": "n"})
    assert found["error"]["kind"] == "TooLargeError"
    started = time.monotonic()
    found = server.ask(do="derive", text="(" * 100_000, wrt="x", shapes={"x": "n"})
    assert not found["ok"]
    found = server.ask(do="derive", text=ENDLESS.replace("x", "sin(x)"), wrt="x", kind="derivative", order=4, shapes={"x": ""})
    assert time.monotonic() - started < 60
    assert found["ok"] or "not done within 4 seconds" in found["error"]["message"]
    assert server.request("POST", "/answer", b"1" * 1_100_000, content_type="application/json")[0] == 413
    assert server.ask(**QUESTION)["ok"]


def test_a_process_that_never_ends_is_ended(server: Server) -> None:
    found = server.ask(do="check", text="sum(inv(A @ A.T))", wrt="A", shapes={"A": "3000 3000"})
    assert "error" in found or "not" in json.dumps(found)
    assert server.ask(**QUESTION)["ok"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with serving() as running:
        assert running.ask(**QUESTION)["ok"]
        running.process.send_signal(number)
        assert running.process.wait(20) == 0


def test_a_port_that_is_taken_is_told(server: Server) -> None:
    done = process("serve", "--port", str(server.port))
    assert done.returncode == 2
    assert f"port {server.port} can't be used" in done.stderr
    assert "--port 0" in done.stderr
