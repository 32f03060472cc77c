"""Keep a standby warm: the first three steps of the document's playbook, walked between runs and begun by nobody."""

from dataclasses import replace
from datetime import timedelta

from sas_service.domain.audit import EventKind
from sas_service.domain.policy import Standby
from sas_service.domain.revocations import State
from sas_service.domain.runs import Revocation, StepRecord
from sas_service.domain.situations import Situation
from sas_service.domain.standbys import standby_plan
from sas_service.playbooks import ASSIGN_ROLE, ATTACH_IDENTITY, PROVE_STANDBY
from sas_service.ports import AccountNotes, Lease
from sas_service.services.run_playbook import look_and_act
from sas_service.steps.run import Run, World
from sas_service.steps.step import Seen, Step

STEPS = (ATTACH_IDENTITY, ASSIGN_ROLE, PROVE_STANDBY)
COLD, READY = "cold", "ready"


class Upkeep(Run):
    """A run that nobody started: its memory is a note of the worker's and not the journal; all else is the same."""

    def __init__(self, world: World, lease: Lease, entry: Revocation, notes: AccountNotes) -> None:
        super().__init__(world, lease, entry)
        self._notes = notes

    def save(self, entry: Revocation) -> None:
        """Write the note under the lease's fence."""
        self._notes.keep_standby(entry, fence=self.lease.fence)
        self.entry = entry


class KeepStandby:
    """Brings up what would take over, and proves it anew every ``prove_every``."""

    def __init__(self, world: World, notes: AccountNotes, *, prove_every: timedelta) -> None:
        self._world = world
        self._notes = notes
        self._prove_every = prove_every

    def keep(self, lease: Lease, situation: Situation) -> str:
        """Go as far as it goes now, under the account's lease and with no run open; returns what is missing.

        Raises AuditLogUnavailable, MirrorUnavailable, LeaseLost.
        """
        if situation.account.standby is Standby.COLD:
            return COLD
        run = Upkeep(self._world, lease, self._entry(situation), self._notes)
        left_out = sorted(set(situation.profiles) - set(run.way.identities))
        for step in STEPS:
            seen = self._walk(run, step)
            if not seen.done:
                return seen.missing
        return f"no identity may take over yet: {', '.join(left_out)}" if left_out else READY

    def _walk(self, run: Upkeep, step: Step) -> Seen:
        record = next(each for each in run.entry.steps if each.name == step.name)
        # What is attached and assigned is looked at each time; a proof holds for a while.
        if step is PROVE_STANDBY and record.done:
            return Seen(done=True)
        sent = run.entry.intents
        seen = look_and_act(run, step)
        if step is PROVE_STANDBY and seen.done and run.way.standby:
            run.event(EventKind.STANDBY_PROVEN, identities=dict(run.way.standby), signingKey=run.way.new_key.value)
        entry = run.entry.with_step(_noted(run, record, seen))
        if step is not PROVE_STANDBY and sent != entry.intents:
            # What had to be brought up again has to be proven again.
            entry = entry.with_step(StepRecord(PROVE_STANDBY.name, begun=run.now))
        if entry != run.entry:
            run.save(entry)
        return seen

    def _entry(self, situation: Situation) -> Revocation:
        """Return the note as it stands, or a new one when the way, the epoch or the time is another."""
        kept, plan = self._notes.standby(situation.account.name), standby_plan(situation)
        proven = next((each.done for each in kept.steps if each.name == PROVE_STANDBY.name), None) if kept else None
        is_same = kept is not None and (kept.plan.chosen.direction, kept.plan.epoch) == (
            plan.chosen.direction,
            plan.epoch,
        )
        if kept is not None and is_same and (proven is None or situation.now - proven < self._prove_every):
            return kept
        just_sent = tuple(
            each
            for each in (kept.intents if kept else ())
            if situation.now - each.sent[-1] < situation.pace.resend_after
        )
        return Revocation(
            id=f"standby-{situation.account.name}",
            account=situation.account.name,
            state=State.RUNNING,
            plan=plan,
            planned_by={"objectId": "sas-service worker"},
            steps=tuple(StepRecord(each.name, begun=situation.now) for each in STEPS),
            intents=just_sent,
            principals=dict(situation.azure.principals),
        )


def _noted(run: Run, record: StepRecord, seen: Seen) -> StepRecord:
    streak = record.streak if seen.streak is None else seen.streak
    done = (record.done or run.now) if seen.done else None
    return replace(record, done=done, missing=seen.missing, streak=streak)
