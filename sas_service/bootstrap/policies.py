"""The policy in force, and who is told of its changes."""

from dataclasses import fields
from pathlib import Path

import structlog

from sas_service.adapters.policy_file import LastAccepted, PolicyFile
from sas_service.adapters.system_clock import SystemClock
from sas_service.bootstrap.stores import Stores
from sas_service.domain.errors import PolicyRefused
from sas_service.domain.pace import Pace
from sas_service.domain.policy import Policy, shared_profiles
from sas_service.services.first_identity import FirstIdentity
from sas_service.services.takeover import PolicyTakeover
from sas_service.settings import Settings

_log = structlog.get_logger()


def build_first_identity(settings: Settings, stores: Stores) -> FirstIdentity:
    """Build the choice of what a new profile signs with."""
    return FirstIdentity(journal=stores.journal, census=stores.census, clock=SystemClock(), pace=pace(settings))


def pace(settings: Settings) -> Pace:
    """Return the waits of a revocation as they are set."""
    return Pace(**{each.name: getattr(settings, f"revocation_{each.name}") for each in fields(Pace)})


def build_policies(settings: Settings, stores: Stores, last_accepted: Path | None) -> PolicyFile:
    """Load the policy. Raises PolicyRefused."""
    clock = SystemClock()
    takeover = PolicyTakeover(
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        slots=stores.slots,
        suspensions=stores.suspensions,
        clock=clock,
        first=build_first_identity(settings, stores).of,
    )

    def changed(old: Policy | None, new: Policy) -> None:
        takeover.changed(old, new)
        _log.info("policy in force", digest=new.digest, previous=old.digest if old else None)
        shared = shared_profiles(new)
        if shared and not settings.sealing_keys:
            _log.warning("SAS_SEALING_KEYS is not set: tokens of these profiles are answered 503", profiles=shared)

    def refused(error: PolicyRefused) -> None:
        reasons = [f"{each.rule}: {each.pointer}: {each.allowed}" for each in error.violations]
        _log.error("policy change refused, the old one stays in force", reasons=reasons)
        takeover.refused(error)

    return PolicyFile(
        settings.policy_file,
        clock=clock,
        takeover_check=takeover.check,
        on_change=changed,
        on_refused=refused,
        last_accepted=LastAccepted(last_accepted) if last_accepted else None,
    )
