"""The wiring of shared tokens: who hands them out, who makes them, who writes down how often."""

import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable

import structlog

from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.system_clock import SystemClock
from sas_service.bootstrap.azure import Azure
from sas_service.bootstrap.issuing import build_issuing
from sas_service.bootstrap.revocation import build_sealing
from sas_service.bootstrap.stores import Stores
from sas_service.ports import Accounts, Sealing
from sas_service.services.deny import Deciding
from sas_service.services.fold_hand_outs import Folding
from sas_service.services.hand_out import HandingOut, Patience
from sas_service.services.issue import Issuing
from sas_service.services.make_shared import Making
from sas_service.services.refresh_shared import RefreshingShared
from sas_service.services.spend import Spending
from sas_service.settings import Settings

_log = structlog.get_logger()


def build_handing_out(
    settings: Settings,
    stores: Stores,
    policies: PolicyFile,
    *,
    deciding: Deciding,
    issuing: Issuing,
    spending: Spending,
) -> HandingOut | None:
    """Build it; None where no sealing key is set: nothing that works as a token lies in Redis in the clear."""
    sealing = build_sealing(settings)
    if sealing is None:
        return None
    return HandingOut(
        policies=policies,
        deciding=deciding,
        making=_making(settings, stores, policies, issuing, sealing),
        shared=stores.shared_tokens,
        sealing=sealing,
        clock=SystemClock(),
        patience=Patience(
            pause=lambda length: time.sleep(length.total_seconds()),
            jitter=random.random,
        ),
        spending=spending,
        aside=_aside,
    )


def build_refreshing(settings: Settings, stores: Stores, policies: PolicyFile, azure: Azure) -> RefreshingShared | None:
    """Build the worker's round that makes what is due; None where no sealing key is set."""
    sealing = build_sealing(settings)
    if sealing is None:
        return None
    deciding = Deciding(policies=policies, audit_log=stores.audit_log, mirror=stores.mirror)
    issuing = build_issuing(settings, stores, azure, deciding)
    return RefreshingShared(
        policies=policies,
        making=_making(settings, stores, policies, issuing, sealing),
        shared=stores.shared_tokens,
        suspensions=stores.suspensions,
        lockdowns=stores.lockdowns,
        clock=SystemClock(),
    )


def _making(settings: Settings, stores: Stores, policies: PolicyFile, issuing: Issuing, sealing: Sealing) -> Making:
    return Making(
        policies=policies,
        issuing=issuing,
        shared=stores.shared_tokens,
        sealing=sealing,
        clock=SystemClock(),
        holder=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        # As long as making one may take; who takes longer finds that another has made it, and drops his own.
        flight_time=settings.arm_deadline + 3 * settings.redis_timeout,
    )


def _aside(work: Callable[[], None]) -> None:
    # A thread that a stop cuts short leaves a reservation for the reaper and a flight that ends by itself.
    threading.Thread(target=_quietly, args=(work,), name="shared-token", daemon=True).start()


def _quietly(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as bug:  # noqa: BLE001  its text may hold secrets, and Python would print it
        _log.warning("making a shared token ahead fails", error=f"bug: {type(bug).__name__}")


def build_folding(stores: Stores, accounts: Accounts) -> Folding:
    """Build the worker's round that writes what was counted."""
    return Folding(accounts=accounts, shared=stores.shared_tokens, mirror=stores.mirror, clock=SystemClock())
