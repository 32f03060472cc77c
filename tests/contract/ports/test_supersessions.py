"""A commit that replaces a token: both records change in one step, and a token has one replacement at a time."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import EpochMoved, RecordConflict
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, TokenQuery
from tests.contract.ports.test_races import at_once
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, record, signed


def reserved(world: World, old: str, *, now: datetime | None = None, **of: Any) -> TokenRecord:
    """Reserve a replacement and return it as it is to be committed."""
    wanted = replace(record(now or world.now, **of), replaces=old)
    world.reserve(wanted)
    return signed(wanted)


def commit(world: World, live: TokenRecord) -> TokenRecord:
    world.audit_log.commit(live, event(live, EventKind.ISSUED))
    return live


def stored(world: World, token: TokenRecord) -> TokenRecord:
    found = world.audit_log.token(token.id)
    assert found is not None
    return found


def chain(world: World, **of: str) -> list[dict[str, Any]]:
    """Return the events of one chain, the newest first."""
    found = world.audit_log.events(EventQuery([ACCOUNT], **of), cursor=None, limit=50)  # type: ignore[arg-type]
    return [json.loads(each.text) for each in found.items]


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["kind"], each["token"]) for each in events]


def test_the_replaced_token_names_its_replacement(world: World) -> None:
    old = world.issue(record(world.now))
    new = commit(world, reserved(world, old.id))
    assert stored(world, old) == replace(old, replaced_by=new.id)
    assert stored(world, new) == new
    assert stored(world, old).state_at(world.now) is TokenState.SUPERSEDED_LIVE
    listed = world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=5).items
    assert {each.id: each.replaced_by for each in listed} == {old.id: new.id, new.id: None}


def test_the_chain_of_the_replaced_token_ends_with_who_replaced_it_when_and_by_what(world: World) -> None:
    old = world.issue(record(world.now))
    # Its team may have come to be another's meanwhile.
    new = reserved(world, old.id, team="logistics", application="app-2")
    drafted = event(new, EventKind.ISSUED)
    issued, told = world.audit_log.commit(new, drafted)
    assert (issued.seq, told.seq) == (4, 5)
    replaced, *earlier = chain(world, token=old.id)
    assert replaced == json.loads(told.text)
    assert replaced == {
        "stream": ACCOUNT,
        "seq": 5,
        "kind": "replaced",
        "at": format_instant(drafted.at),
        "account": ACCOUNT,
        "team": "storefront",
        "token": old.id,
        "caller": new.caller,
        "requestId": drafted.request_id,
        "by": new.id,
    }
    assert kinds(earlier) == [("issued", old.id), ("reserved", old.id)]
    of_old, of_new = kinds([replaced, *earlier]), [("issued", new.id), ("reserved", new.id)]
    assert kinds(chain(world, token=new.id)) == of_new
    assert kinds(chain(world, team="storefront")) == of_old
    assert kinds(chain(world, team="logistics")) == of_new
    assert kinds(chain(world, application="app-1")) == of_old[1:]
    assert kinds(chain(world, application="app-2")) == [of_old[0], *of_new]
    assert kinds(chain(world)) == [of_old[0], *of_new, *of_old[1:]]
    # What comes after it goes on from it.
    world.audit_log.redeliver(old, "cd" * 32, event(old, EventKind.REDELIVERED))
    assert kinds(chain(world, token=old.id)) == [("redelivered", old.id), *of_old]


def test_a_token_has_one_replacement(world: World) -> None:
    old = world.issue(record(world.now))
    first, second = reserved(world, old.id), reserved(world, old.id)
    commit(world, first)
    with pytest.raises(RecordConflict):
        commit(world, second)
    assert stored(world, old).replaced_by == first.id
    assert [each.get("by") for each in chain(world, token=old.id)] == [first.id, None, None]
    assert len(chain(world)) == 6
    assert stored(world, second).state is TokenState.RESERVED
    assert world.audit_log.token_by_fingerprint([ACCOUNT], str(second.fingerprint)) is None


def test_a_replacement_can_be_replaced(world: World) -> None:
    old = world.issue(record(world.now))
    new = commit(world, reserved(world, old.id))
    newest = commit(world, reserved(world, new.id))
    assert [stored(world, each).replaced_by for each in (old, new, newest)] == [new.id, newest.id, None]


def test_a_replacement_of_an_earlier_epoch_gives_way(world: World) -> None:
    old = world.issue(record(world.now))
    passed = commit(world, reserved(world, old.id))
    world.move_epoch(ACCOUNT, 2)
    current = commit(world, reserved(world, old.id, epoch=2))
    assert stored(world, old).replaced_by == current.id
    assert [each.get("by") for each in chain(world, token=old.id)] == [current.id, passed.id, None, None]
    assert stored(world, passed) == passed
    with pytest.raises(RecordConflict):
        commit(world, reserved(world, old.id, epoch=2))


def test_a_replacement_that_was_abandoned_gives_way(world: World) -> None:
    old = world.issue(record(world.now))
    lost = commit(world, reserved(world, old.id))
    world.audit_log.settle(lost, TokenState.ABANDONED, event(lost, EventKind.ABANDONED))
    new = commit(world, reserved(world, old.id))
    assert stored(world, old).replaced_by == new.id


def test_the_epoch_is_asked_before_the_replacement(world: World) -> None:
    old = world.issue(record(world.now))
    commit(world, reserved(world, old.id))
    late = reserved(world, old.id)
    world.move_epoch(ACCOUNT, 2)
    with pytest.raises(EpochMoved):
        commit(world, late)


@pytest.mark.parametrize("missing", [f"{ACCOUNT}.nobody", f"{OTHER_ACCOUNT}.nobody"])
def test_what_does_not_exist_cannot_be_replaced(world: World, missing: str) -> None:
    live = reserved(world, missing)
    with pytest.raises(RecordConflict):
        commit(world, live)
    assert stored(world, live).state is TokenState.RESERVED
    assert kinds(chain(world)) == [("reserved", live.id)]


def test_a_token_of_another_account_cannot_be_replaced(world: World) -> None:
    other = world.issue(record(world.now, account=OTHER_ACCOUNT))
    with pytest.raises(RecordConflict):
        commit(world, reserved(world, other.id))
    assert stored(world, other) == other


def test_a_commit_repeated_after_a_lost_reply_gives_its_events_again(world: World) -> None:
    old = world.issue(record(world.now))
    new = reserved(world, old.id)
    drafted = event(new, EventKind.ISSUED)
    first = world.audit_log.commit(new, drafted)
    assert [json.loads(each.text)["kind"] for each in first] == ["issued", "replaced"]
    assert world.audit_log.commit(new, drafted) == first
    world.move_epoch(ACCOUNT, 2)
    commit(world, reserved(world, old.id, epoch=2))
    # Also when the replaced token meanwhile has another replacement.
    assert world.audit_log.commit(new, drafted) == first
    assert len(chain(world)) == 8


def test_a_repeated_commit_gives_no_event_of_another(world: World) -> None:
    old = world.issue(record(world.now))
    commit(world, reserved(world, old.id))
    wanted = record(world.now)
    world.reserve(wanted)
    drafted = event(wanted, EventKind.ISSUED)
    first = world.audit_log.commit(signed(wanted), drafted)
    commit(world, reserved(world, world.issue(record(world.now)).id))
    assert len(first) == 1
    assert world.audit_log.commit(signed(wanted), drafted) == first


def test_a_redelivery_of_the_replaced_token_keeps_its_replacement(world: World) -> None:
    old = world.issue(record(world.now))
    new = commit(world, reserved(world, old.id))
    world.audit_log.redeliver(old, "cd" * 32, event(old, EventKind.REDELIVERED))
    assert stored(world, old).replaced_by == new.id


def test_of_racing_replacements_one_wins(world: World) -> None:
    for _ in range(10):
        old = world.issue(record(world.now))
        racing = [reserved(world, old.id) for _ in range(6)]
        outcomes = at_once(lambda number, racing=racing: commit(world, racing[number]), 6)  # type: ignore[misc]
        (winner,) = [each for each in outcomes if isinstance(each, TokenRecord)]
        assert sum(isinstance(each, RecordConflict) for each in outcomes) == 5
        assert stored(world, old).replaced_by == winner.id
        assert [each.get("by") for each in chain(world, token=old.id)] == [winner.id, None, None]
        assert [stored(world, each).state for each in racing].count(TokenState.LIVE) == 1


def test_replacing_and_redelivering_at_once_loses_neither(world: World) -> None:
    for _ in range(10):
        old = world.issue(record(world.now))
        new = reserved(world, old.id)

        def work(number: int, old: TokenRecord = old, new: TokenRecord = new) -> object:
            if number == 2:
                return commit(world, new)
            return world.audit_log.redeliver(old, f"{number:064x}", event(old, EventKind.REDELIVERED))

        at_once(work, 5)
        assert stored(world, old).replaced_by == new.id
        assert len(stored(world, old).fingerprints) == 5
