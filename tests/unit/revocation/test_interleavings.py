"""No interleaving within the bounds takes a working token from its application; without any one protection one does."""

from collections.abc import Callable, Mapping
from datetime import datetime

import pytest

from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.tokens import TokenRecord, TokenState
from tests.unit.revocation.interleavings import Bounds, Play, search
from tests.unit.revocation.snapshots import copy_of
from tests.unit.revocation.world import MAPS, NOW, Simulation

CALM = Bounds(deaths=0, late=0, rollbacks=0, issues=0)


def nothing(_world: Simulation) -> None:
    """Leave everything on."""


def believe_everybody(world: Simulation) -> None:
    """Take every live token for replaced, as a timer instead of acknowledgements would."""

    def of(_account: str) -> Mapping[str, Acknowledgement]:
        records = world.log.unexpired(MAPS, world.clock.now())
        return {each.id: Acknowledgement(each.id, "", "", Consumer.of(each), NOW) for each in records}

    world.acknowledgements.of = of  # type: ignore[method-assign, assignment]


def _hide(*states: TokenState) -> Callable[[Simulation], None]:
    def ablate(world: Simulation) -> None:
        real = world.log.unexpired

        def unexpired(account: str, now: datetime) -> tuple[TokenRecord, ...]:
            return tuple(each for each in real(account, now) if each.state not in states)

        world.log.unexpired = unexpired  # type: ignore[method-assign]

    return ablate


forget_tokens = _hide(TokenState.LIVE)
ignore_reservations = _hide(TokenState.RESERVED)


def compare_key_names(world: Simulation) -> None:
    """Let a token commit if the key that signed it has the same name as the active one."""
    ignore_reservations(world)
    check = world.log._check_epoch

    def by_name(record: TokenRecord) -> None:
        if world.slots.read(MAPS).signing_key is not record.grant.signing_key:
            check(record)

    world.log._check_epoch = by_name  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("bounds", "at_least"),
    [
        (CALM, 30),
        (Bounds(deaths=0, late=1, rollbacks=0, issues=0), 100),
        (Bounds(deaths=0, late=0, rollbacks=1, issues=0), 50),
        (Bounds(deaths=0, late=0, rollbacks=0, issues=1), 200),
        (Bounds(deaths=1, late=0, rollbacks=0, issues=0, runs=1), 200),
    ],
    ids=["calm", "late", "rollback", "racing issue", "death"],
)
def test_no_way_within_the_bounds_takes_a_working_token(bounds: Bounds, at_least: int) -> None:
    found = search(lambda: Play(bounds, nothing))
    assert found.way is None
    assert found.exhausted
    assert found.states >= at_least


@pytest.mark.full
@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(deaths=1, late=0, rollbacks=0, issues=0),
        Bounds(deaths=0, late=1, rollbacks=1, issues=0),
        Bounds(deaths=2, late=0, rollbacks=0, issues=0, runs=1),
        Bounds(deaths=1, late=0, rollbacks=0, issues=1),
        Bounds(deaths=1, late=0, rollbacks=1, issues=0),
        Bounds(deaths=0, late=1, rollbacks=0, issues=1),
        Bounds(deaths=1, late=1, rollbacks=0, issues=0),
    ],
    ids=[
        "death",
        "late and rollback",
        "two deaths",
        "death and issue",
        "death and rollback",
        "late and issue",
        "death and late",
    ],
)
def test_no_longer_way_does_either(bounds: Bounds) -> None:
    """Every two things that may go wrong together; how many states that is: docs/decisions/crashes.md."""
    found = search(lambda: Play(bounds, nothing), most=1_000_000, deep=True)
    assert found.way is None
    assert found.exhausted


def test_going_on_from_a_copy_is_the_same_as_replaying() -> None:
    def make() -> Play:
        return Play(Bounds(), nothing)

    kept, way = make(), []
    for number in range(25):
        options = kept.enabled()
        action = options[number % len(options)]
        way.append(action)
        before, following = kept.fingerprint(), copy_of(kept)
        following.act(action)
        replayed = make()
        for each in way:
            replayed.act(each)
        assert following.fingerprint() == replayed.fingerprint()
        assert kept.fingerprint() == before
        kept = following


ABLATIONS: Mapping[str, Callable[[], Play]] = {
    "no probe": lambda: Play(CALM, nothing, skipped="prove-standby"),
    "no acknowledgements": lambda: Play(CALM, believe_everybody),
    "records not durable": lambda: Play(CALM, forget_tokens),
    "no epoch at commit": lambda: Play(Bounds(deaths=0, late=0, rollbacks=0), ignore_reservations, checks_epochs=False),
    "key names compared": lambda: Play(Bounds(deaths=0, late=0, rollbacks=0), compare_key_names),
    "no quarantine, late request": lambda: Play(Bounds(deaths=0, rollbacks=0, issues=0), nothing, has_quarantine=False),
    "no quarantine, zombie": lambda: Play(Bounds(late=0, rollbacks=0, issues=0), nothing, has_quarantine=False),
}


@pytest.mark.parametrize("protection", ABLATIONS)
def test_without_this_protection_there_is_a_way(protection: str) -> None:
    found = search(ABLATIONS[protection], most=5_000)
    assert found.way is not None, found


def test_what_the_ablations_leave_on_is_enough() -> None:
    """The epoch alone holds where the wait for reservations is gone: it is the ablation that breaks, not its world."""
    bounds = Bounds(deaths=0, late=0, rollbacks=0)
    assert search(lambda: Play(bounds, ignore_reservations)).way is None
