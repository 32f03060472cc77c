"""What a repair gives back beside tokens: lockdowns, runs, slots; an account that was closed is closed after it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.domain.callers import Caller
from sas_service.domain.errors import AccountLocked, RunInProgress
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.move_orders import move_order
from sas_service.domain.renewal import MoveOrder
from sas_service.domain.revocations import Lever, Mode, Reason, State
from sas_service.domain.runs import Revocation
from sas_service.domain.tokens import TokenRequest
from sas_service.steps.waits import WAITS
from tests.integration.redis.conftest import Start
from tests.integration.redis.remembering import Remembering
from tests.unit.revocation.world import ADMIN, MAPS, application


@pytest.fixture
def it(start: Start, tmp_path: Path) -> Iterator[Remembering]:
    site = Remembering(start(), tmp_path / "mirror")
    yield site
    site.files.close()


def lock(it: Remembering) -> Lockdown:
    return it.locking.lock(MAPS, ADMIN, reason=Reason.KEY_COMPROMISE, comment="a leak", request_id="r")[0]


def issue(it: Remembering, caller: Caller | None = None) -> str:
    who = caller or application("storefront", 1)
    return it.issuing.issue(TokenRequest("web"), who, request_id="r").record.id


def until(it: Remembering, state: LockdownState) -> Lockdown:
    for _ in range(100):
        (newest, *_) = it.lockdowns.of(MAPS)
        if newest.state is state:
            return newest
        it.lockdown_tick()
    raise AssertionError(f"{newest.state} at {newest.step}: {newest.missing}")


@pytest.mark.parametrize("ticks", [0, 1, 30])
def test_an_account_in_lockdown_is_closed_after_a_repair_as_it_was_before(it: Remembering, ticks: int) -> None:
    it.add()
    lock(it)
    for _ in range(ticks):
        it.lockdown_tick()
    before, slots = it.lockdowns.current(MAPS), it.slots.read(MAPS)
    it.lose()
    it.repair()
    with pytest.raises(AccountLocked):
        issue(it)
    after = it.lockdowns.current(MAPS)
    assert after
    assert before
    assert it.slots.read(MAPS) == slots
    assert (after.id, after.epoch, after.state) == (before.id, before.epoch, before.state)
    assert after.fingerprints == before.fingerprints


Line = dict[str, Any]


def rewrite(it: Remembering, change: Callable[[Line], Line]) -> None:
    """Make the mirror what another release, or somebody else, would have written."""
    for path in it.directory.glob("*.ndjson"):
        lines = [change(json.loads(line)) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def as_an_older_release(line: Line) -> Line:
    if line["kind"] == "lockdownFrozen":
        return {"stream": line["stream"], "seq": line["seq"], "kind": "auditRead", "at": line["at"]}
    older = {name: told for name, told in line.items() if name not in {"slots", "entry", "baseline"}}
    if line.get("step") == "see-keys":
        older["evidence"] = {}
    return older


@pytest.mark.parametrize("ticks", [0, 1, 30])
def test_from_an_older_mirror_an_account_comes_back_closed_and_is_released_by_the_guarded_way(
    it: Remembering, ticks: int
) -> None:
    it.add()
    lock(it)
    for _ in range(ticks):
        it.lockdown_tick()
    minted, epoch = it.applications[0].token, it.slots.read(MAPS).epoch
    rewrite(it, as_an_older_release)
    it.lose()
    it.repair()
    with pytest.raises(AccountLocked):
        issue(it)
    assert it.slots.read(MAPS).epoch >= epoch
    until(it, LockdownState.LOCKED)
    assert it.data_plane.status(minted) == 401
    it.clock.advance(it.pace.quarantine)
    it.locking.release(MAPS, ADMIN, request_id="r")
    until(it, LockdownState.RELEASED)
    assert it.data_plane.status(minted) == 401
    issue(it)


def test_a_lockdown_that_was_released_stays_released_and_what_it_killed_stays_dead(it: Remembering) -> None:
    app = it.add()
    lock(it)
    until(it, LockdownState.LOCKED)
    it.clock.advance(it.pace.quarantine)
    it.locking.release(MAPS, ADMIN, request_id="r")
    before = until(it, LockdownState.RELEASED)
    slots = it.slots.read(MAPS)
    it.lose()
    it.repair()
    (after,) = it.lockdowns.of(MAPS)
    assert it.lockdowns.current(MAPS) is None
    assert (after.left, after.ended_at, after.past.wounds) == (before.left, before.ended_at, before.past.wounds)
    assert it.slots.read(MAPS) == slots
    record = it.log.token(app.id)
    assert record
    assert it.world.past(MAPS).is_gone(record)
    issue(it)


def test_a_freeze_that_a_failover_lost_is_a_loss_that_is_seen(it: Remembering) -> None:
    """Its event comes after it: whatever server has the event has the freeze."""
    it.add()
    with it.valkey.client() as client:
        slots = client.hgetall("{maps-demo}:slots")
    lock(it)
    heads = it.repairing()._detection.compare()
    assert heads.losses == ()
    with it.valkey.client() as client:
        client.hset("{maps-demo}:slots", mapping=slots)
        client.hdel("{maps-demo}:slots", "frozen")
    (loss,) = it.repairing()._detection.compare().losses
    assert loss.is_epoch_lost
    it.repair()
    with pytest.raises(AccountLocked):
        issue(it)


def under_way(it: Remembering, ticks: int, **options: Any) -> Revocation:
    for number in range(2):
        it.add(number=number, replaces=number == 0)
    run = it.start(lever=Lever.BOTH, mode=Mode.EXPEDITED, **options)
    for _ in range(ticks):
        it.tick()
    return it.journal.read(run.id)


def test_a_run_that_was_under_way_waits_for_a_person_and_then_goes_on_to_its_end(it: Remembering) -> None:
    before = under_way(it, 8)
    assert before.step
    assert before.step.name == "replace"
    slots, orders = it.slots.read(MAPS), orders_of(it)
    assert [each.reason for each in orders if each] == ["superseded"]
    it.lose()
    found = it.repair()
    assert orders_of(it) == orders
    assert any(before.id in word and "paused" in word for each in found.findings for word in each.restored.left)
    after = it.journal.running(MAPS)
    assert after
    assert (after.id, after.state, after.waiting_code) == (before.id, State.PAUSED, "restored")
    assert after.waiting_code in {wait.code for wait in WAITS}
    same = ("plan", "started_by", "planned_by", "deadline", "principals", "before", "casualties", "excused", "cuts")
    assert {name: getattr(after, name) for name in same} == {name: getattr(before, name) for name in same}
    assert [(each.name, each.state) for each in after.steps if each.done] == [
        (each.name, each.state) for each in before.steps if each.done
    ]
    assert [without_fence(each) for each in after.intents] == [without_fence(each) for each in before.intents]
    assert it.slots.read(MAPS) == slots
    it.tick()
    assert it.journal.read(before.id).state is State.PAUSED
    with pytest.raises(RunInProgress):
        it.start(mode=Mode.EXPEDITED)
    for app in it.applications:
        app.replaces = True
    it.revoking.resume(before.id, ADMIN)
    done = it.run_until(before, State.COMPLETED)
    assert not it.refusals()
    assert {each.name for each in done.cuts} == {"primaryKey", "web-a", "batch-a"}


def orders_of(it: Remembering) -> list[MoveOrder | None]:
    """What each application is told: to replace its token now, or nothing."""
    records = [it.log.token(app.id) for app in it.applications]
    return [move_order(record, it.journal.of(MAPS)) for record in records if record]


def without_fence(intent: Any) -> tuple[Any, ...]:
    return intent.id, intent.step, intent.operation, intent.name, intent.baseline, len(intent.sent), intent.outcome


def test_of_a_run_whose_plan_is_in_no_event_the_account_waits_for_a_person_who_ends_it(it: Remembering) -> None:
    """A mirror of an older release: what was sent is known, and its quarantine; the way is not."""
    for number in range(2):
        it.add(number=number)
    before = it.start(lever=Lever.BOTH, mode=Mode.EMERGENCY, reason=Reason.KEY_COMPROMISE)
    it.run_until(before, State.RUNNING)
    while not it.journal.read(before.id).cuts:
        it.runner.tick(MAPS)
        it.clock.advance(it.pace.proof_span)
    before = it.journal.read(before.id)
    rewrite(it, as_an_older_release)
    it.lose()
    it.repair()
    after = it.journal.running(MAPS)
    assert after
    assert (after.id, after.state, after.waiting_code) == (before.id, State.PAUSED, "journal-lost")
    assert after.plan.asked.document() == before.plan.asked.document()
    assert after.past.wounds
    assert {(each.kind, each.name) for each in after.cuts} == {(each.kind, each.name) for each in before.cuts}
    it.tick()
    with pytest.raises(RunInProgress):
        it.start(mode=Mode.EXPEDITED)
    sent = len(it.azure.sent)
    it.revoking.resume(before.id, ADMIN)
    it.run_until(before, State.ABORTED)
    assert len(it.azure.sent) == sent
    assert it.journal.running(MAPS) is None


def test_runs_that_ended_are_known_and_an_abort_leaves_the_slots_that_it_switched_back_to(it: Remembering) -> None:
    completed = under_way(it, 1)
    for app in it.applications:
        app.replaces = True
    completed = it.run_until(completed, State.COMPLETED)
    it.clock.advance(it.pace.quarantine)
    aborted = it.start(lever=Lever.KEY, mode=Mode.EXPEDITED)
    while not any(step.name == "switch" and step.done for step in it.journal.read(aborted.id).steps):
        it.tick()
    for app in it.applications:
        app.replaces = False  # nothing but the end of the run says where it went back to
    it.revoking.abort(aborted.id, ADMIN)
    aborted = it.run_until(aborted, State.ABORTED)
    slots, past = it.slots.read(MAPS), it.world.past(MAPS)
    it.lose()
    it.repair()
    assert it.slots.read(MAPS) == slots
    assert it.world.past(MAPS) == past
    assert it.journal.running(MAPS) is None
    assert [(each.id, each.state) for each in it.journal.of(MAPS)] == [
        (aborted.id, State.ABORTED),
        (completed.id, State.COMPLETED),
    ]
    done = it.journal.read(completed.id)
    assert done.steps[-1].evidence["keyFingerprints"] == completed.steps[-1].evidence["keyFingerprints"]
    issue(it)


GONE = (":lease", ":once", ":folds", ":events:late", ":repair:lock", "{service}:")
"""Who may act, what was said last, denials being counted, and when the server heard of what; none is in events."""


def test_key_by_key_everything_that_the_use_cases_wrote_comes_back(it: Remembering) -> None:
    first, _ = it.add(), it.add("logistics", 1)
    first._replace()
    it.suspending.put("profile", "batch", ADMIN, reason="a thief", request_id="r")
    run = it.run_until(it.start(lever=Lever.BOTH, mode=Mode.EXPEDITED), State.COMPLETED)
    lock(it)
    locked = until(it, LockdownState.LOCKED)
    before = {key: held for key, held in it.held().items() if not any(each in key for each in GONE)}
    texts = [event.text for event in RedisEventStreams(it.server).after(MAPS, 0, 10_000)]
    it.lose()
    it.repair()
    after = {key: held for key, held in it.held().items() if not any(each in key for each in GONE)}
    assert [event.text for event in RedisEventStreams(it.server).after(MAPS, 0, 10_000)] == texts
    assert sorted(after) == sorted(before)
    differ = {key.partition("}:")[2] for key, held in before.items() if after[key] != held}
    # The entry of a stream also has when the server heard of it; the copy of the list has a version.
    assert differ - {"suspended", "events"} == {"revocations", "lockdowns"}
    # Entries are as they were but for what no event holds: proofs, canaries, streaks, fences and revisions.
    assert bare(it.journal.read(run.id)) == bare(run)
    assert bare(it.lockdowns.of(MAPS)[0]) == bare(locked)


def bare(entry: Any) -> Any:
    """An entry without what no event holds."""
    steps = tuple((step.name, step.done is not None) for step in entry.steps if step.done)
    intents = tuple(without_fence(each) for each in entry.intents)
    return replace(entry, steps=steps, intents=intents, canaries={}, probes=(), revision=0)
