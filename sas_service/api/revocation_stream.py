"""Server-sent events of a revocation (WHATWG HTML, 9.2): few at a time, and never for long."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import BoundedSemaphore

from sas_service.api.exchange import Stream, dump
from sas_service.api.revocation_documents import revocation_document
from sas_service.domain.errors import SasServiceError, TooManyWatchers
from sas_service.domain.revocations import LEGAL
from sas_service.ports import Clock
from sas_service.services.watch_revocations import Seen, Watching

MOST = 2
"""Per process: a watcher holds a thread, and there may be as few as eight (SAS_THREADS)."""

LIFE = timedelta(seconds=30)
"""Then the client comes back with Last-Event-ID; shorter than what a stop of the service waits for."""

RETRY = timedelta(seconds=2)
HEARTBEAT = timedelta(seconds=10)


class Watchers:
    """The streams of one process; ``wait`` is what passes between two looks (seconds)."""

    def __init__(
        self,
        clock: Clock,
        *,
        most: int = MOST,
        life: timedelta = LIFE,
        look_every: timedelta = timedelta(seconds=1),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._free = BoundedSemaphore(most)
        self._life = life
        self._look_every = look_every
        self._wait = wait

    def watch(self, watching: Watching, run_id: str, *, after: int | None) -> Stream | None:
        """Return the run's events after number ``after`` (from now on, if None); None if all is told and over.

        Raises NotFound, TooManyWatchers, AuditLogUnavailable.
        """
        seen = watching.at_a_glance(run_id)
        if after is not None and _is_over(seen) and not watching.news(seen.run, after).events:
            return None
        begin = watching.newest(seen.run.account) if after is None else after
        if not self._free.acquire(blocking=False):
            raise TooManyWatchers("This process has as many watchers as it may have.")
        return Told(self._pieces(_Follower(watching, run_id, begin)), self._free.release)

    def _pieces(self, follower: "_Follower") -> Iterator[str]:
        yield f"retry: {RETRY // timedelta(milliseconds=1)}\n\n"
        until = self._clock.now() + self._life
        spoke = self._clock.now()
        while self._clock.now() < until:
            try:
                pieces = follower.look()
            except SasServiceError:
                return  # the client comes back, and is told then
            yield from pieces
            if follower.is_over:
                return
            if not pieces and self._clock.now() - spoke >= HEARTBEAT:
                pieces = [": still watching\n\n"]
                yield from pieces
            if pieces:
                spoke = self._clock.now()
            self._wait(self._look_every.total_seconds())


class _Follower:
    """What one watcher has been told so far: events up to number ``last``, and the run as it was then."""

    def __init__(self, watching: Watching, run_id: str, last: int) -> None:
        self._watching = watching
        self._run_id = run_id
        self._last = last
        self._version: tuple[int, str] | None = None
        self.is_over = False

    def look(self) -> list[str]:
        """Return what is new. Raises AuditLogUnavailable."""
        seen = self._watching.at_a_glance(self._run_id)
        version = (seen.run.revision, seen.run.state.value)
        changed, self._version = version != self._version, version
        pieces = self._news(seen) if changed else []
        if changed:
            pieces.append(_piece("progress", self._last, dump(revocation_document(seen))))
        self.is_over = _is_over(seen)
        if self.is_over:
            pieces.append(_piece("end", self._last, dump({"state": seen.run.state.value})))
        return pieces

    def _news(self, seen: Seen) -> list[str]:
        news = self._watching.news(seen.run, self._last)
        self._last = max(self._last, news.looked_at)
        return [_piece("audit", event.seq, event.text) for event in news.events]


class Told:
    """The pieces, and what gives the place back once: whether they were told, cut short, or never asked for."""

    def __init__(self, pieces: Iterator[str], release: Callable[[], None]) -> None:
        self._pieces = pieces
        self._release: Callable[[], None] | None = release

    def __iter__(self) -> Iterator[str]:
        """Return the pieces; the place is given back with the last one, and if they end in any other way."""
        try:
            yield from self._pieces
        finally:
            self.close()

    def close(self) -> None:
        """Give the place back."""
        release, self._release = self._release, None
        if release is not None:
            release()


def _is_over(seen: Seen) -> bool:
    return not LEGAL[seen.run.state]


def _piece(kind: str, number: int, data: str) -> str:
    return f"event: {kind}\nid: {number}\ndata: {data}\n\n"
