"""The ports of a revocation over each backend, and the entries that the contract tests fill the journal with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from sas_service.adapters.memory import (
    MemoryAcknowledgements,
    MemoryAuditLog,
    MemoryClock,
    MemoryJournal,
    MemoryLeases,
    MemoryNotes,
    MemorySlots,
    MemorySuspensions,
)
from sas_service.adapters.redis.acknowledgements import RedisAcknowledgements
from sas_service.adapters.redis.census import RedisTokenCensus
from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.leases import RedisLeases
from sas_service.adapters.redis.notes import RedisNotes
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.domain.blast_radius import BlastRadius, Kill, Radius
from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.directions import Direction
from sas_service.domain.plans import Asked, LeverCost, Plan
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.runs import Revocation, StepRecord
from sas_service.domain.slots import SigningKey
from sas_service.ports import AccountNotes, Acknowledgements, Journal, Lease, Leases, SlotSwitch, TokenCensus
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, redis_world
from tests.valkey_cluster import RunningCluster
from tests.valkey_process import RunningValkey

LONG = timedelta(seconds=60)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
_numbers = count(1)


@dataclass(frozen=True)
class Revoking:
    """The ports under test; ``wait`` lets time pass for leases, ``now`` is what a process believes."""

    journal: Journal
    leases: Leases
    slots: SlotSwitch
    census: TokenCensus
    acknowledgements: Acknowledgements
    notes: AccountNotes
    tokens: World
    wait: Callable[[timedelta], None]
    now: Callable[[], datetime]

    def take(self, holder: str, length: timedelta = LONG, account: str = ACCOUNT) -> Lease | None:
        now = self.now()
        return self.leases.take(account, holder, until=now + length, now=now)

    def lease(self, holder: str, length: timedelta = LONG, account: str = ACCOUNT) -> Lease:
        """Take a lease that must be free."""
        taken = self.take(holder, length, account)
        assert taken is not None
        return taken

    def planned(self, **members: object) -> Revocation:
        return self.journal.add(revocation(**members))

    def started(self, **members: object) -> Revocation:
        return self.journal.start(replace(self.planned(**members), state=State.RUNNING))


def memory_revoking() -> Revoking:
    clock, leases = MemoryClock(datetime.now(UTC)), MemoryLeases()
    slots, suspensions = MemorySlots(leases), MemorySuspensions()
    skew = timedelta(days=365_000)
    log = MemoryAuditLog(clock=clock, slots=slots, suspensions=suspensions, max_clock_skew=skew)
    tokens = World(log, slots, suspensions, lambda account, epoch: slots.move(account, epoch=epoch))
    for account in (ACCOUNT, OTHER_ACCOUNT):
        slots.initialise(account, {"web": "web-a"})
    return Revoking(
        journal=MemoryJournal(leases),
        leases=leases,
        slots=slots,
        census=log,
        acknowledgements=MemoryAcknowledgements(),
        notes=MemoryNotes(leases),
        tokens=tokens,
        wait=lambda length: (clock.advance(length), None)[1],
        now=clock.now,
    )


def redis_revoking(
    valkey: RunningValkey | RunningCluster, server: Server, *, empty: bool = True, ahead: timedelta = timedelta()
) -> Revoking:
    """Return the ports over a server; ``ahead`` is by how much the process's clock is wrong."""
    return Revoking(
        journal=RedisJournal(server),
        leases=RedisLeases(server),
        slots=RedisSlots(server),
        census=RedisTokenCensus(server),
        acknowledgements=RedisAcknowledgements(server),
        notes=RedisNotes(server),
        tokens=redis_world(valkey, server, max_clock_skew=timedelta(days=365_000), empty=empty),
        wait=lambda length: time.sleep(length.total_seconds()),
        now=lambda: datetime.now(UTC) + ahead,
    )


def plan(account: str = ACCOUNT) -> Plan:
    kill = Kill(SigningKey.PRIMARY, frozenset({"web-a", "batch-a"}))
    way = Direction(kill, SigningKey.SECONDARY, {"web": "web-b"}, {"web": "web-b", "batch": "batch-b"})
    radius = Radius(3, {("storefront", "web"): 2, ("logistics", "batch"): 1}, NOW + timedelta(hours=2))
    cost = LeverCost(Lever.BOTH, way, BlastRadius(radius, Radius(), radius), azure_writes=7)
    asked = Asked(Reason.TOKEN_LEAK, Target("team", ("storefront",)), Mode.EXPEDITED, comment="a leak \U0001f600")
    return Plan(
        account=account,
        asked=asked,
        lever=Lever.BOTH,
        levers=(cost,),
        recommended="both",
        why="fewest tokens of others die with it: 1",
        warnings=("somebody",),
        obstacles=(),
        epoch=1,
        made_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        hash="ab" * 32,
    )


def revocation(**members: object) -> Revocation:
    """A plan's first entry."""
    account = str(members.get("account", ACCOUNT))
    basis = Revocation(
        id=f"run-{next(_numbers)}-{time.monotonic_ns()}",
        account=account,
        state=State.PLANNED,
        plan=plan(account),
        planned_by={"objectId": "admin"},
        steps=(StepRecord("switch"), StepRecord("settle")),
    )
    return replace(basis, **members)  # type: ignore[arg-type]  # members of Revocation by name


def acknowledgement(replaced: str, by: str = "maps-demo.new") -> Acknowledgement:
    at = NOW + timedelta(microseconds=250_001)
    return Acknowledgement(replaced, by, "cd" * 32, Consumer("storefront", "app-1", "web"), at)
