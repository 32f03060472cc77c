"""One account over the twins, applications that follow the contract, and runners that may be replaced at any time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from sas_service.adapters.memory import (
    MemoryAccountIdentities,
    MemoryAccountKeys,
    MemoryAcknowledgements,
    MemoryAuditLog,
    MemoryAuditMirror,
    MemoryAzure,
    MemoryClock,
    MemoryDataPlane,
    MemoryIdentityRoles,
    MemoryJournal,
    MemoryLeases,
    MemoryLocalAuth,
    MemoryLockdowns,
    MemorySealing,
    MemorySharedKeySecrets,
    MemorySharedTokens,
    MemorySlots,
    MemorySuspensions,
    MemoryTokenIds,
    SigningTwin,
)
from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import SasServiceError
from sas_service.domain.pace import Pace
from sas_service.domain.plans import Asked
from sas_service.domain.policy import Account, Policy, Profile, Sharing, Team
from sas_service.domain.revocations import Lever, Mode, OnDeadline, Reason, State, Target
from sas_service.domain.runs import Revocation
from sas_service.domain.tokens import TokenRequest
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Deciding
from sas_service.services.histories import Histories
from sas_service.services.issue import Issuing
from sas_service.services.plan_revocation import Planning
from sas_service.services.reap import Reaping
from sas_service.services.replace import Replacing
from sas_service.services.revoke import Revoking
from sas_service.services.run_playbook import PlaybookRunner
from sas_service.steps.run import World
from tests.unit.budgets import plenty

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
MAPS = "maps-demo"
HOSTS = ("https://us.atlas.microsoft.com", "https://atlas.microsoft.com")
ROLE = "Azure Maps Data Reader"
TICK = timedelta(seconds=10)
PACE = Pace(
    quarantine=timedelta(minutes=10),
    proof_rounds=2,
    proof_span=timedelta(seconds=10),
    regenerate_again_after=timedelta(minutes=2),
)
ADMIN = Caller("tenant", "admin-object", "admin-app", "application", frozenset({Role.REVOCATIONS_MANAGE}))
APPROVER = Caller("tenant", "approver-object", "approver-app", "application", frozenset({Role.REVOCATIONS_APPROVE}))
APPLICATIONS = 50


def _profile(name: str, sharing: Sharing = Sharing.EXCLUSIVE) -> Profile:
    return Profile(
        name=name,
        account=MAPS,
        data_role=ROLE,
        identities=(f"{name}-a", f"{name}-b"),
        regions=("eastus", "westus2"),
        max_rate_per_second=50,
        minimum_lifetime=timedelta(minutes=10),
        maximum_lifetime=timedelta(hours=2),
        default_lifetime=timedelta(hours=1),
        start_ahead=timedelta(hours=1),
        sharing=sharing,
    )


def _team(name: str, profile: str, applications: int = APPLICATIONS) -> Team:
    ids = frozenset(f"{name}-{number}" for number in range(applications))
    return Team(name, ids, frozenset(), frozenset(), (profile,))


PROFILES = {"web": _profile("web"), "batch": _profile("batch")}
POLICY = Policy(
    accounts={
        MAPS: Account(
            name=MAPS,
            subscription="s",
            resource_group="g",
            resource_name=MAPS,
            hosts=HOSTS,
            platform_ceiling=timedelta(days=1),
            identities={name: f"/id/{name}" for each in PROFILES.values() for name in each.identities},
        )
    },
    profiles=PROFILES,
    teams={"storefront": _team("storefront", "web"), "logistics": _team("logistics", "batch")},
    digest="d1" * 32,
    source="policy.yaml",
)


class OnePolicy:
    """The port ``Policies`` with one policy that a test may change."""

    def __init__(self) -> None:
        self.policy = POLICY

    def current(self) -> Policy:
        return self.policy

    def status(self) -> dict[str, object]:
        return {}


def application(team: str, number: int) -> Caller:
    name = f"{team}-{number}"
    return Caller("tenant", f"{name}-object", name, "application", frozenset({Role.TOKENS_ISSUE}))


@dataclass
class Simulation:
    """Everything real but Azure, Redis and time; ``pace`` and the twins' switches are what tests vary."""

    pace: Pace = PACE
    checks_epochs: bool = True
    checks_fences: bool = True
    is_cold: bool = True

    def __post_init__(self) -> None:
        self.clock = MemoryClock(NOW)
        self.policies = OnePolicy()
        self.remember()
        self.azure = MemoryAzure(self.clock, MAPS, tuple(POLICY.accounts[MAPS].identities))
        for profile in PROFILES.values():
            for identity in profile.identities[: 1 if self.is_cold else 2]:
                self.azure.set_up(identity, ROLE)
        self.signer = SigningTwin(self.azure)
        self.data_plane = MemoryDataPlane(self.azure)
        self.shared_keys = MemorySharedKeySecrets(self.azure)
        self._numbers = count(1)
        self.world = self._world()
        self.planning = Planning(self.world)
        self.revoking = Revoking(self.world, self.planning)
        self.issuing = self._issuing()
        self.replacing = self._replacing()
        self.reaping = Reaping(accounts=lambda: (MAPS,), audit_log=self.log, mirror=self.mirror, clock=self.clock)
        self.slots.initialise(MAPS, {name: each.identities[0] for name, each in PROFILES.items()})
        self.runner = self.new_runner()
        self.applications: list[Application] = []

    def remember(self) -> None:
        """Set up what remembers: the twins, unless somebody puts other adapters here."""
        self.leases = MemoryLeases(checks_fences=self.checks_fences)
        self.slots = MemorySlots(self.leases)
        self.suspensions = MemorySuspensions()
        self.mirror = MemoryAuditMirror()
        self.log = MemoryAuditLog(
            clock=self.clock, slots=self.slots, suspensions=self.suspensions, checks_epochs=self.checks_epochs
        )
        self.census = self.log
        self.journal = MemoryJournal(self.leases)
        self.acknowledgements = MemoryAcknowledgements()
        self.lockdowns = MemoryLockdowns(self.slots, self.leases)
        self.shared_tokens = MemorySharedTokens(
            clock=self.clock, slots=self.slots, suspensions=self.suspensions, audit_log=self.log
        )

    def _world(self) -> World:
        return World(
            policies=self.policies,
            slots=self.slots,
            maps_account=self.signer,
            keys=MemoryAccountKeys(self.azure),
            identities=MemoryAccountIdentities(self.azure),
            roles=MemoryIdentityRoles(self.azure),
            data_plane=self.data_plane,
            census=self.census,
            acknowledgements=self.acknowledgements,
            suspensions=self.suspensions,
            journal=self.journal,
            audit_log=self.log,
            mirror=self.mirror,
            sealing=MemorySealing(),
            clock=self.clock,
            new_id=lambda: f"id-{next(self._numbers)}",
            pace=self.pace,
            local_auth=MemoryLocalAuth(self.azure),
            lockdowns=self.lockdowns,
            shared_keys=self.shared_keys,
        )

    def _issuing(self) -> Issuing:
        return Issuing(
            deciding=Deciding(policies=self.policies, audit_log=self.log, mirror=self.mirror),
            active_slots=ActiveSlots(slots=self.slots, maps_account=self.signer),
            audit_log=self.log,
            mirror=self.mirror,
            maps_account=self.signer,
            clock=self.clock,
            token_ids=MemoryTokenIds(),
            reservation_time=timedelta(minutes=2),
            spending=plenty(),
        )

    def _replacing(self) -> Replacing:
        return Replacing(
            issuing=self.issuing,
            policies=self.policies,
            slots=self.slots,
            audit_log=self.log,
            mirror=self.mirror,
            acknowledgements=self.acknowledgements,
            suspensions=self.suspensions,
            histories=Histories(journal=self.journal, lockdowns=self.lockdowns, slots=self.slots, clock=self.clock),
            clock=self.clock,
        )

    def new_runner(self) -> PlaybookRunner:
        """A runner as a fresh process would be: it knows nothing but the ports."""
        return PlaybookRunner(self.world, self.leases, holder=f"runner-{next(self._numbers)}")

    def add(
        self, team: str = "storefront", number: int = 0, *, replaces: bool = True, acknowledges: bool = True
    ) -> "Application":
        profile = POLICY.teams[team].profiles[0]
        app = Application(self, application(team, number), profile, replaces, acknowledges)
        self.applications.append(app)
        return app

    def start(
        self,
        *,
        lever: Lever = Lever.BOTH,
        mode: Mode = Mode.EXPEDITED,
        reason: Reason = Reason.SUPERSEDED,
        target: Target | None = None,
        deadline: timedelta | None = None,
        on_deadline: OnDeadline = OnDeadline.HOLD,
    ) -> Revocation:
        """Plan and start."""
        asked = Asked(
            reason=reason,
            target=target or Target("account", (MAPS,)),
            mode=mode,
            lever=lever,
            deadline=self.clock.now() + deadline if deadline else None,
            on_deadline=on_deadline,
        )
        planned = self.revoking.plan(asked, ADMIN)
        return self.revoking.start(planned.id, ADMIN, plan_hash=planned.plan.hash)

    def tick(self) -> None:
        """Ten seconds: the runner, the reaper, and every application in turn."""
        self.clock.advance(TICK)
        self.runner.tick(MAPS)
        self.look()
        self.reaping.run()
        for app in self.applications:
            app.turn()
        self.look()

    def look(self) -> None:
        """Let every application make a request; refusals are kept."""
        for app in self.applications:
            app.request()

    def run_until(self, run: Revocation, *states: State, ticks: int = 200) -> Revocation:
        """Tick until the run is in one of ``states``; fails if it never is."""
        wanted = states or (State.COMPLETED,)
        for _ in range(ticks):
            if (now := self.journal.read(run.id)).state in wanted:
                return now
            self.tick()
        now = self.journal.read(run.id)
        raise AssertionError(f"{now.state} at {now.step}: {now.waiting_for}")

    def refusals(self) -> list[str]:
        return [refusal for app in self.applications for refusal in app.refused]

    def let_pass(self, time: timedelta) -> None:
        """Let time pass with applications at work."""
        end = self.clock.now() + time
        while self.clock.now() < end:
            self.tick()


@dataclass
class Application:
    """A client that follows the contract, unless told not to: it renews, replaces when told, and acknowledges."""

    world: Simulation
    caller: Caller
    profile: str
    replaces: bool = True
    acknowledges: bool = True
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        request = TokenRequest(self.profile)
        issued = self.world.issuing.issue(request, self.caller, request_id="first")
        self.id, self.token, self.expiry = issued.record.id, issued.token, issued.record.grant.expiry
        self.epoch = issued.record.grant.epoch

    @property
    def name(self) -> str:
        return f"{self.caller.application_id.rpartition('-')[0]}/{self.caller.application_id}/{self.profile}"

    def request(self) -> None:
        """Ask for a tile."""
        status = self.world.data_plane.status(self.token)
        if status != 200:
            at = (self.world.clock.now() - NOW).total_seconds()
            self.refused.append(f"{self.caller.application_id} got {status} after {at:.0f} s")

    def turn(self) -> None:
        """Look at the renewal information, and act on it."""
        now = self.world.clock.now()
        is_told = self.epoch < self.world.slots.read(MAPS).epoch
        if self.replaces and (is_told or self.expiry - now < timedelta(minutes=5)):
            try:
                self._replace()
            except SasServiceError:
                return  # it tries again at its next turn

    def _replace(self) -> None:
        issued = self.world.replacing.replace(self.id, self.caller, request_id="renewal")
        self.id, self.token, self.expiry = issued.record.id, issued.token, issued.record.grant.expiry
        self.epoch = issued.record.grant.epoch
        if self.acknowledges:
            self.world.replacing.acknowledge(
                self.id, self.caller, fingerprint=self.token.fingerprint, request_id="loaded"
            )
