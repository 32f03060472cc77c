"""Where a list of events goes on after what it has read of a stream."""

from datetime import UTC, datetime

import pytest

from sas_service.adapters.redis.event_chains import Chain
from sas_service.adapters.redis.event_feed import Feed, Timed
from sas_service.domain.audit import AuditEvent
from sas_service.ports import EventQuery

NUMBERS = [9, 8, 7]
EVENTS: list[Timed | None] = [(datetime(2026, 11, 22, tzinfo=UTC), AuditEvent("a", seq, "{}")) for seq in NUMBERS]
NOTHING: list[Timed | None] = [None] * 3


@pytest.mark.parametrize(
    ("asked", "lowest", "rest"), [(3, 1, 6), (4, 1, 0), (3, 7, 0)], ids=["more", "the end", "of another time"]
)
def test_a_list_goes_on_below_the_last_that_it_read(asked: int, lowest: int, rest: int) -> None:
    feed = Feed("a", None, lowest=lowest)
    feed.take_looked_at(NUMBERS, EVENTS, asked=asked)
    assert (feed.events, feed.rest) == (EVENTS, rest)


@pytest.mark.parametrize(
    ("events", "pointers", "since", "asked", "taken", "rest"),
    [
        (NOTHING, ["", "", ""], 0, 3, 0, -6),
        (NOTHING, ["", "", ""], 0, 4, 0, 0),
        (NOTHING, ["5", "5", "5"], 0, 3, 0, -6),
        (EVENTS, ["", "", ""], 0, 3, 3, -6),
        (EVENTS, ["", "4", "3"], 0, 3, 2, 4),
        (EVENTS, ["4", "3", "2"], 5, 3, 1, -5),
        (EVENTS, ["4", "3", "2"], 8, 3, 1, -8),
        (EVENTS, ["4", "3", "2"], 9, 3, 3, -6),
    ],
)
def test_a_look_for_a_chain_follows_it_as_soon_as_it_may(
    events: list[Timed | None], pointers: list[str], since: int, asked: int, taken: int, rest: int
) -> None:
    feed = Feed("a", -9, since=since)
    feed.take_looked_for(NUMBERS, events, pointers, asked=asked)
    assert (len(feed.events), feed.rest) == (taken, rest)


def test_a_pointer_is_where_the_first_releases_entries_may_have_none() -> None:
    chain = Chain.of(EventQuery(["a"], application="x"))
    assert chain
    whole = ["e", "{}", "t", "1", "m", "2", "a", "3", "o", "4", "r", "5"]
    assert [chain.pointer_in(fields) for fields in (whole, whole[:6], [*whole[:6], "l", "7"])] == ["3", "", ""]
