"""Exports of events as they are read: a bounded number of rows, for a bounded time, few at a time."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import BoundedSemaphore

from sas_service.api.exchange import Stream, dump
from sas_service.api.revocation_stream import Told
from sas_service.domain.errors import SasServiceError, TooManyWatchers
from sas_service.ports import Clock, EventPage
from sas_service.services.export import COLUMNS, csv_cells, csv_row

NDJSON, CSV = "application/x-ndjson", "text/csv"
MOST = 2
"""Per process: an export holds a thread, and there may be as few as eight (SAS_THREADS)."""

LIFE = timedelta(seconds=30)
"""Then the export ends, and says where to go on; shorter than what a stop of the service waits for."""

ROWS = 100_000
"""Of one answer, unless fewer are asked for."""

BATCH = 500

Page = Callable[[str | None, int], EventPage]
Link = Callable[[str | None], str | None]


class Exports:
    """The exports of one process."""

    def __init__(self, clock: Clock, *, most: int = MOST, life: timedelta = LIFE) -> None:
        self._clock = clock
        self._free = BoundedSemaphore(most)
        self._life = life

    def stream(self, media_type: str, page: Page, link: Link, *, cursor: str | None, rows: int) -> Stream:
        """Return at most ``rows`` events from ``cursor`` on, and where to go on.

        What is wrong with the first page is raised at once: InvalidRequest, AuditLogUnavailable, TooManyWatchers.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyWatchers("This process has as many exports as it may have.")
        try:
            first = page(cursor, min(rows, BATCH))
        except BaseException:  # whatever it was: the place is nobody's
            self._free.release()
            raise
        return Told(self._pieces(media_type, page, link, first, rows), self._free.release)

    def _pieces(self, media_type: str, page: Page, link: Link, found: EventPage, rows: int) -> Iterator[str]:
        write, head, tail = (_csv, csv_row(COLUMNS), _csv_tail) if media_type == CSV else (_ndjson, "", _ndjson_tail)
        until = self._clock.now() + self._life
        if head:
            yield head + "\n"
        while True:
            rows -= len(found.items)
            if found.items:
                yield write(found)
            if found.next is None or rows <= 0 or self._clock.now() >= until:
                break
            try:
                found = page(found.next, min(rows, BATCH))
            except SasServiceError:
                return  # without its last line it is not whole, and whoever reads it can tell
        yield tail(link(found.next)) + "\n"


def _ndjson(page: EventPage) -> str:
    return "".join(event.text + "\n" for event in page.items)


def _csv(page: EventPage) -> str:
    return "".join(csv_row(csv_cells(event)) + "\n" for event in page.items)


def _ndjson_tail(link: str | None) -> str:
    return dump({"next": link})


def _csv_tail(link: str | None) -> str:
    return csv_row(("#next", *[""] * (len(COLUMNS) - 2), link or ""))
