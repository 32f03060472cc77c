"""Listing events: whole streams, or one chain in each; newest first, merged by time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sas_service.adapters.audit_filters import is_event_asked_for
from sas_service.adapters.cursors import check_limit, event_cursor, read_event_cursor
from sas_service.adapters.redis.event_chains import Chain
from sas_service.adapters.redis.event_feed import Feed, Timed
from sas_service.adapters.redis.event_text import served_all, stored_words
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.words import Words
from sas_service.domain.audit import AuditEvent
from sas_service.ports import EventPage, EventQuery

_CHAIN = Script("chain")
_BOUNDS = Script("event_bounds")
_MARGIN = timedelta(minutes=4)
"""Twice what an event's own time may differ from the server's without being listed as late (lua/events.lua)."""
_AT = '"at":"'
_TEXT = 1
"""Where the text stands in an entry's flat list of fields and values."""
_EXAMINED_AT_ONCE = 200
_MOST_ROUNDS = 5
_MOST_PASSED = 100


class EventReads:
    """The query over events; a page costs one round trip, and one more for each of time, caller or revocation."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._words = Words(server)

    def events(self, query: EventQuery, *, cursor: str | None, limit: int) -> EventPage:
        """Do what ``AuditLog.events`` promises.

        The cursor holds the next number of every stream, so events that arrive later do not move it. At most 1,000
        events of each stream are examined for a page.
        """
        check_limit(limit)
        chain = Chain.of(query)
        feeds = self._feeds(query, chain, cursor)
        for number in range(_MOST_ROUNDS):
            hungry = [feed for feed in feeds if feed.rest != 0 and len(feed.events) <= limit]
            if not hungry or (number and _page(feeds, limit, take=False)):
                break
            self._read(query, chain, hungry, limit + 1 if number == 0 else _EXAMINED_AT_ONCE)
        found = _page(feeds, limit, take=True)
        return EventPage(tuple(found), event_cursor({feed.stream: feed.position for feed in feeds}))

    def _feeds(self, query: EventQuery, chain: Chain | None, cursor: str | None) -> list[Feed]:
        positions = read_event_cursor(cursor) if cursor is not None else None
        feeds = [
            Feed(stream, None if positions is None else positions.get(stream, 0))
            for stream in query.streams
            # A stream without a position has nothing left, or joined the policy after the first page.
            if positions is None or positions.get(stream, 0)
        ]
        if query.after is not None or query.before is not None:
            self._bound(query, chain, feeds)
        if chain and not chain.is_old:
            self._trust(feeds)
        return feeds

    def _bound(self, query: EventQuery, chain: Chain | None, feeds: list[Feed]) -> None:
        """Find the numbers between which events of the time asked for lie; O(log n).

        A cursor says already where the events before ``query.before`` begin.
        """
        before, after = query.before, query.after
        since = _second(after - _MARGIN) if after else ""
        until = _second(before + _MARGIN) if before else ""
        window = milliseconds(after) if after else "-inf", milliseconds(before) if before else "+inf"
        unbound = [feed for feed in feeds if after or feed.rest is None]
        calls = [
            ((keys.events, keys.late), (until if feed.rest is None else "", since, *window))
            for feed, keys in ((feed, Keys(feed.stream)) for feed in unbound)
        ]
        for feed, (highest, lowest) in zip(unbound, self._server.run_all(_BOUNDS, calls), strict=True):
            feed.lowest, feed.highest = int(lowest), int(highest)
            if feed.rest is None and feed.highest < feed.lowest:
                feed.rest = 0
            elif feed.rest is None and not chain:
                feed.rest = feed.highest

    def _trust(self, feeds: list[Feed]) -> None:
        names = [Keys(feed.stream) for feed in feeds]
        answers = self._server.read(
            *(words for keys in names for words in (("HMGET", keys.chains, "last", "since"), ("GET", keys.last_seq)))
        )
        for feed, (last, since), newest in zip(feeds, answers[::2], answers[1::2], strict=True):
            feed.since = int(since or 0) if (last or "0") == (newest or "0") else int(newest)

    def _read(self, query: EventQuery, chain: Chain | None, feeds: list[Feed], count: int) -> None:
        followed = [feed for feed in feeds if feed.follows(chain)]
        looked = [feed for feed in feeds if not feed.follows(chain)]
        if chain and followed:
            calls = [_chain_call(chain, feed, count) for feed in followed]
            for feed, (links, rest) in zip(followed, self._server.run_all(_CHAIN, calls), strict=True):
                numbers, texts = [int(seq) for seq, _ in links], [text for _, text in links]
                feed.take_chained(self._matching(query, feed.stream, numbers, texts), int(rest))
        # What has to be looked for is rarer than what is listed: more is examined at once.
        many = max(count, _EXAMINED_AT_ONCE) if chain else count
        answers = self._server.read_plain(*(_look_words(feed, many) for feed in looked)) if looked else []
        for feed, entries in zip(looked, answers, strict=True):
            numbers = [int(entry.partition("-")[0]) for entry, _ in entries]
            events = self._matching(query, feed.stream, numbers, [fields[_TEXT] for _, fields in entries])
            if chain:
                feed.take_looked_for(numbers, events, [chain.pointer_in(fields) for _, fields in entries], asked=many)
            else:
                feed.take_looked_at(numbers, events, asked=many)

    def _matching(
        self, query: EventQuery, stream: str, numbers: Sequence[int], stored: Sequence[str]
    ) -> list[Timed | None]:
        texts = self._texts(stream, numbers, stored)
        # A cursor is only a claim: whoever forged its numbers sees nothing but what he may ask for anyway.
        takes_all = query == EventQuery(query.streams)
        return [
            (_time_of(text), AuditEvent(stream, seq, text)) if takes_all or is_event_asked_for(query, text) else None
            for seq, text in zip(numbers, texts, strict=True)
        ]

    def _texts(self, stream: str, numbers: Sequence[int], stored: Sequence[str]) -> list[str]:
        words = self._words.known(stream)
        try:
            return served_all(stream, numbers, stored, words)
        except KeyError:
            words = self._words.of(stream, (name for text in stored for name in stored_words(text)))
        return served_all(stream, numbers, stored, words)


def _page(feeds: Sequence[Feed], limit: int, *, take: bool) -> list[AuditEvent]:
    """Merge the feeds by time, as far as is known; with ``take``, take the events out of them."""
    own = feeds if take else [replace(feed, events=list(feed.events)) for feed in feeds]
    found: list[AuditEvent] = []
    ready = [feed for feed in own if feed.events]
    is_cut_off = any(feed.is_cut_off for feed in own)
    while len(found) < limit and ready and not is_cut_off:
        ready.sort(key=_head, reverse=True)
        newest, *others = ready
        count = _count_before(newest, others[0] if others else None, limit - len(found))
        found += [event for _, event in newest.events[:count]]
        del newest.events[:count]
        if not newest.events:
            # Only what was taken from can run dry.
            ready.remove(newest)
            is_cut_off = newest.is_cut_off
    return found


def _head(feed: Feed) -> tuple[datetime, str]:
    """Return what feeds are merged by: of one time, the greater name comes first."""
    return feed.events[0][0], feed.stream


def _count_before(newest: Feed, other: Feed | None, most: int) -> int:
    """Return how many events of ``newest`` come before the first of ``other``."""
    if other is not None:
        head, stream = _head(other), newest.stream
        for count, (at, _) in enumerate(newest.events[:most]):
            if (at, stream) < head:
                return count
    return min(most, len(newest.events))


def _chain_call(chain: Chain, feed: Feed, count: int) -> tuple[tuple[str, ...], tuple[str | int, ...]]:
    keys = Keys(feed.stream)
    heads, name = chain.head(keys)
    begin = "" if feed.rest is None else feed.rest
    highest = "" if feed.highest is None or feed.rest is not None else feed.highest
    words = (chain.place, name, begin, count, int(chain.is_old), highest, _MOST_PASSED)
    return (keys.events, heads, keys.chains, keys.last_seq), words


def _look_words(feed: Feed, count: int) -> tuple[str | int, ...]:
    newest = "+" if feed.rest is None else f"{abs(feed.rest)}-0"
    return "XREVRANGE", Keys(feed.stream).events, newest, f"{feed.lowest}-0", "COUNT", count


def _time_of(text: str) -> datetime:
    begin = text.index(_AT) + len(_AT)
    # Our own spelling, which datetime reads as it is: what others write takes ``parse_instant``, four times as long.
    return datetime.fromisoformat(text[begin : text.index('"', begin)])


def _second(instant: datetime) -> int:
    return milliseconds(instant) // 1000
