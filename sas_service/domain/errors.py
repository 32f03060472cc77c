"""Everything that can go wrong, as one closed list without any HTTP in it.

``api/problems.py`` maps each class to an RFC 9457 problem; a test holds the two lists equal.
No error carries a secret or a text of Azure's: only what is named here reaches the client.
"""

from dataclasses import dataclass
from datetime import timedelta

from sas_service.domain.quotas import QuotaLeft


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a request broke a rule: where, what was asked, what is allowed, which rule said so."""

    pointer: str
    asked: object
    allowed: object
    rule: str


class SasServiceError(Exception):
    """Any refusal or failure that the service knows; subclasses say which."""

    def __init__(
        self,
        detail: str,
        *,
        violations: tuple[Violation, ...] = (),
        retry_after: timedelta | None = None,
        **extra: str,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.violations = violations
        self.retry_after = retry_after
        self.extra = extra


class InvalidRequest(SasServiceError):
    """The request cannot be read: a field is missing, unknown, or of the wrong form."""


class Unauthenticated(SasServiceError):
    """No bearer token, or one that cannot be trusted; ``extra['reason']`` is a metric label, never shown."""


class MissingRole(SasServiceError):
    """The caller is known but lacks the role named in ``extra['role']``."""


class ProfileNotAllowed(SasServiceError):
    """The profile does not exist or is not one of the caller's teams'; the two look alike on purpose."""


class OriginNotAllowed(SasServiceError):
    """A browser page of this origin may not use this profile."""


class OutsidePolicy(SasServiceError):
    """The request is readable but wider than the policy allows; ``violations`` names every way."""


class Suspended(SasServiceError):
    """The team, client or profile is suspended (design.md section 4)."""


class AccountLocked(SasServiceError):
    """The account is locked down: nothing is issued, replaced or handed out for it until it is released."""


class ReleaseRefused(SasServiceError):
    """The lockdown cannot be released yet: ``violations`` names what is missing."""


class NotFound(SasServiceError):
    """No such token, account or suspension, or none that this caller may see."""


class IdempotencyKeyReused(SasServiceError):
    """The Idempotency-Key was used with another body."""


class RequestInProgress(SasServiceError):
    """The first request with this Idempotency-Key has not finished."""


class TokenSuperseded(SasServiceError):
    """The token of this Idempotency-Key belongs to an older epoch; ``extra['replacement']`` leads on."""


class EpochMoved(SasServiceError):
    """The account switched its slot while the token was being signed, more often than we try again."""


class SharedTokenNotReady(SasServiceError):
    """The shared token is being made, could not be made just now, or may not be made anew yet."""


class RecordConflict(SasServiceError):
    """A record is not in the state that this write expects (a zombie, a reaper, or a bug)."""


class AuditLogUnavailable(SasServiceError):
    """Redis is away, full, too slow, not durable or of a foreign schema: nothing is issued."""


class MirrorUnavailable(SasServiceError):
    """The audit mirror cannot be written and synced: nothing is issued."""


class ClockSkew(SasServiceError):
    """Our clock and the audit log's differ too much to promise an expiry."""


class AzureUnavailable(SasServiceError):
    """Azure, or the way to it, is away or too slow."""


class AzureThrottled(SasServiceError):
    """Azure asks us to wait; ``retry_after`` is Azure's."""


class BudgetExhausted(SasServiceError):
    """All writes that Azure allows us are spoken for; who comes back after ``retry_after`` finds one."""


class QuotaExceeded(SasServiceError):
    """The team has made all the requests that the policy allows it for now."""

    quota: QuotaLeft | None = None


class AzureRefused(SasServiceError):
    """Azure said no: wrong set-up on our side (roles, identities, account), not the caller's fault."""


class IdentityDetached(SasServiceError):
    """The profile's active identity is not on the account any more: somebody took it off, and has to mend that."""


class OperatorMissing(SasServiceError):
    """This deployment has no operating identity: it issues, but may not look after or change anything in Azure."""


class WriteUnconfirmed(SasServiceError):
    """A change was sent to Azure, but the account does not show it, or shows more than it."""


class GrantMismatch(SasServiceError):
    """The token that came back is not the one that was granted; it was dropped."""


class IdentityUnavailable(SasServiceError):
    """Entra's signing keys, or our own credential, cannot be had."""


class PolicyRefused(SasServiceError):
    """The policy document cannot be used; ``violations`` has file, line and reason."""


class SchemaOutOfRange(SasServiceError):
    """The data in Redis is of a schema that this release cannot serve; run the migrations or the other release."""


class ActionNotAllowed(SasServiceError):
    """The revocation is not in a state that allows this; ``extra['allowedActions']`` has what it allows."""


class PlanBlocked(SasServiceError):
    """The plan cannot be started: every obstacle is named in the detail, with the ways out."""


class ReplanRequired(SasServiceError):
    """The world has changed since the plan: more tokens of others would die, or the run would go another way."""


class RunInProgress(SasServiceError):
    """The account has a run already: ``extra['running']`` names it."""


class RevisionConflict(SasServiceError):
    """Somebody else has written to the revocation since it was read."""


class PreconditionMissing(SasServiceError):
    """The request decides about a plan without naming its hash."""


class TooManyWatchers(SasServiceError):
    """This process streams to as many watchers as it may: each takes a thread that could answer requests."""


class LeaseLost(SasServiceError):
    """Another runner has taken over the account, or the lease ends too soon to act under it: nothing was sent."""


class SealBroken(SasServiceError):
    """The audit log is not what was sealed: a number is missing, a text has changed, or events are gone."""
