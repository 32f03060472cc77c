"""The mirror's files when the disk is full, slow, broken or taken away: no torn line, no false promise, recovery."""

import contextlib
import errno
import os
import re
import resource
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.domain.errors import MirrorUnavailable
from tests.contract.ports.test_audit_mirror import event, read_lines
from tests.preload import mounted, unmounted

QUICK = timedelta(milliseconds=300)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


class Disk:
    """Stands for the disk's fsync; a test decides what it does."""

    def __init__(self) -> None:
        self.calls = 0
        self.before: Callable[[], object] = lambda: None

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        self.before()
        os.fsync(descriptor)


@contextmanager
def refused(what: str) -> Iterator[None]:
    with pytest.raises(MirrorUnavailable, match=what) as refusal:
        yield
    assert refusal.value.retry_after is not None
    assert "mirror/" not in str(refusal.value)
    assert "ndjson" not in str(refusal.value)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A full disk for this process: no file grows beyond ``size``; a write that crosses it is cut short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_segments_are_named_after_time_host_and_process_and_private(directory: Path) -> None:
    mirror = NdjsonMirror(directory)
    mirror.append([event(1)])
    mirror.close()
    (segment,) = directory.iterdir()
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}\.\d+Z-.+-{os.getpid()}-1\.ndjson", segment.name)
    assert stat.S_IMODE(segment.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_full_disk_tears_no_line_and_is_forgiven_by_itself(directory: Path) -> None:
    mirror = NdjsonMirror(directory)
    kept = [event(number, padding=100) for number in range(3)]
    for each in kept:
        mirror.append([each])
    size = sum(path.stat().st_size for path in directory.iterdir())
    with largest_file(size + 40):
        with refused("File too large"):
            mirror.append([event(98, padding=100)])
        assert read_lines(directory) == [each.text for each in kept]
    with largest_file(20):
        for _ in range(5):
            with refused("File too large"):
                mirror.append([event(99, padding=100), event(100, padding=100)])
        with refused("File too large"):
            mirror.check()
        assert read_lines(directory) == [each.text for each in kept]
        assert len(list(directory.iterdir())) <= 2
    mirror.check()
    mirror.append([event(3)])
    mirror.close()
    assert read_lines(directory) == [*(each.text for each in kept), event(3).text]


def test_a_file_system_that_is_really_full_tears_no_line_and_is_forgiven_by_itself(directory: Path) -> None:
    mounted(directory, size="64k")
    try:
        filler = directory / "filler"
        mirror, kept = NdjsonMirror(directory), []
        for number in range(20):
            mirror.append([event(number, padding=100)])
            kept.append(event(number, padding=100))
        with filler.open("wb") as file, contextlib.suppress(OSError):
            file.write(b"x" * 70_000)
        for _ in range(3):
            with refused("No space left on device"):
                for number in range(20, 100):
                    mirror.append([event(number, padding=100)])
                    kept.append(event(number, padding=100))
            with refused("No space left on device"):
                mirror.check()
        assert {each.text for each in kept} == set(read_lines(directory))
        filler.unlink()
        mirror.check()
        mirror.append([event(200)])
        assert read_lines(directory)[-1] == event(200).text
        mirror.close()
    finally:
        unmounted(directory)


def test_a_short_write_is_taken_back(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = NdjsonMirror(directory)
    mirror.append([event(1)])
    real, calls = os.pwrite, 0

    def out_of_space(descriptor: int, data: bytes, offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "no space", str(directory))
        return real(descriptor, bytes(data)[:10], offset)

    monkeypatch.setattr(os, "pwrite", out_of_space)
    with refused("No space left"):
        mirror.append([event(2)])
    assert read_lines(directory) == [event(1).text]
    calls = 100
    mirror.append([event(3)])
    mirror.close()
    assert read_lines(directory) == [event(1).text, event(3).text]
    assert len(list(directory.iterdir())) == 1


def test_what_cannot_be_cut_back_is_left_behind(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = NdjsonMirror(directory)
    mirror.append([event(1)])

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", broken)
        patch.setattr(os, "ftruncate", broken)
        with refused("Input/output error"):
            mirror.append([event(2)])
    mirror.append([event(3)])
    mirror.close()
    assert len(list(directory.iterdir())) == 2
    assert read_lines(directory) == [event(1).text, event(3).text]


def test_a_failed_fsync_promises_nothing_and_its_file_is_never_used_again(directory: Path) -> None:
    disk = Disk()
    mirror = NdjsonMirror(directory, fsync=disk)
    mirror.append([event(1)])
    disk.before = lambda: (_ for _ in ()).throw(OSError(errno.EIO, "lost"))
    with refused("Input/output error"):
        mirror.append([event(2)])
    disk.before = lambda: None
    mirror.append([event(3)])
    mirror.close()
    first, second = sorted(directory.iterdir())
    assert second.read_text().splitlines() == [event(3).text]
    assert event(1).text in first.read_text().splitlines()


def test_fsyncs_that_keep_failing_leave_no_heap_of_files(directory: Path) -> None:
    disk = Disk()
    disk.before = lambda: (_ for _ in ()).throw(OSError(errno.EIO, "lost"))
    mirror = NdjsonMirror(directory, fsync=disk)
    for number in range(20):
        with refused("Input/output error"):
            mirror.append([event(number)])
    mirror.close()
    assert list(directory.iterdir()) == []


def test_a_write_after_a_failed_fsync_does_not_trust_the_next_one(directory: Path) -> None:
    disk, entered, failing = Disk(), threading.Event(), threading.Event()

    def fail_once() -> None:
        entered.set()
        failing.wait(2)
        disk.before = lambda: None
        raise OSError(errno.EIO, "lost")

    mirror = NdjsonMirror(directory, fsync=disk)
    mirror.append([event(1)])
    disk.before = fail_once
    outcomes: list[str] = []

    def append(number: int) -> None:
        try:
            mirror.append([event(number)])
            outcomes.append("promised")
        except MirrorUnavailable:
            outcomes.append("refused")

    threads = [threading.Thread(target=append, args=(number,)) for number in (2, 3)]
    threads[0].start()
    entered.wait(2)
    threads[1].start()  # written into the same file while its fsync is failing
    time.sleep(0.05)
    failing.set()
    for thread in threads:
        thread.join()
    mirror.close()
    assert outcomes == ["refused", "refused"]


def test_one_fsync_serves_many(directory: Path) -> None:
    disk = Disk()
    disk.before = lambda: time.sleep(0.02)
    mirror = NdjsonMirror(directory, fsync=disk)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: mirror.append([event(number)]), range(160)))
    mirror.close()
    assert len(read_lines(directory)) == 160
    assert disk.calls < 60


def test_a_promise_is_kept_only_by_an_fsync_that_began_after_the_write(directory: Path) -> None:
    disk = Disk()
    covered: list[int] = []
    disk.before = lambda: covered.append(sum(path.stat().st_size for path in directory.glob("*.ndjson")))
    mirror = NdjsonMirror(directory, fsync=disk)
    lock, written = threading.Lock(), [0]

    def append(number: int) -> None:
        mirror.append([event(number)])
        with lock:
            written[0] += len(event(number).text) + 1
            assert max(covered) >= written[0]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(append, range(200)))
    mirror.close()


def recovers(act: Callable[[], object]) -> None:
    """Do ``act`` until it succeeds: a machine that stands still is slower than so short a deadline, too."""
    for _ in range(50):
        with contextlib.suppress(MirrorUnavailable):
            act()
            return
    act()


def test_a_disk_that_hangs_costs_each_request_its_deadline_and_no_more(directory: Path) -> None:
    disk, released = Disk(), threading.Event()
    mirror = NdjsonMirror(directory, deadline=QUICK, fsync=disk)
    mirror.append([event(1)])
    disk.before = lambda: released.wait(10)
    started = time.monotonic()

    def append(number: int) -> None:
        with refused("slower than its deadline"):
            mirror.append([event(number)])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(append, range(2, 8)))
    with refused("slower than its deadline"):
        mirror.check()
    assert time.monotonic() - started < 2
    released.set()
    recovers(lambda: mirror.append([event(9)]))
    recovers(mirror.check)
    mirror.close()
    assert read_lines(directory)[-1] == event(9).text


def test_a_directory_that_was_removed_is_made_again(directory: Path) -> None:
    mirror = NdjsonMirror(directory)
    mirror.append([event(1)])
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    mirror.append([event(2)])
    mirror.close()
    assert read_lines(directory) == [event(2).text]


def test_a_directory_that_cannot_be_written_is_refused(directory: Path) -> None:
    directory.write_text("a file")
    mirror = NdjsonMirror(directory)
    with refused("cannot be written"):
        mirror.append([event(1)])
    with refused("cannot be written"):
        mirror.check()
    directory.unlink()
    mirror.check()
    mirror.append([event(1)])
    mirror.close()


def test_check_leaves_nothing(directory: Path) -> None:
    mirror = NdjsonMirror(directory)
    for _ in range(20):
        mirror.check()
    mirror.close()
    assert list(directory.iterdir()) == []


def test_nothing_happens_before_the_first_append(directory: Path) -> None:
    before = threading.active_count()
    mirror = NdjsonMirror(directory)
    assert threading.active_count() == before
    assert not directory.exists()
    mirror.close()


FORKING = """
import os, sys, threading
from pathlib import Path
from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.domain.audit import AuditEvent

def event(number):
    return AuditEvent("maps-demo", number, '{"seq":%d}' % number)

mirror = NdjsonMirror(Path(sys.argv[1]))
mirror.append([event(1)])
held = mirror._guard.acquire()  # as another thread may, at the moment of the fork
children = []
for number in (10, 20):
    child = os.fork()
    if child == 0:
        for each in range(5):
            mirror.append([event(number + each)])
        mirror.check()
        mirror.close()
        os._exit(0)
    children.append(child)
mirror._guard.release()
mirror.append([event(2)])
for child in children:
    assert os.waitpid(child, 0)[1] == 0
mirror.append([event(3)])
mirror.close()
"""


def test_each_process_has_a_segment_of_its_own_after_a_fork(directory: Path) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING, str(directory)], check=True, timeout=30)
    contents = sorted(path.read_text().splitlines() for path in directory.iterdir())
    processes = ([1, 2, 3], range(10, 15), range(20, 25))
    assert contents == sorted([f'{{"seq":{number}}}' for number in numbers] for numbers in processes)


KILLED = """
import sys
from pathlib import Path
from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.domain.audit import AuditEvent

mirror = NdjsonMirror(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    mirror.append([AuditEvent("maps-demo", number, '{"seq":%d}' % number)])
    print(number, flush=True)
"""


def test_what_was_promised_survives_the_death_of_the_process(directory: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    promised = [int(process.stdout.readline()) for _ in range(50)]
    process.kill()
    promised += [int(line) for line in process.stdout.read().split()]
    process.wait()
    process.stdout.close()
    (segment,) = directory.iterdir()
    whole = segment.read_text().rpartition("\n")[0].splitlines()
    assert [f'{{"seq":{number}}}' for number in promised] == whole[: len(promised)]
