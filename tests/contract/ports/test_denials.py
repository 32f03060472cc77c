"""Denials: the first at once, equal ones folded into one event per minute, nothing that grows without bound."""

import json
from datetime import timedelta

from sas_service.domain.audit import AuditEvent
from tests.contract.ports.world import MOST_FOLDS, OTHER_ACCOUNT, World, denial

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def counts(events: tuple[AuditEvent, ...]) -> list[int]:
    return [json.loads(event.text)["count"] for event in events]


def test_the_first_is_an_event_at_once_and_equal_ones_are_only_counted(world: World) -> None:
    deny = world.audit_log.deny
    assert counts(deny(denial(world.now))) == [1]
    assert deny(denial(world.now + SECOND)) == ()
    assert deny(denial(world.now + MINUTE - SECOND)) == ()
    assert counts(deny(denial(world.now + MINUTE))) == [3]
    assert deny(denial(world.now + MINUTE + SECOND)) == ()
    assert counts(deny(denial(world.now + 2 * MINUTE))) == [2]


def test_different_denials_do_not_fold(world: World) -> None:
    deny = world.audit_log.deny
    assert counts(deny(denial(world.now, "a"))) == [1]
    assert counts(deny(denial(world.now, "b"))) == [1]
    assert counts(deny(denial(world.now, "a", account=OTHER_ACCOUNT))) == [1]
    assert counts(deny(denial(world.now, "a", account=None))) == [1]


def test_the_worker_writes_what_was_counted_when_the_minute_is_over(world: World) -> None:
    for number in range(4):
        world.audit_log.deny(denial(world.now + number * SECOND))
    assert world.audit_log.flush_denials(world.now + MINUTE - SECOND) == ()
    written = world.audit_log.flush_denials(world.now + MINUTE)
    assert counts(written) == [3]
    assert json.loads(written[0].text)["kind"] == "denied"
    assert world.audit_log.flush_denials(world.now + MINUTE) == ()


def test_a_flush_begins_another_minute_so_that_there_is_one_event_per_minute(world: World) -> None:
    for number in range(2):
        world.audit_log.deny(denial(world.now + number * SECOND))
    assert counts(world.audit_log.flush_denials(world.now + MINUTE)) == [1]
    assert world.audit_log.deny(denial(world.now + MINUTE + SECOND)) == ()
    assert counts(world.audit_log.flush_denials(world.now + 2 * MINUTE)) == [1]


def test_a_minute_without_a_denial_is_forgotten(world: World) -> None:
    world.audit_log.deny(denial(world.now))
    assert world.audit_log.flush_denials(world.now + MINUTE) == ()
    assert counts(world.audit_log.deny(denial(world.now + MINUTE + SECOND))) == [1]


def test_the_event_tells_the_newest_of_the_folded_denials(world: World) -> None:
    world.audit_log.deny(denial(world.now))
    newest = denial(world.now + SECOND)
    world.audit_log.deny(newest)
    (written,) = world.audit_log.flush_denials(world.now + MINUTE)
    assert json.loads(written.text)["requestId"] == newest.draft.request_id


def test_every_stream_is_flushed(world: World) -> None:
    for account in (None, OTHER_ACCOUNT, "maps-demo"):
        for number in range(2):
            world.audit_log.deny(denial(world.now + number * SECOND, account=account))
    written = world.audit_log.flush_denials(world.now + MINUTE)
    assert [event.stream for event in written] == ["maps-demo", OTHER_ACCOUNT, "service"]


def test_beyond_a_bound_new_kinds_fold_into_one(world: World) -> None:
    written = [event for number in range(100) for event in world.audit_log.deny(denial(world.now, f"kind {number}"))]
    assert counts(tuple(written)) == [1] * (MOST_FOLDS + 1)
    assert sum(counts(world.audit_log.flush_denials(world.now + MINUTE))) == 100 - MOST_FOLDS - 1


def test_folds_are_swept_by_denials_even_if_no_worker_runs(world: World) -> None:
    for number in range(MOST_FOLDS):
        world.audit_log.deny(denial(world.now, f"kind {number}"))
    for number in range(MOST_FOLDS):
        at = world.now + MINUTE + number * MINUTE * 2
        assert counts(world.audit_log.deny(denial(at, f"new {number}"))) == [1]
