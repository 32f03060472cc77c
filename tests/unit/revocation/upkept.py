"""The simulated account with a worker that looks after it: the runner and the upkeep under one lease."""

import json
from datetime import timedelta

from sas_service.adapters.memory import MemoryNotes
from sas_service.domain.audit import EventKind
from sas_service.domain.drift import Drift
from sas_service.services.keep_standby import KeepStandby
from sas_service.services.look_after import LookAfter
from sas_service.services.run_playbook import PlaybookRunner
from sas_service.services.watch_drift import DriftWatch
from tests.unit.revocation.world import MAPS, Simulation

EVERY = timedelta(seconds=60)
PROVE_EVERY = timedelta(hours=1)


class Upkept:
    """A simulation whose tick is a whole worker's; ``also`` makes further workers over the same world."""

    def __init__(self, world: Simulation) -> None:
        self.world = world
        self.notes = MemoryNotes(world.leases)
        self.drift = DriftWatch(world.world, world.planning, self.notes, world.shared_tokens)
        self.look_after = self.worker("worker")
        world.runner = PlaybookRunner(world.world, world.leases, holder="worker")

    def worker(self, holder: str) -> LookAfter:
        return LookAfter(
            world=self.world.world,
            planning=self.world.planning,
            leases=self.world.leases,
            holder=holder,
            watch=self.drift,
            standby=KeepStandby(self.world.world, self.notes, prove_every=PROVE_EVERY),
            every=EVERY,
        )

    def let_pass(self, time: timedelta) -> None:
        end = self.world.clock.now() + time
        while self.world.clock.now() < end:
            self.world.tick()
            self.look_after.tick(MAPS)

    def codes(self) -> list[tuple[str, str]]:
        return [each.name for each in self.drifts()]

    def drifts(self) -> tuple[Drift, ...]:
        return self.drift.drifts(MAPS)

    def kinds(self) -> list[str]:
        """The kinds of all events on record, in order."""
        return [str(event["kind"]) for event in self.events()]

    def events(self, kind: EventKind | None = None) -> list[dict[str, object]]:
        documents = [json.loads(line) for line in self.world.mirror.lines()]
        return [each for each in documents if kind is None or each["kind"] == kind.value]

    def sent(self) -> list[tuple[str, str]]:
        return [(each.operation, each.name) for each in self.world.azure.sent]
