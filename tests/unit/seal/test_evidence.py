"""Evidence: everything a run did and saw, with its times, signed; and nothing of it can be changed unseen."""

import copy
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from sas_service.adapters.ed25519_signing import Ed25519Signing, verify_ed25519
from sas_service.adapters.memory import MemoryDataPlane
from sas_service.domain import probes as probing
from sas_service.domain.errors import ActionNotAllowed, NotFound
from sas_service.domain.evidence import canonical, check_evidence
from sas_service.domain.iso8601 import format_instant, parse_instant
from sas_service.domain.probes import gaps, times_of, with_probe
from sas_service.domain.revocations import Lever, Mode, OnDeadline, State
from sas_service.domain.tokens import SasToken
from sas_service.ports import Probed
from sas_service.services.evidence import Evidence
from tests.unit.revocation.world import ADMIN, HOSTS, Simulation
from tests.unit.seal.world import KEY, SIGNING

AT = datetime(2026, 11, 21, 8, tzinfo=UTC)


def evidence(world: Simulation) -> Evidence:
    return Evidence(
        journal=world.journal,
        acknowledgements=world.acknowledgements,
        audit_log=world.log,
        signing=SIGNING,
        clock=world.clock,
    )


Finished = tuple[Simulation, str, dict[str, Any], list[tuple[str, int, str]]]


@pytest.fixture(scope="module")
def finished() -> Finished:
    world, asked, probe = Simulation(), list[tuple[str, int, str]](), MemoryDataPlane.probe

    def noting(account: str, host: str, token: SasToken) -> Probed:
        answer = probe(world.data_plane, account, host, token)
        asked.append((host, answer.status, format_instant(world.clock.now())))
        return answer

    world.data_plane.probe = noting  # type: ignore[method-assign]
    for number in range(3):
        world.add(number=number)
    world.add("logistics", 0, replaces=False)
    # The new slot is not accepted at first: nothing changes while the run waits, and yet each answer is kept.
    world.data_plane.statuses.extend([503] * 24)
    run = world.start(lever=Lever.BOTH, deadline=timedelta(minutes=15), on_deadline=OnDeadline.PROCEED)
    world.run_until(run, State.COMPLETED)
    return world, run.id, evidence(world).report(run.id), asked


def test_the_report_tells_who_decided_what_was_done_and_who_was_left_behind(
    finished: Finished,
) -> None:
    world, run_id, document, _ = finished
    report, run = document["report"], world.journal.read(run_id)
    assert (document["revocation"], document["account"], document["verifyingKey"]) == (run_id, "maps-demo", KEY.text)
    assert report["plan"]["hash"] == run.plan.hash
    assert [each.get("action") for each in report["decisions"]] == [None, "start"]
    assert all(each["caller"]["objectId"] == ADMIN.object_id for each in report["decisions"])
    assert [step["name"] for step in report["steps"]][-1] == "complete"
    assert all(step["state"] == "done" for step in report["steps"])
    written = {each["operation"] for each in report["azure"]}
    assert {"regenerate", "detach", "remove"} <= written
    assert {each["azureRequestId"] for each in report["azure"]} == {each.azure_request_id for each in run.intents}
    moved = report["consumers"]["acknowledged"]
    assert sorted(moved) == [f"storefront/storefront-{number}/web" for number in range(3)]
    started, ended = (parse_instant(report["times"][name]) for name in ("startedAt", "endedAt"))
    assert all(started <= parse_instant(each["movedAt"]) <= ended for each in moved.values())
    assert report["consumers"]["late"] == ["logistics/logistics-0/batch"]
    assert report["leftBehind"]["tokens"] == sorted(run.casualties) != []
    assert {cut["kind"] for cut in report["cuts"]} == {"key", "identity"}
    assert report["hasAllEvents"]
    assert report["hasAllProbes"]


def test_every_probe_is_in_it_with_its_time_and_the_longest_gap(
    finished: Finished,
) -> None:
    _, _, document, asked = finished
    report = document["report"]
    told = [(probe["host"], probe["status"], at) for probe in report["probes"] for at in probe["at"]]
    assert Counter(told) == Counter(asked)
    assert {host for host, _, _ in told} == set(HOSTS)
    refused = [probe for probe in report["probes"] if probe["canary"].startswith(("old-key:", "old-identity:"))]
    assert {401, 403} & {probe["status"] for probe in refused}
    for host, gap in report["gaps"]["hosts"].items():
        times = sorted(
            parse_instant(at)
            for probe in report["probes"]
            if probe["host"] == host and probe["status"] == 200 and probe["canary"].startswith("standby:")
            for at in probe["at"]
        )
        longest = max(after - before for before, after in pairwise(times))
        assert gap["longestGapMs"] == longest / timedelta(milliseconds=1)
        assert gap["accepted"] == len(times)
    assert report["gaps"]["longestGapMs"] == max(each["longestGapMs"] for each in report["gaps"]["hosts"].values())


def test_its_events_are_those_of_the_log(finished: Finished) -> None:
    world, run_id, document, _ = finished
    stored = {event.seq: event for event in world.log.after("maps-demo", 0, 100_000)}
    named = [seq for seq, event in stored.items() if json.loads(event.text).get("revocation") == run_id]
    assert [each["seq"] for each in document["report"]["events"]] == named
    assert all(json.loads(stored[each["seq"]].text)["kind"] == each["kind"] for each in document["report"]["events"])


def test_it_is_signed_and_nothing_can_be_changed(finished: Finished) -> None:
    document = json.loads(json.dumps(finished[2]))
    assert check_evidence(document, KEY, verify_ed25519) == document["report"]
    for path in leaves(document["report"]):
        forged = copy.deepcopy(document)
        put(forged["report"], path, "forged")
        with pytest.raises(ValueError, match="not the one that was signed"):
            check_evidence(forged, KEY, verify_ed25519)
    other = Ed25519Signing(bytes(32), name=KEY.name).verifying_key
    with pytest.raises(ValueError, match="not signed by"):
        check_evidence(document, other, verify_ed25519)
    for broken in ({}, {**document, "report": None}, {**document, "signature": None}):
        with pytest.raises(ValueError):
            check_evidence(broken, KEY, verify_ed25519)


def leaves(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for name, value in children:
        below = leaves(value, (*path, name)) if isinstance(value, dict | list) else []
        found += below or [(*path, name)]
    return found[:: max(1, len(found) // 40)] if not path else found


def put(document: Any, path: tuple[Any, ...], value: object) -> None:
    for name in path[:-1]:
        document = document[name]
    document[path[-1]] = value


def test_there_is_none_before_the_end() -> None:
    world = Simulation()
    world.add()
    run = world.start(mode=Mode.GRACEFUL, deadline=timedelta(hours=5))
    with pytest.raises(ActionNotAllowed):
        evidence(world).report(run.id)
    with pytest.raises(NotFound):
        evidence(world).report("unknown")


def test_equal_answers_fold_and_keep_their_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MOST_TIMES", 3)
    monkeypatch.setattr(probing, "KEPT", 4)
    noted: probing.Probes = ()
    statuses = [200, 200, 503, 200, 200, 200, 200, 200]
    for number, status in enumerate(statuses):
        for host in ("a", "b"):
            at = AT + number * timedelta(seconds=2)
            noted = with_probe(noted, at=at, canary="standby:web", host=host, status=status)
    assert [(entry["host"], entry["status"], len(times_of(entry))) for entry in noted] == [
        *(("a", 200, 4), ("b", 200, 4), ("a", 200, 1), ("b", 200, 1)),
    ]
    assert [at - AT for at in times_of(noted[0])] == [timedelta(seconds=2 * number) for number in (3, 4, 5, 6)]
    assert json.loads(json.dumps(noted)) == list(noted)


def test_gaps_count_accepted_answers_of_the_new_slot_alone() -> None:
    noted: probing.Probes = ()
    for second, canary, host, status in (
        *((0, "standby:web", "a", 200), (1, "standby:batch", "a", 200), (5, "standby:web", "a", 200)),
        *((2, "standby:web", "a", 503), (3, "old-key:primaryKey", "a", 200), (0, "standby:web", "b", 200)),
    ):
        noted = with_probe(noted, at=AT + timedelta(seconds=second), canary=canary, host=host, status=status)
    told: Any = gaps(noted)
    assert told["longestGapMs"] == told["hosts"]["a"]["longestGapMs"] == 4000
    assert told["hosts"]["a"]["longestGapFrom"] == "2026-11-21T08:00:01Z"
    assert told["hosts"]["b"]["longestGapMs"] is None
    assert gaps(()) == {"longestGapMs": None, "hosts": {}}


def test_canonical_json_does_not_depend_on_order_or_transport() -> None:
    document = {"b": [1, {"z": None, "a": "caf\u00e9 \ud800"}], "a": True}
    assert canonical(document) == '{"a":true,"b":[1,{"a":"caf\\u00e9 \\ud800","z":null}]}'
    assert canonical(json.loads(canonical(document))) == canonical(document)


def test_evidence_of_a_run_whose_events_are_gone_says_so(finished: Finished) -> None:
    world, run_id, document, _ = finished
    assert document["report"]["hasAllEvents"] is True
    events = world.log.after("maps-demo", 0, 1000)
    plan = next(n for n, each in enumerate(events) if json.loads(each.text)["kind"] == "revocationPlanned")
    world.log.remove("maps-demo", events[: plan + 1], [])
    report: Any = evidence(world).report(run_id)["report"]
    assert report["hasAllEvents"] is False
