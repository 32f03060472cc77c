"""A Redis that lost what the mirror has is not used: not by who starts, not by who was there, not for a moment."""

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.ports import TokenQuery
from tests.contract.ports.world import ACCOUNT, record
from tests.integration.redis.conftest import Start
from tests.integration.redis.guarded import Process, mirrored, start_process
from tests.valkey_process import RunningValkey

LOST = "run `sas-service audit repair`"


@pytest.fixture
def process(start: Start, tmp_path: Path) -> Iterator[Process]:
    running = start_process(start(), tmp_path / "mirror", empty=True)
    yield running
    running.mirror.close()


def rolled_back(valkey: RunningValkey, start: Start, copy: Path) -> RunningValkey:
    """End the server and begin again with the files as they were when ``copy`` was made."""
    valkey.kill()
    shutil.rmtree(valkey.directory / "appendonlydir")
    shutil.copytree(copy, valkey.directory / "appendonlydir")
    return start(port=valkey.port)


def backup(valkey: RunningValkey, to: Path) -> Path:
    shutil.copytree(valkey.directory / "appendonlydir", to)
    return to


def issue_some(process: Process, many: int = 3) -> None:
    for number in range(many):
        process.issue(record(process.world.now + timedelta(milliseconds=number)))


def test_an_old_backup_is_refused_by_who_was_there_and_by_who_starts(start: Start, tmp_path: Path) -> None:
    valkey = start()
    process = start_process(valkey, tmp_path / "mirror", empty=True)
    issue_some(process)
    copy = backup(valkey, tmp_path / "copy")
    issue_some(process, 2)
    before = mirrored(process, ACCOUNT)
    valkey = rolled_back(valkey, start, copy)
    for _ in range(3):
        with pytest.raises(AuditLogUnavailable, match=f"lost 4 events that the mirror has: {LOST}"):
            process.issue(record(process.world.now))
    starting = start_process(valkey, tmp_path / "mirror")
    with pytest.raises(AuditLogUnavailable, match="lost 4 events"):
        starting.world.audit_log.token("maps-demo.x")
    with pytest.raises(AuditLogUnavailable, match="lost 4 events"):
        starting.guard.check()
    with pytest.raises(AuditLogUnavailable, match=LOST):
        starting.guard.status()
    assert mirrored(process, ACCOUNT) == before
    with valkey.client() as client:
        assert client.get("{" + ACCOUNT + "}:events:seq") == "6"


def test_a_restart_that_lost_nothing_costs_no_request(start: Start, tmp_path: Path) -> None:
    valkey = start()
    process = start_process(valkey, tmp_path / "mirror", empty=True)
    issue_some(process)
    valkey.kill()
    start(port=valkey.port)
    issue_some(process)
    assert process.guard.status() == {"compared": True}


def test_not_one_of_many_threads_slips_through_after_a_restart(start: Start, tmp_path: Path) -> None:
    valkey = start()
    process = start_process(valkey, tmp_path / "mirror", empty=True)
    copy = backup(valkey, tmp_path / "copy")
    issue_some(process)
    stop, issued = threading.Event(), list[str]()

    def work() -> None:
        while not stop.is_set():
            try:
                issued.append(process.issue(record(process.world.now)).id)
            except AuditLogUnavailable:
                stop.wait(0.001)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    stop.wait(0.3)
    valkey = rolled_back(valkey, start, copy)
    known = len(issued)
    stop.wait(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(issued) == known
    with valkey.client() as client:
        assert client.xlen("{" + ACCOUNT + "}:events") == 0


def test_a_flushed_server_gives_out_no_number_twice_on_the_same_connection(process: Process, start: Start) -> None:
    draft = EventDraft(kind=EventKind.CORS_CHANGED, at=process.world.now, account=ACCOUNT)
    for _ in range(3):
        process.mirror.append(process.world.audit_log.append(draft))
    process.server.read(("FLUSHALL",))
    with pytest.raises(AuditLogUnavailable, match="lost events that the mirror has"):
        process.world.audit_log.append(draft)
    assert RedisEventStreams(process.server).last(ACCOUNT) == 0
    assert process.guard.status() == {"compared": True}
    with pytest.raises(AuditLogUnavailable, match="lost 3 events"):
        process.guard.recheck()
    with pytest.raises(AuditLogUnavailable, match="lost 3 events"):
        process.guard.status()
    with pytest.raises(AuditLogUnavailable, match="lost 3 events"):
        process.world.slots.initialise(ACCOUNT, {"web": "web-a"})


def test_who_never_wrote_gives_out_no_number_of_a_flushed_server_either(process: Process, tmp_path: Path) -> None:
    other = start_process(process.valkey, tmp_path / "mirror")
    other.server.begin([ACCOUNT])
    issue_some(process)
    process.server.read(("FLUSHALL",))
    with pytest.raises(AuditLogUnavailable, match="lost events that the mirror has"):
        other.issue(record(process.world.now))
    assert RedisEventStreams(process.server).last(ACCOUNT) == 0
    with pytest.raises(AuditLogUnavailable, match="lost 6 events"):
        other.guard.recheck()
    with pytest.raises(AuditLogUnavailable, match="lost 6 events"):
        other.server.begin(["another"])
    other.mirror.close()


def test_who_never_wrote_notices_a_flush_without_writing(process: Process, tmp_path: Path) -> None:
    other = start_process(process.valkey, tmp_path / "mirror")
    other.server.begin([ACCOUNT])
    issue_some(process)
    process.server.read(("FLUSHALL",))
    with pytest.raises(AuditLogUnavailable, match="lost 6 events"):
        other.guard.recheck()
    with pytest.raises(AuditLogUnavailable, match="lost 6 events"):
        other.world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=1)
    other.mirror.close()


def test_streams_begin_in_one_round_trip_and_an_empty_one_that_is_gone_is_compared_once(process: Process) -> None:
    names = [ACCOUNT, *(f"account-{number}" for number in range(30))]
    process.server.begin(names)
    with process.valkey.client() as client:
        before = client.info("stats")["total_reads_processed"]
        process.server.begin([*names, *(f"late-{number}" for number in range(30))])
        assert client.info("stats")["total_reads_processed"] - before <= 3
        client.delete("{late-1}:events:seq")
    assert process.server.floors.known["late-1"] == 0
    process.guard.recheck()
    assert "late-1" not in process.server.floors.known, "nothing was lost: it begins anew"
    process.server.begin(names)
    process.guard.recheck()
    assert not process.server.floors.looks_lost


def test_a_server_that_is_flushed_before_its_first_event_serves_again_by_itself(process: Process) -> None:
    process.server.begin([ACCOUNT])
    process.server.read(("FLUSHALL",))
    process.world.slots.initialise(ACCOUNT, {"web": "web-a"})
    with pytest.raises(AuditLogUnavailable, match="lost events"):
        process.issue(record(process.world.now))
    process.guard.recheck()
    process.server.begin([ACCOUNT])
    process.world.move_epoch(ACCOUNT, 1)
    process.issue(record(process.world.now))
    assert RedisEventStreams(process.server).last(ACCOUNT) == 2


def test_an_epoch_that_went_back_is_a_loss(process: Process) -> None:
    process.issue(record(process.world.now))
    text = json.dumps({"stream": ACCOUNT, "seq": 1, "granted": {"epoch": 4}})
    process.mirror.append([AuditEvent(ACCOUNT, 1, text)])
    with pytest.raises(AuditLogUnavailable, match=f"lost the epoch of {ACCOUNT}: {LOST}"):
        process.guard.check()
    process.world.move_epoch(ACCOUNT, 4)
    assert process.guard.check() == {ACCOUNT: 2}


def test_a_mirror_that_cannot_be_read_lets_nobody_in_after_a_restart(start: Start, tmp_path: Path) -> None:
    valkey = start()
    process = start_process(valkey, tmp_path / "mirror", empty=True)
    issue_some(process)
    valkey.kill()
    start(port=valkey.port)
    moved = (tmp_path / "mirror").rename(tmp_path / "away")
    (tmp_path / "mirror").write_text("no directory")
    with pytest.raises(AuditLogUnavailable, match="cannot be compared with the mirror"):
        process.issue(record(process.world.now))
    (tmp_path / "mirror").unlink()
    moved.rename(tmp_path / "mirror")
    issue_some(process)
