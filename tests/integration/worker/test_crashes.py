"""A worker killed at every step of a run, over HTTP against the emulator: another one ends it, and nobody notices."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sas_service.demo import world as demo_world
from sas_service.domain.revocations import Lever
from sas_service.playbooks import PLAYBOOKS
from tests.e2e.applications import REFUSED, Fleet
from tests.e2e.revoking import FINAL, act, applications_of, plan, shown
from tests.e2e.running_demo import RunningDemo, kill
from tests.integration.worker.world import WRITES, Rig, until

PATIENCE = 600
"""Seconds: half a minute on a quiet machine; each death costs the start of a process, or of two."""
MORTAL = "tests.integration.worker.mortal"
STEPS = [step.name for step in PLAYBOOKS[Lever.BOTH]]
ONCE = {"regenerateKey": 1, "updateAccount": 6, "putRoleAssignment": 3, "deleteRoleAssignment": 3}
"""What a run of the demo's three profiles sends, if nothing is sent twice."""


class Served(RunningDemo):
    """The rig's API, used as that of a running demo."""

    def __init__(self, rig: Rig) -> None:
        self.directory, self._bearers = rig.directory, {}
        self.contract = demo_world.contract(rig.made, rig.serve(), rig.emulator.url)
        self._rig = rig

    def kill_and_serve_again(self) -> None:
        """All of gunicorn dies at once, and is started again at the same address."""
        arbiter = self._rig.apis[-1]
        children = Path(f"/proc/{arbiter.pid}/task/{arbiter.pid}/children").read_text().split()
        for pid in [arbiter.pid, *map(int, children)]:
            kill(pid)
        arbiter.wait(10)
        self._rig.serve(int(self.api.rpartition(":")[2]))


def as_the_document_begins(world: dict[str, Any]) -> None:
    """Leave the standby identities off the account, and without their roles."""
    standby = {demo_world.guid(f"principal/{name}") for name in demo_world.identity_names() if name.endswith("-b")}
    world["roleAssignments"] = [each for each in world["roleAssignments"] if each["principalId"] not in standby]
    (account,) = world["subscriptions"][0]["resourceGroups"][0]["mapsAccounts"]
    account["identities"] = [name for name in account["identities"] if not name.endswith("-b")]


class Mortals:
    """Two workers at any time; whoever has died is succeeded."""

    def __init__(self, rig: Rig, moment: str, directory: Path, *, and_also: Callable[[], None]) -> None:
        self._rig = rig
        self._directory = directory
        self._arguments = (MORTAL, moment, str(directory))
        self._and_also = and_also
        self._workers = [rig.worker(*self._arguments) for _ in range(2)]

    def dead(self) -> set[str]:
        """The steps at which one has died."""
        return {each.name for each in self._directory.iterdir()}

    def succeed(self) -> None:
        for each in [worker for worker in self._workers if worker.poll() is not None]:
            assert each.returncode == -signal.SIGKILL, self._rig.log()
            self._workers.remove(each)
            self._workers.append(self._rig.worker(*self._arguments))
            self._and_also()


def killed_at_each_step(
    rig: Rig, moment: str, directory: Path, and_also: Callable[[Served], None] = lambda _served: None
) -> None:
    served = Served(rig)
    rig.emulator.control("PATCH", "settings", {"rateLimits": False})
    before = rig.counters()
    mortals = Mortals(rig, moment, directory, and_also=lambda: and_also(served))
    with Fleet(served, applications_of(served), pause=1.0) as fleet:
        planned = plan(served)
        act(served, planned, "start")

        def is_over() -> bool:
            mortals.succeed()
            return rig.stores.journal.read(planned["id"]).state in FINAL

        until(is_over, lambda: f"{mortals.dead()} {rig.story(planned['id'])}", seconds=PATIENCE)
    print(fleet.story())
    assert mortals.dead() == set(STEPS)
    ended = shown(served, planned)
    assert (ended["state"], {each["state"] for each in ended["steps"]}) == ("completed", {"done"})
    assert fleet.refusals == []
    assert set(fleet.answers) == {200}
    assert {served.ask_map(old.token).status_code for old in fleet.old_tokens()} <= REFUSED
    assert len(fleet.old_tokens()) == len(fleet.applications)
    after = rig.counters()
    assert {name: after[name] - before.get(name, 0) for name in WRITES} == ONCE
    is_on_record(served, planned["id"])


def is_on_record(served: Served, run: str) -> None:
    """One run, whole: numbers without gaps, each step told, each change announced once and only then answered."""
    events = served.events(account=demo_world.ACCOUNT)
    numbers = [each["seq"] for each in events]
    assert numbers == list(range(1, len(events) + 1))
    assert [each["id"] for each in served.call("GET", "/v1/revocations", "admin").json()["items"]] == [run]
    told = [each["step"] for each in events if each["kind"] == "revocationStep"]
    assert list(dict.fromkeys(told)) == STEPS
    intended = [each["intent"] for each in events if each["kind"] == "azureWriteIntended"]
    assert len(intended) == len(set(intended)) == sum(ONCE.values())
    answered = {each["intent"] for each in events if each["kind"] == "azureWriteAnswered"}
    assert answered <= set(intended)


def test_a_worker_dies_at_each_step_and_nobody_notices(start: Callable[..., Rig], tmp_path: Path) -> None:
    (tmp_path / "died").mkdir()
    killed_at_each_step(start(change=as_the_document_begins, applications=3), "acts", tmp_path / "died")


@pytest.mark.full
@pytest.mark.parametrize("moment", ["begins", "acts"])
def test_a_worker_and_the_api_die_at_each_step(start: Callable[..., Rig], tmp_path: Path, moment: str) -> None:
    """The API dies with the worker, as when the machine does: all of gunicorn, at once; it is started again."""
    (tmp_path / "died").mkdir()
    rig = start(change=as_the_document_begins, applications=3)
    killed_at_each_step(rig, moment, tmp_path / "died", Served.kill_and_serve_again)
