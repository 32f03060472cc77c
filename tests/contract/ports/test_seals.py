"""Seals: a stream moves on in one step or not at all, and its events are read by their numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from sas_service.adapters.memory import MemoryAuditLog, MemorySeals
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.seals import RedisSeals
from sas_service.domain.merkle import Frontier, leaf_hash, root_of
from sas_service.domain.tiles import grow, nodes_in
from sas_service.ports import EventStreams, Seal, Seals
from tests.contract.ports.conftest import server_behind
from tests.contract.ports.test_event_lists import START, draft, write
from tests.contract.ports.test_races import at_once
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World

NOTE = "origin\n3\nroot\n\n\u2014 name c2lnbmF0dXJl\n"


@dataclass(frozen=True)
class Sealed:
    world: World
    seals: Seals
    streams: EventStreams


@pytest.fixture
def sealed(world: World, request: pytest.FixtureRequest) -> Iterator[Sealed]:
    if isinstance(world.audit_log, MemoryAuditLog):
        yield Sealed(world, MemorySeals(), world.audit_log)
        return
    server = server_behind(request)
    yield Sealed(world, RedisSeals(server), RedisEventStreams(server))


def leaves(size: int, first: int = 0) -> list[bytes]:
    return [leaf_hash(str(number)) for number in range(first, first + size)]


def test_nothing_is_sealed_at_first(sealed: Sealed) -> None:
    assert sealed.seals.read(ACCOUNT) == Seal()
    assert sealed.seals.tiles(ACCOUNT, [(0, 0), (1, 7)]) == ((), ())
    assert sealed.seals.tiles(ACCOUNT, []) == ()


def test_a_tree_grows_in_steps_and_can_be_read(sealed: Sealed) -> None:
    before, done = Seal(), 0
    for step in (1, 300, 255, 0, 700):
        frontier, pieces = grow(before.frontier, leaves(step, done))
        after = Seal(frontier, NOTE + str(done), NOTE, aged=done)
        assert sealed.seals.advance(ACCOUNT, before, after, pieces)
        assert sealed.seals.read(ACCOUNT) == after
        before, done = after, done + step
    nodes = nodes_in(lambda tile: sealed.seals.tiles(ACCOUNT, [tile])[0])
    for size in (1, 256, 301, done):
        assert root_of(nodes, size) == Frontier().grown(leaves(size)).root
    assert sealed.seals.read(OTHER_ACCOUNT) == Seal()


def test_only_who_has_seen_the_newest_seal_moves_it(sealed: Sealed) -> None:
    frontier, pieces = grow(Frontier(), leaves(3))
    first = Seal(frontier, NOTE)
    assert sealed.seals.advance(ACCOUNT, Seal(), first, pieces)
    other, others = grow(Frontier(), leaves(3, 100))
    for stale in (Seal(), replace(first, published=NOTE), replace(first, aged=1)):
        assert not sealed.seals.advance(ACCOUNT, stale, Seal(other, NOTE), others)
    assert sealed.seals.read(ACCOUNT) == first
    assert sealed.seals.tiles(ACCOUNT, [(0, 0)]) == (tuple(leaves(3)),)
    assert sealed.seals.advance(ACCOUNT, first, first)
    assert sealed.seals.advance(ACCOUNT, first, replace(first, published=NOTE))


def test_one_of_many_moves_it(sealed: Sealed) -> None:
    def move(number: int) -> bool:
        frontier, pieces = grow(Frontier(), leaves(2, number))
        return sealed.seals.advance(ACCOUNT, Seal(), Seal(frontier, str(number)), pieces)

    outcomes = at_once(move, 20)
    assert sum(map(bool, outcomes)) == 1
    winner = outcomes.index(True)
    assert sealed.seals.read(ACCOUNT).checkpoint == str(winner)
    assert sealed.seals.tiles(ACCOUNT, [(0, 0)]) == (tuple(leaves(2, winner)),)


def test_events_are_read_by_their_numbers(sealed: Sealed) -> None:
    written = [event for _, event in write(sealed.world, *(draft(START) for _ in range(7)))]
    write(sealed.world, draft(START, account=OTHER_ACCOUNT))

    def after(seq: int, limit: int) -> list[int]:
        return [event.seq for event in sealed.streams.after(ACCOUNT, seq, limit)]

    assert (after(0, 3), after(3, 3), after(6, 3), after(7, 3)) == ([1, 2, 3], [4, 5, 6], [7], [])
    assert list(sealed.streams.after(ACCOUNT, 0, 10)) == written
    assert (sealed.streams.last(ACCOUNT), sealed.streams.last("unknown")) == (7, 0)
