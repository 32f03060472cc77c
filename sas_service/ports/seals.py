"""What sealing needs: a signature, the events of a stream in their order, and the memory of what is sealed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sas_service.domain.audit import AuditEvent
from sas_service.domain.merkle import Frontier
from sas_service.domain.signed_notes import VerifyingKey
from sas_service.domain.tiles import Piece, Tile


class Signing(Protocol):
    """The service's Ed25519 key."""

    @property
    def verifying_key(self) -> VerifyingKey:
        """By what others recognise the signatures."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        ...


class EventStreams(Protocol):
    """The events of a stream by their numbers. All methods raise AuditLogUnavailable."""

    def last(self, stream: str) -> int:
        """Return the number of the newest event, 0 before the first; also after events were removed for their age."""
        ...

    def after(self, stream: str, seq: int, limit: int) -> tuple[AuditEvent, ...]:
        """Return up to ``limit`` events whose numbers are greater than ``seq``, the oldest first."""
        ...


class StreamEnds(Protocol):
    """How far streams go. All methods raise AuditLogUnavailable."""

    def last(self, stream: str) -> int:
        """Return what ``EventStreams.last`` does."""
        ...

    def floor(self, stream: str) -> int:
        """Return the same, and -1 where the stream is not there at all: not even one without events."""
        ...


@dataclass(frozen=True, slots=True)
class Seal:
    """How far a stream is sealed.

    ``checkpoint`` is the newest, signed; ``published`` the newest one that the mirror has: only that one is shown.
    The texts of the first ``aged`` events may be gone for their age; their hashes stay.
    """

    frontier: Frontier = field(default_factory=Frontier)
    checkpoint: str = ""
    published: str = ""
    aged: int = 0

    @property
    def size(self) -> int:
        """How many events are sealed."""
        return self.frontier.size

    @property
    def is_pending(self) -> bool:
        """Whether the newest checkpoint may not be in the mirror yet."""
        return self.checkpoint != self.published


class Seals(Protocol):
    """What is sealed, durable when a write returns. All methods raise AuditLogUnavailable."""

    def read(self, stream: str) -> Seal:
        """Return how far a stream is sealed; nothing of an unknown one."""
        ...

    def advance(self, stream: str, before: Seal, after: Seal, pieces: Sequence[Piece] = ()) -> bool:
        """Write ``after`` and the new hashes in one atomic step, if ``before`` is what stands; returns whether it was.

        Every event that was read before is durable when this returns True.
        """
        ...

    def tiles(self, stream: str, wanted: Sequence[Tile]) -> tuple[tuple[bytes, ...], ...]:
        """Return the hashes of tiles as far as they are filled."""
        ...
