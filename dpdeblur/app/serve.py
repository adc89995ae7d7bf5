"""The web server of the page."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from dpdeblur.app.desk import Desk
from dpdeblur.app.site import LOOPBACK, make_site
from dpdeblur.errors import OptionError

DEFAULT_PORT = 8765


def listen(host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> socket.socket:
    """A socket at an address of this machine; port 0 is any that is free. Raises OptionError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OptionError("port", f"{port} at {host} cannot be used ({reason})") from error
    except OverflowError as error:
        raise OptionError("port", f"{port} is no port; give one up to 65535") from error
    return listener


def serve(
    desk: Desk, listener: socket.socket, host: str, started: Callable[[], object] = lambda: None
) -> None:
    """Answer until interrupted; `started` is called once requests are taken."""
    hosts = (*LOOPBACK, host)
    config = uvicorn.Config(make_site(desk, hosts), log_level="error", lifespan="off", ws="none")
    server = _Server(config)
    server.on_start = started
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    on_start: Callable[[], object]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_start()
