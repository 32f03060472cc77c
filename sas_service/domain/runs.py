"""One revocation from its plan to its end: everything the Journal remembers of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sas_service.domain.cuts import Cut, Past, Wound, joined
from sas_service.domain.plans import Plan
from sas_service.domain.probes import with_probes
from sas_service.domain.revocations import FORCING, LEGAL, OPEN, Action, State
from sas_service.domain.slots import AccountSlots

TAKES_AWAY = frozenset({"regenerate", "detach", "remove"})
"""The operations after which something that worked does not: a late one must find nothing to kill."""

PROVEN_KEYS = "provenKeys"
"""What the step that proves the new slot says of the key that takes over, by its fingerprint."""

CUTTING_STEPS = frozenset({"regenerate-key", "detach-identity", "remove-role"})


@dataclass(frozen=True, slots=True)
class Intent:
    """A change to Azure, on record before it is sent; ``baseline`` is what the world showed before the first sending.

    ``outcome`` is of the newest sending: None while nobody knows, ``accepted``, ``refused`` (no effect) or ``unknown``.
    """

    id: str
    step: str
    operation: str
    name: str
    baseline: str
    fence: int
    sent: tuple[datetime, ...]
    outcome: str | None = None
    azure_request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Canary:
    """A short token the service signed for itself, sealed; its probes are counted in a row."""

    name: str
    sealed: str
    fingerprint: str
    expiry: datetime
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Streak:
    """Equal answers in a row: how many rounds, and since when."""

    rounds: int = 0
    since: datetime | None = None

    def with_round(self, now: datetime) -> "Streak":
        """Count one more."""
        return Streak(self.rounds + 1, self.since or now)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How far one step is; ``begun`` is when it was first looked at, ``missing`` what it waits for, in words."""

    name: str
    begun: datetime | None = None
    done: datetime | None = None
    missing: str = ""
    streak: Streak = Streak()
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Return pending, running or done."""
        if self.done:
            return "done"
        return "running" if self.begun else "pending"


@dataclass(frozen=True, slots=True)
class Revocation:
    """One run. ``revision`` grows with every write: who writes must have read the newest.

    ``within`` is how many seconds consumers have from the switch on, where a time was asked for and not an instant.
    """

    id: str
    account: str
    state: State
    plan: Plan
    planned_by: Mapping[str, str]
    approvals_needed: int = 0
    approvals_to_force: int = 0
    approved_by: tuple[str, ...] = ()
    deadline: datetime | None = None
    within: int = 0
    started_by: Mapping[str, str] | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    waiting_for: str | None = None
    waiting_code: str | None = None
    forced_by: str | None = None
    aborting: str | None = None
    preempted_by: str | None = None
    excused: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    casualties: frozenset[str] = frozenset()
    steps: tuple[StepRecord, ...] = ()
    intents: tuple[Intent, ...] = ()
    canaries: Mapping[str, Canary] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    principals: Mapping[str, str] = field(default_factory=dict)
    before: AccountSlots | None = None
    key_fingerprints: Mapping[str, str] = field(default_factory=dict)
    probes: tuple[Mapping[str, object], ...] = ()
    warned: int = 0
    revision: int = 0

    @property
    def switched(self) -> datetime | None:
        """When the account switched, None before: from then on consumers are told to move."""
        return next((step.done for step in self.steps if step.name == "switch"), None)

    @property
    def until(self) -> datetime | None:
        """Until when consumers may take: a time counts from the switch, however late that is; extended, it is later."""
        if self.deadline is None or self.switched is None or not self.within:
            return self.deadline
        return max(self.deadline, self.switched + timedelta(seconds=self.within))

    @property
    def past(self) -> Past:
        """Return what this run has cut and wounded."""
        wounds = (Wound(i.name, at) for i in self.intents if i.operation in TAKES_AWAY for at in i.sent)
        return Past(self.cuts, tuple(wounds))

    @property
    def has_cut(self) -> bool:
        """Whether a cut was intended: from then on there is no way back, sent or not."""
        return any(intent.step in CUTTING_STEPS for intent in self.intents) and not self.aborting

    @property
    def step(self) -> StepRecord | None:
        """Return the step it is at, None after the last."""
        return next((step for step in self.steps if not step.done), None)

    def with_step(self, changed: StepRecord) -> "Revocation":
        """Return the run with one step's record changed."""
        return replace(self, steps=tuple(changed if each.name == changed.name else each for each in self.steps))

    def intent(self, operation: str, name: str, step: str) -> Intent | None:
        """Return what was intended, if it was."""
        wanted = (operation, name, step)
        return next((each for each in self.intents if (each.operation, each.name, each.step) == wanted), None)

    def with_intent(self, changed: Intent) -> "Revocation":
        """Return the run with one intent added or changed."""
        known = any(each.id == changed.id for each in self.intents)
        kept = tuple(changed if each.id == changed.id else each for each in self.intents)
        return replace(self, intents=kept if known else (*kept, changed))

    def with_canary(self, changed: Canary) -> "Revocation":
        """Return it with one canary added or changed."""
        return replace(self, canaries={**self.canaries, changed.name: changed})

    def with_probes(self, notes: tuple[Mapping[str, object], ...]) -> "Revocation":
        """Return it with what the data plane answered added, equal answers folded."""
        return replace(self, probes=with_probes(self.probes, notes))


def allowed_actions(run: Revocation, now: datetime) -> frozenset[Action]:
    """Return what may be done to ``run``: what its state allows, less what this run forbids."""
    legal = set(LEGAL[state_at(run, now)])
    if run.has_cut or run.aborting:
        legal.discard(Action.ABORT)
    if run.aborting:
        legal -= {Action.APPROVE, Action.EXTEND, *FORCING}
    if len(run.approved_by) >= (run.approvals_to_force if is_open(run) else run.approvals_needed):
        legal.discard(Action.APPROVE)
    if len(run.approved_by) < run.approvals_needed:
        legal.discard(Action.START)
    if len(run.approved_by) < run.approvals_to_force:
        legal -= FORCING
    return frozenset(legal)


def state_at(run: Revocation, now: datetime) -> State:
    """Return the state; a plan nobody started in time has expired, whatever else was written."""
    if run.state in {State.PLANNED, State.BLOCKED} and now >= run.plan.expires_at:
        return State.EXPIRED
    return run.state


KEPT_UNSTARTED = timedelta(days=1)
"""How long a plan that nobody started is still shown after it has expired; the audit log keeps its events."""


def is_forgettable(run: Revocation, now: datetime) -> bool:
    """Tell whether ``run`` is a plan that expired unstarted a day ago: nothing has come of it, and nothing will."""
    was_started = run.started_at or run.started_by or run.intents or run.cuts
    is_plan = run.state in {State.PLANNED, State.BLOCKED, State.ABORTED} and not was_started
    return is_plan and now >= run.plan.expires_at + KEPT_UNSTARTED


def resumed(run: Revocation, now: datetime) -> Revocation:
    """Return the run going on: what it waited for is accepted, and what took too long gets its whole time again."""
    accepted = run.accepted | ({run.waiting_code} if run.waiting_code else set())
    changed = replace(run, state=State.RUNNING, accepted=accepted, waiting_for=None, waiting_code=None)
    return changed.with_step(replace(run.step, begun=now)) if run.step and run.step.begun else changed


def is_open(run: Revocation) -> bool:
    """Tell whether the run holds its account."""
    return run.state in OPEN


def past_of(runs: tuple[Revocation, ...]) -> Past:
    """Return all that the runs of an account have cut and wounded."""
    return joined(run.past for run in runs)
