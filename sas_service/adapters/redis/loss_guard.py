"""Keeps a process from using a server that has lost something: asked for every connection, and again and again.

After a restart or a failover, the first connection waits until the ends of all streams were compared with the mirror.
"""

from collections.abc import Mapping
from threading import Lock

from sas_service.adapters.redis.failures import NotAdmitted, unavailable
from sas_service.adapters.redis.floors import Floors
from sas_service.adapters.redis.server import Server
from sas_service.domain.errors import AuditLogUnavailable, MirrorUnavailable
from sas_service.services.losses import Comparison, LossDetection, told

_TOPIC = "lost"
_UNCOMPARED = "was restarted or replaced, and cannot be compared with the mirror now"
_PATIENCE = 5.0


class LossGuard:
    """One for each process; ``detection`` has connections of its own, which are not guarded."""

    def __init__(self, detection: LossDetection) -> None:
        self._detection = detection
        self._guarded: Server | None = None
        self._lock = Lock()
        self._admitted: frozenset[str] = frozenset()
        self._refusal: str | None = None

    def guard(self, server: Server) -> None:
        """Close ``server`` while something is lost."""
        self._guarded = server

    def admit(self, incarnation: str) -> None:
        """Let a new connection be used, if the server behind it has everything. Raises NotAdmitted."""
        if incarnation in self._admitted and self._refusal is None:
            return
        if not self._lock.acquire(timeout=_PATIENCE):
            raise NotAdmitted(_UNCOMPARED)
        try:
            if incarnation not in self._admitted or self._refusal is not None:
                self._look(incarnation)
        finally:
            self._lock.release()

    def check(self) -> Mapping[str, object]:
        """Compare now, and open or close the server; returns the end of each stream in the mirror.

        Raises AuditLogUnavailable, MirrorUnavailable.
        """
        with self._lock:
            comparison = self._compared()
        if self._refusal is not None:
            raise unavailable(self._refusal)
        return {stream: head.last for stream, head in comparison.mirrored}

    def recheck(self) -> None:
        """Compare again if something was lost when last looked, or looks lost now. Raises as ``check``."""
        floors = self._guarded.floors if self._guarded else Floors()
        floors.looks_lost |= self._detection.falls_short(floors.known)
        if self._refusal is not None or floors.looks_lost:
            self.check()

    def status(self) -> Mapping[str, object]:
        """Say, without looking again, whether the audit log has everything. Raises AuditLogUnavailable."""
        if self._refusal is not None:
            raise unavailable(self._refusal)
        return {"compared": bool(self._admitted)}

    def _look(self, incarnation: str) -> None:
        try:
            self._compared()
        except (AuditLogUnavailable, MirrorUnavailable):
            # Nobody knows: so nobody is let in, and the next connection tries again.
            raise NotAdmitted(_UNCOMPARED) from None
        if self._refusal is not None:
            raise NotAdmitted(self._refusal)
        # Of a cluster every master has its own; what is unknown is compared each time.
        self._admitted |= {incarnation} - {""}

    def _compared(self) -> Comparison:
        comparison = self._detection.compare()
        self._refusal = told(comparison.losses) if comparison.losses else None
        if self._guarded:
            for stream, head in comparison.mirrored:
                self._guarded.floors.raise_to(stream, head.last)
            if not comparison.losses:
                self._guarded.floors.compared()
            self._guarded.refuse(self._refusal, _TOPIC)
        return comparison
