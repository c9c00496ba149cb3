"""The page without a server of ours, as tests use it: built into a folder, served as plain files on this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.command import ROOT

MODULES = Path(os.environ.get("NODE_MODULES") or ROOT / "build" / "page-packages" / "node_modules")
"""pyodide and temml, as `make page` fetches them"""


class _Files(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}  # noqa: RUF012  (as in the class above)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """The address at which the folder's files are served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join(10)
