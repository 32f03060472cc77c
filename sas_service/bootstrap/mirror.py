"""The wiring of what keeps log and mirror equal: filling the mirror in, and giving the log back what it lost."""

from collections.abc import Mapping

from sas_service.adapters.mirrored_events import LookedUp
from sas_service.adapters.policy_file import load_policy
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.mirror_progress import RedisMirrorProgress
from sas_service.adapters.redis.repair import RedisRepair
from sas_service.adapters.system_clock import SystemClock
from sas_service.bootstrap.stores import Stores, build_stores
from sas_service.ports import Accounts, Policies
from sas_service.services.backfill_mirror import MirrorBackfill
from sas_service.services.known_accounts import KnownAccounts
from sas_service.services.losses import LossDetection
from sas_service.services.repair import AuditRepair
from sas_service.services.restore import Memory
from sas_service.settings import Settings


def build_accounts(stores: Stores, policies: Policies) -> KnownAccounts:
    """Build what says which accounts there are to look after."""
    return KnownAccounts(named=lambda: policies.current().accounts, roster=stores.roster, reading=stores.reading)


def build_backfill(stores: Stores, accounts: Accounts) -> MirrorBackfill:
    """Build the rounds that fill the mirror in."""
    return MirrorBackfill(
        accounts=accounts,
        streams=RedisEventStreams(stores.server),
        reading=stores.reading,
        mirrored=LookedUp(stores.reading),
        mirror=stores.mirror,
        progress=RedisMirrorProgress(stores.server),
        clock=SystemClock(),
    )


def repair_from(environ: Mapping[str, str]) -> AuditRepair:
    """Return the repair of the Redis of ``environ``, which may be empty but for its schema.

    Raises SettingsError, PolicyRefused, SchemaOutOfRange, AuditLogUnavailable.
    """
    settings = Settings.from_env(environ)
    stores = build_stores(settings, environ, guarded=False)
    # Also says in which layout to write.
    stores.migrations.guard()
    stores.server.check()
    streams = RedisEventStreams(stores.server)
    return AuditRepair(
        detection=LossDetection(
            reading=stores.reading, streams=streams, slots=stores.slots, apart=settings.redis_cluster
        ),
        reading=stores.reading,
        streams=streams,
        repair=RedisRepair(stores.server, lease=settings.revocation_lease),
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        memory=Memory(
            slots=stores.slots,
            journal=stores.journal,
            lockdowns=stores.lockdowns,
            suspensions=stores.suspensions,
            acknowledgements=stores.acknowledgements,
        ),
        accounts=sorted(load_policy(settings.policy_file).accounts),
        clock=SystemClock(),
        apart=settings.redis_cluster,
    )
