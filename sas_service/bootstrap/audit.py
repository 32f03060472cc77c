"""The wiring of the sealed audit log: its signing key, who seals it, who proves it, and what the command line reads."""

from collections.abc import Mapping
from dataclasses import dataclass

from sas_service.adapters.ed25519_signing import Ed25519Signing
from sas_service.adapters.mirrored_events import LookedUp
from sas_service.adapters.policy_file import PolicyFile, load_policy
from sas_service.adapters.redis.aging import RedisAging
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.seals import RedisSeals
from sas_service.adapters.system_clock import SystemClock
from sas_service.bootstrap.stores import Stores, build_stores
from sas_service.domain.audit import SERVICE_STREAM
from sas_service.ports import Accounts
from sas_service.services.age import LogAging
from sas_service.services.evidence import Evidence
from sas_service.services.export import LogExport
from sas_service.services.known_accounts import KnownAccounts
from sas_service.services.prove import LogProofs
from sas_service.services.seal import StreamSealing
from sas_service.settings import Settings


@dataclass(frozen=True, slots=True)
class SealedLog:
    """What a process with a signing key can do."""

    signing: Ed25519Signing
    sealing: StreamSealing
    aging: LogAging
    proofs: LogProofs
    evidence: Evidence


def build_signing(settings: Settings) -> Ed25519Signing | None:
    """Return the signing key; None where none is set."""
    if settings.signing_key is None:
        return None
    return Ed25519Signing(settings.signing_key.decode(), name=settings.signing_origin)


def build_sealed_log(settings: Settings, stores: Stores, policies: PolicyFile, accounts: Accounts) -> SealedLog | None:
    """Build it; None where no signing key is set: nothing is sealed then."""
    signing = build_signing(settings)
    if signing is None:
        return None
    clock, seals, streams = SystemClock(), RedisSeals(stores.server), RedisEventStreams(stores.server)
    return SealedLog(
        signing=signing,
        sealing=StreamSealing(
            accounts=accounts,
            streams=streams,
            seals=seals,
            signing=signing,
            audit_log=stores.audit_log,
            mirror=stores.mirror,
            clock=clock,
        ),
        aging=LogAging(
            policies=policies,
            accounts=accounts,
            streams=streams,
            seals=seals,
            mirrored=LookedUp(stores.reading),
            aging=RedisAging(stores.server),
            audit_log=stores.audit_log,
            journal=stores.journal,
            lockdowns=stores.lockdowns,
            clock=clock,
        ),
        proofs=LogProofs(accounts=accounts, seals=seals, verifying_key=signing.verifying_key),
        evidence=Evidence(
            journal=stores.journal,
            acknowledgements=stores.acknowledgements,
            audit_log=stores.audit_log,
            signing=signing,
            clock=clock,
        ),
    )


def export_from(environ: Mapping[str, str]) -> tuple[LogExport, tuple[str, ...]]:
    """Return the export of the Redis of ``environ``, and its streams. Raises SettingsError, PolicyRefused."""
    settings = Settings.from_env(environ)
    stores = build_stores(settings, environ, guarded=False)
    export = LogExport(streams=RedisEventStreams(stores.server), seals=RedisSeals(stores.server))
    policy = load_policy(settings.policy_file)
    accounts = KnownAccounts(named=lambda: policy.accounts, roster=stores.roster, reading=stores.reading)
    return export, (*accounts(), SERVICE_STREAM)


def verifying_key_from(environ: Mapping[str, str]) -> str | None:
    """Return the verifying key of a deployment, None where nothing is signed. Raises SettingsError."""
    signing = build_signing(Settings.from_env(environ))
    return signing.verifying_key.text if signing else None
