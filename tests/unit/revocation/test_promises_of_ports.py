"""What the ports of a revocation promise, on the twins; the adapters in Redis are to keep the same."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import MemoryLeases, MemorySlots
from sas_service.domain.errors import EpochMoved, LeaseLost, NotFound, RecordConflict, RevisionConflict, RunInProgress
from sas_service.domain.revocations import State
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenState
from sas_service.ports import Suspension
from tests.unit.revocation.world import ADMIN, MAPS, NOW, Simulation

MINUTE = timedelta(minutes=1)


def test_fences_only_grow_and_a_lease_is_one_holders() -> None:
    leases = MemoryLeases()
    first = leases.take(MAPS, "a", until=NOW + MINUTE, now=NOW)
    assert first is not None
    assert leases.take(MAPS, "b", until=NOW + MINUTE, now=NOW) is None
    again = leases.take(MAPS, "a", until=NOW + 2 * MINUTE, now=NOW)
    assert again is not None
    assert again.fence == first.fence
    leases.release(again)
    second = leases.take(MAPS, "b", until=NOW + MINUTE, now=NOW)
    assert second is not None
    leases.release(first)  # a late release of somebody else's lease
    assert leases.take(MAPS, "c", until=NOW + MINUTE, now=NOW) is None
    third = leases.take(MAPS, "c", until=NOW + 9 * MINUTE, now=NOW + 2 * MINUTE)
    assert third is not None
    assert first.fence < second.fence < third.fence


@pytest.fixture
def switched() -> MemorySlots:
    slots = MemorySlots()
    slots.initialise(MAPS, {"web": "web-a", "batch": "batch-a"})
    slots.switch(MAPS, after_epoch=1, signing_key=SigningKey.SECONDARY, identities={"web": "web-b"}, fence=1)
    return slots


def test_a_switch_moves_key_and_identities_and_counts_up(switched: MemorySlots) -> None:
    active = switched.read(MAPS)
    assert (active.epoch, active.signing_key) == (2, SigningKey.SECONDARY)
    assert active.identities == {"web": "web-b", "batch": "batch-a"}


def test_a_switch_that_is_repeated_does_nothing_and_one_that_comes_late_is_refused(switched: MemorySlots) -> None:
    again = switched.switch(MAPS, after_epoch=1, signing_key=SigningKey.SECONDARY, identities={"web": "web-b"}, fence=1)
    assert again.epoch == 2
    with pytest.raises(EpochMoved):
        switched.switch(MAPS, after_epoch=1, signing_key=SigningKey.PRIMARY, identities={}, fence=1)
    switched.switch(MAPS, after_epoch=2, signing_key=SigningKey.PRIMARY, identities={"web": "web-a"}, fence=1)
    with pytest.raises(EpochMoved):
        switched.switch(MAPS, after_epoch=1, signing_key=SigningKey.SECONDARY, identities={"web": "web-b"}, fence=1)


def test_a_profile_that_is_new_starts_where_the_switch_says() -> None:
    slots = MemorySlots()
    slots.initialise(MAPS, {"web": "web-a"})
    slots.switch(MAPS, after_epoch=1, signing_key=SigningKey.SECONDARY, identities={"map": "web-b"}, fence=1)
    assert slots.initialise(MAPS, {"map": "web-a"}).identities["map"] == "web-b"


def test_the_journal_takes_the_newest_revision_and_fence_only() -> None:
    world = Simulation()
    run = world.start()
    lease = world.leases.take(MAPS, "a", until=NOW + MINUTE, now=NOW)
    assert lease is not None
    newer = world.journal.save(replace(run, waiting_for="x"), fence=lease.fence)
    refused: tuple[tuple[Callable[[], Revocation], type[Exception]], ...] = (
        (lambda: world.journal.save(run, fence=lease.fence), RevisionConflict),
        (lambda: world.journal.amend(run), RevisionConflict),
        (lambda: world.journal.save(newer, fence=lease.fence - 1), LeaseLost),
    )
    for write, error in refused:
        with pytest.raises(error):
            write()
    assert world.journal.read(run.id).waiting_for == "x"


def test_one_run_holds_its_account_and_an_adopted_ones_runner_is_out() -> None:
    world = Simulation()
    first = world.start()
    lease = world.leases.take(MAPS, "a", until=NOW + MINUTE, now=NOW)
    assert lease is not None
    planned = world.journal.add(replace(first, id="second", revision=0, state=State.PLANNED))
    second = replace(planned, state=State.RUNNING)
    with pytest.raises(RunInProgress):
        world.journal.start(second)
    world.journal.start(second, instead_of=replace(first, state=State.ABORTED))
    assert world.journal.running(MAPS) == world.journal.read("second")
    with pytest.raises(LeaseLost):
        world.slots.switch(MAPS, after_epoch=1, signing_key=SigningKey.SECONDARY, identities={}, fence=lease.fence)


def test_a_token_has_one_replacement_and_who_is_late_gets_the_same() -> None:
    world = Simulation(is_cold=False)
    app = world.add()
    old = app.id

    def meanwhile(_grant: object) -> None:
        world.signer.after_signing = lambda _grant: None
        world.replacing.replace(old, app.caller, request_id="the other instance")

    world.signer.after_signing = meanwhile
    issued = world.replacing.replace(old, app.caller, request_id="late")
    assert issued.redelivered
    record = world.log.token(old)
    assert record is not None
    assert record.replaced_by == issued.record.id
    states = [each.state for each in world.log.unexpired(MAPS, world.clock.now())]
    assert sorted(states) == [TokenState.ABANDONED, TokenState.LIVE, TokenState.LIVE]


def test_a_replacement_of_an_earlier_epoch_is_replaced_anew() -> None:
    world = Simulation(is_cold=False)
    app = world.add()
    first = world.replacing.replace(app.id, app.caller, request_id="r")
    world.slots.switch(
        MAPS,
        after_epoch=1,
        signing_key=SigningKey.SECONDARY,
        identities={"web": "web-b"},
        fence=world.leases.fence(MAPS),
    )
    second = world.replacing.replace(app.id, app.caller, request_id="r")
    assert (first.record.grant.epoch, second.record.grant.epoch) == (1, 2)
    assert second.record.replaces == app.id


@pytest.mark.parametrize("minutes", [1, 55])
def test_a_replacement_lives_as_long_as_was_left_but_never_less_than_the_minimum(minutes: int) -> None:
    world = Simulation()
    app = world.add()
    world.clock.advance(minutes * MINUTE)
    issued = world.replacing.replace(app.id, app.caller, request_id="r")
    left = issued.record.grant.expiry - world.clock.now()
    assert left == max((60 - minutes) * MINUTE, 10 * MINUTE)


def test_the_suspended_get_no_replacement_also_not_the_one_they_had() -> None:
    world = Simulation()
    app = world.add()
    world.replacing.replace(app.id, app.caller, request_id="r")
    world.suspensions.put(Suspension("team", "storefront", "thief", {}, NOW), [MAPS])
    with pytest.raises(Exception, match="suspended"):
        world.replacing.replace(app.id, app.caller, request_id="r")


def test_somebody_elses_token_looks_as_if_it_did_not_exist() -> None:
    world = Simulation()
    app, other = world.add(), world.add("storefront", 1)
    with pytest.raises(NotFound):
        world.replacing.replace(app.id, other.caller, request_id="r")
    with pytest.raises(NotFound):
        world.revoking.read("no such run")
    assert ADMIN.object_id != other.caller.object_id


def test_a_commit_that_names_an_unknown_predecessor_is_refused() -> None:
    world = Simulation()
    app = world.add()
    record = world.log.token(app.id)
    assert record is not None
    with pytest.raises(RecordConflict):
        world.log.commit(replace(record, id=f"{MAPS}.unknown"), None)  # type: ignore[arg-type]
