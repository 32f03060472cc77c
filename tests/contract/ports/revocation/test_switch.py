"""The switch: all or nothing, once, under the newest fence, and the same again when its reply was lost."""

from datetime import timedelta

import pytest

from sas_service.domain.errors import EpochMoved, LeaseLost, NotFound
from sas_service.domain.slots import AccountSlots, SigningKey
from tests.contract.ports.revocation.world import Revoking
from tests.contract.ports.test_races import at_once
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT

IDENTITIES = {"web": "web-b", "batch": "batch-b"}
SWITCHED = AccountSlots(ACCOUNT, 2, SigningKey.SECONDARY, IDENTITIES)


def switch(revoking: Revoking, fence: int, **changed: object) -> AccountSlots:
    asked = {"after_epoch": 1, "signing_key": SigningKey.SECONDARY, "identities": IDENTITIES, **changed}
    return revoking.slots.switch(ACCOUNT, fence=fence, **asked)  # type: ignore[arg-type]  # members by name


def test_key_identities_and_epoch_move_together(revoking: Revoking) -> None:
    before = revoking.slots.read(OTHER_ACCOUNT)
    assert switch(revoking, revoking.lease("a").fence) == SWITCHED == revoking.slots.read(ACCOUNT)
    assert revoking.slots.read(OTHER_ACCOUNT) == before


def test_profiles_that_are_not_named_stay(revoking: Revoking) -> None:
    moved = switch(revoking, revoking.lease("a").fence, identities={"batch": "batch-b"})
    assert moved.identities == {"web": "web-a", "batch": "batch-b"}


def test_repeated_it_is_the_same_and_counts_once(revoking: Revoking) -> None:
    fence = revoking.lease("a").fence
    assert [switch(revoking, fence) for _ in range(3)] == [SWITCHED] * 3
    assert revoking.slots.read(ACCOUNT) == SWITCHED


@pytest.mark.parametrize(
    "changed", [{"signing_key": SigningKey.PRIMARY}, {"identities": {"web": "web-c"}}, {"after_epoch": 0}]
)
def test_another_switch_from_the_same_epoch_is_refused(revoking: Revoking, changed: dict[str, object]) -> None:
    fence = revoking.lease("a").fence
    switch(revoking, fence)
    with pytest.raises(EpochMoved):
        switch(revoking, fence, **changed)
    assert revoking.slots.read(ACCOUNT) == SWITCHED


def test_the_next_switch_counts_on(revoking: Revoking) -> None:
    fence = revoking.lease("a").fence
    switch(revoking, fence)
    back = switch(revoking, fence, after_epoch=2, signing_key=SigningKey.PRIMARY, identities={"web": "web-a"})
    assert back == AccountSlots(ACCOUNT, 3, SigningKey.PRIMARY, {"web": "web-a", "batch": "batch-b"})


def test_a_zombie_switches_nothing(revoking: Revoking) -> None:
    zombie = revoking.lease("a", timedelta(milliseconds=100))
    revoking.wait(timedelta(milliseconds=120))
    successor = revoking.lease("b")
    with pytest.raises(LeaseLost):
        switch(revoking, zombie.fence)
    assert revoking.slots.read(ACCOUNT).epoch == 1
    switch(revoking, successor.fence)
    with pytest.raises(LeaseLost):
        switch(revoking, zombie.fence)


def test_many_at_once_move_the_epoch_by_one(revoking: Revoking) -> None:
    fence = revoking.lease("a").fence
    outcomes = at_once(lambda number: switch(revoking, fence, identities={"web": f"web-{number}"}), 20)
    won = [each for each in outcomes if isinstance(each, AccountSlots)]
    assert won == [revoking.slots.read(ACCOUNT)]
    assert won[0].epoch == 2
    assert sum(isinstance(each, EpochMoved) for each in outcomes) == 19


def test_a_fence_that_was_never_given_is_no_better_than_an_old_one(revoking: Revoking) -> None:
    fence = revoking.lease("a").fence
    with pytest.raises(LeaseLost):
        switch(revoking, fence + 1)
    assert revoking.slots.read(ACCOUNT).epoch == 1


def test_an_account_without_slots_is_not_switched(revoking: Revoking) -> None:
    fence = revoking.lease("a", account="maps-new").fence
    with pytest.raises(NotFound):
        revoking.slots.switch(
            "maps-new", after_epoch=1, signing_key=SigningKey.SECONDARY, identities=IDENTITIES, fence=fence
        )
