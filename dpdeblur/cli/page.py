"""`dpdeblur app`: a page in the browser, for this machine."""

from __future__ import annotations

import webbrowser
from importlib.util import find_spec
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output

_NEEDED = ("starlette", "uvicorn", "python_multipart")


@command
def app_(
    printer: Output,
    *,
    host: Annotated[
        str, typer.Option(metavar="NAME", help="Address to answer at; others may use any but this.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to answer at; 0 is any that is free.")
    ] = 8765,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page.")] = True,
    engine: _options.EngineChoice,
) -> None:
    """Restore photographs on a page in your browser.

    First install what it needs: pip install 'dpdeblur\\[app]'. Drop two views or one raw file, look
    at the result beside the untouched picture, choose how much of it you want and where, and
    download it with 16 bits. The page is for this machine alone, and nothing is sent anywhere.
    Press Ctrl-C to end it.

    [bold]Examples[/bold]

      dpdeblur app

      dpdeblur app --weights paper --port 9000 --no-open
    """
    from dpdeblur.errors import MissingExtraError

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError("app", missing)
    request = engine.request()
    from dpdeblur.app import Desk
    from dpdeblur.app.serve import listen, serve

    listener = listen(host, port)
    desk = Desk(request.make())
    number = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{number}/"
    if host not in {"127.0.0.1", "localhost", "::1"}:
        printer.warn(f"Others on the network may use the page at {url} too.")

    def started() -> None:
        printer.result(f"{url}  Press Ctrl-C to end.", {"url": url})
        if open_:
            webbrowser.open(url)

    try:
        serve(desk, listener, shown, started)
    except KeyboardInterrupt:
        printer.note("Ended.")
