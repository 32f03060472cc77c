"""A worker that was stopped past its lease, at any of its calls to Azure, changes nothing when it wakes up."""

import signal

import pytest

from sas_service.domain.revocations import State
from tests.integration.worker.world import WRITES, Rig, is_stopped, resume, until

PATIENCE = 150
"""Seconds: a run takes ten on a quiet machine, and a minute on one that ten others share."""
ZOMBIE = "tests.integration.worker.zombie"


def writes(rig: Rig) -> dict[str, int]:
    counters = rig.counters()
    return {name: counters.get(name, 0) for name in WRITES}


def outlived(rig: Rig, moment: str, number: int) -> tuple[int, dict[str, int]] | None:
    """Let a worker fall asleep at its call, and another one end its run; then wake the first.

    Returns how it ended and what it sent after all; None if it made no call of this number.
    """
    zombie = rig.worker(ZOMBIE, moment, str(number))
    run = rig.start_run()

    def is_completed() -> bool:
        return rig.stores.journal.read(run.id).state is State.COMPLETED

    until(lambda: is_completed() or is_stopped(zombie), "it stops itself, or makes no such call", seconds=PATIENCE)
    if not is_stopped(zombie):
        return None
    rig.worker()
    until(is_completed, lambda: f"another worker takes over and completes: {rig.story(run.id)}", seconds=PATIENCE)
    before = writes(rig)
    resume(zombie)
    if moment != "while":
        zombie.send_signal(signal.SIGTERM)
    code, after = zombie.wait(60), writes(rig)
    return code, {name: after[name] - before[name] for name in WRITES}


def test_asleep_while_it_sends_the_regeneration_it_never_sends_it(rig: Rig) -> None:
    assert outlived(rig, "while", 1) == (-signal.SIGALRM, dict.fromkeys(WRITES, 0))
    assert writes(rig)["regenerateKey"] == 1


@pytest.mark.full
def test_without_the_timer_it_would_be_sent(rig: Rig) -> None:
    ended = outlived(rig, "unfenced", 1)
    assert ended is not None
    assert ended[1]["regenerateKey"] == 1


@pytest.mark.full
@pytest.mark.parametrize("number", range(1, 13))
@pytest.mark.parametrize(("moment", "code"), [("before", 0), ("while", -signal.SIGALRM)])
def test_at_each_call(rig: Rig, moment: str, code: int, number: int) -> None:
    """The numbers go beyond the last call of a run: such a worker stays awake and completes it by itself."""
    assert outlived(rig, moment, number) in (None, (code, dict.fromkeys(WRITES, 0)))
