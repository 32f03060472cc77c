"""Tokens whose signature was checked already, known by their SHA-256 so that no bearer stays in memory."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sas_service.adapters.entra.claims import Window
from sas_service.domain.callers import Caller


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good token said, until when it may be used, and the key that vouched for it."""

    caller: Caller
    window: Window
    kid: str
    thumbprint: str


class VerifiedTokens:
    """The most recently used tokens, at most ``capacity`` of them; safe to share between threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, Verified] = OrderedDict()

    def get(self, digest: bytes) -> Verified | None:
        """Return what is known of the token with this digest."""
        with self._lock:
            entry = self._entries.get(digest)
            if entry is not None:
                self._entries.move_to_end(digest)
            return entry

    def put(self, digest: bytes, entry: Verified) -> None:
        """Remember a token; the one unused for longest makes room."""
        with self._lock:
            self._entries[digest] = entry
            self._entries.move_to_end(digest)
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def discard(self, digest: bytes) -> None:
        """Forget a token."""
        with self._lock:
            self._entries.pop(digest, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)
