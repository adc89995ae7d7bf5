"""The web server of the page."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import chain

import psutil
import uvicorn

from dpdeblur.app.desk import Desk
from dpdeblur.app.site import LOOPBACK, make_site
from dpdeblur.errors import OptionError


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A socket at an address of this machine; port 0 is any that is free. Raises OptionError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        reason = error.strerror or str(error)
        said = f"{host} is not an address of this machine ({reason}); leave it out"
        raise OptionError("host", said) from error
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
        except OSError:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OptionError("port", f"{port} at {host} cannot be used ({reason})") from error
    return listener


def serve(
    desk: Desk,
    listener: socket.socket,
    host: str,
    started: Callable[[], object] = lambda: None,
    stopper: Callable[[Callable[[], None]], object] = lambda _: None,
) -> None:
    """Answer until interrupted.

    `started` is called once requests are taken; `stopper` is given a function that ends it.
    """
    site = make_site(desk, (*LOOPBACK, *_names(host)))
    config = uvicorn.Config(site, log_level="error", lifespan="off", ws="none")
    server = _Server(config)
    server.on_start = started
    stopper(server.stop)
    server.run(sockets=[listener])


def _names(host: str) -> Iterator[str]:
    """The hosts that requests may name: this one, or all of this machine's if it is any address."""
    if host not in {"0.0.0.0", "[::]"}:
        yield host
        return
    yield socket.gethostname()
    for each in chain.from_iterable(psutil.net_if_addrs().values()):
        if each.family in {socket.AF_INET, socket.AF_INET6}:
            yield f"[{each.address}]" if ":" in each.address else each.address


class _Server(uvicorn.Server):
    on_start: Callable[[], object]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_start()

    def stop(self) -> None:
        self.should_exit = True
