"""SDK clients, one per subscription and process, made when first used: sockets and locks must not cross a fork."""

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

C = TypeVar("C")


class PerSubscription(Generic[C]):
    """Makes each client once; the clients themselves are safe to share between threads."""

    def __init__(self, build: Callable[[str], C]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._clients: dict[tuple[int, str], C] = {}

    def get(self, subscription: str) -> C:
        """Return this process's client of ``subscription``."""
        key = (os.getpid(), subscription)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._build(subscription)
            return self._clients[key]
