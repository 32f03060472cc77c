"""The audit mirror, and who wants to know which numbers are in it for good."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sas_service.domain.audit import AuditEvent
from sas_service.ports import AuditMirror


class ClosableMirror(AuditMirror, Protocol):
    """A mirror that ends with its process."""

    def close(self) -> None:
        """Write what waits, and let go."""
        ...


class WatchedMirror:
    """The port ``AuditMirror`` over another; ``mirrored`` hears stream and number of what was synced."""

    def __init__(self, mirror: ClosableMirror, mirrored: Callable[[str, int], None]) -> None:
        self._mirror = mirror
        self._mirrored = mirrored
        self.check = mirror.check
        self.close = mirror.close

    def append(self, events: Sequence[AuditEvent], *, sync: bool = True) -> None:
        """Write events; with ``sync`` return only when they are on disk. Raises MirrorUnavailable."""
        self._mirror.append(events, sync=sync)
        if sync:
            for event in events:
                self._mirrored(event.stream, event.seq)
