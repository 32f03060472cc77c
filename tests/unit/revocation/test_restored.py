"""Runs and lockdowns as events tell them: told twice they are the same, and no order of doubt opens an account."""

import json
from typing import Any

import pytest

from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.restored_lockdowns import LockdownsTold
from sas_service.domain.restored_runs import RunsTold
from sas_service.domain.revocations import Reason, State
from sas_service.services.lockdown import LockingDown
from sas_service.services.run_lockdown import LockdownRunner
from tests.unit.revocation.world import ADMIN, MAPS, TICK, Simulation

Line = dict[str, Any]


def lines(it: Simulation) -> list[Line]:
    return [json.loads(line) for line in it.mirror.lines()]


def a_run() -> Simulation:
    it = Simulation(is_cold=False)
    it.add()
    it.run_until(it.start(), State.COMPLETED)
    return it


def a_lockdown(ticks: int = 12) -> Simulation:
    it = Simulation(is_cold=False)
    it.add()
    LockingDown(it.world).lock(MAPS, ADMIN, reason=Reason.TOKEN_LEAK, comment=None, request_id="r")
    for _ in range(ticks):
        it.clock.advance(TICK)
        LockdownRunner(it.world, it.leases, holder="worker").tick(MAPS)
    return it


@pytest.mark.parametrize("cut", [None, 9, 14])
def test_events_of_a_run_that_are_told_again_change_nothing(cut: int | None) -> None:
    """A repair that was interrupted tells them again, to what it had written."""
    told = lines(a_run())[:cut]
    first = RunsTold(MAPS)
    for line in told:
        first.fold(line, epoch=2)
    again = RunsTold(MAPS, first.changed)
    for line in told:
        again.fold(line, epoch=2)
    assert again.changed == ()
    assert again.running == first.running


@pytest.mark.parametrize("cut", [None, 3, 6])
def test_events_of_a_lockdown_that_are_told_again_change_nothing(cut: int | None) -> None:
    told = lines(a_lockdown())[:cut]
    first = LockdownsTold(MAPS)
    for line in told:
        first.fold(line, epoch=1)
    again = LockdownsTold(MAPS, first.changed)
    for line in told:
        again.fold(line, epoch=1)
    assert again.changed == ()


@pytest.mark.parametrize("missing", ["lockdownBegun", "lockdownFrozen", "lockdownStep"])
def test_an_event_that_is_nowhere_leaves_the_account_closed(missing: str) -> None:
    told = LockdownsTold(MAPS)
    for line in lines(a_lockdown()):
        if line["kind"] != missing:
            told.fold(line, epoch=1)
    assert told.holding
    assert not told.holding.is_over


def test_of_two_that_were_begun_at_once_the_one_that_froze_holds_and_its_end_opens() -> None:
    it = a_lockdown()
    (real,) = it.lockdowns.of(MAPS)
    begun = next(line for line in lines(it) if line["kind"] == "lockdownBegun")
    told = LockdownsTold(MAPS)
    for line in [{**begun, "lockdown": "never-froze"}, *lines(it)]:
        told.fold(line, epoch=1)
    held = told.holding
    assert held
    assert (held.id, held.state) == (real.id, LockdownState.LOCKED)
    ended = {"kind": "lockdownEnded", "lockdown": real.id, "at": begun["at"], "keyFingerprints": {}}
    told.fold(ended, epoch=2)
    assert told.holding is None
    told.fold({**ended, "lockdown": "unheard-of"}, epoch=2)
    assert told.holding is None


def test_of_two_runs_that_were_to_start_the_one_that_was_heard_of_holds() -> None:
    it = Simulation(is_cold=False)
    it.add()
    real = it.start()
    it.tick()
    told = RunsTold(MAPS)
    start = next(line for line in lines(it) if line.get("action") == "start")
    ghost = {**start, "revocation": "ghost", "entry": {**start["entry"], "id": "ghost"}}
    for line in [ghost, *lines(it)]:
        told.fold(line, epoch=1)
    assert told.running == real.id
    assert {each.id: each.state for each in told.changed} == {real.id: State.PAUSED, "ghost": State.ABORTED}
