"""gunicorn's gthread worker, except that a client that sends slowly cannot keep a thread."""

import contextlib
import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

READ_WITHIN = 10.0
"""Seconds from a request's first byte until no more of it is read; its answer may still take longer."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Ends the reading side of connections whose request takes too long to arrive."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._reading: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        """Handle a request in a thread of the pool; its reading may take ``READ_WITHIN``."""
        self._reading[conn] = time.monotonic() + READ_WITHIN
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)

    def notify(self) -> None:
        """Called by the main loop about once a second."""
        super().notify()
        now = time.monotonic()
        for conn, until in list(self._reading.items()):
            if now > until:
                # A request that was read whole does not notice: only reading ends.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)
                self._reading.pop(conn, None)
