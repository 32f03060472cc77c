"""One world of ports per backend, and the records and events that the contract tests fill it with."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from sas_service.adapters.memory import MemoryAuditLog, MemoryClock, MemorySlots, MemorySuspensions
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.redis.suspensions import RedisSuspensions
from sas_service.adapters.token_ids import RandomTokenIds
from sas_service.domain.audit import AuditEvent, Denial, EventDraft, EventKind
from sas_service.domain.policy import Budget
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant, TokenRecord, TokenState
from sas_service.ports import AuditLog, Idempotency, Replay, Reservation, Reserved, Slots, Suspension, Suspensions
from tests.valkey_cluster import RunningCluster
from tests.valkey_process import RunningValkey

ACCOUNT = "maps-demo"
OTHER_ACCOUNT = "maps-other"
MOST_FOLDS = 5
_numbers = count(1)


@dataclass(frozen=True)
class World:
    """The ports under test; ``move_epoch`` does what no port can do yet."""

    audit_log: AuditLog
    slots: Slots
    suspensions: Suspensions
    move_epoch: Callable[[str, int], None]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def reserve(
        self,
        record: TokenRecord,
        *,
        idempotency: Idempotency | None = None,
        budget: Budget | None = None,
        may_overdraw: bool = False,
    ) -> Reserved | Replay:
        wanted = reservation(record, idempotency=idempotency)
        return self.audit_log.reserve(replace(wanted, budget=budget, may_overdraw=may_overdraw))

    def issue(self, record: TokenRecord, *, idempotency: Idempotency | None = None) -> TokenRecord:
        """Reserve and commit; return the live record."""
        self.reserve(record, idempotency=idempotency)
        live = signed(record)
        self.audit_log.commit(live, event(live, EventKind.ISSUED))
        return live

    def suspend(self, kind: str, suspended: str) -> bool:
        return self.suspensions.put(suspension(kind, suspended), [ACCOUNT, OTHER_ACCOUNT])


def memory_world(*, max_clock_skew: timedelta = timedelta(seconds=60)) -> World:
    slots, suspensions = MemorySlots(), MemorySuspensions()
    log = MemoryAuditLog(
        clock=MemoryClock(),
        slots=slots,
        suspensions=suspensions,
        max_clock_skew=max_clock_skew,
        most_folds=MOST_FOLDS,
    )
    world = World(log, slots, suspensions, lambda account, epoch: slots.move(account, epoch=epoch))
    return _initialised(world)


def redis_world(
    valkey: RunningValkey | RunningCluster,
    server: Server,
    *,
    max_clock_skew: timedelta = timedelta(seconds=60),
    empty: bool = True,
) -> World:
    """Return a world in a server, emptied and initialised unless it is to go on with what is there."""

    def move_epoch(account: str, epoch: int) -> None:
        with valkey.client() as client:
            client.hset("{" + account + "}:slots", "epoch", str(epoch))

    if empty:
        with valkey.client() as client:
            client.flushall()
    log = RedisAuditLog(server, max_clock_skew=max_clock_skew, most_folds=MOST_FOLDS)
    world = World(log, RedisSlots(server), RedisSuspensions(server), move_epoch)
    return _initialised(world) if empty else world


def _initialised(world: World) -> World:
    for account in (ACCOUNT, OTHER_ACCOUNT):
        world.slots.initialise(account, {"web": "web-a"})
    return world


def record(
    now: datetime,
    *,
    account: str = ACCOUNT,
    team: str = "storefront",
    profile: str = "web",
    identity: str = "web-a",
    epoch: int = 1,
    lifetime: timedelta = timedelta(hours=1),
    application: str = "app-1",
    token_id: str | None = None,
) -> TokenRecord:
    """A reservation's record with every member filled in."""
    start = now.replace(microsecond=0)
    grant = Grant(
        account=account,
        profile=profile,
        team=team,
        epoch=epoch,
        signing_key=SigningKey.PRIMARY,
        identity=identity,
        principal_id="0a0b0c0d-0000-4000-8000-000000000001",
        regions=("eastus", "westus2"),
        max_rate_per_second=50,
        start=start,
        expiry=start + lifetime,
        policy_digest="ab" * 32,
    )
    return TokenRecord(
        id=token_id or RandomTokenIds().new(account, now),
        grant=grant,
        caller={
            "tenantId": "0a0b0c0d-0000-4000-8000-000000000002",
            "objectId": "0a0b0c0d-0000-4000-8000-000000000003",
            "applicationId": application,
            "kind": "application",
        },
        state=TokenState.RESERVED,
        issued_at=now,
        request_id=f"request-{next(_numbers)}",
        reason="because\n\u00e4\U0001f600\u2028 \ud800",
        labels={"page": "checkout"},
    )


def signed(reserved: TokenRecord, *, fingerprint: str | None = None) -> TokenRecord:
    """What the service knows after List SAS."""
    return replace(
        reserved,
        state=TokenState.LIVE,
        fingerprints=(fingerprint or sha256(reserved.id.encode()).hexdigest(),),
        azure_request_id="azure-1",
        attempts=2,
    )


def event(about: TokenRecord, kind: EventKind, **details: object) -> EventDraft:
    """An event as the service would draft it, each of another request."""
    return EventDraft(
        kind=kind,
        at=about.issued_at,
        account=about.grant.account,
        team=about.grant.team,
        token=about.id,
        caller=about.caller,
        request_id=f"event-{next(_numbers)}",
        details=details,
    )


def reservation(reserved: TokenRecord, *, idempotency: Idempotency | None = None) -> Reservation:
    deadline = reserved.issued_at + timedelta(seconds=30)
    return Reservation(reserved, event(reserved, EventKind.RESERVED), deadline, idempotency)


def denial(at: datetime, fold_key: str = "caller web rate", account: str | None = ACCOUNT) -> Denial:
    draft = EventDraft(kind=EventKind.DENIED, at=at, account=account, team="storefront", request_id=f"{next(_numbers)}")
    return Denial(draft, fold_key)


def suspension(kind: str, suspended: str) -> Suspension:
    at = datetime(2026, 11, 21, 8, 0, 0, 250_000, tzinfo=UTC)
    return Suspension(kind, suspended, "a leak", {"objectId": "admin"}, at)


def one(events: tuple[AuditEvent, ...]) -> AuditEvent:
    (only,) = events
    return only
