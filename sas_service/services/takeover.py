"""Whether a changed policy may be taken over, and what is said about it on record."""

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.errors import NotFound, PolicyRefused, Violation
from sas_service.domain.policy import Account, Policy
from sas_service.ports import AuditLog, AuditMirror, Clock, Slots, Suspensions


class PolicyTakeover:
    """Refuses a policy that drops an identity which tokens or slots still need; announces each change once."""

    def __init__(
        self, *, audit_log: AuditLog, mirror: AuditMirror, slots: Slots, suspensions: Suspensions, clock: Clock
    ) -> None:
        self._audit_log = audit_log
        self._mirror = mirror
        self._slots = slots
        self._suspensions = suspensions
        self._clock = clock

    def check(self, old: Policy | None, new: Policy) -> tuple[Violation, ...]:
        """Return why ``new`` may not replace ``old`` (None at start). Raises AuditLogUnavailable.

        An account that disappears is checked as if all its identities did.
        """
        names = set(new.accounts) | set(old.accounts if old else ())
        return tuple(
            violation for name in sorted(names) for violation in self._needed(name, new.accounts.get(name), new)
        )

    def _needed(self, account: str, kept: Account | None, new: Policy) -> list[Violation]:
        identities = kept.identities if kept else {}
        used = self._audit_log.identities_in_use(account, self._clock.now())
        found = [
            Violation(
                f"/accounts/{account}/identities/{identity}",
                "dropped",
                f"{count} unexpired tokens hang on it",
                f"accounts.{account}.identities",
            )
            for identity, count in sorted(used.items())
            if count and identity not in identities
        ]
        return found + self._active(account, new)

    def _active(self, account: str, new: Policy) -> list[Violation]:
        try:
            active = self._slots.read(account)
        except NotFound:
            return []
        return [
            Violation(
                f"/profiles/{profile}/identities",
                "dropped",
                f"{identity} is the active identity of this profile",
                f"profiles.{profile}.identities",
            )
            for profile, identity in sorted(active.identities.items())
            if profile in new.profiles
            and new.profiles[profile].account == account
            and identity not in new.profiles[profile].identities
        ]

    def changed(self, old: Policy | None, new: Policy) -> None:
        """Put the change on record, once however many processes see it, and prepare what is new in it."""
        self._suspensions.sync(sorted(new.accounts))
        for account in sorted(new.accounts):
            first = {name: each.identities[0] for name, each in new.profiles.items() if each.account == account}
            self._slots.initialise(account, first)
        draft = EventDraft(
            kind=EventKind.POLICY_CHANGED,
            at=self._clock.now(),
            details={"policyDigest": new.digest, "previous": old.digest if old else None},
        )
        self._mirror.append(self._audit_log.append(draft, once=f"policy:{new.digest}"))

    def refused(self, error: PolicyRefused, digest: str) -> None:
        """Put a refused change on record, once."""
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
