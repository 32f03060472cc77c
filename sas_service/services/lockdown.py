"""Lock an account down, and release it: what people decide; the worker does the rest (services/run_lockdown.py)."""

from dataclasses import replace

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import NotFound, ReleaseRefused, RevisionConflict, Violation
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.revocations import Reason
from sas_service.domain.slots import SigningKey
from sas_service.steps.run import World

_TRIES = 3


class LockingDown:
    """The freeze is done when the answer is given; everything after it survives any crash."""

    def __init__(self, world: World) -> None:
        self._world = world

    def shown(self, account: str) -> Lockdown | None:
        """Return the lockdown that holds the account. Raises NotFound, AuditLogUnavailable."""
        self._known(account)
        return self._world.lockdowns.current(account)

    def lock(
        self, account: str, caller: Caller, *, reason: Reason, comment: str | None, request_id: str
    ) -> tuple[Lockdown, bool]:
        """Freeze the account at once; returns the lockdown and whether it is new. The intent is on record before.

        One that is being released is locked anew, with both keys to be regenerated once more. Raises NotFound,
        AuditLogUnavailable, MirrorUnavailable.
        """
        self._known(account)
        current = self._world.lockdowns.current(account)
        if current is not None and current.state is not LockdownState.RELEASING:
            self._record_freeze(current, caller, request_id)
            return current, False
        now = self._world.clock.now()
        lockdown = Lockdown(self._world.new_id(), account, reason, caller.document(), now, comment)
        said: dict[str, object] = {
            "reason": reason.value,
            "comment": comment,
            "instead": current.id if current else None,
        }
        self._record(lockdown, EventKind.LOCKDOWN_BEGUN, caller, request_id, said)
        # Its own cuts stay on record: they are as true as if it had been released.
        over = replace(current, state=LockdownState.RELEASED, ended_at=now, canaries={}) if current else None
        kept = self._world.lockdowns.begin(lockdown, instead_of=over)
        self._record_freeze(kept, caller, request_id)
        return kept, kept.id == lockdown.id

    def _record_freeze(self, lockdown: Lockdown, caller: Caller, request_id: str) -> None:
        """Say that the account is frozen, in both places: a Redis that loses the freeze loses this too, and is seen.

        Repeated by whoever asks for the lockdown again, if this process dies in between.
        """
        slots = self._world.slots.read(lockdown.account).document()
        self._record(lockdown, EventKind.LOCKDOWN_FROZEN, caller, request_id, {"slots": slots}, once=True)

    def release(self, account: str, caller: Caller, *, request_id: str) -> Lockdown:
        """Begin the release, if nothing would revive. Raises NotFound, ReleaseRefused, AzureUnavailable and its kin."""
        for _ in range(_TRIES):
            current = self.shown(account)
            if current is None:
                raise NotFound("the account is not locked down")
            if current.state is LockdownState.RELEASING:
                return current
            missing = self._missing(current)
            if missing:
                raise ReleaseRefused("The lockdown cannot be released yet.", violations=missing)
            try:
                return self._begin_release(current, caller, request_id)
            except RevisionConflict:
                continue  # the worker wrote meanwhile
        raise RevisionConflict("The lockdown is being changed all the time.")

    def _begin_release(self, current: Lockdown, caller: Caller, request_id: str) -> Lockdown:
        self._record(current, EventKind.LOCKDOWN_RELEASING, caller, request_id, {})
        now = self._world.clock.now()
        wanted = replace(
            current, state=LockdownState.RELEASING, released_by=caller.document(), release_asked_at=now, missing=""
        )
        return self._world.lockdowns.amend(wanted)

    def _missing(self, current: Lockdown) -> tuple[Violation, ...]:
        """Ask the account itself, now: what the worker has seen may be past."""
        now = self._world.keys.read(current.account).fingerprints
        unchanged = current.unchanged_keys(now)
        found = [
            Violation(f"/keys/{key.value}", "as before the lock", "regenerated", "lockdown.keys") for key in unchanged
        ]
        if not found and current.state is not LockdownState.LOCKED:
            step = current.step.name if current.step else "prove-refused"
            found.append(
                Violation("/lockdown/state", current.state.value, f"locked; it is at {step}", "lockdown.state")
            )
        return (*found, *self._unsafe(current)) if not unchanged else tuple(found)

    def _unsafe(self, current: Lockdown) -> tuple[Violation, ...]:
        at, quarantine = self._world.clock.now(), self._world.pace.quarantine
        ends = {key: current.unsettled_until(key, quarantine, at) for key in SigningKey}
        if None in ends.values():
            return ()
        return tuple(
            Violation(
                f"/keys/{key.value}", "may still be regenerated late", f"from {format_instant(end)}", "lockdown.late"
            )
            for key, end in ends.items()
            if end is not None
        )

    def _known(self, account: str) -> None:
        if account not in self._world.policies.current().accounts:
            raise NotFound("there is no such account")

    def _record(
        self,
        lockdown: Lockdown,
        kind: EventKind,
        caller: Caller,
        request_id: str,
        said: dict[str, object],
        *,
        once: bool = False,
    ) -> None:
        draft = EventDraft(
            kind=kind,
            at=self._world.clock.now(),
            account=lockdown.account,
            caller=caller.document(),
            request_id=request_id,
            details={"lockdown": lockdown.id, **{name: value for name, value in said.items() if value is not None}},
        )
        only_once = f"{kind.value}:{lockdown.id}" if once else None
        self._world.mirror.append(self._world.audit_log.append(draft, once=only_once))
