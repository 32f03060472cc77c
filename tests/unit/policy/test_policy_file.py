"""The file in force: taken over as a whole, or refused as a whole with the old one kept."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from sas_service.adapters.policy_file import LastAccepted, PolicyFile
from sas_service.domain.errors import AuditLogUnavailable, MirrorUnavailable, PolicyRefused, Violation
from sas_service.domain.policy import Policy
from tests.unit.policy.documents import GOOD, varied

SLOWER = varied(("maxRatePerSecond: 50\n", "maxRatePerSecond: 40\n"))
BAD = varied(("maxRatePerSecond: 50\n", "maxRatePerSecond: 501\n"))


class World:
    """A policy file, a clock, a takeover check and observers that remember."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "policy.yaml"
        self.time = datetime(2026, 11, 21, 8, tzinfo=UTC)
        self.against: tuple[Violation, ...] = ()
        self.log_away = False
        self.observers_fail = False
        self.meanwhile: Callable[[], None] = lambda: None
        self.asked: list[tuple[Policy | None, Policy]] = []
        self.changes: list[tuple[str | None, str]] = []
        self.refusals: list[PolicyRefused] = []

    def now(self) -> datetime:
        self.meanwhile()
        return self.time

    def check(self, old: Policy | None, new: Policy) -> tuple[Violation, ...]:
        self.asked.append((old, new))
        if self.log_away:
            raise AuditLogUnavailable("away")
        return self.against

    def changed(self, old: Policy | None, new: Policy) -> None:
        if self.observers_fail:
            raise MirrorUnavailable("full")
        self.changes.append((old.digest if old else None, new.digest))

    def write(self, text: str | bytes) -> None:
        """Write in place, long enough ago to be settled."""
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.age(timedelta(minutes=1))

    def age(self, age: timedelta) -> None:
        instant = (self.time - age).timestamp()
        os.utime(self.path, (instant, instant))

    def start(self, last_accepted: LastAccepted | None = None) -> PolicyFile:
        return PolicyFile(
            self.path,
            clock=self,
            takeover_check=self.check,
            on_change=self.changed,
            on_refused=self.refusals.append,
            last_accepted=last_accepted,
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.write(GOOD)
    return world


def rate(file: PolicyFile) -> int:
    return file.current().profiles["storefront-web"].max_rate_per_second


def refused(file: PolicyFile) -> dict[str, Any]:
    return cast("dict[str, Any]", file.status()["refused"])


def test_the_policy_is_there_from_the_start_and_announced_by_the_first_refresh(world: World) -> None:
    file = world.start()
    assert rate(file) == 50
    assert world.changes == []
    file.refresh()
    file.refresh()
    assert world.changes == [(None, file.current().digest)]
    assert file.status() == {
        "digest": file.current().digest,
        "source": str(world.path),
        "since": "2026-11-21T08:00:00Z",
    }


@pytest.mark.parametrize("document", [BAD, "", b"\xff\xfe", "version: 1\naccounts:\n  maps"])
def test_a_bad_file_at_start_is_refused(world: World, document: str | bytes) -> None:
    world.write(document)
    with pytest.raises(PolicyRefused) as caught:
        world.start()
    assert str(caught.value).startswith(f"{world.path} cannot be used: ")
    assert all(violation.rule.startswith(f"{world.path}:") for violation in caught.value.violations)


def test_no_file_at_start_is_refused(world: World) -> None:
    world.path.unlink()
    with pytest.raises(PolicyRefused) as caught:
        world.start()
    assert [violation.allowed for violation in caught.value.violations] == ["cannot be read: No such file or directory"]


def test_a_policy_that_drops_what_tokens_need_is_refused_at_start_with_its_line(world: World) -> None:
    world.against = (Violation("/x", None, "tokens hang on it", "accounts.maps-demo.identities"),)
    with pytest.raises(PolicyRefused) as caught:
        world.start()
    assert [violation.rule for violation in caught.value.violations] == [f"{world.path}:8"]


def test_an_edit_in_place_is_taken_over(world: World) -> None:
    file = world.start()
    before = file.current()
    world.write(SLOWER)
    world.time += timedelta(minutes=5)
    file.refresh()
    assert rate(file) == 40
    assert file.status()["since"] == "2026-11-21T08:05:00Z"
    assert world.changes == [(None, before.digest), (before.digest, file.current().digest)]
    assert world.asked[-1] == (before, file.current())
    assert before.profiles["storefront-web"].max_rate_per_second == 50, "who decides by the old value keeps it"


def test_a_replaced_file_is_taken_over_even_if_it_is_older_and_of_the_same_size(world: World) -> None:
    file = world.start()
    other = world.path.with_suffix(".new")
    other.write_text(SLOWER)
    old = (world.time - timedelta(days=300)).timestamp()
    os.utime(other, (old, old))
    other.replace(world.path)
    file.refresh()
    assert rate(file) == 40


def test_a_link_that_is_swapped_is_taken_over(world: World, tmp_path: Path) -> None:
    """So does Kubernetes with a ConfigMap."""
    for name, text in (("one", GOOD), ("two", SLOWER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(text)
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "one")
    world.path = link / "policy.yaml"
    file = world.start()
    (tmp_path / "next").symlink_to(tmp_path / "two")
    (tmp_path / "next").replace(link)
    world.time += timedelta(days=10_000)
    file.refresh()
    assert rate(file) == 40


def test_an_unchanged_file_is_not_read_again(world: World) -> None:
    file = world.start()
    world.path.chmod(0o600)  # a new ctime: looked at once, and nothing has changed
    for _ in range(3):
        file.refresh()
    assert len(world.asked) == 1
    assert len(world.changes) == 1
    world.meanwhile = lambda: pytest.fail("nothing to look at, so nobody asks for the time")
    file.refresh()


def test_a_bad_change_is_refused_as_a_whole_told_once_and_shown(world: World) -> None:
    file = world.start()
    before = file.current()
    world.write(BAD)
    world.time += timedelta(minutes=5)
    file.refresh()
    file.refresh()
    assert file.current() is before
    assert len(world.refusals) == 1
    line = BAD.splitlines().index("    maxRatePerSecond: 501") + 1
    assert refused(file)["at"] == "2026-11-21T08:05:00Z"
    assert refused(file)["reasons"] == [
        {
            "at": f"{world.path}:{line}",
            "pointer": "/profiles/storefront-web/maxRatePerSecond",
            "reason": "501 can never apply: it must be 1 to 500",
        }
    ]
    assert refused(file)["digest"] == world.refusals[0].extra["digest"] != before.digest
    assert file.status()["digest"] == before.digest


def test_a_repaired_file_clears_the_refusal(world: World) -> None:
    file = world.start()
    for text, expected in ((BAD, 50), (GOOD, 50), (BAD, 50), (SLOWER, 40)):
        world.write(text)
        file.refresh()
        assert ("refused" in file.status()) == (text == BAD)
        assert rate(file) == expected
    assert len(world.refusals) == 2
    assert len(world.changes) == 2


def test_a_file_that_is_gone_or_unreadable_is_refused_and_the_old_kept(world: World) -> None:
    file = world.start()
    world.path.unlink()
    file.refresh()
    file.refresh()
    assert refused(file)["digest"] is None
    assert [reason["reason"] for reason in refused(file)["reasons"]] == ["cannot be read: No such file or directory"]
    world.path.mkdir()
    world.age(timedelta(minutes=1))
    file.refresh()
    world.path.rmdir()
    world.write(GOOD)
    file.refresh()
    assert "refused" not in file.status()
    assert rate(file) == 50
    assert len(world.refusals) == 1


def test_a_half_written_file_is_refused_and_then_read_when_it_is_whole(world: World) -> None:
    file = world.start()
    for end in range(0, len(SLOWER) - 100, 97):
        world.write(SLOWER[:end])
        file.refresh()
        assert rate(file) == 50
        assert "refused" in file.status()
    world.write(SLOWER)
    file.refresh()
    assert rate(file) == 40
    assert "refused" not in file.status()


def test_a_file_that_was_touched_a_moment_ago_is_left_alone_until_it_has_settled(world: World) -> None:
    """A document cut off between two teams is a good document: only time tells that more is to come."""
    file = world.start()
    world.write(SLOWER)
    world.age(timedelta(milliseconds=900))
    file.refresh()
    assert rate(file) == 50
    world.time += timedelta(milliseconds=200)
    file.refresh()
    assert rate(file) == 40


def test_a_file_that_changes_while_it_is_looked_at_is_left_for_the_next_look(world: World) -> None:
    file = world.start()
    world.write(BAD)
    world.meanwhile = lambda: world.write(SLOWER) if world.path.read_text() == BAD else None
    file.refresh()
    assert rate(file) == 50
    file.refresh()
    assert rate(file) == 40
    assert world.refusals == []


def test_what_live_tokens_forbid_is_refused_once_and_taken_over_when_they_have_expired(world: World) -> None:
    file = world.start()
    for count in (12, 11, 10):
        world.against = (Violation("/x", None, f"{count} tokens", "accounts.maps-demo.identities.gone"),)
        world.write(SLOWER)
        file.refresh()
        assert rate(file) == 50
    assert [reason["at"] for reason in refused(file)["reasons"]] == [f"{world.path}:8"]
    assert len(world.refusals) == 1
    world.against = ()
    file.refresh()
    assert rate(file) == 40
    assert "refused" not in file.status()


def test_without_the_audit_log_nothing_is_taken_over_until_it_is_back(world: World) -> None:
    file = world.start()
    world.write(SLOWER)
    world.log_away = True
    file.refresh()
    assert rate(file) == 50
    assert file.status()["unchecked"] == world.asked[-1][1].digest
    assert world.refusals == []
    world.log_away = False
    file.refresh()
    assert rate(file) == 40
    assert "unchecked" not in file.status()


def test_a_process_starts_without_the_audit_log_and_catches_up(world: World) -> None:
    world.log_away = True
    file = world.start()
    file.refresh()
    assert rate(file) == 50
    assert file.status()["unchecked"] == file.current().digest
    assert world.changes == []
    world.log_away = False
    file.refresh()
    assert "unchecked" not in file.status()
    assert world.changes == [(None, file.current().digest)]


def test_a_policy_that_was_never_checked_and_then_refused_stays_visible_as_both(world: World) -> None:
    world.log_away = True
    file = world.start()
    world.log_away = False
    world.against = (Violation("/x", None, "tokens", "accounts"),)
    file.refresh()
    assert refused(file)["digest"] == file.status()["unchecked"] == file.current().digest
    world.against = ()
    file.refresh()
    assert set(file.status()) == {"digest", "source", "since"}


def test_observers_that_fail_are_told_again_in_order(world: World) -> None:
    file = world.start()
    world.observers_fail = True
    world.write(SLOWER)
    file.refresh()
    world.write(BAD)
    file.refresh()
    assert rate(file) == 40
    assert (world.changes, world.refusals) == ([], [])
    world.observers_fail = False
    file.refresh()
    assert [old is None for old, _ in world.changes] == [True, False]
    assert len(world.refusals) == 1


def test_a_process_born_while_the_file_is_refused_goes_on_with_the_last_accepted(world: World, tmp_path: Path) -> None:
    kept = LastAccepted(tmp_path / "accepted.yaml")
    world.start(kept)
    world.write(BAD)
    file = world.start(kept)
    assert rate(file) == 50
    assert refused(file)["reasons"]
    file.refresh()
    assert len(world.refusals) == 1
    world.write(SLOWER)
    file.refresh()
    assert rate(file) == 40
    assert (tmp_path / "accepted.yaml").read_text() == SLOWER
    assert sorted(path.name for path in tmp_path.iterdir()) == ["accepted.yaml", "policy.yaml"]


def test_without_a_last_accepted_copy_a_bad_file_is_refused_at_start(world: World, tmp_path: Path) -> None:
    world.write(BAD)
    with pytest.raises(PolicyRefused):
        world.start(LastAccepted(tmp_path / "accepted.yaml"))


def test_a_copy_that_cannot_be_written_is_shown_and_stops_nothing(world: World, tmp_path: Path) -> None:
    file = world.start(LastAccepted(tmp_path / "missing" / "accepted.yaml"))
    assert rate(file) == 50
    assert file.status()["notKept"] == "No such file or directory"


def test_readers_see_whole_policies_while_the_file_changes(world: World) -> None:
    file = world.start()
    stop, torn = threading.Event(), []

    def reader() -> None:
        while not stop.is_set():
            policy, status = file.current(), file.status()
            if policy.profiles["storefront-web"].max_rate_per_second not in {40, 50} or "digest" not in status:
                torn.append(policy)

    threads = [threading.Thread(target=reader) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(20):
        world.write((SLOWER, GOOD)[turn % 2])
        file.refresh()
        assert rate(file) == (40, 50)[turn % 2]
    stop.set()
    for thread in threads:
        thread.join()
    assert torn == []
