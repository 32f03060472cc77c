"""The mirror: every event whole, in order, from many threads; nothing when told to fail."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.azure.append_blob_mirror import AppendBlobMirror
from sas_service.adapters.azure.append_blob_mirror import read_lines as read_blobs
from sas_service.adapters.memory import MemoryAuditMirror
from sas_service.domain.audit import AuditEvent
from sas_service.ports import AuditMirror
from tests.contract.ports.azurite import RunningAzurite, start_azurite
from tests.e2e.running_demo import eventually


@dataclass(frozen=True)
class Mirrored:
    mirror: AuditMirror
    lines: Callable[[], list[str]]


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    running = start_azurite(tmp_path_factory.mktemp("azurite"))
    yield running
    running.stop()


@pytest.fixture(params=["memory", "files", "blobs"])
def mirrored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mirrored]:
    if request.param == "memory":
        memory = MemoryAuditMirror()
        yield Mirrored(memory, memory.lines)
        return
    if request.param == "blobs":
        container = request.getfixturevalue("azurite").container(f"audit-{token_hex(6)}")
        blobs = AppendBlobMirror(container, deadline=timedelta(seconds=20))

        def lines() -> list[str]:
            eventually(lambda: not blobs._is_sending)  # what was not waited for is on its way
            return read_blobs(container)

        yield Mirrored(blobs, lines)
        blobs.close()
        return
    files = NdjsonMirror(tmp_path / "mirror", segment_bytes=2000)
    yield Mirrored(files, lambda: read_lines(tmp_path / "mirror"))
    files.close()


def read_lines(directory: Path) -> list[str]:
    segments = sorted(directory.glob("*.ndjson"), key=lambda path: int(path.stem.rpartition("-")[2]))
    text = "".join(path.read_text() for path in segments)
    assert not text or text.endswith("\n")
    return text.splitlines()


def event(number: int, stream: str = "maps-demo", padding: int = 0) -> AuditEvent:
    text = json.dumps({"stream": stream, "seq": number, "kind": "issued", "padding": "x" * padding})
    return AuditEvent(stream, number, text)


def test_a_line_is_the_event_text(mirrored: Mirrored) -> None:
    mirrored.mirror.append([event(1), event(2)])
    mirrored.mirror.append([event(3)])
    assert mirrored.lines() == [event(number).text for number in (1, 2, 3)]


def test_nothing_is_nothing(mirrored: Mirrored) -> None:
    mirrored.mirror.append([])
    assert mirrored.lines() == []


def test_without_sync_the_event_is_written_too(mirrored: Mirrored) -> None:
    mirrored.mirror.append([event(1)], sync=False)
    mirrored.mirror.append([event(2)])
    assert mirrored.lines() == [event(1).text, event(2).text]


def test_rotation_loses_and_splits_nothing(mirrored: Mirrored) -> None:
    events = [event(number, padding=300) for number in range(40)] + [event(40, padding=5000), event(41)]
    for each in events:
        mirrored.mirror.append([each], sync=each.seq % 3 == 0)
    assert mirrored.lines() == [each.text for each in events]


def test_threads_do_not_mix_their_lines(mirrored: Mirrored) -> None:
    def write(thread: int) -> None:
        for number in range(25):
            mirrored.mirror.append([event(number, f"stream-{thread}", padding=number * 7)])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    read = [json.loads(line) for line in mirrored.lines()]
    assert len(read) == 200
    for thread in range(8):
        assert [each["seq"] for each in read if each["stream"] == f"stream-{thread}"] == list(range(25))


def test_check_is_quiet_and_adds_no_event(mirrored: Mirrored) -> None:
    for _ in range(3):
        mirrored.mirror.check()
    assert mirrored.lines() == []
