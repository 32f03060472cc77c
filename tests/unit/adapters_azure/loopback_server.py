"""A small HTTP server on 127.0.0.1 that answers, or misbehaves, as a test says."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What to answer; ``fault`` names how the connection ends instead, ``delay`` comes first."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    fault: str | None = None
    delay: float = 0.0


def json_reply(document: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


class LoopbackServer:
    """Runs ``answer`` for each request in a thread of its own and remembers all requests."""

    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self, containing: str = "") -> list[str]:
        with self._lock:
            return [one.path for one in self.asked if containing in one.path]

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: LoopbackServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients of these tests hang up on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        asked = Asked(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
        self.server.owner.note(asked)
        reply = self.server.owner.answer(asked)
        time.sleep(reply.delay)
        if reply.fault is None:
            self._send(reply, len(reply.body), reply.body)
        else:
            self._fail(reply)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names that http.server looks for

    def _send(self, reply: Reply, length: int, body: bytes) -> None:
        self.send_response(reply.status)
        for name, text in reply.headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.fault == "half":
            self._send(reply, len(reply.body), reply.body[: len(reply.body) // 2])
        if reply.fault == "reset":
            # Linger of zero seconds makes close() send RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if reply.fault == "drip":
            self._send(reply, len(reply.body), b"")
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Keep the tests' output clean."""


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
