"""Give one stream back what it lost, batch by batch: first the state that events led to, then the events.

The end of the stream is what everybody compares, so it comes last: a crash leaves a loss that can still be seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sas_service.domain.apart import for_each
from sas_service.domain.audit import SERVICE_STREAM, AuditEvent, EventKind
from sas_service.domain.errors import AuditLogUnavailable, NotFound
from sas_service.domain.restoration import Restoration, SuspensionTold, tokens_of
from sas_service.domain.restored_lockdowns import LockdownsTold
from sas_service.domain.restored_runs import RunsTold
from sas_service.domain.slots import AccountSlots
from sas_service.ports import (
    Acknowledgements,
    Journal,
    Lockdowns,
    LogRepair,
    MirrorReading,
    Slots,
    Suspension,
    Suspensions,
)
from sas_service.services.losses import Loss

_SUSPENDING = (f'"kind":"{EventKind.SUSPENDED}"', f'"kind":"{EventKind.SUSPENSION_LIFTED}"')


@dataclass(frozen=True, slots=True)
class Memory:
    """What a repair reads and writes beside events and records."""

    slots: Slots
    journal: Journal
    lockdowns: Lockdowns
    suspensions: Suspensions
    acknowledgements: Acknowledgements


@dataclass(slots=True)
class Restored:
    """What came back; ``left`` is what somebody has to look after, in words."""

    events: int = 0
    tokens: int = 0
    left: list[str] = field(default_factory=list)


class StreamRestoring:
    """One stream of one repair; ``accounts`` are those that can be reached."""

    def __init__(
        self, stream: str, *, reading: MirrorReading, repair: LogRepair, memory: Memory, accounts: Sequence[str]
    ) -> None:
        self._stream = stream
        self._reading = reading
        self._repair = repair
        self._memory = memory
        self._accounts = accounts
        self._runs, self._lockdowns, self._slots = self._known()
        self.restored = Restored()

    def begin(self, loss: Loss) -> None:
        """Restore what no lost event tells of: who is suspended, and slots that were lost where the events stayed.

        Raises AuditLogUnavailable, MirrorUnavailable.
        """
        if self._stream == SERVICE_STREAM:
            return
        self._copy_suspensions()
        if loss.is_epoch_lost and loss.has.last:
            self._fold_what_stayed(loss.has.last)
        self._repair.rest_leases(self._stream)

    def restore(self, batch: Sequence[AuditEvent]) -> None:
        """Restore what some events led to, and then the events."""
        known = self._repair.records(self._stream, tokens_of(batch)) if self._stream != SERVICE_STREAM else {}
        restoration = self._restoration()
        restoration.records = dict(known)
        for event in batch:
            restoration.fold(event)
        self._slots = restoration.slots
        changed = [record for name, record in restoration.records.items() if known.get(name) != record]
        if self._stream != SERVICE_STREAM:
            self._repair.restore_records(self._stream, changed, restoration.committed)
            self._restore_account(restoration)
            for word in restoration.words:
                self._memory.acknowledgements.put(self._stream, word)
        self._restore_suspensions(restoration.suspensions.values())
        self.restored.tokens += len(changed)
        self.restored.left += [
            f"token {token}: its reservation is nowhere, so it has no record" for token in sorted(restoration.unknown)
        ]
        self.restored.events += self._repair.restore_events(self._stream, batch) if batch else 0

    def finish(self, loss: Loss) -> None:
        """Say what somebody has to look after. Raises AuditLogUnavailable if no event has the epoch: it stays lost."""
        if (self._slots.epoch if self._slots else 0) < loss.mirrored.epoch and self._stream != SERVICE_STREAM:
            raise AuditLogUnavailable(f"The mirror speaks of an epoch of {self._stream}, but not of its slots.")
        for run in self._runs.changed:
            if run.id == self._runs.running:
                self.restored.left.append(f"revocation {run.id} of {self._stream} is paused: {run.waiting_for}")
        if self._lockdowns.changed and self._lockdowns.holding:
            held = self._lockdowns.holding
            self.restored.left.append(f"account {self._stream} is in lockdown ({held.id}), as it was: release it")

    def _known(self) -> tuple[RunsTold, LockdownsTold, AccountSlots | None]:
        stream, memory = self._stream, self._memory
        if stream == SERVICE_STREAM:
            return RunsTold(stream), LockdownsTold(stream), None
        runs = RunsTold(stream, reversed(memory.journal.of(stream)))
        lockdowns = LockdownsTold(stream, reversed(memory.lockdowns.of(stream)))
        try:
            return runs, lockdowns, memory.slots.read(stream)
        except NotFound:
            return runs, lockdowns, None

    def _restoration(self) -> Restoration:
        return Restoration(self._stream, self._runs, self._lockdowns, slots=self._slots)

    def _fold_what_stayed(self, last: int) -> None:
        """Find slots, lockdown and runs in what the log has itself: the events stayed, what they led to did not."""
        restoration = self._restoration()
        for event in self._reading.events(self._stream, 0, last):
            restoration.fold(event)
            restoration.records.clear()
        self._slots = restoration.slots
        self._restore_account(restoration)

    def _restore_account(self, restoration: Restoration) -> None:
        if restoration.slots is not None:
            self._repair.restore_slots(restoration.slots)
        holding, lockdowns = self._lockdowns.holding, self._lockdowns.changed
        if lockdowns or holding:
            self._repair.restore_lockdowns(self._stream, lockdowns, holding.id if holding else None)
        runs = sorted(self._runs.changed, key=lambda run: run.plan.made_at)
        if runs:
            self._repair.restore_journal(self._stream, runs, self._runs.running)

    def _copy_suspensions(self) -> None:
        """Suspend on the account before it opens: from the list, or from the mirror if the list cannot be reached."""
        try:
            self._memory.suspensions.sync([self._stream])
        except AuditLogUnavailable:
            events = self._reading.events(SERVICE_STREAM, 0)
            told = Restoration(SERVICE_STREAM, RunsTold(SERVICE_STREAM), LockdownsTold(SERVICE_STREAM))
            for event in events:
                if any(kind in event.text for kind in _SUSPENDING):
                    told.fold(event)
            in_force = [_suspension(each) for each in told.suspensions.values() if each.in_force]
            self._repair.restore_suspended(self._stream, in_force)

    def _restore_suspensions(self, suspensions: Iterable[SuspensionTold]) -> None:
        def restore(told: SuspensionTold) -> None:
            if told.in_force:
                self._memory.suspensions.put(_suspension(told), self._accounts)
            else:
                self._memory.suspensions.delete(told.kind, told.id, self._accounts)

        for_each(suspensions, restore)


def _suspension(told: SuspensionTold) -> Suspension:
    return Suspension(told.kind, told.id, told.reason, told.by, told.at)
