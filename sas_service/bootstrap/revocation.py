"""The wiring of revocations: their world of ports, who plans and decides, and the runner of a worker."""

import os
import secrets
import socket
from dataclasses import dataclass, replace

from sas_service.adapters.azure.shared_key_secrets import AzureSharedKeySecrets
from sas_service.adapters.fenced_ports import (
    FencedIdentities,
    FencedKeys,
    FencedLocalAuth,
    FencedRoles,
    FencedSharedKeys,
)
from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.sealing import AesGcmSealing
from sas_service.adapters.self_fencing import FencedLeases, SelfFence
from sas_service.adapters.system_clock import SystemClock
from sas_service.adapters.token_ids import suffix
from sas_service.bootstrap.azure import Azure
from sas_service.bootstrap.budget import write_limits
from sas_service.bootstrap.policies import pace
from sas_service.bootstrap.stores import Stores
from sas_service.services.keep_standby import KeepStandby
from sas_service.services.known_accounts import KnownAccounts
from sas_service.services.lockdown import LockingDown
from sas_service.services.look_after import LookAfter
from sas_service.services.plan_revocation import Planning
from sas_service.services.revoke import Revoking
from sas_service.services.run_lockdown import LockdownRunner
from sas_service.services.run_playbook import PlaybookRunner
from sas_service.services.spend import SpendingMapsAccount
from sas_service.services.watch_drift import DriftWatch
from sas_service.services.watch_revocations import Watching
from sas_service.settings import Settings
from sas_service.steps.run import World


@dataclass(frozen=True, slots=True)
class Revocations:
    """What a process with an operating identity can do beside issuing; ``runner`` and ``look_after`` are a worker's."""

    world: World
    planning: Planning
    revoking: Revoking
    watching: Watching
    runner: PlaybookRunner
    locking_down: LockingDown
    lockdown_runner: LockdownRunner
    drift: DriftWatch
    look_after: LookAfter


def build_revocations(
    settings: Settings, stores: Stores, policies: PolicyFile, azure: Azure, accounts: KnownAccounts
) -> Revocations | None:
    """Build them; None where no operating identity is set."""
    operator, pepper, sealing = azure.operator, settings.key_pepper, build_sealing(settings)
    if operator is None or pepper is None or sealing is None:
        return None
    keys = operator.account_keys(pepper.decode())
    world = World(
        policies=policies,
        slots=stores.slots,
        maps_account=SpendingMapsAccount(azure.maps_account, azure.spending, policies),
        keys=keys,
        identities=operator.account_identities,
        roles=operator.identity_roles,
        data_plane=operator.data_plane,
        census=stores.census,
        acknowledgements=stores.acknowledgements,
        suspensions=stores.suspensions,
        journal=stores.journal,
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        sealing=sealing,
        clock=SystemClock(),
        new_id=_new_id,
        pace=pace(settings),
        writes=write_limits(settings),
        local_auth=operator.local_auth,
        lockdowns=stores.lockdowns,
        shared_keys=AzureSharedKeySecrets(operator.vaults, keys),
    )
    planning = Planning(world)
    # What a worker looks at every second has a share of its own; plans and decisions are people's, like a run's writes.
    watched = operator.watched_keys(pepper.decode())
    seen = replace(world, keys=watched, shared_keys=AzureSharedKeySecrets(operator.vaults, watched))
    fenced, looking = under_permit(seen, azure.fence), Planning(seen)
    leases = FencedLeases(stores.leases, azure.fence, margin=world.pace.call_deadline)
    # One name for both: within a process they take turns on an account (worker.py).
    holder, drift = _holder(), DriftWatch(fenced, looking, stores.notes, stores.shared_tokens)
    return Revocations(
        world=world,
        planning=planning,
        revoking=Revoking(world, planning),
        locking_down=LockingDown(world),
        lockdown_runner=LockdownRunner(fenced, leases, holder=holder),
        watching=Watching(world, accounts.met),
        runner=PlaybookRunner(fenced, leases, holder=holder),
        drift=drift,
        look_after=LookAfter(
            world=fenced,
            planning=looking,
            leases=leases,
            holder=holder,
            watch=drift,
            standby=KeepStandby(fenced, stores.notes, prove_every=settings.worker_prove_every),
            every=settings.worker_watch_every,
        ),
    )


def under_permit(world: World, fence: SelfFence) -> World:
    """Return the world in which no change is sent to Azure but under the permit of a lease."""
    return replace(
        world,
        keys=FencedKeys(world.keys, fence),
        identities=FencedIdentities(world.identities, fence),
        roles=FencedRoles(world.roles, fence),
        local_auth=FencedLocalAuth(world.local_auth, fence),
        shared_keys=FencedSharedKeys(world.shared_keys, fence),
    )


def build_sealing(settings: Settings) -> AesGcmSealing | None:
    """Build the encryption of what is kept in Redis; None where no key is set."""
    keys = settings.sealing_keys
    return AesGcmSealing({name: key.decode() for name, key in keys}, current=keys[0][0]) if keys else None


def _new_id() -> str:
    """Return an id that sorts by time."""
    return suffix(SystemClock().now(), secrets.randbits(74))


def _holder() -> str:
    """Return a name that no other process has, nor this one after a restart."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
