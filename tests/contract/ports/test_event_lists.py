"""Lists of events: merged over streams by time, filtered by team and token, against a plain merge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.errors import InvalidRequest
from sas_service.ports import EventQuery
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World

START = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

streams = st.sampled_from(["a", "b", "c"])
teams = st.none() | st.sampled_from(["logistics", "storefront"])
tokens = st.none() | st.sampled_from([f"{ACCOUNT}.aaaa", f"{ACCOUNT}.bbbb", f"{OTHER_ACCOUNT}.aaaa", "gone.aaaa"])
rows = st.lists(st.tuples(streams, teams, tokens, st.integers(0, 2500)), max_size=25)
queries = st.builds(
    EventQuery,
    st.lists(st.sampled_from(["a", "b", "c", "unknown"]), unique=True),
    team=teams,
    token=tokens,
)
_numbers = count()
Written = list[tuple[EventDraft, AuditEvent]]


def draft(
    at: datetime, *, account: str | None = ACCOUNT, team: str | None = None, token: str | None = None
) -> EventDraft:
    return EventDraft(EventKind.ISSUED, at, account=account, team=team, token=token)


def write(world: World, *drafts: EventDraft) -> Written:
    return [(each, event) for each in drafts for event in world.audit_log.append(each)]


def walk(world: World, query: EventQuery, limit: int) -> list[AuditEvent]:
    found: list[AuditEvent] = []
    cursor = None
    for _ in range(300):
        page = world.audit_log.events(query, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += page.items
        if page.next is None:
            return found
        cursor = page.next
    pytest.fail("the list never ends")


def expected(written: Written, query: EventQuery) -> list[AuditEvent]:
    """Take, again and again, the newest event among the ends of all streams."""
    ends = {
        stream: [
            (each, event)
            for each, event in written
            if event.stream == stream and query.team in {None, each.team} and query.token in {None, each.token}
        ]
        for stream in query.streams
    }
    found = []
    while any(ends.values()):
        stream = max((name for name in ends if ends[name]), key=lambda name: (ends[name][-1][0].at, name))
        found.append(ends[stream].pop()[1])
    return found


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, queries=st.lists(queries, min_size=1, max_size=4), limit=st.integers(1, 6))
def test_pages_are_what_a_plain_merge_finds(
    world: World,
    rows: list[tuple[str, str | None, str | None, int]],
    queries: list[EventQuery],
    limit: int,
) -> None:
    # One world serves all examples, so each has streams of its own; times go up and down on purpose.
    number = next(_numbers)
    written = write(
        world,
        *(
            draft(START + ms * MILLISECOND, account=f"{account}-{number}", team=team, token=token)
            for account, team, token, ms in rows
        ),
    )
    for query in queries:
        own_query = replace(query, streams=[f"{stream}-{number}" for stream in query.streams])
        assert walk(world, own_query, limit) == expected(written, own_query)


def test_numbers_have_no_gap_in_any_stream(world: World) -> None:
    for account in (ACCOUNT, None, ACCOUNT, OTHER_ACCOUNT, ACCOUNT):
        write(world, draft(START, account=account))
    page = world.audit_log.events(EventQuery([ACCOUNT, OTHER_ACCOUNT, "service"]), cursor=None, limit=50)
    numbers = {stream: [each.seq for each in page.items if each.stream == stream] for stream in (ACCOUNT, "service")}
    assert numbers == {ACCOUNT: [3, 2, 1], "service": [1]}


@pytest.mark.parametrize(
    "query", [EventQuery([ACCOUNT, OTHER_ACCOUNT]), EventQuery([ACCOUNT, OTHER_ACCOUNT], team="a")]
)
def test_a_cursor_stays_true_while_newer_events_arrive(world: World, query: EventQuery) -> None:
    old = write(world, *(draft(START + n * MILLISECOND, team="a") for n in range(5)))
    first = world.audit_log.events(query, cursor=None, limit=2)
    write(world, draft(START + timedelta(seconds=1), team="a"), draft(START, account=OTHER_ACCOUNT, team="a"))
    rest = world.audit_log.events(query, cursor=first.next, limit=50)
    assert [*first.items, *rest.items] == [event for _, event in old][::-1]
    assert rest.next is None


def test_a_stream_whose_matches_lie_deep_is_waited_for(world: World) -> None:
    token = f"{ACCOUNT}.aaaa"
    deep = write(world, draft(START + 5 * MILLISECOND, team="mine", token=token))
    write(world, *(draft(START + 6 * MILLISECOND, team="theirs", token=token) for _ in range(9)))
    older = write(world, draft(START, account=OTHER_ACCOUNT, team="mine", token=token))
    query = EventQuery([ACCOUNT, OTHER_ACCOUNT], team="mine", token=token)
    assert walk(world, query, 1) == [event for _, event in deep + older]


def test_nothing_is_an_empty_page(world: World) -> None:
    for query in (EventQuery([]), EventQuery(["unknown"]), EventQuery([ACCOUNT], team="nobody")):
        page = world.audit_log.events(query, cursor=None, limit=5)
        assert (page.items, page.next) == ((), None)


def test_a_cursor_of_another_query_shows_nothing_that_was_not_asked_for(world: World) -> None:
    write(world, draft(START, team="mine"), draft(START, team="theirs"), draft(START, team="theirs"))
    theirs = world.audit_log.events(EventQuery([ACCOUNT]), cursor=None, limit=1).next
    page = world.audit_log.events(EventQuery([ACCOUNT], team="mine"), cursor=theirs, limit=5)
    assert all('"team":"mine"' in event.text for event in page.items)


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_holds_1_to_500(world: World, limit: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        world.audit_log.events(EventQuery([ACCOUNT]), cursor=None, limit=limit)
    assert [violation.pointer for violation in refusal.value.violations] == ["/limit"]
