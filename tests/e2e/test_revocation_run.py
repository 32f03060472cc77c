"""Taking tokens back under traffic: no application is refused while it moves, its old tokens are after."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.applications import REFUSED, Fleet
from tests.e2e.demo_operator import DemoOperator
from tests.e2e.revoking import act, applications_of, evidence_of, make_cold, plan, reached, wait_for_end
from tests.e2e.running_demo import RunningDemo, eventually


@pytest.fixture
def many(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path / "var", "--applications", str(getattr(request, "param", 8)))
    # The fleet asks more of one account than Azure allows; what it may do is not what this is about.
    DemoOperator(running).control("PATCH", "settings", {"rateLimits": False})
    yield running
    if running.process.poll() is None:
        running.stop()


def run_through(demo: RunningDemo, fleet: Fleet, within: float) -> dict[str, Any]:
    """One expedited run of lever both, from plan to end, while the fleet works."""
    planned = plan(demo)
    assert planned["state"] == "planned", planned
    act(demo, planned, "start")
    ended = wait_for_end(demo, planned, within)
    assert ended["state"] == "completed", ended
    assert ended["consumers"]["moved"] == ended["consumers"]["total"]
    the_evidence_shows_it(demo, fleet, ended)
    return ended


def the_evidence_shows_it(demo: RunningDemo, fleet: Fleet, ended: dict[str, Any]) -> None:
    """Everybody moved and is named, nobody is left behind, what was cut was seen refused; and the signature holds."""
    signed = evidence_of(demo, ended)
    report = signed["report"]
    assert report["state"] == "completed"
    assert len(report["consumers"]["acknowledged"]) == report["consumers"]["moved"] == len(fleet.applications)
    assert report["leftBehind"] == {"excused": [], "tokens": [], "accepted": []}
    assert (report["hasAllProbes"], report["hasAllEvents"]) == (True, True)
    assert report["gaps"]["hosts"][demo.emulator]["accepted"] >= 3
    seen = {(each["canary"].partition(":")[0], each["status"] in REFUSED) for each in report["probes"]}
    assert {("old-key", False), ("old-key", True), ("old-identity", False), ("old-identity", True)} <= seen
    file = demo.directory / "evidence.json"
    file.write_text(json.dumps(signed))
    verified = DemoOperator(demo).run("audit", "verify", "--evidence", str(file), "--key", signed["verifyingKey"])
    assert verified.returncode == 0, verified.stdout + verified.stderr


def old_are_refused(fleet: Fleet, before_epoch: int) -> None:
    old = [each for each in fleet.old_tokens() if each.epoch < before_epoch]
    assert len(old) >= len(fleet.applications)
    assert {fleet.demo.ask_map(each.token).status_code for each in old} <= REFUSED


def test_nobody_is_refused_while_everybody_moves(many: RunningDemo) -> None:
    operator = DemoOperator(many)
    make_cold(operator)
    operator.control("PATCH", "settings", {"propagation": {"roleAdd": "PT3S"}})
    with Fleet(many, applications_of(many)) as fleet:
        ended = run_through(many, fleet, within=150)
        epoch = max(each.loaded.epoch for each in fleet.applications)
    print(fleet.story())
    assert fleet.refusals == []
    assert fleet.troubles == []
    assert set(fleet.answers) == {200}
    old_are_refused(fleet, epoch)
    assert {step["state"] for step in ended["steps"]} == {"done"}


def test_without_acknowledgements_applications_are_refused(many: RunningDemo) -> None:
    """The control: the same run, cut by ``commit`` before anybody has moved, does refuse them."""
    with Fleet(many, applications_of(many), pause=1.0) as fleet:
        planned = plan(many)
        act(many, planned, "start")
        reached(many, planned, "switch", within=60)
        act(many, planned, "commit")
        wait_for_end(many, planned, within=120)
    assert fleet.refusals != []


@pytest.mark.full
@pytest.mark.parametrize("many", [50], indirect=True)
def test_fifty_applications_there_and_back(many: RunningDemo) -> None:
    operator = DemoOperator(many)
    make_cold(operator)
    operator.control("PATCH", "settings", {"propagation": {"roleAdd": "PT60S"}})
    with Fleet(many, applications_of(many)) as fleet:
        run_through(many, fleet, within=420)
        there = max(each.loaded.epoch for each in fleet.applications)
        # Until the quarantine of the first run is over.
        eventually(lambda: plan(many)["state"] == "planned", within=60)
        run_through(many, fleet, within=420)
        back = max(each.loaded.epoch for each in fleet.applications)
    print(fleet.story())
    assert (fleet.refusals, fleet.troubles) == ([], [])
    assert set(fleet.answers) == {200}
    assert back == there + 1
    old_are_refused(fleet, back)
