"""A run in a runner's hands: the ports, the lease, and the newest entry of the journal."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, Protocol, Self, TypeVar

from sas_service.domain.arm_budget import PUBLISHED, BucketLimits
from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.cuts import Past, joined
from sas_service.domain.directions import Direction
from sas_service.domain.errors import LeaseLost, SasServiceError
from sas_service.domain.pace import Pace
from sas_service.domain.policy import Account, Profile
from sas_service.domain.runs import CUTTING_STEPS, Canary, Intent, Revocation, past_of
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import (
    AccountIdentities,
    AccountKeys,
    Acknowledgements,
    AuditLog,
    AuditMirror,
    Clock,
    DataPlane,
    IdentityRoles,
    Journal,
    Lease,
    LocalAuth,
    Lockdowns,
    MapsAccount,
    Policies,
    Sealing,
    SharedKeySecrets,
    SlotSwitch,
    Suspensions,
    TokenCensus,
)


@dataclass(frozen=True, slots=True)
class World:
    """Every port that a run needs; ``new_id`` makes the ids of intents."""

    policies: Policies
    slots: SlotSwitch
    maps_account: MapsAccount
    keys: AccountKeys
    identities: AccountIdentities
    roles: IdentityRoles
    data_plane: DataPlane
    census: TokenCensus
    acknowledgements: Acknowledgements
    suspensions: Suspensions
    journal: Journal
    audit_log: AuditLog
    mirror: AuditMirror
    sealing: Sealing
    clock: Clock
    new_id: Callable[[], str]
    pace: Pace
    local_auth: LocalAuth
    lockdowns: Lockdowns
    shared_keys: SharedKeySecrets
    writes: BucketLimits = PUBLISHED

    def past(self, account: str) -> Past:
        """Return all that was cut on an account, by revocations and by lockdowns."""
        return past_on(account, self.journal, self.lockdowns)


def past_on(account: str, journal: Journal, lockdowns: Lockdowns) -> Past:
    """Return all that was cut on an account, by revocations and by lockdowns."""
    locked = (lockdown.past for lockdown in lockdowns.of(account))
    return joined((past_of(journal.of(account)), *locked))


class Entry(Protocol):
    """What is remembered of changes to Azure: by a revocation, and by a lockdown."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def account(self) -> str:
        """The account."""
        ...

    def intent(self, operation: str, name: str, step: str) -> Intent | None:
        """Return what was intended, if it was."""
        ...

    def with_intent(self, changed: Intent) -> Self:
        """Return it with one intent added or changed."""
        ...

    @property
    def canaries(self) -> Mapping[str, Canary]:
        """Its canaries by name."""
        ...

    def with_canary(self, changed: Canary) -> Self:
        """Return it with one canary added or changed."""
        ...

    def with_probes(self, notes: tuple[Mapping[str, object], ...]) -> Self:
        """Return it with what the data plane answered added, the oldest left out."""
        ...


E = TypeVar("E", bound=Entry)

Renewal = Callable[[], Lease | None]
"""Takes the account for its holder once more; None when somebody else has it."""


class Acting(ABC, Generic[E]):
    """Every write goes through here, so that none is made without lease, fence and record."""

    kind: str
    """How events name what they belong to."""

    def __init__(self, world: World, lease: Lease, entry: E, *, renewal: Renewal | None = None) -> None:
        self.world = world
        self.lease = lease
        self._renewal = renewal
        self.entry = entry
        self._kept = entry
        self._records: tuple[TokenRecord, ...] | None = None

    @property
    def now(self) -> datetime:
        """The instant."""
        return self.world.clock.now()

    @property
    def pace(self) -> Pace:
        """The waits."""
        return self.world.pace

    @property
    def account(self) -> Account:
        """The account as the policy has it now."""
        return self.world.policies.current().accounts[self.entry.account]

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The account's profiles as the policy has them now."""
        everything = self.world.policies.current().profiles
        return {name: each for name, each in everything.items() if each.account == self.entry.account}

    def principal(self, identity: str) -> str | None:
        """Return the principal of an identity that is attached now."""
        facts = self.world.maps_account.facts(self.entry.account, max_age=timedelta(0))
        return facts.principals.get(identity)

    @abstractmethod
    def save(self, entry: E) -> None:
        """Write the entry under the lease's fence."""

    def event(self, kind: EventKind, **details: object) -> None:
        """Put on record, in both places."""
        said = {self.kind: self.entry.id, **{name: value for name, value in details.items() if value is not None}}
        draft = EventDraft(kind=kind, at=self.now, account=self.entry.account, details=said)
        self.world.mirror.append(self.world.audit_log.append(draft))

    def keep_lease(self, at_least: timedelta | None = None) -> None:
        """Prolong the lease if less than ``at_least`` (two calls' time) is left of it: a long look must not outlast it.

        Raises LeaseLost once it was over, also if nobody has had it since: only an unbroken lease keeps its fence, and
        what was seen under another one is not acted upon.
        """
        wanted = 2 * self.pace.call_deadline if at_least is None else at_least
        if self._renewal is None or self.lease.until - self.now >= wanted:
            return
        prolonged = self._renewal()
        if prolonged is None or prolonged.fence != self.lease.fence:
            raise LeaseLost("The lease was over before it could be prolonged.")
        self.lease = prolonged

    def write(
        self,
        step: str,
        operation: str,
        name: str,
        send: Callable[[str], str | None],
        *,
        baseline: str,
        patience: timedelta | None = None,
    ) -> None:
        """Change one thing in Azure: intent on record in both places, then sent once; judged by looking, later.

        An intent keeps its first baseline. Nothing is sent again before ``patience`` is over, or while the lease might
        end during the call.
        """
        known = self.entry.intent(operation, name, step)
        if known is not None and not self._may_repeat(known, patience or self.pace.resend_after):
            return
        if step not in CUTTING_STEPS:
            # The lease of a cut is prolonged by its guards alone: what they have seen must be young when it is sent.
            self.keep_lease()
        if self.lease.until - self.now < 2 * self.pace.call_deadline:
            raise LeaseLost("The lease ends too soon to send anything under it.")
        fresh = known or Intent(self.world.new_id(), step, operation, name, baseline, self.lease.fence, ())
        intent = replace(fresh, sent=(*fresh.sent, self.now), outcome=None, fence=self.lease.fence)
        self.save(self.entry.with_intent(intent))
        self._announce(intent)
        self._send(intent, send)

    def _may_repeat(self, known: Intent, patience: timedelta) -> bool:
        waits = self.pace.resend_after if known.outcome == "refused" else patience
        return self.now - known.sent[-1] >= waits

    def _announce(self, intent: Intent) -> None:
        try:
            self.event(
                EventKind.AZURE_WRITE_INTENDED,
                intent=intent.id,
                step=intent.step,
                operation=intent.operation,
                name=intent.name,
                baseline=intent.baseline,
                attempt=len(intent.sent),
            )
        except SasServiceError:
            # Not on record, so not sent: it may be tried again soon.
            self.save(self.entry.with_intent(replace(intent, outcome="refused")))
            raise

    def _send(self, intent: Intent, send: Callable[[str], str | None]) -> None:
        try:
            request_id = send(f"{intent.id}.{len(intent.sent)}")
            answered = replace(intent, outcome="accepted", azure_request_id=request_id)
        except SasServiceError as error:
            outcome = "refused" if error.extra.get("effect") == "none" else "unknown"
            answered = replace(intent, outcome=outcome)
        self.save(self.entry.with_intent(answered))
        self.event(
            EventKind.AZURE_WRITE_ANSWERED,
            intent=intent.id,
            outcome=answered.outcome,
            azureRequestId=answered.azure_request_id,
        )


class Run(Acting[Revocation]):
    """What steps of a revocation are given."""

    kind = "revocation"

    @property
    def has_probed(self) -> bool:
        """Whether there are answers of the data plane that the journal does not have yet."""
        return self.entry.probes != self._kept.probes

    @property
    def way(self) -> Direction:
        """Where the run goes."""
        return self.entry.plan.chosen.direction

    @property
    def past(self) -> Past:
        """All that was cut on this account, by this run, by earlier ones, and by lockdowns."""
        return self.world.past(self.entry.account)

    def records(self) -> tuple[TokenRecord, ...]:
        """Return every unexpired token of the account; read once until ``look_again``."""
        if self._records is None:
            self._records = self.world.census.unexpired(self.entry.account, self.now)
        return self._records

    def look_again(self) -> None:
        """Forget what was read: what was true before a switch or a wait says nothing about now."""
        self._records = None

    def principal(self, identity: str) -> str | None:
        """Return the principal of an identity: as attached now, or as it was when the run began."""
        return super().principal(identity) or self.entry.principals.get(identity)

    def save(self, entry: Revocation) -> None:
        """Write the entry under the lease's fence."""
        self.entry = self._kept = self.world.journal.save(entry, fence=self.lease.fence)
