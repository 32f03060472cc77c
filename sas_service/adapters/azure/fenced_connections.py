"""Connections that ask, when they stand and before any byte goes out, whether it still may (self_fencing.py)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

Sending = Callable[[], AbstractContextManager[None]]
"""Surrounds the moment in which bytes go out; raises if none may."""


def fenced_pools(sending: Sending) -> Mapping[str, type[HTTPConnectionPool]]:
    """Return urllib3's pools by scheme, with connections that send within ``sending``."""

    class Plain(HTTPConnection):
        def send(self, data: Any) -> None:
            _send(self, data, super().send, sending)

    class Encrypted(HTTPSConnection):
        def send(self, data: Any) -> None:
            _send(self, data, super().send, sending)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _send(connection: HTTPConnection, data: Any, send: Callable[[Any], None], sending: Sending) -> None:
    if connection.sock is None:
        # It would be opened on the way, and that may take seconds.
        connection.connect()
    with sending():
        send(data)
