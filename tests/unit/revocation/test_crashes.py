"""The crash matrix: every step of every playbook x every crash point x every fault, and the promises after each."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.revocations import Lever, State
from sas_service.domain.tokens import SasToken
from tests.unit.revocation.saboteur import FAULTS, Saboteur, crash_points, double_crashes
from tests.unit.revocation.test_interleavings import believe_everybody
from tests.unit.revocation.world import MAPS, Simulation

MOST_TICKS = 250


def broken_promises(
    lever: Lever, *points: tuple[str, str], fault: str, arrange: Callable[[Simulation], None] = lambda _world: None
) -> list[str]:
    world = Simulation()
    arrange(world)
    world.azure.delays = {"assign": timedelta(seconds=25), "attach": timedelta(seconds=5)}
    for number in range(2):
        world.add("storefront", number)
    world.add("logistics")
    before = [app.token for app in world.applications]
    run = world.start(lever=lever)
    saboteur = Saboteur(world, list(points), fault)
    saboteur.slots[1] = world.slots.read(MAPS)
    for _ in range(MOST_TICKS):
        if world.journal.read(run.id).state is State.COMPLETED:
            break
        saboteur.tick(run)
    done = world.journal.read(run.id)
    if done.state is not State.COMPLETED:
        return [f"I11: {done.state} at {done.step}, waiting for {done.waiting_for}"]
    # What was late lands now: it must find nothing to kill.
    world.azure.land()
    world.look()
    alive = [token for token in before if world.data_plane.status(token) == 200]
    revived = [f"I9: {len(alive)} tokens work after the end"] if alive else []
    return saboteur.promises(done, [token.reveal() for token in before]) + revived


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("lever", list(Lever))
def test_a_crash_anywhere_breaks_no_promise(lever: Lever, fault: str) -> None:
    broken = {
        (step, point): promises
        for each, step, point in crash_points()
        if each is lever and (promises := broken_promises(lever, (step, point), fault=fault))
    }
    assert broken == {}


def test_the_matrix_is_as_large_as_promised() -> None:
    assert len(crash_points()) * len(FAULTS) >= 780


@pytest.mark.full
@pytest.mark.parametrize("lever", list(Lever))
def test_a_second_crash_while_it_recovers_breaks_none_either(lever: Lever) -> None:
    broken = {
        pair: promises for pair in double_crashes(lever) if (promises := broken_promises(lever, *pair, fault="none"))
    }
    assert broken == {}


def test_all_double_crashes_are_as_many_as_promised() -> None:
    """65 x 65 ordered pairs of one playbook; a pair and its mirror image are the same two crashes."""
    assert sum(len(double_crashes(lever)) for lever in Lever) >= 65 * 65


def _say_nothing(world: Simulation) -> None:
    append = world.log.append

    def mute(event: EventDraft, *, once: str | None = None) -> tuple[AuditEvent, ...]:
        return () if event.kind is EventKind.AZURE_WRITE_INTENDED else append(event, once=once)

    world.log.append = mute  # type: ignore[method-assign]


def _seal_nothing(world: Simulation) -> None:
    object.__setattr__(world.world, "sealing", Plain())


class Plain:
    """What a sealing must not be."""

    def seal(self, token: SasToken, *, about: str) -> str:
        return token.reveal()

    def open(self, sealed: str, *, about: str) -> SasToken:
        return SasToken(sealed)


@pytest.mark.parametrize(
    ("arrange", "promise"),
    [(believe_everybody, "I2"), (_say_nothing, "I14"), (_seal_nothing, "I6")],
)
def test_the_matrix_sees_what_it_looks_for(arrange: Callable[[Simulation], None], promise: str) -> None:
    broken = broken_promises(Lever.BOTH, ("attach-identity", "after intent"), fault="none", arrange=arrange)
    assert any(each.startswith(promise) for each in broken), broken
