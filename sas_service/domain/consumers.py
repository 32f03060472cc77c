"""Who must move during a revocation, and which of their tokens have been replaced by ones that are loaded."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sas_service.domain.revocations import Reason, Target
from sas_service.domain.tokens import TokenRecord


@dataclass(frozen=True, slots=True, order=True)
class Consumer:
    """(team, client application, profile): what a person calls by name when somebody is late."""

    team: str
    application: str
    profile: str

    @classmethod
    def of(cls, record: TokenRecord) -> "Consumer":
        """Return who holds ``record``."""
        return cls(record.grant.team, record.caller.get("applicationId", ""), record.grant.profile)

    @property
    def name(self) -> str:
        """Return how it is written."""
        return f"{self.team}/{self.application}/{self.profile}"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An application's word that it has loaded ``token`` in place of ``replaced``; it named the fingerprint.

    ``until`` is when both tokens have expired and nobody needs the word any more.
    """

    replaced: str
    token: str
    fingerprint: str
    consumer: Consumer
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far consumers are: the dying tokens of each that are not replaced by a loaded one."""

    total: int
    late: Mapping[Consumer, tuple[TokenRecord, ...]]

    @property
    def moved(self) -> int:
        """Return how many consumers have nothing left to do."""
        return self.total - len(self.late)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the late ones by name."""
        return tuple(consumer.name for consumer in sorted(self.late))


def moved_tokens(acknowledged: Mapping[str, Acknowledgement], replaced_by: Mapping[str, str | None]) -> frozenset[str]:
    """Return the ids of tokens whose replacement, or a replacement of that, was acknowledged."""
    moved = set(acknowledged)
    for token in replaced_by:
        trail = [token]
        while trail[-1] not in moved and (after := replaced_by.get(trail[-1])) and after not in trail:
            trail.append(after)
        if trail[-1] in moved:
            moved.update(trail)
    return frozenset(moved)


def stopped(reason: Reason, target: Target, suspended: Container[tuple[str, str]]) -> Callable[[TokenRecord], bool]:
    """Return whose holders a run is to stop, so that it waits for none: the suspended, and who is offboarded."""

    def is_stopped(record: TokenRecord) -> bool:
        who = Consumer.of(record)
        names = (("team", who.team), ("client", who.application), ("profile", who.profile))
        return (reason is Reason.OFFBOARDING and target.selects(record)) or any(name in suspended for name in names)

    return is_stopped


def progress(dying: Iterable[TokenRecord], moved: frozenset[str], *, spared: Callable[[TokenRecord], bool]) -> Progress:
    """Return who of the holders of ``dying`` tokens is late; ``spared`` tokens nobody waits for."""
    everyone: set[Consumer] = set()
    late: dict[Consumer, list[TokenRecord]] = {}
    for record in dying:
        consumer = Consumer.of(record)
        everyone.add(consumer)
        if record.id not in moved and not spared(record):
            late.setdefault(consumer, []).append(record)
    return Progress(len(everyone), {consumer: tuple(records) for consumer, records in late.items()})
