"""A run over ten thousand live tokens takes a tick, not a coffee."""

from dataclasses import replace
from time import perf_counter

from sas_service.adapters.memory.token_store import TokenStore
from tests.unit.revocation.world import MAPS, Simulation


def test_a_tick_over_ten_thousand_unmoved_tokens_takes_seconds_at_most() -> None:
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    record = world.log.token(app.id)
    assert record is not None
    store = world.log._tokens
    assert isinstance(store, TokenStore)
    for number in range(10_000):
        store._records[f"{MAPS}.{number}"] = replace(record, id=f"{MAPS}.{number}")
    run = world.start()
    for _ in range(3):
        world.tick()
    begun = perf_counter()
    world.tick()
    assert perf_counter() - begun < 2
    step = world.journal.read(run.id).step
    assert step is not None
    assert step.name == "replace"
    assert world.azure.sent == []
