"""Find what somebody else has changed about an account, put it on record, and mend what renewing can mend."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.cuts import KEY, Cut
from sas_service.domain.drift import Drift, Known, Shown, first_known, foreign_keys, look
from sas_service.domain.errors import (
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    EpochMoved,
    IdentityUnavailable,
    NotFound,
    RevisionConflict,
)
from sas_service.domain.plans import Asked
from sas_service.domain.policy import Account
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.run_documents import run_document
from sas_service.domain.runs import Revocation, StepRecord
from sas_service.domain.situations import Situation
from sas_service.domain.slots import SigningKey
from sas_service.domain.standbys import bare_plan, foreign_way
from sas_service.ports import AccountNotes, KeyReading, Lease, SharedTokens
from sas_service.services.plan_revocation import Planning
from sas_service.steps.run import World

WORKER = {"objectId": "sas-service worker"}
"""Who plans what nobody has asked for."""


class DriftWatch:
    """Compares an account with what was last known to be right (domain/drift.py has the rules)."""

    def __init__(self, world: World, planning: Planning, notes: AccountNotes, shared: SharedTokens) -> None:
        self._world = world
        self._planning = planning
        self._notes = notes
        self._shared = shared

    def look(self, lease: Lease, situation: Situation) -> Known:
        """Look once, under the account's lease.

        Raises what reading Azure may raise, AuditLogUnavailable, MirrorUnavailable, LeaseLost.
        """
        account, reading = lease.account, self._world.keys.read(lease.account)
        others = self._world.identities.read(account).others
        keys = {key.value: told for key, told in reading.fingerprints.items()}
        shown = Shown(keys, others, dict(self._secrets(situation.account)))
        before = self._notes.known(account) or first_known(shown, situation)
        changed = foreign_keys(before, shown, situation)
        for key in changed:
            self._replace_dead(lease, situation, key, reading, since=before.at)
        after = look(before, shown, self._planning.situation(account) if changed else situation, changed)
        self._tell(before, after)
        self._notes.keep_known(after, fence=lease.fence)
        return after

    def _secrets(self, account: Account) -> Iterator[tuple[str, str]]:
        """Read what daemons read; a vault that is away holds up no look at the account."""
        for each in account.shared_key_secrets:
            with suppress(AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable):
                kept = self._world.shared_keys.read(each.place)
                if kept is not None:
                    yield each.place.name, kept.fingerprint

    def drifts(self, account: str) -> tuple[Drift, ...]:
        """Return what is not as it should be, as of the last look."""
        known = self._notes.known(account)
        return known.drifts if known else ()

    def accept(self, account: str, caller: Caller, *, request_id: str | None = None) -> None:
        """Take what is there for right: ``caller`` has looked. What must not be at all is found again.

        Raises NotFound, RevisionConflict for a key that nobody has looked at yet: taken for right, those whose tokens
        died with it would never be told. And what reading keys may raise, AuditLogUnavailable, MirrorUnavailable.
        """
        if account not in self._world.policies.current().accounts:
            raise NotFound("there is no such account")
        known, keys = self._notes.known(account), self._world.keys.read(account).fingerprints
        if known and any(known.keys.get(key.value) != told for key, told in keys.items()):
            raise RevisionConflict("A key has changed since the last look: look at the account again in a minute.")
        self._record(account, EventKind.DRIFT_ACCEPTED, self._world.clock.now(), caller=caller, request_id=request_id)
        self._notes.forget_known(account)

    def _replace_dead(
        self, lease: Lease, situation: Situation, key: SigningKey, reading: KeyReading, *, since: datetime
    ) -> None:
        """Let the holders of what died renew now, and what is issued from here on be told from it by its epoch."""
        # The keys were read before now, and what was reserved before that may hang on the generation that is gone.
        told, found = reading.last_updated[key], self._world.clock.now()
        until = max(since, min(told, found)) if told else since
        run = _done_by_somebody(situation, key, reading, Cut(KEY, key.value, situation.slots.epoch, found, until))
        # It may have been written before this worker, or the one before it, got any further.
        with suppress(RevisionConflict):
            self._world.journal.add(run)
        if key is situation.slots.signing_key:
            self._tell_old_from_new(lease, situation, key)
        self._record_run(run)

    def _record_run(self, run: Revocation) -> None:
        """Say it as the end of a run is said, with all that the journal has: it may be lost with Redis."""
        slots = self._world.slots.read(run.account)
        told = {"revocation": run.id, "state": run.state.value, "entry": run_document(run), "slots": slots.document()}
        draft = EventDraft(EventKind.REVOCATION_ENDED, self._world.clock.now(), account=run.account, details=told)
        self._world.mirror.append(self._world.audit_log.append(draft, once=f"driftRun:{run.id}"))

    def _tell_old_from_new(self, lease: Lease, situation: Situation, key: SigningKey) -> None:
        """See to it that nothing is handed out any more that was signed before; repeated after a crash, once more."""
        # A run that is under way has planned with this epoch: it moves it itself, or waits for a person.
        if self._world.journal.running(lease.account) is None:
            self._count_up(lease, situation, key)
        else:
            self._shared.end_generation(lease.account)

    def _count_up(self, lease: Lease, situation: Situation, key: SigningKey) -> None:
        try:
            self._world.slots.switch(
                lease.account, after_epoch=situation.slots.epoch, signing_key=key, identities={}, fence=lease.fence
            )
        except EpochMoved:
            return  # whoever moved it has told old from new

    def _tell(self, before: Known, after: Known) -> None:
        """Put what has come and what has gone on record, once, whatever crashes in between."""
        had, has = ({each.name for each in known.drifts} for known in (before, after))
        for drift in after.drifts:
            if drift.name not in had:
                self._record(after.account, EventKind.DRIFT_FOUND, after.at, drift, since=before.at)
        for drift in before.drifts:
            if drift.name not in has:
                self._record(after.account, EventKind.DRIFT_ENDED, after.at, drift, since=before.at)

    def _record(
        self,
        account: str,
        kind: EventKind,
        at: datetime,
        drift: Drift | None = None,
        *,
        since: datetime | None = None,
        caller: Caller | None = None,
        request_id: str | None = None,
    ) -> None:
        details = {"code": drift.code, "about": drift.about, "detail": drift.detail or None} if drift else {}
        by = caller.document() if caller else None
        draft = EventDraft(kind, at, account=account, caller=by, request_id=request_id, details=details)
        once = f"{kind.value} {drift.code} {drift.about}:{since}" if drift else None
        self._world.mirror.append(self._world.audit_log.append(draft, once=once))


def _done_by_somebody(situation: Situation, key: SigningKey, reading: KeyReading, cut: Cut) -> Revocation:
    """Write the regeneration as the run that it would have been, so that every reader of the journal knows of it."""
    account, now = situation.account.name, situation.now
    asked = Asked(
        Reason.SUPERSEDED,
        Target("signingKey", (key.value,), account),
        Mode.EMERGENCY,
        Lever.KEY,
        comment="regenerated by somebody else",
    )
    left = {name.value: fingerprint for name, fingerprint in reading.fingerprints.items()}
    return Revocation(
        id=f"drift-{reading.fingerprints[key][:26]}",
        account=account,
        state=State.COMPLETED,
        plan=bare_plan(asked, Lever.KEY, foreign_way(key), situation, "it has happened already"),
        planned_by=WORKER,
        started_by=WORKER,
        started_at=now,
        ended_at=now,
        steps=(
            StepRecord("switch", begun=now, done=now),
            StepRecord("complete", begun=now, done=now, evidence={"keyFingerprints": left}),
        ),
        cuts=(cut,),
    )
