"""A run over ten thousand live tokens: nothing is cut while they have not moved (its time: tests/bench)."""

from dataclasses import replace

from sas_service.adapters.memory.token_store import TokenStore
from sas_service.domain.runs import Revocation
from tests.unit.revocation.world import MAPS, Simulation


def waiting_for(number: int) -> tuple[Simulation, Revocation]:
    """A run that waits until this many tokens have been replaced."""
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    record = world.log.token(app.id)
    assert record is not None
    store = world.log._tokens
    assert isinstance(store, TokenStore)
    for each in range(number):
        store._records[f"{MAPS}.{each}"] = replace(record, id=f"{MAPS}.{each}")
    run = world.start()
    for _ in range(3):
        world.tick()
    return world, run


def test_ten_thousand_unmoved_tokens_hold_the_cut() -> None:
    world, run = waiting_for(10_000)
    world.tick()
    step = world.journal.read(run.id).step
    assert step is not None
    assert step.name == "replace"
    assert world.azure.sent == []
