"""The revocation tests' simulation with Redis and a real mirror as its memory: what it did is lost and repaired."""

from datetime import timedelta
from pathlib import Path

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.redis.acknowledgements import RedisAcknowledgements
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.census import RedisTokenCensus
from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.journal import RedisJournal
from sas_service.adapters.redis.leases import RedisLeases
from sas_service.adapters.redis.lockdowns import RedisLockdowns
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.redis.suspensions import RedisSuspensions
from sas_service.services.lockdown import LockingDown
from sas_service.services.repair import AuditRepair, Found
from sas_service.services.run_lockdown import LockdownRunner
from sas_service.services.suspend import Suspending
from tests.integration.redis.guarded import DURABILITY, LIMITS
from tests.integration.redis.repairing import everything, repair_of
from tests.unit.revocation.world import MAPS, TICK, Simulation
from tests.valkey_process import RunningValkey

YEARS = timedelta(days=3650)
"""The simulation's clock stands where it likes; the server's does not."""


class Remembering(Simulation):
    """One account over the twins of Azure; all that the service remembers is in Redis and in the mirror."""

    def __init__(self, valkey: RunningValkey, directory: Path) -> None:
        self.valkey = valkey
        self.directory = directory
        super().__init__(is_cold=False)
        self.locking = LockingDown(self.world)
        self.suspending = Suspending(
            policies=self.policies,
            suspensions=self.suspensions,
            audit_log=self.log,
            mirror=self.mirror,
            clock=self.clock,
        )

    def remember(self) -> None:
        self.server = Server(connect(self.valkey.url, limits=LIMITS), durability=DURABILITY)
        self.server.layout = 2
        self.files = NdjsonMirror(self.directory)
        # In the twins' places, whose ports they have.
        vars(self).update(
            leases=RedisLeases(self.server),
            slots=RedisSlots(self.server),
            suspensions=RedisSuspensions(self.server),
            mirror=self.files,
            log=RedisAuditLog(self.server, max_clock_skew=YEARS),
            census=RedisTokenCensus(self.server),
            journal=RedisJournal(self.server),
            acknowledgements=RedisAcknowledgements(self.server),
            lockdowns=RedisLockdowns(self.server),
        )

    def lockdown_tick(self) -> None:
        self.clock.advance(TICK)
        LockdownRunner(self.world, self.leases, holder="worker").tick(MAPS)

    def held(self) -> dict[str, object]:
        with self.valkey.client() as client:
            return everything(client)

    def lose(self) -> None:
        with self.valkey.client() as client:
            client.flushall()

    def repair(self) -> Found:
        return self.repairing().run()

    def repairing(self) -> AuditRepair:
        return repair_of(self.valkey, self.directory, accounts=[MAPS], lease=timedelta(milliseconds=1))
