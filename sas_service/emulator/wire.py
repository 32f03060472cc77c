"""Does to a connection what a network can do: reset it, break off in the middle, drip, keep silent."""

import errno
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

WSGIEnvironment = dict[str, Any]
stopping = threading.Event()


class BrokenConnectionError(OSError):
    """Tells gunicorn that this connection is gone; it then drops it silently."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the emulator broke this connection on purpose")


def reset(environ: WSGIEnvironment) -> None:
    """Send a TCP reset and leave gunicorn a socket that it can close.

    Closing with a linger time of zero sends the reset. The descriptor is replaced rather than closed, because gunicorn
    will shut it down and close it again, and by then the number could belong to another connection.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(ours.fileno(), connection.fileno())


def keep_silent(environ: WSGIEnvironment, seconds: float) -> None:
    """Wait until the time is up, the client has gone away, or the emulator stops."""
    connection = environ.get("gunicorn.socket")
    hangups = select.poll()
    if connection is not None:
        # Readable would not do: a request body that nobody read is readable, too.
        hangups.register(connection, getattr(select, "POLLRDHUP", select.POLLHUP))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not stopping.wait(0.05):
        if connection is not None and hangups.poll(0):
            return


def half(body: bytes) -> Iterator[bytes]:
    """Send half of a body and break off; the announced length is never reached."""
    yield body[: max(1, len(body) // 2)]
    raise BrokenConnectionError


def drip(body: bytes, seconds: float) -> Iterator[bytes]:
    """Send a body in at most a hundred pieces, spread over the time."""
    size = max(1, len(body) // 100)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    for piece in pieces:
        yield piece
        if stopping.wait(seconds / len(pieces)):
            raise BrokenConnectionError
