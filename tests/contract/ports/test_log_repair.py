"""What a repair writes is found again as if it had never been lost: on the twin and on a real server."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import (
    MemoryAuditLog,
    MemoryJournal,
    MemoryLeases,
    MemoryLockdowns,
    MemoryRepair,
    MemorySlots,
    MemorySuspensions,
)
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.lockdowns import RedisLockdowns
from sas_service.adapters.redis.repair import RedisRepair
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import AuditEvent
from sas_service.domain.errors import AccountLocked, AuditLogUnavailable, OutsidePolicy, Suspended
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.policy import Budget
from sas_service.domain.revocations import Reason, State
from sas_service.domain.slots import AccountSlots, SigningKey
from sas_service.domain.tokens import TokenState
from sas_service.ports import EventQuery, EventStreams, Journal, Lockdowns, LogRepair, TokenQuery
from tests.contract.ports.revocation.world import revocation
from tests.contract.ports.world import ACCOUNT, World, memory_world, record, redis_world, signed, suspension
from tests.valkey_process import RunningValkey


@dataclass
class Site:
    """A history, and an empty log to put it back into."""

    lost: World
    lost_streams: EventStreams
    empty: World
    streams: EventStreams
    repair: LogRepair
    journal: Journal
    lockdowns: Lockdowns


@pytest.fixture(params=["memory", "redis"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    lost = memory_world()
    assert isinstance(lost.audit_log, MemoryAuditLog)
    if request.param == "memory":
        world = memory_world()
        assert isinstance(world.audit_log, MemoryAuditLog)
        assert isinstance(world.slots, MemorySlots)
        assert isinstance(world.suspensions, MemorySuspensions)
        leases = MemoryLeases()
        journal, lockdowns = MemoryJournal(leases), MemoryLockdowns(world.slots, leases)
        twin = MemoryRepair(
            world.audit_log, world.slots, lockdowns=lockdowns, journal=journal, suspensions=world.suspensions
        )
        yield Site(lost, lost.audit_log, world, world.audit_log, twin, journal, lockdowns)
        return
    valkey: RunningValkey = request.getfixturevalue("valkey")
    server: Server = request.getfixturevalue("server")
    world = redis_world(valkey, server)
    streams, repair = RedisEventStreams(server), RedisRepair(server, lease=timedelta(seconds=1))
    yield Site(lost, lost.audit_log, world, streams, repair, RedisJournal(server), RedisLockdowns(server))


def test_events_come_back_under_their_numbers_once(site: Site) -> None:
    for number in range(5):
        site.lost.issue(record(site.lost.now + timedelta(milliseconds=number)))
    events = site.lost_streams.after(ACCOUNT, 0, 100)
    assert site.repair.restore_events(ACCOUNT, events[:4]) == 4
    assert site.repair.restore_events(ACCOUNT, events) == 6
    assert site.repair.restore_events(ACCOUNT, events) == 0
    assert site.streams.after(ACCOUNT, 0, 100) == events
    page = site.empty.audit_log.events(EventQuery([ACCOUNT], team="storefront"), cursor=None, limit=50)
    assert [each.seq for each in page.items] == list(range(10, 0, -1))


def test_a_gap_is_refused(site: Site) -> None:
    site.lost.issue(record(site.lost.now))
    second = site.lost_streams.after(ACCOUNT, 1, 1)
    with pytest.raises(AuditLogUnavailable):
        site.repair.restore_events(ACCOUNT, second)
    assert site.streams.last(ACCOUNT) == 0


def test_records_are_found_by_every_way(site: Site) -> None:
    live = signed(record(site.empty.now))
    fallen = replace(signed(record(site.empty.now + timedelta(milliseconds=1))), state=TokenState.ABANDONED)
    open_one = record(site.empty.now - timedelta(seconds=1))
    for _ in range(2):
        site.repair.restore_records(ACCOUNT, [live, fallen, open_one], {fallen.id})
    log = site.empty.audit_log
    assert log.token(live.id) == live
    assert log.token_by_fingerprint([ACCOUNT], live.fingerprint or "") == live
    assert log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=9).items == (fallen, live)
    assert log.overdue(ACCOUNT, site.empty.now) == (open_one,)
    assert log.identities_in_use(ACCOUNT, site.empty.now) == {"web-a": 3}
    assert site.repair.records(ACCOUNT, {live.id, "maps-demo.nothing"}) == {live.id: live}


def test_what_comes_back_counts_against_its_budget(site: Site) -> None:
    three = Budget(live_tokens=3)
    site.empty.reserve(record(site.empty.now), budget=three)
    lost = [signed(record(site.empty.now)), signed(record(site.empty.now))]
    site.repair.restore_records(ACCOUNT, lost, {each.id for each in lost})
    with pytest.raises(OutsidePolicy):
        site.empty.reserve(record(site.empty.now), budget=three)


def test_slots_never_go_back(site: Site) -> None:
    later = AccountSlots(ACCOUNT, 5, SigningKey.SECONDARY, {"web": "web-b"})
    site.repair.restore_slots(later)
    assert site.empty.slots.read(ACCOUNT) == later
    site.repair.restore_slots(AccountSlots(ACCOUNT, 4, SigningKey.PRIMARY, {"web": "web-a"}))
    assert site.empty.slots.read(ACCOUNT) == later
    site.repair.restore_slots(AccountSlots(ACCOUNT, 5, SigningKey.SECONDARY, {"web": "web-a", "other": "other-a"}))
    assert site.empty.slots.read(ACCOUNT).identities == {"web": "web-b", "other": "other-a"}


def test_an_account_is_held_by_the_lockdown_that_comes_back_and_by_no_other(site: Site) -> None:
    held = Lockdown("lock-1", ACCOUNT, Reason.TOKEN_LEAK, {"objectId": "admin"}, site.empty.now, epoch=1, revision=3)
    over = replace(held, id="lock-0", state=LockdownState.RELEASED)
    for _ in range(2):
        site.repair.restore_lockdowns(ACCOUNT, [over, held], held.id)
    assert site.lockdowns.current(ACCOUNT) == held
    assert {each.id for each in site.lockdowns.of(ACCOUNT)} == {"lock-0", "lock-1"}
    with pytest.raises(AccountLocked):
        site.empty.reserve(record(site.empty.now))
    site.repair.restore_lockdowns(ACCOUNT, [replace(held, state=LockdownState.RELEASED, revision=4)], None)
    assert site.lockdowns.current(ACCOUNT) is None
    site.empty.reserve(record(site.empty.now))


def test_runs_that_come_back_are_found_in_their_order_and_one_holds_the_account(site: Site) -> None:
    first = replace(revocation(), id="run-1", state=State.COMPLETED, revision=7)
    second = replace(revocation(), id="run-2", state=State.PAUSED, revision=2)
    for _ in range(2):
        site.repair.restore_journal(ACCOUNT, [first, second], "run-2")
    assert site.journal.of(ACCOUNT) == (second, first)
    assert site.journal.running(ACCOUNT) == second
    assert site.journal.read("run-1") == first
    ended = replace(second, state=State.ABORTED, revision=3)
    site.repair.restore_journal(ACCOUNT, [ended], None)
    assert site.journal.running(ACCOUNT) is None
    assert site.journal.of(ACCOUNT) == (ended, first)


def test_who_is_suspended_is_stopped_before_the_list_can_be_read(site: Site) -> None:
    site.repair.restore_suspended(ACCOUNT, [suspension("team", "storefront")])
    with pytest.raises(Suspended):
        site.empty.reserve(record(site.empty.now))
    site.empty.suspensions.sync([ACCOUNT])
    site.empty.suspend("team", "somebody-else")
    site.empty.reserve(record(site.empty.now))


def test_one_repair_at_a_time(site: Site) -> None:
    with site.repair.alone(ACCOUNT) as go_on:
        go_on()
        with pytest.raises(AuditLogUnavailable, match="somebody else"), site.repair.alone(ACCOUNT):
            pass
    with site.repair.alone(ACCOUNT):
        pass


def test_what_is_restored_can_be_gone_on_with(site: Site) -> None:
    kept = site.lost.issue(record(site.lost.now))
    events = site.lost_streams.after(ACCOUNT, 0, 9)
    site.repair.restore_records(ACCOUNT, [kept], {kept.id})
    site.repair.restore_events(ACCOUNT, events)
    site.repair.rest_leases(ACCOUNT)
    site.empty.issue(record(site.empty.now))
    assert [each.seq for each in site.streams.after(ACCOUNT, 0, 9)] == [1, 2, 3, 4]
    assert isinstance(events[0], AuditEvent)
