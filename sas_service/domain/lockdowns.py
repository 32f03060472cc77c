"""A lockdown: the account is frozen, nothing is let in, both keys are made anew, and only then is it released."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sas_service.domain.cuts import KEY, Cut, Past, Wound
from sas_service.domain.probes import with_probes
from sas_service.domain.revocations import Reason
from sas_service.domain.runs import Canary, Intent, StepRecord
from sas_service.domain.slots import SigningKey

REGENERATE = "regenerate"

SEE_KEYS, NEW_KEYS = "see-keys", "regenerate-keys"
"""The steps that put on record what a release compares: the keys of before, and that both are others."""


class LockdownState(StrEnum):
    """Where a lockdown stands; in all but the last the account is frozen."""

    LOCKING = "locking"
    LOCKED = "locked"
    RELEASING = "releasing"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Lockdown:
    """Everything that is remembered of one lockdown.

    ``epoch`` is that of the newest tokens it stops. ``fingerprints`` are the keys' before the lock; ``left`` are those
    that it left behind; ``missing`` is what the worker waits for, in words. ``revision`` grows with every write.
    """

    id: str
    account: str
    reason: Reason
    by: Mapping[str, str]
    since: datetime
    comment: str | None = None
    epoch: int = 0
    state: LockdownState = LockdownState.LOCKING
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[StepRecord, ...] = ()
    intents: tuple[Intent, ...] = ()
    canaries: Mapping[str, Canary] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    probes: tuple[Mapping[str, object], ...] = ()
    missing: str = ""
    breached_at: datetime | None = None
    left: Mapping[str, str] = field(default_factory=dict)
    released_by: Mapping[str, str] | None = None
    release_asked_at: datetime | None = None
    ended_at: datetime | None = None
    revision: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the account is free again."""
        return self.state is LockdownState.RELEASED

    @property
    def past(self) -> Past:
        """Return what it has cut, and what it may still cut by a regeneration that lands late."""
        wounds = (Wound(i.name, at) for i in self.intents if i.operation == REGENERATE for at in i.sent)
        return Past(self.cuts, tuple(wounds))

    @property
    def step(self) -> StepRecord | None:
        """Return the step it is at, None after the last."""
        return next((step for step in self.steps if not step.done), None)

    def record(self, name: str) -> StepRecord:
        """Return how far one step is."""
        return next((step for step in self.steps if step.name == name), StepRecord(name))

    def with_step(self, changed: StepRecord) -> "Lockdown":
        """Return it with one step's record changed, or added as the last."""
        if all(each.name != changed.name for each in self.steps):
            return replace(self, steps=(*self.steps, changed))
        return replace(self, steps=tuple(changed if each.name == changed.name else each for each in self.steps))

    def intent(self, operation: str, name: str, step: str) -> Intent | None:
        """Return what was intended last, if it was."""
        wanted = (operation, name, step)
        found = [each for each in self.intents if (each.operation, each.name, each.step) == wanted]
        return found[-1] if found else None

    def with_intent(self, changed: Intent) -> "Lockdown":
        """Return it with one intent added or changed."""
        known = any(each.id == changed.id for each in self.intents)
        kept = tuple(changed if each.id == changed.id else each for each in self.intents)
        return replace(self, intents=kept if known else (*kept, changed))

    def with_canary(self, changed: Canary) -> "Lockdown":
        """Return it with one canary added or changed."""
        return replace(self, canaries={**self.canaries, changed.name: changed})

    def with_probes(self, notes: tuple[Mapping[str, object], ...]) -> "Lockdown":
        """Return it with what the data plane answered added, equal answers folded."""
        return replace(self, probes=with_probes(self.probes, notes))

    def unchanged_keys(self, now: Mapping[SigningKey, str]) -> tuple[SigningKey, ...]:
        """Return the keys that may not be what kills every earlier token: still as before, or never read before."""
        return tuple(key for key in SigningKey if self.fingerprints.get(key.value) in {None, now[key]})

    def dead_cuts(self, at: datetime) -> tuple[Cut, ...]:
        """Return the cuts of both keys: whatever was signed up to the lock is dead for good."""
        return tuple(Cut(KEY, key.value, self.epoch, at) for key in SigningKey)

    def unsettled_until(self, key: SigningKey, quarantine: timedelta, now: datetime) -> datetime | None:
        """Return until when a regeneration may still land and kill what ``key`` signs; None if none can.

        A single sending that was answered has landed. Of anything else a second effect may be under way.
        """
        sent = [i for i in self.intents if (i.operation, i.name) == (REGENERATE, key.value)]
        certain = all(len(intent.sent) == 1 and intent.outcome == "accepted" for intent in sent)
        ends = max((at + quarantine for intent in sent for at in intent.sent), default=now)
        return None if certain or ends <= now else ends
