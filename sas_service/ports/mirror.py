"""Reading the mirror back: which numbers it has, and the events themselves in the order of their numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sas_service.domain.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one stream in the mirror: the highest number that it speaks of, and the highest epoch.

    A checkpoint counts, too: it was signed over so many events, whether or not the mirror has each of them.
    """

    last: int = 0
    epoch: int = 0

    def joined(self, other: "Head") -> "Head":
        """Return the higher of both."""
        return Head(max(self.last, other.last), max(self.epoch, other.epoch))


class MirrorReading(Protocol):
    """What the mirror has. All methods raise MirrorUnavailable; memory does not grow with the mirror."""

    def heads(self) -> Mapping[str, Head]:
        """Return the end of every stream as of now."""
        ...

    def events(self, stream: str, after: int, upto: int | None = None) -> Iterator[AuditEvent]:
        """Yield the events with numbers greater than ``after`` (and at most ``upto``), the lowest number first.

        Numbers that the mirror lacks are left out. One that it has several times comes once; with different texts it
        comes once for each text, one right after the other: the reader has to judge that.
        """
        ...


class MirrorProgress(Protocol):
    """Up to which number each stream is known to be in the mirror. All methods raise AuditLogUnavailable."""

    def read(self, stream: str) -> int:
        """Return that number, 0 if nothing is known."""
        ...

    def write(self, stream: str, seq: int) -> None:
        """Remember it, also a smaller one; it may be forgotten, what follows is then compared again."""
        ...
