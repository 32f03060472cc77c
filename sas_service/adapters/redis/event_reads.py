"""Listing events: whole streams, or the chain of one team or token in each; newest first, merged by time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sas_service.adapters.cursors import check_limit, event_cursor, read_event_cursor
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.audit import AuditEvent
from sas_service.domain.iso8601 import parse_instant
from sas_service.ports import EventPage, EventQuery

_CHAIN = Script("chain")
# Where a pointer stands in an entry's flat list of fields: e, text, t, token's, m, team's.
_TOKEN_POINTER, _TEAM_POINTER = 4, 6


@dataclass(slots=True)
class _Feed:
    """What was read of one stream: matching events, newest first, and the number to go on with after them."""

    stream: str
    events: list[tuple[datetime, AuditEvent]] = field(default_factory=list)
    rest: int = 0

    @property
    def position(self) -> int:
        """The number of the next event to show; 0 when none is left."""
        return self.events[0][1].seq if self.events else self.rest

    @property
    def is_cut_off(self) -> bool:
        """Whether there is more, but not here: what other streams hold cannot be ordered against it."""
        return not self.events and self.rest > 0


class EventReads:
    """The query over events; a page costs one round trip."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def events(self, query: EventQuery, *, cursor: str | None, limit: int) -> EventPage:
        """Do what ``AuditLog.events`` promises.

        The cursor holds the next number of every stream, so events that arrive later do not move it. A page may be
        short where both team and token are asked for.
        """
        check_limit(limit)
        positions = read_event_cursor(cursor) if cursor is not None else None
        feeds = self._feeds(query, positions, limit + 1)
        found: list[AuditEvent] = []
        while len(found) < limit and not any(feed.is_cut_off for feed in feeds):
            ready = [feed for feed in feeds if feed.events]
            if not ready:
                break
            newest = max(ready, key=lambda feed: (feed.events[0][0], feed.stream))
            found.append(newest.events.pop(0)[1])
        return EventPage(tuple(found), event_cursor({feed.stream: feed.position for feed in feeds}))

    def _feeds(self, query: EventQuery, positions: Mapping[str, int] | None, count: int) -> list[_Feed]:
        wanted = [
            (stream, None if positions is None else positions.get(stream, 0))
            for stream in query.streams
            # A stream without a position has nothing left, or joined the policy after the first page.
            if positions is None or positions.get(stream, 0)
        ]
        if query.team is None and query.token is None:
            return self._whole(wanted, count)
        return self._chains(query, wanted, count)

    def _whole(self, wanted: Sequence[tuple[str, int | None]], count: int) -> list[_Feed]:
        answers = self._server.read(
            *(
                ("XREVRANGE", Keys(stream).events, "+" if position is None else f"{position}-0", "-", "COUNT", count)
                for stream, position in wanted
            )
        )
        return [
            _Feed(stream, [_timed(stream, int(entry.partition("-")[0]), fields["e"]) for entry, fields in answer])
            for (stream, _), answer in zip(wanted, answers, strict=True)
        ]

    def _chains(self, query: EventQuery, wanted: Sequence[tuple[str, int | None]], count: int) -> list[_Feed]:
        calls: list[Any] = []
        for stream, position in wanted:
            keys = Keys(stream)
            heads, name = keys.token_head(query.token) if query.token else (keys.team_heads, query.team or "")
            pointer = _TOKEN_POINTER if query.token else _TEAM_POINTER
            calls.append(((keys.events, heads), (pointer, name, "" if position is None else position, count)))
        answers = self._server.run_all(_CHAIN, calls)
        return [_chained(query, stream, answer) for (stream, _), answer in zip(wanted, answers, strict=True)]


def _chained(query: EventQuery, stream: str, links: Sequence[Sequence[str]]) -> _Feed:
    events = [_timed(stream, int(seq), text) for seq, text, _ in links]
    # A cursor is only a claim: whoever forged its numbers sees nothing but what he may ask for anyway.
    matching = [event for event in events if _matches(query, event[1].text)]
    return _Feed(stream, matching, int(links[-1][2]) if links else 0)


def _matches(query: EventQuery, text: str) -> bool:
    members = json.loads(text)
    return query.team in {None, members.get("team")} and query.token in {None, members.get("token")}


def _timed(stream: str, seq: int, text: str) -> tuple[datetime, AuditEvent]:
    return parse_instant(json.loads(text)["at"]), AuditEvent(stream, seq, text)
