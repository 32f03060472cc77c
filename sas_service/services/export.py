"""The audit log as lines for who checks it elsewhere: streamed, a few hundred events in memory at a time."""

import csv
import io
import json
from collections.abc import Iterator, Mapping

from sas_service.domain.audit import AuditEvent
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.tiles import WIDTH, write_hashes
from sas_service.ports import EventStreams, Seal, Seals
from sas_service.services.seal import checkpoint_line

BATCH = 500
COLUMNS = ("stream", "seq", "at", "kind", "account", "team", "token", "requestId", "applicationId", "objectId", "event")
"""Of CSV; ``event`` is the whole JSON. A spreadsheet is for looking: what is verified is NDJSON."""


class LogExport:
    """Exports of one stream after another; what is appended meanwhile is left for the next export."""

    def __init__(self, *, streams: EventStreams, seals: Seals) -> None:
        self._streams = streams
        self._seals = seals

    def size(self, stream: str) -> int:
        """Return how many events the stream has now."""
        return self._streams.last(stream)

    def ndjson(self, stream: str) -> Iterator[str]:
        """Yield lines without their newline: the newest checkpoint, hashes of what was removed for its age, events."""
        seal, last = self._begin(stream), self.size(stream)
        if seal.published:
            yield checkpoint_line(stream, seal.published).text
        yield from self._hashes(stream, seal)
        for event in self.events(stream, seal.aged, last):
            yield event.text

    def csv(self, stream: str) -> Iterator[str]:
        """Yield rows without their newline, without the heading."""
        for event in self.events(stream, self._begin(stream).aged, self.size(stream)):
            yield csv_row(csv_cells(event))

    def events(self, stream: str, after: int, last: int) -> Iterator[AuditEvent]:
        """Yield the events with numbers greater than ``after``, up to ``last``.

        Raises AuditLogUnavailable if the next ones are removed for their age meanwhile: hashes have their place before
        all events, so it has to begin anew.
        """
        while after < last:
            read = self._streams.after(stream, after, min(BATCH, last - after))
            if (not read or read[0].seq > after + 1) and self._seals.read(stream).aged > after:
                raise AuditLogUnavailable("Events were removed for their age while they were exported: export again.")
            if not read:
                return
            yield from read
            after = read[-1].seq

    def _begin(self, stream: str) -> Seal:
        """Return the seal, with the very number behind which there are texts: a worker may be removing some."""
        while True:
            seal = self._seals.read(stream)
            first = self._streams.after(stream, seal.aged, 1)
            if not first or first[0].seq == seal.aged + 1 or self._seals.read(stream).aged == seal.aged:
                return seal

    def _hashes(self, stream: str, seal: Seal) -> Iterator[str]:
        for first in range(0, seal.aged, WIDTH):
            (hashes,) = self._seals.tiles(stream, [(0, first // WIDTH)])
            known = write_hashes(hashes[: seal.aged - first])
            yield json.dumps({"stream": stream, "first": first + 1, "leafHashes": known}, separators=(",", ":"))


def csv_row(cells: tuple[str, ...]) -> str:
    """Return a row of CSV (RFC 4180), harmless to spreadsheets: no cell begins as a formula does."""
    out = io.StringIO()
    safe = [f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells]
    csv.writer(out, lineterminator="").writerow(safe)
    return out.getvalue()


def csv_cells(event: AuditEvent) -> tuple[str, ...]:
    """Return the cells of an event's row (``COLUMNS``)."""
    members: Mapping[str, object] = json.loads(event.text)
    caller = members.get("caller")
    who: Mapping[str, object] = caller if isinstance(caller, Mapping) else {}
    said = {**members, **{name: who.get(name) for name in ("applicationId", "objectId")}, "event": event.text}
    return tuple("" if said.get(name) is None else str(said[name]) for name in COLUMNS)
