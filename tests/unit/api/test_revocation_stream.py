"""Watching a run: events in order and once, few watchers at a time, and never for long."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sas_service.domain.errors import AuditLogUnavailable
from tests.unit.api.revocation_world import HttpApplication, HttpWorld, issue
from tests.unit.revocation.world import MAPS


@pytest.fixture
def world() -> HttpWorld:
    return HttpWorld()


def watch(world: HttpWorld, run: Any, after: int | None = None) -> Any:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    return world.call("admin", "GET", f"/v1/revocations/{run['id']}/events", headers=headers)


def pieces(text: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for block in text.split("\n\n"):
        said = dict(line.partition(": ")[::2] for line in block.split("\n") if line)
        if "event" in said:
            yield said["event"], int(said["id"]), json.loads(said["data"])


def test_a_run_is_told_to_its_end_over_several_streams_and_nothing_twice(world: HttpWorld) -> None:
    run = world.started(mode="emergency", reason="keyCompromise")
    told: list[tuple[str, int, dict[str, Any]]] = []
    last: int | None = None
    for _ in range(40):
        answer = watch(world, run, last)
        assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.text.startswith("retry: ")
        told += list(pieces(answer.text))
        last = told[-1][1]
        if told[-1][0] == "end":
            break
    assert told[-1] == ("end", last, {"state": "completed"})
    numbers = [number for kind, number, _ in told if kind == "audit"]
    assert numbers == sorted(set(numbers))
    ours = [json.loads(line) for line in world.simulation.mirror.lines() if f'"revocation":"{run["id"]}"' in line]
    started = next(each["seq"] for each in ours if each.get("action") == "start")
    assert [data["seq"] for kind, _, data in told if kind == "audit"] == [
        each["seq"] for each in ours if each["seq"] > started
    ]
    states = [data["state"] for kind, _, data in told if kind == "progress"]
    assert (states[0], states[-1]) == ("running", "completed")
    assert watch(world, run, last).status_code == 204


def test_the_first_look_is_a_snapshot_and_foreign_events_are_not_told(world: HttpWorld) -> None:
    run = world.plan().get_json()
    issue(world)
    newest = len([line for line in world.simulation.mirror.lines() if f'"stream":"{MAPS}"' in line])
    ((kind, number, data),) = pieces(watch(world, run).text)
    assert (kind, number, data["id"], data["state"]) == ("progress", newest, run["id"], "planned")


def test_a_quiet_run_is_still_heard_of(world: HttpWorld) -> None:
    assert ": still watching" in watch(world, world.plan().get_json()).text


def test_few_watch_at_a_time_and_the_next_is_asked_to_wait(world: HttpWorld) -> None:
    run = world.plan().get_json()
    first, second = (watch(world, run) for _ in range(2))
    third = watch(world, run)
    assert (third.status_code, third.get_json()["type"]) == (503, "/problems/too-many-watchers")
    assert int(third.headers["Retry-After"]) >= 1
    assert issue(world)["id"]
    first.close()  # gone before a single piece was read
    again = watch(world, run)
    assert again.status_code == 200
    assert "progress" in second.text
    second.close()
    again.close()
    again.close()  # twice gives back one place
    held = [watch(world, run), watch(world, run)]
    assert watch(world, run).status_code == 503
    assert len(held) == 2


def test_progress_is_what_the_runner_counted(world: HttpWorld) -> None:
    HttpApplication(world, "storefront-0", "web")
    run = world.started(deadline="PT1H")
    world.tick(8)
    shown = [data for kind, _, data in pieces(watch(world, run).text) if kind == "progress"]
    assert shown[-1]["consumers"] == {"total": 1, "moved": 0, "late": ["storefront/storefront-0/web"]}


def test_when_the_journal_goes_away_the_stream_ends_and_the_next_says_why(
    world: HttpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.plan().get_json()
    answer = watch(world, run)

    def away(_run_id: str) -> None:
        raise AuditLogUnavailable("away")

    monkeypatch.setattr(world.simulation.journal, "read", away)
    assert answer.text == "retry: 2000\n\n"
    assert watch(world, run).status_code == 503
