"""Whether a changed policy may be taken over, and what is said about it on record."""

from collections.abc import Callable

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.errors import NotFound, PolicyRefused, Violation
from sas_service.domain.policy import Policy, Profile
from sas_service.domain.slots import AccountSlots
from sas_service.domain.takeover import takeover_violations
from sas_service.ports import AuditLog, AuditMirror, Clock, Slots, Suspensions
from sas_service.services.active_slots import first_named


class PolicyTakeover:
    """Refuses a policy that drops an identity which tokens or slots still need; announces each change once."""

    def __init__(
        self,
        *,
        audit_log: AuditLog,
        mirror: AuditMirror,
        slots: Slots,
        suspensions: Suspensions,
        clock: Clock,
        first: Callable[[Profile], str] = first_named,
    ) -> None:
        self._first = first
        self._audit_log = audit_log
        self._mirror = mirror
        self._slots = slots
        self._suspensions = suspensions
        self._clock = clock

    def check(self, old: Policy | None, new: Policy) -> tuple[Violation, ...]:
        """Return why ``new`` may not replace ``old`` (None at start). Raises AuditLogUnavailable."""
        # Before the first token of a new account can be asked for: a suspended team is suspended there too.
        self._suspensions.sync(sorted(new.accounts))
        now = self._clock.now()
        return takeover_violations(
            old, new, in_use=lambda account: self._audit_log.identities_in_use(account, now), active=self._active
        )

    def _active(self, account: str) -> AccountSlots | None:
        try:
            return self._slots.read(account)
        except NotFound:
            return None

    def changed(self, old: Policy | None, new: Policy) -> None:
        """Put the change on record, once however many processes see it, and prepare what is new in it."""
        for account in sorted(new.accounts):
            started = self._slots.initialise(account, {}).identities
            fresh = (each for each in new.profiles.values() if each.account == account and each.name not in started)
            self._slots.initialise(account, {each.name: self._first(each) for each in fresh})
        draft = EventDraft(
            kind=EventKind.POLICY_CHANGED,
            at=self._clock.now(),
            details={"policyDigest": new.digest, "previous": old.digest if old else None},
        )
        self._mirror.append(self._audit_log.append(draft, once=f"policy:{new.digest}"))

    def refused(self, error: PolicyRefused) -> None:
        """Put a refused change on record, once."""
        digest = error.extra.get("digest", "")
        draft = EventDraft(
            kind=EventKind.POLICY_REFUSED,
            at=self._clock.now(),
            details={
                "policyDigest": digest,
                "reasons": [
                    {"at": each.rule, "pointer": each.pointer, "why": each.allowed} for each in error.violations
                ],
            },
        )
        self._mirror.append(self._audit_log.append(draft, once=f"refused:{digest}"))
