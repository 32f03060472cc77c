"""One file of the audit mirror: whole lines only, and one fsync for everybody who waits for one."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from threading import Lock

_MODE = 0o600


class Segment:
    """An open segment; ``write`` is called under the mirror's lock, ``synced`` hands out the next fsync."""

    def __init__(self, path: Path, fsync: Callable[[int], None]) -> None:
        self._path = path
        self._fsync = fsync
        self._guard = Lock()
        self._next_sync: Future[None] | None = None
        self._is_synced_once = False
        self._has_failed = False
        self.length = 0
        self.is_usable = True
        # Exclusive: a name that exists belongs to somebody else.
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)

    def is_gone(self) -> bool:
        """Tell whether somebody removed the file: what is written to it now nobody can ever read."""
        return os.fstat(self._descriptor).st_nlink == 0

    def write(self, data: bytes) -> None:
        """Append ``data`` as a whole, or cut back to where it began and raise OSError."""
        view = memoryview(data)
        try:
            while view:
                # At a given place, so that what a failed write left there is written over and never built upon.
                view = view[os.pwrite(self._descriptor, view, self.length + len(data) - len(view)) :]
        except OSError as error:
            self._cut_back(error)
            raise
        self.length += len(data)

    def synced(self, executor: Executor) -> Future[None]:
        """Return the fsync that will cover everything written so far; several callers share one."""
        with self._guard:
            if self._next_sync is None:
                self._next_sync = executor.submit(self.sync)
            return self._next_sync

    def close(self, executor: Executor) -> None:
        """Close the file after the syncs that are under way."""
        self.is_usable = False
        executor.submit(os.close, self._descriptor)

    def abandon(self) -> None:
        """Forget the file without touching it: it belongs to the process that we were forked from."""
        self.is_usable = False
        os.close(self._descriptor)

    def sync(self) -> None:
        """Put everything written so far on disk; with the first time also the file's name. Raises OSError."""
        with self._guard:
            # Whoever comes from here on may have written after the fsync began, and waits for the next one.
            self._next_sync = None
        if self._has_failed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        try:
            self._fsync(self._descriptor)
            if not self._is_synced_once:
                self._sync_directory()
        except OSError:
            # The kernel may have dropped the pages and will not say so twice: this file is never trusted again.
            self._has_failed, self.is_usable = True, False
            if not self._is_synced_once:
                self._path.unlink(missing_ok=True)
            raise
        self._is_synced_once = True

    def _sync_directory(self) -> None:
        # Without it a power cut may forget the file's name, and with it every line that was synced.
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._fsync(descriptor)
        finally:
            os.close(descriptor)

    def _cut_back(self, error: OSError) -> None:
        # A segment that hit a limit of its own size is finished; an empty one is kept, or each try would leave a file.
        self.is_usable = not (error.errno == errno.EFBIG and self.length)
        try:
            os.ftruncate(self._descriptor, self.length)
        except OSError:
            self.is_usable = False
