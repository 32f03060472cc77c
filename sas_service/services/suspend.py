"""Suspend a team, a client or a profile, and lift it again: a thief who can ask again is not stopped otherwise."""

from uuid import UUID

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import NotFound
from sas_service.ports import AuditLog, AuditMirror, Clock, Policies, Suspension, Suspensions


class Suspending:
    """Stops issue, hand-out and replacement at once, without a policy change (design.md section 4)."""

    def __init__(
        self, *, policies: Policies, suspensions: Suspensions, audit_log: AuditLog, mirror: AuditMirror, clock: Clock
    ) -> None:
        self._policies = policies
        self._suspensions = suspensions
        self._audit_log = audit_log
        self._mirror = mirror
        self._clock = clock

    def list(self, _caller: Caller) -> tuple[Suspension, ...]:
        """Return every suspension."""
        return self._suspensions.list()

    def put(
        self, kind: str, suspended_id: str, caller: Caller, *, reason: str | None, request_id: str
    ) -> tuple[Suspension, bool]:
        """Suspend; returns the suspension and whether it is new. The intent is on record before it takes effect.

        Raises NotFound for a team or profile that the policy does not know: a misspelt name would stop nobody.
        """
        suspended_id = _as_compared(kind, suspended_id)
        policy = self._policies.current()
        if (kind == "team" and suspended_id not in policy.teams) or (
            kind == "profile" and suspended_id not in policy.profiles
        ):
            raise NotFound(f"the policy has no {kind} of this name")
        suspension = Suspension(kind=kind, id=suspended_id, reason=reason, by=caller.document(), at=self._clock.now())
        self._record(EventKind.SUSPENDED, suspension, caller, request_id)
        return suspension, self._suspensions.put(suspension, sorted(policy.accounts))

    def delete(self, kind: str, suspended_id: str, caller: Caller, *, request_id: str) -> None:
        """Lift a suspension; raises NotFound if there is none."""
        suspended_id = _as_compared(kind, suspended_id)
        current = next(
            (each for each in self._suspensions.list() if (each.kind, each.id) == (kind, suspended_id)), None
        )
        if current is None:
            raise NotFound(f"no {kind} of this name is suspended")
        self._record(EventKind.SUSPENSION_LIFTED, current, caller, request_id)
        self._suspensions.delete(kind, suspended_id, sorted(self._policies.current().accounts))

    def _record(self, kind: EventKind, suspension: Suspension, caller: Caller, request_id: str) -> None:
        draft = EventDraft(
            kind=kind,
            at=self._clock.now(),
            team=suspension.id if suspension.kind == "team" else None,
            caller=caller.document(),
            request_id=request_id,
            details={"suspended": {"kind": suspension.kind, "id": suspension.id}, "reason": suspension.reason},
        )
        self._mirror.append(self._audit_log.append(draft))


def _as_compared(kind: str, suspended_id: str) -> str:
    """Return ``suspended_id`` as callers' ids are written: lower case; otherwise it would be on record and stop nobody.

    Raises NotFound for a client that is no application id.
    """
    if kind != "client":
        return suspended_id
    try:
        return str(UUID(suspended_id))
    except ValueError:
        raise NotFound("a client is named by its application id, a GUID") from None
