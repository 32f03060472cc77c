"""The audit mirror on a disk: NDJSON segments, one at a time per process, that whole lines are appended to."""

import os
import secrets
import socket
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from sas_service.adapters.mirror_segment import Segment
from sas_service.domain.audit import AuditEvent
from sas_service.domain.errors import MirrorUnavailable

_DIRECTORY_MODE = 0o700
_PROBE = b"\0" * 4096
_RETRY_AFTER = timedelta(seconds=5)


class NdjsonMirror:
    """The port ``AuditMirror``: each append is a whole number of lines, or nothing.

    One thread of its own (started by the first append, after any fork) calls fsync, so that many requests share one
    and a disk that hangs costs each of them no more than the deadline.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = 64 * 1024 * 1024,
        deadline: timedelta = timedelta(seconds=2),
        fsync: Callable[[int], None] = os.fsync,
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._deadline = deadline.total_seconds()
        self._fsync = fsync
        self._segment: Segment | None = None
        self._number = 0
        self._guard = Lock()
        self._executor = _one_thread()
        _ALL.add(self)

    def append(self, events: Sequence[AuditEvent], *, sync: bool = True) -> None:
        """Write events; with ``sync`` return only when they are on disk. Raises MirrorUnavailable."""
        if not events:
            return
        until = time.monotonic() + self._deadline
        try:
            synced = self._write("".join(f"{event.text}\n" for event in events).encode(), until, sync=sync)
            if synced:
                synced.result(max(0.0, until - time.monotonic()))
        except TooSlow:
            raise _unavailable("is slower than its deadline") from None
        except (OSError, RuntimeError) as error:
            raise _unavailable(_what_happened(error)) from None

    def check(self) -> None:
        """Raise MirrorUnavailable if nothing can be written now: writes, syncs and removes a file of 4 KiB."""
        try:
            probe = self._executor.submit(self._probe)
            try:
                probe.result(self._deadline)
            finally:
                probe.cancel()
        except TooSlow:
            raise _unavailable("is slower than its deadline") from None
        except (OSError, RuntimeError) as error:
            raise _unavailable(_what_happened(error)) from None

    def close(self) -> None:
        """Sync what was written without, close the segment and end the thread."""
        with self._guard:
            if self._segment:
                self._segment.synced(self._executor)
                self._segment.close(self._executor)
                self._segment = None
        self._executor.shutdown(wait=True)

    def _write(self, data: bytes, until: float, *, sync: bool) -> Future[None] | None:
        # A write that hangs in another thread must not hold this one longer than its own deadline.
        if not self._guard.acquire(timeout=max(0.0, until - time.monotonic())):
            raise TooSlow
        try:
            segment = self._current(len(data))
            segment.write(data)
            return segment.synced(self._executor) if sync else None
        finally:
            self._guard.release()

    def _current(self, size: int) -> Segment:
        segment = self._segment
        if segment and segment.is_usable and not segment.is_gone():
            if not segment.length or segment.length + size <= self._segment_bytes:
                return segment
            segment.synced(self._executor)
        if segment:
            self._segment = None
            segment.close(self._executor)
        self._segment = self._next_segment()
        return self._segment

    def _next_segment(self) -> Segment:
        self._directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        self._number += 1
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = f"{started}-{socket.gethostname()}-{os.getpid()}-{self._number}.ndjson"
        return Segment(self._directory / name, self._fsync)

    def _probe(self) -> None:
        path = self._directory / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
        self._directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        probe = Segment(path, self._fsync)
        try:
            probe.write(_PROBE)
            probe.sync()
        finally:
            probe.abandon()
            path.unlink(missing_ok=True)

    def start_over_after_fork(self) -> None:
        """Let go of what belongs to the parent: a child has neither its thread nor a right to its segment."""
        if self._segment:
            self._segment.abandon()
        self._segment = None
        # The parent may have held the lock at the moment of the fork.
        self._guard = Lock()
        self._executor = _one_thread()


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit-mirror")


_ALL: "weakref.WeakSet[NdjsonMirror]" = weakref.WeakSet()


def _start_over_after_fork() -> None:
    for mirror in list(_ALL):
        mirror.start_over_after_fork()


os.register_at_fork(after_in_child=_start_over_after_fork)


def _what_happened(error: Exception) -> str:
    # Only the system's own word for the error number: the rest of the text names paths.
    if isinstance(error, OSError) and error.errno:
        return f"cannot be written: {os.strerror(error.errno)}"
    return "cannot be written"


def _unavailable(what: str) -> MirrorUnavailable:
    return MirrorUnavailable(f"The audit mirror {what}.", retry_after=_RETRY_AFTER)
