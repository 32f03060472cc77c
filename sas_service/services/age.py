"""Remove from Redis what is old enough: only what is sealed, unchanged since, and in the mirror byte for byte.

The seal says first that the texts may be gone (``Seal.aged``), durably, and then they go: a crash in between is
finished by the next round. Their hashes stay in the tiles, so every proof still holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

from sas_service.domain.audit import SERVICE_STREAM, AuditEvent
from sas_service.domain.errors import SealBroken
from sas_service.domain.merkle import leaf_hash
from sas_service.domain.retention import leaving, tokens_over
from sas_service.domain.runs import is_open
from sas_service.domain.tiles import WIDTH
from sas_service.ports import AuditLog, Clock, EventStreams, Journal, Policies, Seal, Seals
from sas_service.ports.aging import Aging, MirroredEvents

MOST_PER_ROUND = 500
"""How many events of a stream one round removes at most."""


class LogAging:
    """Rounds of removing; any number of workers may do them at once. ``retention`` None keeps everything for ever."""

    def __init__(
        self,
        *,
        policies: Policies,
        retention: Callable[[], timedelta | None],
        streams: EventStreams,
        seals: Seals,
        mirrored: MirroredEvents,
        aging: Aging,
        audit_log: AuditLog,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._retention = retention
        self._streams = streams
        self._seals = seals
        self._mirrored = mirrored
        self._aging = aging
        self._audit_log = audit_log
        self._journal = journal
        self._clock = clock

    def run(self) -> int:
        """Remove what is due in every stream; returns how many events. Raises SealBroken, MirrorUnavailable."""
        retention = self._retention()
        if retention is None:
            return 0
        streams = (*sorted(self._policies.current().accounts), SERVICE_STREAM)
        return sum(self._age(stream, retention) for stream in streams)

    def _age(self, stream: str, retention: timedelta) -> int:
        seal = self._seals.read(stream)
        begun = [event for event in self._streams.after(stream, 0, MOST_PER_ROUND) if event.seq <= seal.aged]
        if begun:
            return self._remove(stream, begun, retention)
        if seal.is_pending:
            return 0
        going = self._going(stream, seal, retention)
        if not going or not self._seals.advance(stream, seal, replace(seal, aged=going[-1].seq)):
            return 0
        return self._remove(stream, going, retention)

    def _going(self, stream: str, seal: Seal, retention: timedelta) -> list[AuditEvent]:
        events = self._streams.after(stream, seal.aged, MOST_PER_ROUND)
        last = leaving(
            [event for event in events if event.seq <= seal.size],
            before=self._clock.now() - retention,
            record=self._audit_log.token,
            open_runs=frozenset(run.id for run in self._journal.of(stream) if is_open(run)),
        )
        going = [event for event in events if event.seq <= last]
        self._demand_unchanged(stream, going)
        missing = set(self._mirrored.missing(going)) if going else set()
        # What the mirror lacks is filled in by who looks after it; until then it and all after it stay.
        return list(takewhile(lambda event: event not in missing, going))

    def _demand_unchanged(self, stream: str, events: Sequence[AuditEvent]) -> None:
        tiles = sorted({(event.seq - 1) // WIDTH for event in events})
        hashes = dict(zip(tiles, self._seals.tiles(stream, [(0, number) for number in tiles]), strict=True))
        for event in events:
            number, offset = divmod(event.seq - 1, WIDTH)
            if leaf_hash(event.text) != hashes[number][offset]:
                raise SealBroken(f"event {event.seq} of {stream} has changed since it was sealed", seq=str(event.seq))

    def _remove(self, stream: str, events: Sequence[AuditEvent], retention: timedelta) -> int:
        before = self._clock.now() - retention
        self._aging.remove(stream, events, tokens_over(events, before=before, record=self._audit_log.token))
        return len(events)
