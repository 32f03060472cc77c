"""Remove from Redis what is old enough: only what is sealed, unchanged since, and in the mirror byte for byte.

The seal says first that the texts may be gone (``Seal.aged``), durably, and then they go: a crash in between is
finished by the next round. Their hashes stay in the tiles, so every proof still holds.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

from sas_service.domain.audit import SERVICE_STREAM, AuditEvent
from sas_service.domain.errors import SealBroken
from sas_service.domain.merkle import leaf_hash
from sas_service.domain.retention import leaving, tokens_over
from sas_service.domain.tiles import WIDTH
from sas_service.ports import Accounts, AuditLog, Clock, EventStreams, Journal, Lockdowns, Policies, Seal, Seals
from sas_service.ports.aging import Aging, MirroredEvents

AT_ONCE = 500
"""How many events of a stream are looked at, sealed as leaving, and removed in one step."""

STEPS_PER_ROUND = 10
"""How many steps one round goes in a stream at most: what is left waits for the next."""

AGE_EVERY = timedelta(seconds=10)
"""How often a worker does a round: it keeps up with 500 events a second of one account."""


class LogAging:
    """Rounds of removing what is older than the policy's retention; any number of workers may do them at once."""

    def __init__(
        self,
        *,
        policies: Policies,
        accounts: Accounts,
        streams: EventStreams,
        seals: Seals,
        mirrored: MirroredEvents,
        aging: Aging,
        audit_log: AuditLog,
        journal: Journal,
        lockdowns: Lockdowns,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._accounts = accounts
        self._streams = streams
        self._seals = seals
        self._mirrored = mirrored
        self._aging = aging
        self._audit_log = audit_log
        self._journal = journal
        self._lockdowns = lockdowns
        self._clock = clock

    def run(self) -> int:
        """Remove what is due in every stream; returns how many events.

        Raises SealBroken after the round if what is due in any stream was changed; MirrorUnavailable.
        """
        policy = self._policies.current()
        if policy.retention is None:
            return 0
        removed, broken = 0, list[SealBroken]()
        for stream in (*self._accounts(), SERVICE_STREAM):
            try:
                for _ in range(STEPS_PER_ROUND):
                    step = self._age(stream, policy.retention)
                    removed += step
                    if not step:
                        break
            except SealBroken as error:
                broken.append(error)
        if broken:
            raise broken[0]
        return removed

    def _age(self, stream: str, retention: timedelta) -> int:
        seal = self._seals.read(stream)
        begun = [event for event in self._streams.after(stream, 0, AT_ONCE) if event.seq <= seal.aged]
        if begun:
            return self._remove(stream, begun)
        if seal.is_pending:
            return 0
        going = self._going(stream, seal, retention)
        if not going or not self._seals.advance(stream, seal, replace(seal, aged=going[-1].seq)):
            return 0
        return self._remove(stream, going)

    def _going(self, stream: str, seal: Seal, retention: timedelta) -> list[AuditEvent]:
        events = self._streams.after(stream, seal.aged, AT_ONCE)
        last = leaving(
            [event for event in events if event.seq <= seal.size],
            before=self._clock.now() - retention,
            record=self._audit_log.token,
            still_open=self._still_open(stream),
        )
        going = [event for event in events if event.seq <= last]
        self._demand_unchanged(stream, going)
        missing = set(self._mirrored.missing(going)) if going else set()
        # What the mirror lacks is filled in by who looks after it; until then it and all after it stay.
        return list(takewhile(lambda event: event not in missing, going))

    def _still_open(self, stream: str) -> frozenset[str]:
        """Return the ids of the revocation and of the lockdown that hold the account."""
        if stream == SERVICE_STREAM:
            return frozenset()
        run, lockdown = self._journal.running(stream), self._lockdowns.current(stream)
        return frozenset(each.id for each in (run, lockdown) if each)

    def _demand_unchanged(self, stream: str, events: Sequence[AuditEvent]) -> None:
        tiles = sorted({(event.seq - 1) // WIDTH for event in events})
        hashes = dict(zip(tiles, self._seals.tiles(stream, [(0, number) for number in tiles]), strict=True))
        for event in events:
            number, offset = divmod(event.seq - 1, WIDTH)
            if leaf_hash(event.text) != hashes[number][offset]:
                raise SealBroken(f"event {event.seq} of {stream} has changed since it was sealed", seq=str(event.seq))

    def _remove(self, stream: str, events: Sequence[AuditEvent]) -> int:
        # What was over when the seal said so is over now, even if the policy's retention has grown since.
        tokens = tokens_over(events, before=self._clock.now(), record=self._audit_log.token)
        self._aging.remove(stream, events, tokens)
        return len(events)
