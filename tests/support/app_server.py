"""The site of the app, answering at a port of its own."""

from __future__ import annotations

import http.client
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dpdeblur.app import Desk
from dpdeblur.app.serve import listen, serve
from dpdeblur.engines import Engine
from support.browser import until

OWN = {"X-Dpdeblur": "1"}


@dataclass
class Server:
    desk: Desk
    port: int

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def send(
        self,
        *files: tuple[str, bytes],
        headers: dict[str, str] = OWN,
        where: str = "/photograph",
        **fields: str,
    ) -> tuple[int, dict[str, Any]]:
        body = io.BytesIO()
        for name, value in fields.items():
            body.write(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode())
            body.write(f"{value}\r\n".encode())
        for name, data in files:
            body.write(b'--b\r\nContent-Disposition: form-data; name="files"; ')
            body.write(f'filename="{name}"\r\n\r\n'.encode() + data + b"\r\n")
        body.write(b"--b--\r\n")
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        status, _, said = self.ask(where, "POST", body.getvalue(), headers | kind)
        return status, json.loads(said)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("/state")[2])
        return found

    def finish(self) -> dict[str, Any]:
        until(lambda: self.state()["stage"] != "working")
        return self.state()


@contextmanager
def serving(engine: Engine, host: str = "127.0.0.1") -> Iterator[Server]:
    """A server for as long as the block lasts."""
    desk, listener = Desk(engine), listen(port=0)
    ready = threading.Event()
    stop: list[Callable[[], None]] = []
    thread = threading.Thread(
        target=serve, args=(desk, listener, host, ready.set, stop.append), daemon=True
    )
    thread.start()
    assert ready.wait(30)
    try:
        yield Server(desk, listener.getsockname()[1])
    finally:
        stop[0]()
        thread.join(10)
