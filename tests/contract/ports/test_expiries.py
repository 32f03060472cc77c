"""Every token's end is put on record once, in order, whoever looks and however often; the twin and a real server."""

import json
from datetime import timedelta

import pytest

from sas_service.adapters.memory import MemoryAuditLog, MemoryAuditMirror, MemoryClock
from sas_service.adapters.redis.expiries import RedisExpiries
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import EventKind
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, Expiries
from sas_service.services.expire import Expiring
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, record, redis_world
from tests.valkey_process import RunningValkey

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def expiries(timeless: World, request: pytest.FixtureRequest) -> Expiries:
    log = timeless.audit_log
    return log if isinstance(log, MemoryAuditLog) else RedisExpiries(request.getfixturevalue("server"))


def ended(world: World, token: TokenRecord) -> int:
    """Return how many events say that the token has expired."""
    page = world.audit_log.events(EventQuery([token.grant.account], token=token.id), cursor=None, limit=50)
    return sum(json.loads(each.text)["kind"] == "expired" for each in page.items)


def told(expiries: Expiries, world: World, *, at: timedelta, limit: int = 100) -> list[str]:
    """Put on record what is due; return the ids in order."""
    due = expiries.due(ACCOUNT, world.now + at, limit)
    written = expiries.expire([(each, event(each, EventKind.EXPIRED)) for each in due])
    assert [json.loads(each.text)["token"] for each in written] == [each.id for each in due]
    return [each.id for each in due]


def test_each_end_is_told_once_and_only_when_it_has_come(timeless: World, expiries: Expiries) -> None:
    tokens = [timeless.issue(record(timeless.now, lifetime=number * HOUR)) for number in (2, 1, 3)]
    assert told(expiries, timeless, at=HOUR - SECOND) == []
    assert told(expiries, timeless, at=2 * HOUR) == [tokens[1].id, tokens[0].id]
    assert told(expiries, timeless, at=2 * HOUR) == []
    assert told(expiries, timeless, at=4 * HOUR) == [tokens[2].id]
    assert [ended(timeless, each) for each in tokens] == [1, 1, 1]


def test_many_that_end_in_one_second_come_in_pieces_without_gap_or_repeat(timeless: World, expiries: Expiries) -> None:
    tokens = [timeless.issue(record(timeless.now)) for _ in range(7)]
    pieces = [told(expiries, timeless, at=2 * HOUR, limit=3) for _ in range(4)]
    assert [len(each) for each in pieces] == [3, 3, 1, 0]
    assert sorted(each for piece in pieces for each in piece) == sorted(each.id for each in tokens)


def test_what_may_exist_ends_and_what_never_did_does_not(timeless: World, expiries: Expiries) -> None:
    never, maybe, after = (record(timeless.now + number * SECOND) for number in range(3))
    for each in (never, maybe):
        timeless.reserve(each)
    other = timeless.issue(record(timeless.now, account=OTHER_ACCOUNT))
    timeless.issue(after)
    timeless.audit_log.settle(never, TokenState.REFUSED, event(never, EventKind.REFUSED))
    assert told(expiries, timeless, at=2 * HOUR) == [], "an open reservation may still become a token"
    timeless.audit_log.settle(maybe, TokenState.ABANDONED, event(maybe, EventKind.ABANDONED))
    assert told(expiries, timeless, at=2 * HOUR) == [maybe.id, after.id]
    assert (ended(timeless, never), ended(timeless, other)) == (0, 0)


def test_two_workers_that_look_at_once_tell_it_once(timeless: World, expiries: Expiries) -> None:
    token = timeless.issue(record(timeless.now))
    due = expiries.due(ACCOUNT, timeless.now + 2 * HOUR, 10)
    drafts = [(each, event(each, EventKind.EXPIRED)) for each in due]
    assert len(expiries.expire(drafts)) == 1
    for _ in range(20):  # a shared token's last hand-outs are counted after its end
        timeless.audit_log.append(event(token, EventKind.HANDED_OUT))
    assert expiries.expire(drafts) == ()
    assert ended(timeless, token) == 1


def test_a_late_worker_moves_no_mark_back_and_a_lost_mark_repeats_nothing(
    valkey: RunningValkey, server: Server
) -> None:
    world = redis_world(valkey, server, max_clock_skew=timedelta(days=365_000))
    first, second = (world.issue(record(world.now, lifetime=number * HOUR)) for number in (1, 2))
    expiries, marks = RedisExpiries(server), Keys(ACCOUNT).expired
    early = [(each, event(each, EventKind.EXPIRED)) for each in expiries.due(ACCOUNT, world.now + HOUR, 10)]
    assert told(expiries, world, at=2 * HOUR) == [first.id, second.id]
    with valkey.client() as client:
        before = client.hgetall(marks)
        assert expiries.expire(early) == ()
        assert client.hgetall(marks) == before
        client.delete(marks)
        assert [each.id for each in expiries.due(ACCOUNT, world.now + 2 * HOUR, 10)] == [first.id, second.id]
        again = [(each, event(each, EventKind.EXPIRED)) for each in (first, second)]
        assert expiries.expire(again) == ()
        assert client.hgetall(marks) == before
    assert expiries.due(ACCOUNT, world.now + 2 * HOUR, 10) == ()


def test_the_event_says_whose_token_it_was_and_what_had_become_of_it(timeless: World, expiries: Expiries) -> None:
    old = timeless.issue(record(timeless.now))
    mirror, clock = MemoryAuditMirror(), MemoryClock(timeless.now + 2 * HOUR)
    expiring = Expiring(accounts=lambda: (ACCOUNT, OTHER_ACCOUNT), expiries=expiries, mirror=mirror, clock=clock)
    assert (expiring.run(), expiring.run()) == (1, 0)
    page = timeless.audit_log.events(EventQuery([ACCOUNT], token=old.id), cursor=None, limit=1)
    said = json.loads(page.items[0].text)
    assert (said["kind"], said["team"], said["caller"]) == ("expired", "storefront", dict(old.caller))
    assert said["expiry"] == f"{old.grant.expiry:%Y-%m-%dT%H:%M:%SZ}"
    assert mirror.lines() == [page.items[0].text]
