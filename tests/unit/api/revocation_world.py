"""The API over the world of tests/unit/revocation: a runner that is ticked between calls, applications over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from flask import Flask
from prometheus_client import CollectorRegistry

from sas_service.adapters.memory import MemoryAccountCors, MemoryCallerTokens, MemoryNotes, MemorySigning
from sas_service.api.app import create_app
from sas_service.api.metrics import Metrics
from sas_service.api.revocation_stream import Watchers
from sas_service.domain.callers import Caller, Role
from sas_service.domain.policy import Approvals
from sas_service.domain.tokens import SasToken
from sas_service.services.account_cors import AccountOrigins
from sas_service.services.deny import Deciding
from sas_service.services.evidence import Evidence
from sas_service.services.expose import Exposing
from sas_service.services.histories import Histories
from sas_service.services.identify import Identifying
from sas_service.services.inspect import Inspection
from sas_service.services.note_readers import NotingReaders
from sas_service.services.renew import Renewing
from sas_service.services.revoke import Revoking
from sas_service.services.suspend import Suspending
from sas_service.services.watch_drift import DriftWatch
from sas_service.services.watch_revocations import Watching
from tests.unit.revocation.world import MAPS, NOW, Simulation, application

TARGET = {"account": MAPS}
BODY: Mapping[str, Any] = {"reason": "superseded", "target": TARGET, "mode": "expedited"}


def _person(name: str, *roles: Role) -> Caller:
    return Caller("tenant", f"{name}-object", f"{name}-app", "application", frozenset(roles))


PEOPLE = {
    "admin": _person("admin", Role.REVOCATIONS_MANAGE),
    "approver": _person("approver", Role.REVOCATIONS_APPROVE),
    "both": _person("both", Role.REVOCATIONS_MANAGE, Role.REVOCATIONS_APPROVE),
    "auditor": _person("auditor", Role.AUDIT_READ),
    "nobody": _person("nobody"),
    **{f"{team}-{number}": application(team, number) for team in ("storefront", "logistics") for number in range(5)},
}


@dataclass
class HttpWorld:
    """One account on the twins behind the API; ``approvals`` is how many others must approve."""

    approvals: int = 0
    is_cold: bool = False
    most_watchers: int = 2
    simulation: Simulation = field(init=False)

    def __post_init__(self) -> None:
        self.simulation = Simulation(is_cold=self.is_cold)
        self.notes = MemoryNotes(self.simulation.leases)
        of = self.simulation
        self.drift = DriftWatch(of.world, of.planning, self.notes, of.shared_tokens)
        self.http = self._app().test_client()

    def _app(self) -> Flask:
        of = self.simulation
        of.policies.policy = replace(of.policies.policy, approvals=Approvals(self.approvals, self.approvals))
        deciding = Deciding(policies=of.policies, audit_log=of.log, mirror=of.mirror)
        histories = Histories(journal=of.journal, lockdowns=of.lockdowns, slots=of.slots, clock=of.clock)
        met = tuple(sorted(of.policies.policy.accounts))
        inspection = Inspection(
            policies=of.policies,
            audit_log=of.log,
            slots=of.slots,
            maps_account=of.signer,
            past=histories.past,
            accounts=lambda: met,
        )
        record: dict[str, Any] = {
            "policies": of.policies, "audit_log": of.log, "mirror": of.mirror, "clock": of.clock,
        }  # fmt: skip
        return create_app(
            caller_tokens=MemoryCallerTokens(PEOPLE),
            clock=of.clock,
            deciding=deciding,
            issuing=of.issuing,
            handing_out=None,
            replacing=of.replacing,
            renewing=Renewing(inspection=inspection, histories=histories, clock=of.clock),
            revoking=Revoking(of.world, of.planning),
            watching=Watching(of.world, lambda: met),
            evidence=Evidence(
                journal=of.journal,
                acknowledgements=of.acknowledgements,
                audit_log=of.log,
                signing=MemorySigning(),
                clock=of.clock,
            ),
            drift=self.drift,
            inspection=inspection,
            identifying=Identifying(inspection=inspection, past=histories.past, clock=of.clock, planning=of.planning),
            exposing=Exposing(accounts=lambda: met, census=of.log, past=histories.past, clock=of.clock),
            readers=NotingReaders(audit_log=of.log, mirror=of.mirror, clock=of.clock),
            suspending=Suspending(suspensions=of.suspensions, **record),
            account_origins=AccountOrigins(account_cors=MemoryAccountCors({}), **record),
            policies=of.policies,
            readiness=[],
            metrics=Metrics(CollectorRegistry()),
            version="0.1.0",
            watchers=Watchers(of.clock, most=self.most_watchers, wait=lambda _seconds: self.simulation.tick()),
        )

    def call(self, who: str, method: str, path: str, **sent: Any) -> Any:
        headers = {"Authorization": f"Bearer {who}", **sent.pop("headers", {})}
        return self.http.open(path, method=method, headers=headers, **sent)

    def plan(self, who: str = "admin", **body: Any) -> Any:
        return self.call(who, "POST", "/v1/revocations", json={**BODY, **body})

    def decide(self, verb: str, run: Any, who: str = "admin", *, tag: str | None = None, **body: Any) -> Any:
        headers = {"If-Match": tag or f'"{run["planHash"]}"'}
        return self.call(who, "POST", f"/v1/revocations/{run['id']}/{verb}", headers=headers, json=body or None)

    def look(self, run: Any, rest: str = "", who: str = "admin") -> Any:
        return self.call(who, "GET", f"/v1/revocations/{run['id']}{rest}").get_json()

    def started(self, **body: Any) -> Any:
        planned = self.plan(**body).get_json()
        answer = self.decide("start", planned)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def tick(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.simulation.tick()


@dataclass
class HttpApplication:
    """A client that knows nothing but the API."""

    world: HttpWorld
    name: str
    profile: str
    acknowledges: bool = True
    refused: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        answer = self.world.call(self.name, "POST", "/v1/tokens", json={"profile": self.profile})
        assert answer.status_code == 201, answer.text
        self.token = answer.get_json()

    def use(self) -> None:
        """Ask for a tile."""
        status = self.world.simulation.data_plane.status(SasToken(self.token["token"]))
        if status != 200:
            self.refused.append(status)

    def turn(self) -> None:
        """Follow renewal information."""
        self.use()
        said = self.world.call(self.name, "GET", self.token["renewal"]).get_json()
        if said["suggestedWindow"]["end"] > self.world.simulation.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"):
            return
        new = self.world.call(self.name, "POST", f"/v1/tokens/{self.token['id']}/replacement").get_json()
        assert new["replaces"] == self.token["id"]
        self.token = new
        if self.acknowledges:
            path = f"/v1/tokens/{new['id']}/acknowledgement"
            assert self.world.call(self.name, "POST", path, json={"fingerprint": new["fingerprint"]}).status_code == 200
        self.use()


def issue(world: HttpWorld, name: str = "storefront-0", profile: str = "web") -> Any:
    return world.call(name, "POST", "/v1/tokens", json={"profile": profile}).get_json()


def later(time: timedelta) -> str:
    return (NOW + time).strftime("%Y-%m-%dT%H:%M:%SZ")
