"""Slots: first identities are given once and never changed by giving them again."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sas_service.domain.errors import NotFound
from sas_service.domain.slots import AccountSlots, SigningKey
from tests.contract.ports.world import World


def test_an_account_without_slots_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.slots.read("fresh")


def test_a_new_account_starts_with_epoch_1_and_the_primary_key(world: World) -> None:
    first = world.slots.initialise("fresh", {"web": "web-a", "batch": "batch-a"})
    assert first == AccountSlots("fresh", 1, SigningKey.PRIMARY, {"web": "web-a", "batch": "batch-a"})
    assert world.slots.read("fresh") == first


def test_only_profiles_that_have_none_get_an_identity(world: World) -> None:
    world.slots.initialise("fresh", {"web": "web-a"})
    world.move_epoch("fresh", 3)
    again = world.slots.initialise("fresh", {"web": "web-b", "batch": "batch-a"})
    assert again == AccountSlots("fresh", 3, SigningKey.PRIMARY, {"web": "web-a", "batch": "batch-a"})
    assert world.slots.initialise("fresh", {}) == again == world.slots.read("fresh")


def test_many_at_once_agree(world: World) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: world.slots.initialise("fresh", {"web": f"web-{n}"}), range(40)))
    assert len({answer.identities["web"] for answer in answers}) == 1
