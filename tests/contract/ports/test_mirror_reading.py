"""The mirror read back: by number, from several processes' segments, torn ends and doubled lines included."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from secrets import token_hex

import pytest

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.azure.append_blob_mirror import AppendBlobMirror
from sas_service.adapters.azure.mirror_blobs import SegmentBlobs
from sas_service.adapters.memory import MemoryAuditMirror, MemoryMirrorReading
from sas_service.adapters.mirror_files import SegmentFiles
from sas_service.adapters.mirror_reading import SegmentReading, Segments
from sas_service.adapters.mirrored_events import LookedUp
from sas_service.domain.audit import AuditEvent
from sas_service.ports import AuditMirror, Head, MirrorReading
from tests.contract.ports.azurite import RunningAzurite, start_azurite


@dataclass
class Mirrored:
    """Two processes' mirrors of one place, and how another process reads it."""

    writers: tuple[AuditMirror, AuditMirror]
    reader: Callable[[], MirrorReading]


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    running = start_azurite(tmp_path_factory.mktemp("azurite"))
    yield running
    running.stop()


@pytest.fixture(params=["memory", "files", "blobs"])
def mirrored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mirrored]:
    if request.param == "memory":
        memory = MemoryAuditMirror()
        yield Mirrored((memory, memory), lambda: MemoryMirrorReading(memory.lines))
    elif request.param == "files":
        files = NdjsonMirror(tmp_path / "m", segment_bytes=1500), NdjsonMirror(tmp_path / "m", segment_bytes=90_000)
        yield Mirrored(files, lambda: SegmentReading(SegmentFiles(tmp_path / "m"), window=7))
        for each in files:
            each.close()
    else:
        container = request.getfixturevalue("azurite").container(f"audit-{token_hex(6)}")
        blobs = tuple(AppendBlobMirror(container, deadline=timedelta(seconds=20)) for _ in range(2))
        yield Mirrored((blobs[0], blobs[1]), lambda: SegmentReading(SegmentBlobs(container), window=7))
        for blob in blobs:
            blob.close()


def event(seq: int, stream: str = "maps-demo", **more: object) -> AuditEvent:
    return AuditEvent(stream, seq, json.dumps({"stream": stream, "seq": seq, "kind": "issued", **more}))


def checkpoint(stream: str, size: int) -> AuditEvent:
    return AuditEvent(stream, size, json.dumps({"stream": stream, "size": size, "checkpoint": "log\n9\nroot\n"}))


def test_an_empty_mirror_has_nothing(mirrored: Mirrored) -> None:
    reader = mirrored.reader()
    assert reader.heads() == {}
    assert list(reader.events("maps-demo", 0)) == []


def test_events_of_several_processes_come_in_the_order_of_their_numbers(mirrored: Mirrored) -> None:
    numbers = list(range(1, 41))
    Random(3).shuffle(numbers)  # noqa: S311  which order, not which key
    for seq in numbers:
        mirrored.writers[seq % 2].append([event(seq), event(seq, "service")])
    reader = mirrored.reader()
    assert list(reader.events("maps-demo", 0)) == [event(seq) for seq in range(1, 41)]
    assert list(reader.events("service", 17, 23)) == [event(seq, "service") for seq in range(18, 24)]
    assert list(reader.events("maps-demo", 40)) == []
    assert {stream: head.last for stream, head in reader.heads().items()} == {"maps-demo": 40, "service": 40}


def test_one_reader_follows_what_is_written(mirrored: Mirrored) -> None:
    reader = mirrored.reader()
    for seq in (1, 2, 3):
        mirrored.writers[seq % 2].append([event(seq)])
        assert reader.heads() == {"maps-demo": Head(seq)}
        assert [each.seq for each in reader.events("maps-demo", 0)] == list(range(1, seq + 1))


def test_heads_know_the_highest_epoch_and_checkpoints(mirrored: Mirrored) -> None:
    mirrored.writers[0].append([event(1, granted={"epoch": 7}), event(2, labels={"epoch": "9"}, evil='"epoch":8')])
    mirrored.writers[1].append([event(3, granted={"epoch": 6}), checkpoint("service", 12)])
    assert mirrored.reader().heads() == {"maps-demo": Head(3, 7), "service": Head(12)}


def test_doubled_lines_come_once_and_contradictions_twice(mirrored: Mirrored) -> None:
    mirrored.writers[0].append([event(1), event(2)])
    mirrored.writers[1].append([event(2), event(3), event(1, forged=True)])
    found = list(mirrored.reader().events("maps-demo", 0))
    assert sorted(each.text for each in found[:2]) == sorted([event(1).text, event(1, forged=True).text])
    assert found[2:] == [event(2), event(3)]


def test_what_is_missing_is_found_byte_for_byte(mirrored: Mirrored) -> None:
    mirrored.writers[0].append([event(1), event(2, other=1), event(4)])
    asked = [event(seq) for seq in (1, 2, 3, 4)] + [event(1, "service")]
    assert LookedUp(mirrored.reader()).missing(asked) == (event(2), event(3), event(1, "service"))


def in_files(directory: Path) -> SegmentReading:
    return SegmentReading(SegmentFiles(directory), window=7)


def test_the_torn_line_of_a_killed_process_is_no_event(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(event(1).text + "\n" + event(2).text[:-5])
    (tmp_path / "b.ndjson").write_text(event(3).text + "\n")
    (tmp_path / "c.ndjson").write_bytes(b"\0" * 100 + b"\n" + event(4).text.encode() + b"\n")
    reader = in_files(tmp_path)
    assert [each.seq for each in reader.events("maps-demo", 0)] == [1, 3, 4]
    with (tmp_path / "a.ndjson").open("a") as file:  # not torn, but being written
        file.write(event(2).text[-5:] + "\n")
    assert [each.seq for each in reader.events("maps-demo", 0)] == [1, 2, 3, 4]


def test_a_line_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    long = event(2, padding="x" * 9_000_000)
    (tmp_path / "a.ndjson").write_text(f"{event(1).text}\n{long.text}\n{event(3).text}\n")
    assert list(in_files(tmp_path).events("maps-demo", 0)) == [event(1), long, event(3)]


def test_what_a_failed_write_left_and_was_cut_back_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(event(1).text + "\n" + event(2).text + "\n")
    reader = in_files(tmp_path)
    assert reader.heads() == {"maps-demo": Head(2)}
    path.write_text(event(1).text + "\n")
    assert reader.heads() == {"maps-demo": Head(1)}
    path.write_text(event(1).text + "\n" + event(2, other=True, padding="y" * 500).text + "\n")
    assert list(reader.events("maps-demo", 0)) == [event(1), event(2, other=True, padding="y" * 500)]


class Counted:
    """The segments of a directory, and how many bytes of them were read."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self.bytes_read = 0
        self.sizes = segments.sizes
        self.read_index = segments.read_index
        self.write_index = segments.write_index

    def read(self, name: str, offset: int, length: int) -> bytes:
        data = self._segments.read(name, offset, length)
        self.bytes_read += len(data)
        return data


def test_with_indexes_a_start_reads_next_to_nothing(tmp_path: Path) -> None:
    mirror = NdjsonMirror(tmp_path, segment_bytes=200_000)
    events = [event(seq, padding="x" * 900, granted={"epoch": seq}) for seq in range(1, 2001)]
    for first in range(0, len(events), 100):
        mirror.append(events[first : first + 100])
    writing = in_files(tmp_path)
    assert writing.write_indexes() == 0  # they may still grow
    assert writing.write_indexes() >= 9
    assert writing.write_indexes() == 0
    mirror.append([event(2001)])
    mirror.close()
    counted = Counted(SegmentFiles(tmp_path))
    reader = SegmentReading(counted)
    assert reader.heads() == {"maps-demo": Head(2001, 2000)}
    assert counted.bytes_read < 1000
    assert [each.seq for each in reader.events("maps-demo", 1990)] == list(range(1991, 2002))
    assert counted.bytes_read < 500_000
    assert list(reader.events("maps-demo", 0))[:2000] == events


@pytest.mark.parametrize("text", ["", "{", '{"version":2,"chunks":[]}', '{"version":1,"chunks":[[0,9]]}', "[]"])
def test_an_index_that_cannot_be_read_is_no_index(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ndjson").write_text(event(1).text + "\n")
    (tmp_path / "a.ndjson.index").write_text(text)
    assert in_files(tmp_path).heads() == {"maps-demo": Head(1)}
