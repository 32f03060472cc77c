"""What removing for age needs: to know what the mirror has, and to take the beginning of a stream away."""

from collections.abc import Sequence
from typing import Protocol

from sas_service.domain.audit import AuditEvent


class Aging(Protocol):
    """The removal of what is old. Raises AuditLogUnavailable."""

    def remove(self, stream: str, events: Sequence[AuditEvent], tokens: Sequence[str]) -> None:
        """Take these events, and the records of these tokens of the same stream with all that leads to them, away.

        Repeated, it finishes what an earlier call began. ``events`` are the first that the stream has (or had before
        that call), and ``tokens`` are closed: ValueError otherwise.
        """
        ...


class MirroredEvents(Protocol):
    """What the mirror has, read back from it. Raises MirrorUnavailable."""

    def missing(self, events: Sequence[AuditEvent]) -> tuple[AuditEvent, ...]:
        """Return those of ``events`` that the mirror does not have, byte for byte."""
        ...
