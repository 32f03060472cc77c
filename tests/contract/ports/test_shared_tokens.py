"""Shared tokens: one current at a time, one maker at a time, every hand-out counted, in memory and in Redis alike."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import pytest

from sas_service.adapters.memory import MemoryAuditLog, MemoryClock, MemorySharedTokens, MemorySlots, MemorySuspensions
from sas_service.adapters.redis.shared_tokens import RedisSharedTokens
from sas_service.adapters.system_clock import SystemClock
from sas_service.domain.callers import ALL_OF_THE_TEAM, Caller
from sas_service.domain.errors import AuditLogUnavailable, EpochMoved, LeaseLost, NotFound, Suspended
from sas_service.domain.tokens import TokenRecord
from sas_service.domain.windows import Schedule
from sas_service.ports import Current, EventQuery, Flight, HandOut, NoneCurrent, Shared, SharedName, SharedTokens, Wait
from tests.contract.ports.conftest import server_behind
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, record, signed

MINUTE = timedelta(minutes=1)
LONG = timedelta(minutes=1)
NAME = SharedName(ACCOUNT, "web", "storefront", "ab" * 8)
SHOP = Caller("tenant", "object-1", "app-1", "application", frozenset())
PAGE = Caller("tenant", "object-2", "app-2", "user", frozenset())


@dataclass(frozen=True)
class Sharing:
    """The port under test in its world."""

    world: World
    tokens: SharedTokens

    @property
    def now(self) -> datetime:
        return self.world.now

    def flight(self, name: SharedName = NAME, *, seen: str = "", lasts: timedelta = LONG, holder: str = "a") -> Flight:
        taken = self.tokens.take_flight(name, holder, seen=seen, lasts=lasts)
        assert isinstance(taken, Flight)
        return taken

    def made(self, name: SharedName = NAME, *, seen: str = "", epoch: int = 1, last: timedelta = LONG) -> Shared:
        """Make a token the current one."""
        made = shared(self.now, name, epoch=epoch, last=last)
        self.tokens.put(self.flight(name, seen=seen), made)
        return made

    def ask(self, caller: Caller = SHOP, *, name: SharedName = NAME, **wish: object) -> Current | NoneCurrent:
        return self.tokens.hand_out(replace(HandOut(name, caller, self.now), **wish))  # type: ignore[arg-type]

    def counts(self, now: datetime, *accounts: str) -> list[tuple[object, ...]]:
        """What folding writes: token, caller, count."""
        found = [json.loads(event.text) for event in self.tokens.fold(accounts or (ACCOUNT,), now)]
        return sorted((each["token"], each["caller"]["objectId"], each["count"]) for each in found)


def shared(now: datetime, name: SharedName = NAME, *, epoch: int = 1, last: timedelta = LONG) -> Shared:
    reserved = record(now, account=name.account, team=name.team, profile=name.profile, epoch=epoch)
    live = signed(replace(reserved, caller=ALL_OF_THE_TEAM.document(), issued_at=_to_milliseconds(now)))
    at = _to_milliseconds(now)
    return Shared(live, "client-id", f"sealed {live.id}", Schedule(at + last / 2, at + last))


def _to_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@pytest.fixture
def sharing(world: World, request: pytest.FixtureRequest) -> Sharing:
    if isinstance(world.audit_log, MemoryAuditLog):
        assert isinstance(world.slots, MemorySlots)
        assert isinstance(world.suspensions, MemorySuspensions)
        twin = MemorySharedTokens(
            clock=SystemClock(), slots=world.slots, suspensions=world.suspensions, audit_log=world.audit_log
        )
        return Sharing(world, twin)
    return Sharing(world, RedisSharedTokens(server_behind(request)))


def test_nothing_is_current_until_it_was_put(sharing: Sharing) -> None:
    assert sharing.ask() == NoneCurrent("")
    made = sharing.made()
    assert sharing.ask() == Current(made)
    assert sharing.ask(known=made.record.id) == Current(None)
    assert sharing.ask(known=f"{ACCOUNT}.other") == Current(made)


def test_each_account_profile_team_and_terms_have_their_own(sharing: Sharing) -> None:
    made = sharing.made()
    others = [
        replace(NAME, account=OTHER_ACCOUNT),
        replace(NAME, profile="batch"),
        replace(NAME, team="logistics"),
        replace(NAME, terms="cd" * 8),
    ]
    for name in others:
        assert sharing.ask(name=name) == NoneCurrent("")
        sharing.made(name)
    assert sharing.ask() == Current(made)


def test_a_switch_takes_effect_at_the_very_next_hand_out(sharing: Sharing) -> None:
    made = sharing.made()
    sharing.world.move_epoch(ACCOUNT, 2)
    assert sharing.ask(known=made.record.id) == NoneCurrent(made.record.id)
    newer = sharing.made(seen=made.record.id, epoch=2)
    assert sharing.ask(known=made.record.id) == Current(newer)


@pytest.mark.parametrize(("kind", "name"), [("team", "storefront"), ("client", "app-1"), ("profile", "web")])
def test_the_suspended_get_none_at_once_and_are_not_counted(sharing: Sharing, kind: str, name: str) -> None:
    sharing.made()
    sharing.world.suspend(kind, name)
    with pytest.raises(Suspended, match=kind):
        sharing.ask()
    if kind == "client":
        assert isinstance(sharing.ask(PAGE), Current)
    sharing.world.suspensions.delete(kind, name, [ACCOUNT])
    assert isinstance(sharing.ask(), Current)
    assert sum(int(str(count)) for *_, count in sharing.counts(sharing.now + 2 * MINUTE)) == 1 + (kind == "client")


def test_after_its_last_instant_it_is_handed_out_to_nobody(sharing: Sharing) -> None:
    made = sharing.made()
    assert isinstance(sharing.ask(now=made.schedule.last), Current)
    assert sharing.ask(now=made.schedule.last + timedelta(milliseconds=1)) == NoneCurrent(made.record.id)


def test_who_insists_on_a_newer_one_is_told_how_old_this_one_is(sharing: Sharing) -> None:
    older = record(sharing.now - MINUTE)
    made = sharing.made()
    assert isinstance(sharing.ask(after=older.id), Current)
    assert sharing.ask(after=made.record.id) == NoneCurrent(made.record.id, made.record.issued_at)
    assert sharing.ask(after=record(sharing.now + MINUTE).id) == NoneCurrent(made.record.id, made.record.issued_at)
    assert len(sharing.counts(sharing.now + 2 * MINUTE)) == 1


def test_one_maker_at_a_time_and_only_for_what_is_still_missing(sharing: Sharing) -> None:
    flight = sharing.flight()
    wait = sharing.tokens.take_flight(NAME, "b", seen="", lasts=LONG)
    assert isinstance(wait, Wait)
    assert timedelta() < wait.left <= LONG
    assert not wait.rests
    made = shared(sharing.now)
    sharing.tokens.put(flight, made)
    assert sharing.tokens.take_flight(NAME, "b", seen="", lasts=LONG) is None
    assert sharing.flight(seen=made.record.id).fence > flight.fence


def test_a_hundred_who_come_at_once_make_one(sharing: Sharing) -> None:
    def come(number: int) -> bool:
        return isinstance(sharing.tokens.take_flight(NAME, f"process-{number}", seen="", lasts=LONG), Flight)

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(come, range(100))) == 1


def until(condition: Callable[[], bool]) -> None:
    end = monotonic() + 5
    while not condition():
        assert monotonic() < end
        sleep(0.005)


def test_a_dead_makers_flight_ends_by_itself_and_what_he_brings_late_is_refused(sharing: Sharing) -> None:
    dead = sharing.flight(lasts=timedelta(milliseconds=50))
    taken: list[Flight] = []

    def inherited() -> bool:
        heir = sharing.tokens.take_flight(NAME, "b", seen="", lasts=LONG)
        taken.extend([heir] if isinstance(heir, Flight) else [])
        return bool(taken)

    until(inherited)
    (heir,) = taken
    with pytest.raises(LeaseLost):
        sharing.tokens.put(dead, shared(sharing.now))
    assert sharing.ask() == NoneCurrent("")
    made = shared(sharing.now)
    sharing.tokens.put(heir, made)
    sharing.tokens.rest(dead, LONG)
    assert sharing.ask() == Current(made)
    assert isinstance(sharing.tokens.take_flight(NAME, "c", seen=made.record.id, lasts=LONG), Flight)


def test_after_a_failure_nobody_tries_again_for_a_while(sharing: Sharing) -> None:
    sharing.tokens.rest(sharing.flight(), timedelta(milliseconds=300))
    wait = sharing.tokens.take_flight(NAME, "b", seen="", lasts=LONG)
    assert isinstance(wait, Wait)
    assert wait.rests
    until(lambda: isinstance(sharing.tokens.take_flight(NAME, "b", seen="", lasts=LONG), Flight))


def test_a_token_of_an_older_epoch_is_never_put(sharing: Sharing) -> None:
    flight = sharing.flight()
    sharing.world.move_epoch(ACCOUNT, 2)
    with pytest.raises(EpochMoved):
        sharing.tokens.put(flight, shared(sharing.now))
    assert sharing.ask() == NoneCurrent("")
    assert isinstance(sharing.tokens.take_flight(NAME, "b", seen="", lasts=LONG), Flight)


def test_when_its_key_generation_is_gone_nobody_gets_it_whatever_his_process_has_a_copy_of(sharing: Sharing) -> None:
    """The epoch stays, and every name of the account is concerned, no other account."""
    other, elsewhere = replace(NAME, profile="batch"), replace(NAME, account=OTHER_ACCOUNT)
    made, batch, kept = sharing.made(), sharing.made(other), sharing.made(elsewhere)
    sharing.tokens.end_generation(ACCOUNT)
    assert sharing.ask(known=made.record.id) == NoneCurrent(made.record.id)
    assert sharing.ask(name=other) == NoneCurrent(batch.record.id)
    assert sharing.ask(name=elsewhere) == Current(kept)
    # Who insists on a newer one is not told to wait: the next is made for him at once.
    assert sharing.ask(after=made.record.id) == NoneCurrent(made.record.id)
    newer = sharing.made(seen=made.record.id)
    assert sharing.ask(known=made.record.id) == Current(newer)
    assert sum(int(str(count)) for *_, count in sharing.counts(sharing.now + 2 * MINUTE)) == 1


def test_what_a_flight_brings_that_began_before_the_generation_ended_is_never_put(sharing: Sharing) -> None:
    """It may have been signed before or after; nobody knows."""
    made = sharing.made()
    flight = sharing.flight(seen=made.record.id)
    sharing.tokens.end_generation(ACCOUNT)
    with pytest.raises(EpochMoved):
        sharing.tokens.put(flight, shared(sharing.now))
    assert sharing.ask() == NoneCurrent(made.record.id)
    newer = sharing.made(seen=made.record.id)
    assert sharing.ask() == Current(newer)


def test_generations_end_as_often_as_somebody_says_so_also_where_nothing_is_shared(sharing: Sharing) -> None:
    sharing.tokens.end_generation(ACCOUNT)
    made = sharing.made()
    assert sharing.ask() == Current(made)
    for _ in range(2):
        sharing.tokens.end_generation(ACCOUNT)
        assert sharing.ask() == NoneCurrent(made.record.id)
        made = sharing.made(seen=made.record.id)
        assert sharing.ask() == Current(made)
    sharing.tokens.end_generation("never-heard-of")
    with pytest.raises(NotFound):
        sharing.world.slots.read("never-heard-of")
    sharing.world.move_epoch(ACCOUNT, 2)
    assert sharing.ask() == NoneCurrent(made.record.id)


def test_hand_outs_are_counted_by_token_caller_and_minute_and_folded_when_it_is_over(sharing: Sharing) -> None:
    made = sharing.made(last=timedelta(hours=1))
    first = sharing.now.replace(second=0, microsecond=0) + MINUTE
    for caller, at, times in ((SHOP, first, 3), (PAGE, first, 1), (SHOP, first + MINUTE, 2)):
        for _ in range(times):
            sharing.ask(caller, now=at, known=made.record.id)
    token = made.record.id
    assert sharing.counts(first + MINUTE) == []
    assert sharing.counts(first + MINUTE + timedelta(seconds=5)) == [(token, "object-1", 3), (token, "object-2", 1)]
    assert sharing.counts(first + MINUTE + timedelta(seconds=5)) == []
    assert sharing.counts(first + 3 * MINUTE, OTHER_ACCOUNT) == []
    assert sharing.counts(first + 3 * MINUTE) == [(token, "object-1", 2)]


def test_the_event_says_who_was_given_what_and_is_found_by_team_and_token(sharing: Sharing) -> None:
    made = sharing.made()
    minute = sharing.now.replace(second=0, microsecond=0)
    sharing.ask()
    (event,) = sharing.tokens.fold([ACCOUNT], sharing.now + 2 * MINUTE)
    said = json.loads(event.text)
    assert {name: said[name] for name in ("kind", "at", "account", "team", "token", "profile", "count")} == {
        "kind": "handedOut",
        "at": minute.replace(tzinfo=None).isoformat() + "Z",
        "account": ACCOUNT,
        "team": "storefront",
        "token": made.record.id,
        "profile": "web",
        "count": 1,
    }
    assert said["caller"] == dict(SHOP.document())
    for query in (EventQuery([ACCOUNT], team="storefront"), EventQuery([ACCOUNT], token=made.record.id)):
        assert event in sharing.world.audit_log.events(query, cursor=None, limit=10).items


def test_two_workers_that_fold_at_once_write_each_count_once(sharing: Sharing) -> None:
    sharing.made()
    callers = [replace(SHOP, object_id=f"object-{number}") for number in range(30)]
    for caller in callers:
        sharing.ask(caller)
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda _: sharing.tokens.fold([ACCOUNT], sharing.now + 2 * MINUTE), range(4)))
    assert sorted(json.loads(event.text)["caller"]["objectId"] for events in written for event in events) == sorted(
        each.object_id for each in callers
    )


def test_a_worker_sees_only_tokens_that_are_in_use(sharing: Sharing) -> None:
    assert sharing.tokens.peek(NAME) is None
    made = sharing.made()
    assert sharing.tokens.peek(NAME) is None
    sharing.ask()
    assert sharing.tokens.peek(NAME) == (made.record.id, made.schedule.refresh)


def test_the_twin_fails_when_told() -> None:
    clock, slots, suspensions = MemoryClock(datetime.now(UTC)), MemorySlots(), MemorySuspensions()
    log = MemoryAuditLog(clock=clock, slots=slots, suspensions=suspensions)
    tokens: SharedTokens = (
        twin := MemorySharedTokens(clock=clock, slots=slots, suspensions=suspensions, audit_log=log)
    )
    twin.fail_with(AuditLogUnavailable("away"))
    with pytest.raises(AuditLogUnavailable):
        tokens.hand_out(HandOut(NAME, SHOP, clock.now()))


def test_a_record_says_that_it_is_shared() -> None:
    own: TokenRecord = record(datetime.now(UTC))
    assert not own.is_shared
    assert shared(datetime.now(UTC)).record.is_shared
