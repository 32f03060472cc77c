"""Aging: what is taken away is gone from every list and chain, and nothing else is; cursors from before go on."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sas_service.adapters.memory import MemoryAuditLog
from sas_service.adapters.redis.aging import RedisAging
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import RecordConflict
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, EventStreams, TokenQuery
from sas_service.ports.aging import Aging
from tests.contract.ports import test_audit_queries as queries
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, record

_numbers = count()
AT = queries.START
UNHEALTHY = [HealthCheck.function_scoped_fixture]


@dataclass(frozen=True)
class Old:
    world: World
    aging: Aging
    streams: EventStreams

    def events(self, stream: str) -> list[AuditEvent]:
        return list(self.streams.after(stream, 0, 1000))

    def remove(self, stream: str, upto: int, tokens: list[str]) -> None:
        self.aging.remove(stream, [each for each in self.events(stream) if each.seq <= upto], tokens)


@pytest.fixture
def old(timeless: World, request: pytest.FixtureRequest) -> Old:
    log = timeless.audit_log
    if isinstance(log, MemoryAuditLog):
        return Old(timeless, log, log)
    server: Server = request.getfixturevalue("server")
    return Old(timeless, RedisAging(server), RedisEventStreams(server))


def beginning(old: Old, stream: str, written: list[tuple[TokenRecord, bool]], share: float) -> tuple[int, list[str]]:
    """Return up to which number a stream may go, and the tokens that it speaks of until there; nothing open goes."""
    open_ones = {each.id for each, _ in written if each.state is TokenState.RESERVED}
    events = old.events(stream)
    going = events[: int(len(events) * share)]
    named = [json.loads(each.text)["token"] for each in going]
    stop = next((n for n, token in enumerate(named) if token in open_ones), len(named))
    return (going[stop - 1].seq if stop else 0), sorted(set(named[:stop]))


@settings(max_examples=40, deadline=None, suppress_health_check=UNHEALTHY)
@given(
    rows=queries.rows,
    asked=st.lists(queries.token_queries, min_size=1, max_size=6),
    limit=st.integers(1, 9),
    share=st.floats(0, 1),
)
def test_what_is_left_is_what_a_plain_search_finds(
    old: Old, rows: list[queries.Row], asked: list[dict[str, Any]], limit: int, share: float
) -> None:
    own = {name: f"{name}-{next(_numbers)}" for name in (ACCOUNT, OTHER_ACCOUNT)}
    for name in own.values():
        old.world.slots.initialise(name, {"web": "web-a"})
    written = [queries.write(old.world, row, own[row.account]) for row in rows]
    log, every = old.world.audit_log, [TokenQuery(list(own.values()), **told) for told in asked]
    before = [(query, log.tokens(query, cursor=None, limit=limit)) for query in every]
    upto, gone = beginning(old, own[ACCOUNT], written, share)
    old.remove(own[ACCOUNT], upto, gone)
    old.remove(own[ACCOUNT], upto, gone)
    left = [(each, committed) for each, committed in written if each.id not in gone]
    for query, first in before:
        found = queries.walk(lambda cursor, query=query: log.tokens(query, cursor=cursor, limit=limit))  # type: ignore[misc]
        assert found == queries.expected(left, query), query
        if first.next:
            rest = queries.walk(
                lambda cursor, query=query, first=first: log.tokens(query, cursor=cursor or first.next, limit=limit)  # type: ignore[misc]
            )
            assert rest == [each for each in queries.expected(left, query) if each not in first.items], query
    for each, _ in written:
        is_gone = each.id in gone
        assert (log.token(each.id) is None) == is_gone
        for fingerprint in each.fingerprints:
            assert (log.token_by_fingerprint(list(own.values()), fingerprint) is None) == is_gone
    now = max([AT, *(each.grant.expiry for each, _ in written)]) - timedelta(days=300)
    counts: dict[str, int] = {}
    for each, _ in left:
        if each.grant.account == own[ACCOUNT] and each.grant.expiry > now and each.state is not TokenState.REFUSED:
            counts[each.grant.identity] = counts.get(each.grant.identity, 0) + 1
    assert dict(log.identities_in_use(own[ACCOUNT], now)) == counts


@settings(max_examples=60, deadline=None, suppress_health_check=UNHEALTHY)
@given(
    drafts=queries.drafts,
    asked=st.lists(queries.event_queries, min_size=1, max_size=6),
    limit=st.integers(1, 6),
    share=st.floats(0, 1),
    more=st.integers(0, 4),
)
def test_events_that_are_left_are_what_a_plain_search_finds(
    old: Old, drafts: list[EventDraft], asked: list[dict[str, Any]], limit: int, share: float, more: int
) -> None:
    number, log, now = next(_numbers), old.world.audit_log, datetime.now(UTC)
    told = [replace(each, account=f"{each.account}-{number}") for each in drafts]
    written = [(each, one) for each in told for one in log.append(each)]
    stream, streams = f"{ACCOUNT}-{number}", [f"{ACCOUNT}-{number}", f"{OTHER_ACCOUNT}-{number}"]
    every = []
    for words in asked:
        spans: dict[str, datetime] = {
            name: now + words[name][0] + words[name][1] * queries.MINUTE
            for name in ("after", "before")
            if name in words
        }
        every.append(EventQuery(streams, **{**words, **spans}))
    before = [(query, log.events(query, cursor=None, limit=limit)) for query in every]
    events = old.events(stream)
    upto = int(len(events) * share)
    old.remove(stream, upto, [])
    old.remove(stream, upto, [])
    later = told[: more if told else 0]
    written = [(each, one) for each, one in written if one.stream != stream or one.seq > upto]
    for query, first in before:
        if first.next:
            rest = queries.walk(
                lambda cursor, query=query, first=first: log.events(query, cursor=cursor or first.next, limit=limit)  # type: ignore[misc]
            )
            shown = set(first.items)
            assert rest == [each for each in queries.expected_events(written, query) if each not in shown], query
    written += [(each, one) for each in later for one in log.append(each)]
    for query in every:
        found = queries.walk(lambda cursor, query=query: log.events(query, cursor=cursor, limit=limit))  # type: ignore[misc]
        assert found == queries.expected_events(written, query), query
    assert old.streams.last(stream) == len([each for each in [*told, *later] if each.account == stream])


def issue(old: Old, many: int, **told: Any) -> list[TokenRecord]:
    return [old.world.issue(record(AT + n * queries.MINUTE, **told)) for n in range(many)]


def test_a_stream_of_which_nothing_is_left_goes_on_with_the_next_number(old: Old) -> None:
    tokens = issue(old, 3)
    old.remove(ACCOUNT, 6, [each.id for each in tokens])
    page = old.world.audit_log.events(EventQuery([ACCOUNT]), cursor=None, limit=5)
    assert (page.items, page.next, old.events(ACCOUNT), old.streams.last(ACCOUNT)) == ((), None, [], 6)
    for query in (EventQuery([ACCOUNT], team="storefront"), EventQuery([ACCOUNT], before=AT, after=AT)):
        assert not old.world.audit_log.events(query, cursor=None, limit=5).items
    (new,) = issue(old, 1)
    assert [each.seq for each in old.events(ACCOUNT)] == [7, 8]
    found = old.world.audit_log.events(EventQuery([ACCOUNT], token=new.id), cursor=None, limit=5).items
    assert [each.seq for each in found] == [8, 7]


def test_more_than_one_step_is_taken_away(old: Old) -> None:
    tokens = issue(old, 130)
    old.remove(ACCOUNT, 250, [each.id for each in tokens[:125]])
    assert [each.seq for each in old.events(ACCOUNT)] == list(range(251, 261))
    found = old.world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=100).items
    assert list(found) == tokens[:124:-1]


def test_an_open_reservation_is_not_taken_away(old: Old) -> None:
    wanted = record(AT)
    old.world.reserve(wanted)
    with pytest.raises(ValueError, match="open reservation"):
        old.aging.remove(ACCOUNT, [], [wanted.id])
    assert old.world.audit_log.token(wanted.id) is not None


@pytest.mark.parametrize("first", [1, 2])
def test_events_go_from_the_beginning_alone(old: Old, first: int) -> None:
    issue(old, 2)
    events = old.events(ACCOUNT)
    with pytest.raises(ValueError, match="from the beginning"):
        old.aging.remove(ACCOUNT, events[first:], [])
    assert old.events(ACCOUNT) == events


def test_what_an_earlier_attempt_left_is_finished(old: Old) -> None:
    tokens = issue(old, 4)
    events, names = old.events(ACCOUNT), [each.id for each in tokens]
    old.aging.remove(ACCOUNT, [], names[:1])
    old.aging.remove(ACCOUNT, events[:3], names[:2])
    old.aging.remove(ACCOUNT, events[:4], names[:3])
    assert old.events(ACCOUNT) == events[4:]
    assert [old.world.audit_log.token(each) for each in names[:3]] == [None] * 3
    assert old.world.audit_log.token(names[3]) == tokens[3]


@pytest.mark.parametrize("ending", ["redelivered", "replaced", "settled"])
def test_a_token_that_is_gone_cannot_be_changed(old: Old, ending: str) -> None:
    (token,) = issue(old, 1)
    old.remove(ACCOUNT, 2, [token.id])
    log = old.world.audit_log
    if ending == "settled":
        assert log.settle(token, TokenState.ABANDONED, event(token, EventKind.ABANDONED)) == ()
        return
    attempts: dict[str, Callable[[], object]] = {
        "redelivered": lambda: log.redeliver(token, "ab" * 32, event(token, EventKind.REDELIVERED)),
        "replaced": lambda: old.world.issue(replace(record(AT), replaces=token.id)),
    }
    with pytest.raises(RecordConflict):
        attempts[ending]()
