"""A small world behind the API: the real services over the twins in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from sas_service.adapters.memory import (
    MemoryAccountCors,
    MemoryAcknowledgements,
    MemoryAuditLog,
    MemoryAuditMirror,
    MemoryCallerTokens,
    MemoryClock,
    MemoryJournal,
    MemoryLeases,
    MemoryLockdowns,
    MemoryMapsAccount,
    MemorySealing,
    MemorySeals,
    MemorySharedTokens,
    MemorySigning,
    MemorySlots,
    MemorySuspensions,
    MemoryTokenIds,
)
from sas_service.api.app import create_app
from sas_service.api.auth import Challenge
from sas_service.api.metrics import Metrics
from sas_service.domain.callers import Caller, Role
from sas_service.domain.policy import Account, Policy, Profile, Sharing, Team
from sas_service.ports import AccountFacts, CorsReading
from sas_service.services.account_cors import AccountOrigins
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Deciding
from sas_service.services.expose import Exposing
from sas_service.services.hand_out import HandingOut, Patience
from sas_service.services.histories import Histories
from sas_service.services.identify import Identifying
from sas_service.services.inspect import Inspection
from sas_service.services.issue import Issuing
from sas_service.services.lockdown import LockingDown
from sas_service.services.make_shared import Making
from sas_service.services.note_readers import NotingReaders
from sas_service.services.prove import LogProofs
from sas_service.services.renew import Renewing
from sas_service.services.replace import Replacing
from sas_service.services.spend import Spending
from sas_service.services.suspend import Suspending
from tests.unit.budgets import plenty

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SECRET = "eyJ0eXAiOiJKV1QifQ.eyJleHAiOjF9.c2lnbmF0dXJl"
SHOP, DEPOT = "https://shop.example", "https://depot.example"

ACCOUNT = Account(
    name="maps-demo",
    subscription="s",
    resource_group="g",
    resource_name="maps-demo",
    hosts=("atlas.microsoft.com",),
    platform_ceiling=timedelta(days=365),
    identities={"blue": "/id/blue", "green": "/id/green"},
)


def _profile(name: str, origin: str, sharing: Sharing = Sharing.EXCLUSIVE) -> Profile:
    return Profile(
        name=name,
        account="maps-demo",
        data_role="Azure Maps Search and Render Data Reader",
        identities=("blue", "green"),
        regions=("eastus", "westus2"),
        max_rate_per_second=50,
        minimum_lifetime=timedelta(minutes=10),
        maximum_lifetime=timedelta(hours=2),
        default_lifetime=timedelta(hours=1),
        start_ahead=timedelta(days=1),
        sharing=sharing,
        cors_origins=(origin,),
    )


def _team(name: str, *profiles: str) -> Team:
    return Team(name, frozenset({f"{name}-app"}), frozenset(), frozenset(), profiles)


POLICY = Policy(
    accounts={"maps-demo": ACCOUNT},
    profiles={name: _profile(name, origin) for name, origin in (("storefront-web", SHOP), ("logistics-batch", DEPOT))},
    teams={"storefront": _team("storefront", "storefront-web"), "logistics": _team("logistics", "logistics-batch")},
    digest="d1" * 32,
    source="policy.yaml",
)
SHARING_POLICY = replace(
    POLICY,
    profiles={**POLICY.profiles, "shared": _profile("shared", SHOP, Sharing.SHARED)},
    teams={
        "storefront": _team("storefront", "storefront-web", "shared"),
        "logistics": _team("logistics", "logistics-batch", "shared"),
    },
)
FACTS = AccountFacts("client-id", "eastus", False, "Succeeded", {"blue": "principal-blue"})
CORS = CorsReading(None, "Succeeded", {"kind": '"gen2"', "properties.disableLocalAuth": "false"})

CALLERS = {
    name: Caller("tenant", f"{name}-object", f"{name}-app", "application", frozenset(roles))
    for name, roles in {
        "storefront": [Role.TOKENS_ISSUE],
        "logistics": [Role.TOKENS_ISSUE],
        "auditor": [Role.AUDIT_READ],
        "admin": [Role.REVOCATIONS_MANAGE],
        "nobody": [],
    }.items()
}


@dataclass
class KnownPolicy:
    """The port ``Policies`` with one policy."""

    policy: Policy = POLICY

    def current(self) -> Policy:
        return self.policy

    def status(self) -> Mapping[str, object]:
        return {"digest": POLICY.digest, "source": POLICY.source, "loadedAt": NOW}


@dataclass
class LogReadiness:
    """The port ``Readiness``; raises ``failure`` when it is set."""

    name: str = "auditLog"
    failure: Exception | None = None

    def check(self) -> Mapping[str, object]:
        if self.failure:
            raise self.failure
        return {"schema": 1}


@dataclass
class World:
    """The twins, for tests to look at and to turn."""

    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOW))
    slots: MemorySlots = field(default_factory=MemorySlots)
    journal: MemoryJournal = field(default_factory=lambda: MemoryJournal(MemoryLeases()))
    suspensions: MemorySuspensions = field(default_factory=MemorySuspensions)
    mirror: MemoryAuditMirror = field(default_factory=MemoryAuditMirror)
    maps_account: MemoryMapsAccount = field(default_factory=lambda: MemoryMapsAccount({"maps-demo": FACTS}))
    account_cors: MemoryAccountCors | None = field(default_factory=lambda: MemoryAccountCors({"maps-demo": CORS}))
    caller_tokens: MemoryCallerTokens = field(default_factory=lambda: MemoryCallerTokens(CALLERS))
    readiness: LogReadiness = field(default_factory=LogReadiness)
    seals: MemorySeals = field(default_factory=MemorySeals)
    spending: Spending = field(default_factory=plenty)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    policies: KnownPolicy = field(default_factory=KnownPolicy)
    audit_log: MemoryAuditLog = field(init=False)
    shared_tokens: MemorySharedTokens = field(init=False)

    def __post_init__(self) -> None:
        self.slots.initialise("maps-demo", dict.fromkeys(self.policies.policy.profiles, "blue"))
        self.audit_log = MemoryAuditLog(clock=self.clock, slots=self.slots, suspensions=self.suspensions)
        self.shared_tokens = MemorySharedTokens(
            clock=self.clock, slots=self.slots, suspensions=self.suspensions, audit_log=self.audit_log
        )


def app_of(world: World, *, locking_down: LockingDown | None = None) -> Flask:
    policies = world.policies
    deciding = Deciding(policies=policies, audit_log=world.audit_log, mirror=world.mirror)
    issuing = Issuing(
        deciding=deciding,
        active_slots=ActiveSlots(slots=world.slots, maps_account=world.maps_account),
        audit_log=world.audit_log,
        mirror=world.mirror,
        maps_account=world.maps_account,
        clock=world.clock,
        token_ids=MemoryTokenIds(),
        reservation_time=timedelta(seconds=30),
        spending=world.spending,
    )
    handing_out = handing_out_of(world, deciding, issuing)
    histories = Histories(
        journal=world.journal,
        lockdowns=MemoryLockdowns(world.slots, MemoryLeases()),
        slots=world.slots,
        clock=world.clock,
    )
    met = tuple(sorted(policies.current().accounts))
    inspection = Inspection(
        policies=policies,
        audit_log=world.audit_log,
        slots=world.slots,
        maps_account=world.maps_account,
        past=histories.past,
        accounts=lambda: met,
    )
    return create_app(
        caller_tokens=world.caller_tokens,
        clock=world.clock,
        deciding=deciding,
        issuing=issuing,
        handing_out=handing_out,
        replacing=Replacing(
            issuing=issuing,
            policies=policies,
            slots=world.slots,
            audit_log=world.audit_log,
            mirror=world.mirror,
            acknowledgements=MemoryAcknowledgements(),
            suspensions=world.suspensions,
            histories=histories,
            clock=world.clock,
            handing_out=handing_out,
        ),
        renewing=Renewing(inspection=inspection, histories=histories, clock=world.clock),
        revoking=None,
        locking_down=locking_down,
        watching=None,
        inspection=inspection,
        identifying=Identifying(inspection=inspection, past=histories.past, clock=world.clock, planning=None),
        exposing=Exposing(accounts=lambda: met, census=world.audit_log, past=histories.past, clock=world.clock),
        readers=NotingReaders(audit_log=world.audit_log, mirror=world.mirror, clock=world.clock),
        suspending=Suspending(
            policies=policies,
            suspensions=world.suspensions,
            audit_log=world.audit_log,
            mirror=world.mirror,
            clock=world.clock,
        ),
        account_origins=AccountOrigins(
            policies=policies,
            account_cors=world.account_cors,
            audit_log=world.audit_log,
            mirror=world.mirror,
            clock=world.clock,
        ),
        proofs=LogProofs(
            accounts=lambda: tuple(policies.current().accounts),
            seals=world.seals,
            verifying_key=MemorySigning().verifying_key,
        ),
        policies=policies,
        readiness=[world.readiness],
        metrics=Metrics(world.registry),
        version="0.1.0",
        challenge=Challenge("https://login.example/tenant", "api://sas-service/.default"),
    )


def handing_out_of(world: World, deciding: Deciding, issuing: Issuing) -> HandingOut:
    sealing = MemorySealing()
    making = Making(
        policies=world.policies,
        issuing=issuing,
        shared=world.shared_tokens,
        sealing=sealing,
        clock=world.clock,
        holder="this process",
        flight_time=timedelta(seconds=20),
    )
    return HandingOut(
        policies=world.policies,
        deciding=deciding,
        making=making,
        shared=world.shared_tokens,
        sealing=sealing,
        clock=world.clock,
        patience=Patience(pause=world.clock.advance, jitter=lambda: 0.5),
        spending=world.spending,
        aside=lambda work: work(),
    )


def as_caller(name: str, **headers: str) -> dict[str, str]:
    """A bearer token is the caller's name."""
    return {"Authorization": f"Bearer {name}", **headers}


def issue(
    client: FlaskClient, headers: Mapping[str, str] | None = None, extra: Mapping[str, Any] | None = None, **body: Any
) -> Any:
    """Ask for a token as the storefront."""
    body = {"profile": "storefront-web", **body, **(extra or {})}
    return client.post("/v1/tokens", json=body, headers={**as_caller("storefront"), **(headers or {})})
