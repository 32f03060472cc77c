"""Rounds of sealing: every event once, in its order, whatever dies in between; and what is refused to be sealed."""

import json

import pytest

from sas_service.adapters.ed25519_signing import verify_ed25519
from sas_service.domain.checkpoints import Checkpoint, open_checkpoint
from sas_service.domain.errors import (
    AuditLogUnavailable,
    InvalidRequest,
    MirrorUnavailable,
    NotFound,
    SasServiceError,
    SealBroken,
)
from sas_service.domain.merkle import Frontier, leaf_hash, proves_consistency, proves_inclusion
from sas_service.services import seal as sealing
from tests.unit.seal.world import KEY, MAPS, SERVICE, World


def opened(note: str) -> Checkpoint:
    return open_checkpoint(note, KEY, verify_ed25519)


def root(texts: list[str]) -> bytes:
    return Frontier().grown(map(leaf_hash, texts)).root


def test_every_stream_is_sealed_and_the_mirror_has_its_checkpoints() -> None:
    world = World()
    world.write(3)
    world.write(2, account=None)
    assert world.worker().run() == 5
    assert [opened(note) for note in world.notes()] == [
        Checkpoint("sas-service.example/maps-demo", 3, root(world.texts()))
    ]
    assert opened(world.notes(SERVICE)[0]).root == root(world.texts(SERVICE))
    world.write(600)
    assert (world.worker().run(), world.worker().run()) == (600, 0)
    assert [opened(note).size for note in world.notes()] == [3, 603]
    assert world.proofs().checkpoint(MAPS).note == world.notes()[-1]


def test_a_round_is_bounded_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MOST_PER_ROUND", 1000)
    world = World()
    world.write(2300)
    assert [world.worker().run() for _ in range(4)] == [1000, 1000, 300, 0]
    assert world.seals.read(MAPS).frontier.root == root(world.texts())


@pytest.mark.parametrize("dies_at", range(6))
def test_a_worker_that_dies_anywhere_leaves_nothing_wrong(dies_at: int) -> None:
    world = World()
    world.write(5)
    calls = 0

    def dying(port: object, name: str) -> None:
        method = getattr(port, name)

        def call(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == dies_at // 2 + 1 and dies_at % 2 == 0:
                raise AuditLogUnavailable("died before")
            answer = method(*arguments)
            if calls == dies_at // 2 + 1:
                raise AuditLogUnavailable("died after")
            return answer

        setattr(port, name, call)

    dying(world.seals, "advance")
    dying(world.mirror, "append")
    with pytest.raises(AuditLogUnavailable):
        world.worker().seal(MAPS)
    world.write(4)
    for _ in range(3):
        world.worker().seal(MAPS)
    seal = world.seals.read(MAPS)
    assert (seal.size, seal.is_pending) == (9, False)
    assert seal.frontier.root == root(world.texts())
    assert {opened(note).size for note in world.notes()} == {5, 9} or dies_at == 0
    for checkpoint in map(opened, world.notes()):
        assert checkpoint.root == root(world.texts()[: checkpoint.size])


def test_nothing_is_shown_that_the_mirror_does_not_have() -> None:
    world = World()
    world.write(2)
    world.mirror.fail_with(MirrorUnavailable("full"), times=2)
    for _ in range(2):
        with pytest.raises(MirrorUnavailable):
            world.worker().seal(MAPS)
        with pytest.raises(NotFound):
            world.proofs().checkpoint(MAPS)
    world.worker().seal(MAPS)
    assert world.proofs().checkpoint(MAPS).note == world.notes()[0]


def test_two_workers_at_once_seal_once() -> None:
    world = World()
    world.write(5)
    slow, fast, advance = world.worker(), world.worker(), world.seals.advance

    def overtaken(*arguments: object) -> bool:
        world.seals.advance = advance  # type: ignore[method-assign]
        fast.seal(MAPS)
        return advance(*arguments)  # type: ignore[arg-type]

    world.seals.advance = overtaken  # type: ignore[method-assign, assignment]
    assert slow.seal(MAPS) == 0
    assert world.seals.read(MAPS).size == 5
    assert len(world.notes()) == 1


def test_a_changed_log_is_not_sealed_and_told_once() -> None:
    world = World()
    world.write(400)
    world.write(3, account=None)
    world.worker().run()
    world.write(1)
    text = world.texts()[399]
    world.change(400, text.replace('"n":', '"m":'))
    for _ in range(2):
        with pytest.raises(SealBroken, match="event 400 of maps-demo has changed"):
            world.worker().run()
    told = [json.loads(text) for text in world.texts(SERVICE) if '"sealBroken"' in text]
    assert [each["sealed"] for each in told] == [MAPS]
    assert world.seals.read(MAPS).size == 400
    assert world.seals.read(SERVICE).size == 4, "the other streams are sealed on"


def test_an_old_change_is_found_in_its_turn() -> None:
    world = World()
    world.write(256 * 3)
    world.worker().run()
    world.change(10, world.texts()[9].replace('"n":9', '"n":8'))

    found = 0
    for _ in range(3):
        try:
            world.worker().seal(MAPS)
        except SealBroken:
            found += 1
        world.clock.advance(sealing.SEAL_EVERY)
    assert found == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda world: world.change(12), "has 13 where 12 should be"),
        (lambda world: world.change(12, world.texts()[12]), "says that it is another"),
        (lambda world: world.change(12, "{}"), "says that it is another"),
        (lambda world: world.change(12, "no JSON"), "says that it is another"),
        (lambda world: [world.change(seq) for seq in range(8, 15)], "ends at 7, but is sealed to 10"),
    ],
)
def test_a_gap_or_a_foreign_text_is_not_sealed(change: object, why: str) -> None:
    world = World()
    world.write(10)
    world.worker().run()
    world.write(4)
    change(world)  # type: ignore[operator]
    with pytest.raises(SealBroken, match=why):
        world.worker().run()
    assert world.seals.read(MAPS).size == 10


def test_proofs_convince_who_has_only_the_checkpoint() -> None:
    world = World()
    world.write(300)
    world.worker().run()
    old = world.proofs().checkpoint(MAPS).checkpoint
    world.write(400)
    world.worker().run()
    proofs, new = world.proofs(), world.proofs().checkpoint(MAPS).checkpoint
    for seq in (1, 256, 257, 300, 700):
        found = proofs.inclusion(MAPS, seq)
        assert found.leaf == leaf_hash(world.texts()[seq - 1])
        assert proves_inclusion(found.leaf, seq - 1, new.size, found.proof, new.root)
    earlier = proofs.inclusion(MAPS, 7, old.size)
    assert proves_inclusion(earlier.leaf, 6, old.size, earlier.proof, old.root)
    second, steps = proofs.consistency(MAPS, old.size)
    assert proves_consistency(old.size, old.root, second, new.root, steps)
    assert [each.stream for each in proofs.checkpoints()] == [MAPS]


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        (lambda proofs: proofs.inclusion(MAPS, 0), InvalidRequest),
        (lambda proofs: proofs.inclusion(MAPS, 4), InvalidRequest),
        (lambda proofs: proofs.inclusion(MAPS, 1, 4), InvalidRequest),
        (lambda proofs: proofs.consistency(MAPS, 0), InvalidRequest),
        (lambda proofs: proofs.consistency(MAPS, 3, 2), InvalidRequest),
        (lambda proofs: proofs.checkpoint("elsewhere"), NotFound),
        (lambda proofs: proofs.inclusion(SERVICE, 1), NotFound),
    ],
)
def test_what_is_not_sealed_cannot_be_proven(ask: object, refusal: type[SasServiceError]) -> None:
    world = World()
    world.write(3)
    world.worker().run()
    with pytest.raises(refusal):
        ask(world.proofs())  # type: ignore[operator]
