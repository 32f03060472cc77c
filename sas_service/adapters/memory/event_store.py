"""Numbered events in lists, one per stream."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import merge

from sas_service.adapters.audit_filters import is_event_asked_for
from sas_service.adapters.cursors import check_limit, event_cursor, read_event_cursor
from sas_service.domain.audit import AuditEvent, EventDraft
from sas_service.domain.iso8601 import parse_instant
from sas_service.ports import EventPage, EventQuery


class EventStore:
    """Streams of events; the audit log that owns it holds the lock."""

    def __init__(self) -> None:
        self._streams: dict[str, list[tuple[AuditEvent, EventDraft]]] = {}
        self._removed: dict[str, int] = {}

    def write(self, draft: EventDraft, *, count: int | None = None) -> AuditEvent:
        """Append a draft under the next number of its stream."""
        stream, seq = self._streams.setdefault(draft.stream, []), self.last(draft.stream) + 1
        counted = {} if count is None else {"count": count}
        document = {"stream": draft.stream, "seq": seq, **counted, **draft.document()}
        event = AuditEvent(draft.stream, seq, json.dumps(document, separators=(",", ":")))
        stream.append((event, draft))
        return event

    def restore(self, event: AuditEvent, draft: EventDraft) -> bool:
        """Append an event under its own number; returns whether it was not there yet. Raises ValueError for a gap."""
        stream = self._streams.setdefault(event.stream, [])
        following = self.last(event.stream) + 1
        if event.seq > following:
            raise ValueError("a number is left out")
        if event.seq == following:
            stream.append((event, draft))
            return True
        return False

    def of_token(self, stream: str, token: str) -> list[tuple[AuditEvent, EventDraft]]:
        """Return the token's events, newest first."""
        return [entry for entry in reversed(self._streams.get(stream, [])) if entry[1].token == token]

    def last(self, stream: str) -> int:
        """Return the number of the newest event, 0 before the first."""
        return self._removed.get(stream, 0) + len(self._streams.get(stream, []))

    def remove(self, stream: str, events: Sequence[AuditEvent]) -> None:
        """Forget events, the first ones that are left. Raises ValueError if they are others."""
        gone = self._removed.get(stream, 0)
        if events and events[0].seq > gone + 1:
            raise ValueError("events are removed from the beginning of a stream")
        upto = max([gone, *(event.seq for event in events)])
        self._streams[stream] = self._streams.get(stream, [])[upto - gone :]
        self._removed[stream] = upto

    def after(self, stream: str, seq: int, limit: int) -> tuple[AuditEvent, ...]:
        """Return events with greater numbers, the oldest first."""
        first = max(0, seq - self._removed.get(stream, 0))
        return tuple(event for event, _ in self._streams.get(stream, [])[first : first + limit])

    def page(self, query: EventQuery, *, cursor: str | None, limit: int) -> EventPage:
        """Do what ``AuditLog.events`` promises."""
        check_limit(limit)
        positions = read_event_cursor(cursor) if cursor is not None else None
        feeds = {stream: self._matching(query, stream, positions) for stream in query.streams}
        # Streams are merged as they stand, newest first: within one, the number decides and not the time.
        merged = merge(*feeds.values(), key=lambda entry: (_at(entry), entry.stream), reverse=True)
        found = tuple(event for event, _ in zip(merged, range(limit), strict=False))
        shown = set(found)
        rest = {stream: next((event.seq for event in feed if event not in shown), 0) for stream, feed in feeds.items()}
        return EventPage(found, event_cursor(rest))

    def _matching(self, query: EventQuery, stream: str, positions: Mapping[str, int] | None) -> Sequence[AuditEvent]:
        newest = self.last(stream) if positions is None else abs(positions.get(stream, 0))
        return [
            event
            for event, _ in reversed(self._streams.get(stream, [])[: max(0, newest - self._removed.get(stream, 0))])
            if is_event_asked_for(query, event.text)
        ]


def _at(event: AuditEvent) -> datetime:
    return parse_instant(json.loads(event.text)["at"])
