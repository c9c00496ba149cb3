"""``symderiv serve``: the page, on this machine, or as files that need no server of ours."""
from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from symderiv.errors import SymderivError

NEEDED = ("starlette", "uvicorn")


@click.command(short_help="The page: type a formula, see its derivative.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one.")
@click.option("--seconds", type=click.FloatRange(min=0.1, max=3600), default=15, show_default=True,
              help="Give up an answer after so many.")
@click.option("--static", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write the page as files that need no server of ours: Python runs in the browser.")
@click.option("--modules", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="With --static: a node_modules folder with pyodide and temml, instead of asking npm.")
def serve(port: int, seconds: float, static: Path | None, modules: Path | None) -> None:
    """Serve the page on this machine alone, until Ctrl-C; its address is printed.

    \b
    symderiv serve --port 0
    symderiv serve --static site      # for any web server: python3 -m http.server --directory site
    """
    if static is not None:
        from symderiv.web.static import build
        size = build(static, modules)
        click.echo(f"{static / 'index.html'}: the page in {size / 1e6:.0f} MB; try it with: "
                   f"python3 -m http.server --bind 127.0.0.1 --directory {static}", err=True)
        return
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SymderivError(f"the page needs {' and '.join(missing)}", hint="pip install 'symderiv[page]'")
    from symderiv.web.server import serve as run
    run(port, seconds, lambda address: click.echo(f"the page is at {address} (Ctrl-C ends it)"))
