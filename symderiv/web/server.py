"""The page over HTTP, for this machine alone: Starlette and Uvicorn, bound to the loopback address.

Every answer is made in a process that is ended after so many seconds. Requests for other hosts than this one are
refused, so that no other site's page can reach it by a name of its own that leads here (DNS rebinding).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from symderiv.errors import SymderivError
from symderiv.web.assets import TYPES, asset, names, page
from symderiv.web.pool import Pool, refused

HOST = "127.0.0.1"
HOSTS = frozenset(("127.0.0.1", "localhost"))
LONGEST_REQUEST = 1_000_000
SECONDS = 15.0
MEGABYTES = 3_000
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def application(pool: Pool, port: int) -> _Guarded:
    """The page, its files, and the answers of a pool."""

    async def start_page(request: Request) -> Response:
        return Response(page("server"), media_type="text/html")

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in names():
            return PlainTextResponse("not found\n", 404)
        return Response(asset(name), media_type=TYPES[name.rpartition(".")[2]])

    async def answer(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _refused("a question is sent as application/json", 415)
        body = b""
        with suppress(ClientDisconnect):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LONGEST_REQUEST:
                    return _refused(f"this has more than {LONGEST_REQUEST:,} bytes", 413)
        return Response(await pool.ask(body.decode("utf-8", "replace")), media_type="application/json")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await pool.open()
        yield
        await pool.close()

    routes = [
        Route("/", start_page),
        Route("/{name}", file),
        Route("/answer", answer, methods=["POST"]),
    ]
    app = Starlette(routes=[routes[0], routes[2], routes[1]], lifespan=lifespan)
    return _Guarded(app, port)


def _refused(message: str, status: int) -> Response:
    return Response(refused(message, "derive a part of it", "RequestError"), status, media_type="application/json")


class _Guarded:
    """Around the application: only requests made to this machine, under its own names, and safe headers on every answer."""

    def __init__(self, app: Any, port: int):
        self.app = app
        self.allowed = frozenset(f"{host}:{port}" for host in HOSTS) | (HOSTS if port == 80 else frozenset())

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                safe = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *safe]}
            await send(message)

        origin = headers.get(b"origin", "").removeprefix("http://")
        foreign = len(hosts) != 1 or headers.get(b"host") not in self.allowed
        if foreign or (origin and origin not in self.allowed):
            wrong: Response = JSONResponse({"ok": False, "error": {"message": "this page is for its own machine only"}}, 421)
            await wrong(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)


class _Server(uvicorn.Server):
    """Ends quietly on SIGINT and SIGTERM, with exit code 0: Uvicorn would raise the signal once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback address; port 0 takes a free one. Raises SymderivError where the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        sock.listen(128)                                        # whoever is told the address may connect from then on
    except (OSError, OverflowError) as error:
        sock.close()
        why = getattr(error, "strerror", None) or error
        raise SymderivError(f"port {port} can't be used: {why}", hint="take another, or --port 0 for any free one") from None
    return sock


def serve(port: int = 8000, seconds: float = SECONDS, say: Callable[[str], object] = print) -> None:
    """Serve the page until a signal ends it; ``say`` is told where it is."""
    sock = listen(port)
    port = sock.getsockname()[1]
    pool = Pool(max(1, min(2, os.cpu_count() or 1)), seconds, MEGABYTES)
    config = uvicorn.Config(
        application(pool, port), log_level="warning", access_log=False, server_header=False, date_header=False,
        limit_concurrency=100, timeout_keep_alive=5, timeout_graceful_shutdown=2, ws="none",
    )  # fmt: skip
    say(f"http://{HOST}:{port}/")
    with sock:
        _Server(config).run(sockets=[sock])


__all__ = ["application", "listen", "serve"]
