"""Reserve, commit, redeliver, settle: what they write, what they refuse, and that each may be repeated."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import ClockSkew, EpochMoved, RecordConflict, Suspended
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, Reserved, TokenQuery
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, one, record, reservation, signed


def events_of(world: World, account: str = ACCOUNT) -> list[dict[str, object]]:
    page = world.audit_log.events(EventQuery([account]), cursor=None, limit=500)
    return [json.loads(each.text) for each in page.items]


def test_reserve_writes_record_and_event(world: World) -> None:
    wanted = record(world.now)
    outcome = world.reserve(wanted)
    assert isinstance(outcome, Reserved)
    written = one(outcome.events)
    assert (written.stream, written.seq) == (ACCOUNT, 1)
    assert world.audit_log.token(wanted.id) == wanted
    assert events_of(world)[0]["kind"] == "reserved"


def test_event_text_is_stream_and_number_and_then_the_draft(world: World) -> None:
    drafted = event(record(world.now), EventKind.SUSPENDED, note='quote " and \u2028 newline\n', nested={"seq": 9})
    written = one(world.audit_log.append(drafted))
    expected = {"stream": ACCOUNT, "seq": 1, **drafted.document()}
    assert written.text == json.dumps(expected, separators=(",", ":"))
    listed = world.audit_log.events(EventQuery([ACCOUNT]), cursor=None, limit=1)
    assert listed.items == (written,)


def test_reserving_again_after_a_lost_reply_writes_nothing(world: World) -> None:
    again = reservation(record(world.now))
    world.audit_log.reserve(again)
    assert world.audit_log.reserve(again) == Reserved(())
    assert len(events_of(world)) == 1


def test_commit_makes_the_token_live_and_findable(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    assert not world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=5).items
    live = signed(wanted)
    written = one(world.audit_log.commit(live, event(live, EventKind.ISSUED)))
    assert written.seq == 2
    assert world.audit_log.token(live.id) == live
    assert world.audit_log.token_by_fingerprint([OTHER_ACCOUNT, ACCOUNT], str(live.fingerprint)) == live
    for query in (
        TokenQuery([ACCOUNT]),
        TokenQuery([ACCOUNT], teams=frozenset({"storefront"})),
        TokenQuery([ACCOUNT], profile="web"),
        TokenQuery([ACCOUNT], teams=frozenset({"storefront"}), profile="web"),
    ):
        assert world.audit_log.tokens(query, cursor=None, limit=5).items == (live,)


def test_commit_keeps_a_record_that_still_says_reserved_as_live(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    live = signed(wanted)
    world.audit_log.commit(replace(live, state=TokenState.RESERVED), event(live, EventKind.ISSUED))
    assert world.audit_log.token(live.id) == live


def test_commit_repeated_after_a_lost_reply_gives_its_event_again(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    live, issued = signed(wanted), event(wanted, EventKind.ISSUED)
    first = world.audit_log.commit(live, issued)
    assert world.audit_log.commit(live, issued) == first
    world.move_epoch(ACCOUNT, 2)
    assert world.audit_log.commit(live, issued) == first
    assert len(events_of(world)) == 2


def test_commit_without_a_reservation_conflicts(world: World) -> None:
    live = signed(record(world.now))
    with pytest.raises(RecordConflict):
        world.audit_log.commit(live, event(live, EventKind.ISSUED))
    assert world.audit_log.token(live.id) is None


def test_commit_of_another_token_under_the_same_id_conflicts(world: World) -> None:
    live = world.issue(record(world.now))
    other = signed(live, fingerprint="cd" * 32)
    with pytest.raises(RecordConflict):
        world.audit_log.commit(other, event(other, EventKind.ISSUED))
    assert world.audit_log.token(live.id) == live


def test_commit_without_a_fingerprint_conflicts(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    with pytest.raises(RecordConflict):
        world.audit_log.commit(wanted, event(wanted, EventKind.ISSUED))


def test_a_zombie_cannot_commit_what_the_reaper_closed(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    one(world.audit_log.settle(wanted, TokenState.ABANDONED, event(wanted, EventKind.ABANDONED)))
    live = signed(wanted)
    with pytest.raises(RecordConflict):
        world.audit_log.commit(live, event(live, EventKind.ISSUED))
    assert world.audit_log.token_by_fingerprint([ACCOUNT], str(live.fingerprint)) is None


def test_reserve_in_a_foreign_epoch_is_refused(world: World) -> None:
    for epoch in (0, 2):
        wanted = record(world.now, epoch=epoch)
        with pytest.raises(EpochMoved):
            world.reserve(wanted)
        assert world.audit_log.token(wanted.id) is None


def test_an_epoch_that_moved_between_reserve_and_commit_refuses_the_commit(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    world.move_epoch(ACCOUNT, 2)
    live = signed(wanted)
    with pytest.raises(EpochMoved):
        world.audit_log.commit(live, event(live, EventKind.ISSUED))
    assert world.audit_log.token(wanted.id) == wanted
    assert not world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=5).items
    one(world.audit_log.settle(wanted, TokenState.ABANDONED, event(wanted, EventKind.ABANDONED)))
    world.issue(record(world.now, epoch=2))


def test_redeliver_adds_a_fingerprint(world: World) -> None:
    live = world.issue(record(world.now))
    one(world.audit_log.redeliver(live, "cd" * 32, event(live, EventKind.REDELIVERED)))
    stored = world.audit_log.token(live.id)
    assert stored == replace(live, fingerprints=(*live.fingerprints, "cd" * 32))
    for each in stored.fingerprints:
        assert world.audit_log.token_by_fingerprint([ACCOUNT], each) == stored


def test_redeliver_repeated_after_a_lost_reply_gives_its_event_again(world: World) -> None:
    live = world.issue(record(world.now))
    drafted = event(live, EventKind.REDELIVERED)
    first = world.audit_log.redeliver(live, "cd" * 32, drafted)
    assert world.audit_log.redeliver(live, "cd" * 32, drafted) == first
    assert len(events_of(world)) == 3


def test_redeliver_of_the_very_same_token_is_an_event_of_its_own(world: World) -> None:
    live = world.issue(record(world.now))
    for _ in range(2):
        one(world.audit_log.redeliver(live, str(live.fingerprint), event(live, EventKind.REDELIVERED)))
    assert world.audit_log.token(live.id) == live
    assert len(events_of(world)) == 4


def test_redeliver_works_on_what_is_stored_and_not_on_what_the_caller_read(world: World) -> None:
    live = world.issue(record(world.now))
    for fingerprint in ("cd" * 32, "ef" * 32):
        one(world.audit_log.redeliver(live, fingerprint, event(live, EventKind.REDELIVERED)))
    stored = world.audit_log.token(live.id)
    assert stored is not None
    assert stored.fingerprints == (*live.fingerprints, "cd" * 32, "ef" * 32)


def test_a_client_that_repeats_all_day_does_not_grow_its_record(world: World) -> None:
    live = world.issue(record(world.now))
    for number in range(70):
        one(world.audit_log.redeliver(live, f"{number:064x}", event(live, EventKind.REDELIVERED)))
    stored = world.audit_log.token(live.id)
    assert stored is not None
    assert len(stored.fingerprints) == 64
    assert stored.fingerprint == f"{69:064x}"
    assert world.audit_log.token_by_fingerprint([ACCOUNT], f"{0:064x}") == stored


def test_redeliver_after_a_switch_is_refused(world: World) -> None:
    live = world.issue(record(world.now))
    world.move_epoch(ACCOUNT, 2)
    with pytest.raises(EpochMoved):
        world.audit_log.redeliver(live, "cd" * 32, event(live, EventKind.REDELIVERED))
    assert world.audit_log.token(live.id) == live


def _nothing(_world: World, wanted: TokenRecord) -> TokenRecord:
    return signed(wanted)


def _reserved(world: World, wanted: TokenRecord) -> TokenRecord:
    world.reserve(wanted)
    return signed(wanted)


def _abandoned(world: World, wanted: TokenRecord) -> TokenRecord:
    live = world.issue(wanted)
    world.audit_log.settle(live, TokenState.ABANDONED, event(live, EventKind.ABANDONED))
    return live


def _expired(world: World, wanted: TokenRecord) -> TokenRecord:
    return world.issue(replace(wanted, grant=replace(wanted.grant, expiry=wanted.grant.start)))


@pytest.mark.parametrize("prepare", [_nothing, _reserved, _abandoned, _expired])
def test_redeliver_of_what_is_not_live_conflicts(
    world: World, prepare: Callable[[World, TokenRecord], TokenRecord]
) -> None:
    live = prepare(world, record(world.now))
    before = world.audit_log.token(live.id)
    with pytest.raises(RecordConflict):
        world.audit_log.redeliver(live, "cd" * 32, event(live, EventKind.REDELIVERED))
    assert world.audit_log.token(live.id) == before


@pytest.mark.parametrize("state", [TokenState.ABANDONED, TokenState.REFUSED])
def test_settle_closes_a_reservation_once(world: World, state: TokenState) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    one(world.audit_log.settle(wanted, state, event(wanted, EventKind(state.value))))
    assert world.audit_log.token(wanted.id) == replace(wanted, state=state)
    assert world.audit_log.settle(wanted, state, event(wanted, EventKind(state.value))) == ()
    assert world.audit_log.overdue(ACCOUNT, world.now + timedelta(days=1)) == ()


def test_settle_keeps_what_is_known_of_a_token_that_was_signed(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    known = signed(wanted)
    one(world.audit_log.settle(known, TokenState.ABANDONED, event(known, EventKind.ABANDONED)))
    assert world.audit_log.token(wanted.id) == replace(known, state=TokenState.ABANDONED)


def test_settle_abandons_a_committed_token_whose_mirror_failed(world: World) -> None:
    live = world.issue(record(world.now))
    one(world.audit_log.settle(live, TokenState.ABANDONED, event(live, EventKind.ABANDONED)))
    stored = world.audit_log.token(live.id)
    assert stored is not None
    assert stored.state is TokenState.ABANDONED
    assert world.audit_log.token_by_fingerprint([ACCOUNT], str(live.fingerprint)) == stored
    assert world.audit_log.identities_in_use(ACCOUNT, world.now) == {"web-a": 1}


def test_a_reaper_that_is_late_does_not_close_a_committed_token(world: World) -> None:
    wanted = record(world.now)
    world.reserve(wanted)
    (seen,) = world.audit_log.overdue(ACCOUNT, world.now + timedelta(minutes=1))
    live = signed(wanted)
    world.audit_log.commit(live, event(live, EventKind.ISSUED))
    with pytest.raises(RecordConflict):
        world.audit_log.settle(seen, TokenState.ABANDONED, event(seen, EventKind.ABANDONED))
    assert world.audit_log.token(live.id) == live


def test_a_committed_token_is_never_refused(world: World) -> None:
    live = world.issue(record(world.now))
    with pytest.raises(RecordConflict):
        world.audit_log.settle(live, TokenState.REFUSED, event(live, EventKind.REFUSED))


def test_settle_of_what_was_never_written_is_nothing(world: World) -> None:
    wanted = record(world.now)
    assert world.audit_log.settle(wanted, TokenState.ABANDONED, event(wanted, EventKind.ABANDONED)) == ()


@pytest.mark.parametrize(("kind", "suspended"), [("team", "storefront"), ("client", "app-1"), ("profile", "web")])
def test_a_suspension_stops_reserve_until_it_is_lifted(world: World, kind: str, suspended: str) -> None:
    assert world.suspend(kind, suspended)
    wanted = record(world.now)
    with pytest.raises(Suspended) as refusal:
        world.reserve(wanted)
    assert refusal.value.extra["kind"] == kind
    assert world.audit_log.token(wanted.id) is None
    world.reserve(record(world.now, team="other", profile="other", application="other"))
    assert world.suspensions.delete(kind, suspended, [ACCOUNT, OTHER_ACCOUNT])
    world.reserve(wanted)


@pytest.mark.parametrize("off", [timedelta(seconds=-90), timedelta(seconds=90)])
def test_a_clock_that_is_off_by_more_than_a_minute_is_refused(world: World, off: timedelta) -> None:
    wanted = record(world.now + off)
    with pytest.raises(ClockSkew):
        world.reserve(wanted)
    assert world.audit_log.token(wanted.id) is None


def test_overdue_reservations_are_found_the_oldest_first_and_bounded(world: World) -> None:
    for number in range(105):
        world.reserve(record(world.now + timedelta(milliseconds=number)))
    assert world.audit_log.overdue(ACCOUNT, world.now + timedelta(seconds=29)) == ()
    late = world.audit_log.overdue(ACCOUNT, world.now + timedelta(minutes=1))
    assert len(late) == 100
    assert [each.issued_at for each in late] == sorted(each.issued_at for each in late)
    assert world.audit_log.overdue(OTHER_ACCOUNT, world.now + timedelta(minutes=1)) == ()


def test_identities_in_use_counts_whatever_may_exist(world: World) -> None:
    world.issue(record(world.now))
    world.issue(record(world.now, identity="web-b", lifetime=timedelta(minutes=10)))
    world.reserve(record(world.now, identity="web-b"))
    for state, identity in ((TokenState.ABANDONED, "web-c"), (TokenState.REFUSED, "web-d")):
        wanted = record(world.now, identity=identity)
        world.reserve(wanted)
        world.audit_log.settle(wanted, state, event(wanted, EventKind(state.value)))
    in_use = world.audit_log.identities_in_use
    assert in_use(ACCOUNT, world.now) == {"web-a": 1, "web-b": 2, "web-c": 1}
    assert in_use(ACCOUNT, world.now + timedelta(minutes=30)) == {"web-a": 1, "web-b": 1, "web-c": 1}
    assert in_use(ACCOUNT, world.now + timedelta(hours=2)) == {}
    assert in_use(OTHER_ACCOUNT, world.now) == {}


@pytest.mark.parametrize(
    "token_id", ["", ".", "maps-demo", "maps-demo.", ".abc", "a}b.c", "maps-demo.nobody", "x.y\nz"]
)
def test_an_unknown_token_is_none(world: World, token_id: str) -> None:
    assert world.audit_log.token(token_id) is None


@pytest.mark.parametrize("fingerprint", ["", "ab", "zz" * 32, "ab" * 32])
def test_an_unknown_fingerprint_is_none(world: World, fingerprint: str) -> None:
    world.issue(record(world.now))
    assert world.audit_log.token_by_fingerprint([ACCOUNT], fingerprint) is None
    assert world.audit_log.token_by_fingerprint([], fingerprint) is None


def test_once_writes_one_event_until_another_key_of_its_prefix_was_used(world: World) -> None:
    def announce(key: str) -> int:
        return len(world.audit_log.append(event(record(world.now), EventKind.POLICY_CHANGED), once=key))

    told = [announce(key) for key in ("policy:a", "policy:a", "refused:a", "policy:b", "policy:b", "policy:a")]
    assert told == [1, 0, 1, 1, 0, 1]
    assert len(events_of(world)) == 4
