"""Every error of domain/errors.py as an RFC 9457 problem: the one place where the two meet."""

from sas_service.api.problem_type import LATER, SOON, UNTIL_DEPLOYED, UNTIL_MENDED, Problem
from sas_service.api.revocation_problems import REVOCATION_PROBLEMS
from sas_service.domain import errors

_NOTHING_ISSUED = "Nothing was issued. Try again after Retry-After; with the same Idempotency-Key that is always safe."

PROBLEMS: dict[type[errors.SasServiceError], Problem] = {
    errors.InvalidRequest: Problem(
        "invalid-request",
        "The request cannot be read",
        400,
        'A member, parameter or header is missing, unknown or of the wrong form. Nothing is coerced: `"5"` is not `5`.',
        "Correct what `violations` names; all violations are told at once.",
    ),
    errors.Unauthenticated: Problem(
        "unauthenticated",
        "No trusted bearer token",
        401,
        "There is no Entra ID access token in the Authorization header, or it was not issued for this service, or it"
        " has expired. Which of these is not said.",
        "Get a new access token for the scope that `WWW-Authenticate` names.",
    ),
    errors.MissingRole: Problem(
        "missing-role",
        "A role is missing",
        403,
        "The access token is genuine but does not carry the app role that this operation needs; `role` names it.",
        "Ask an administrator for the role, then get a new access token: roles are written into it.",
    ),
    errors.ProfileNotAllowed: Problem(
        "profile-not-allowed",
        "No such profile for this caller",
        403,
        "The profile does not exist, or none of the caller's teams may use it. The two look alike on purpose.",
        "`GET /v1/profiles` lists what this caller may use.",
    ),
    errors.OriginNotAllowed: Problem(
        "origin-not-allowed",
        "Pages of this origin may not use this profile",
        403,
        "The request came from a web page whose origin the profile does not list.",
        "Call from the team's own backend, or have the origin added to the profile's `cors` list in the policy.",
    ),
    errors.OutsidePolicy: Problem(
        "outside-policy",
        "The policy does not allow this",
        422,
        "The request is readable but asks for more than the profile allows. The refusal is on record.",
        "Each of `violations` says what was asked, what is allowed, and which rule says so. `POST /v1/tokens/preview`"
        " tries a request without issuing.",
    ),
    errors.Suspended: Problem(
        "suspended",
        "Suspended",
        403,
        "The team, the client or the profile gets no tokens for now. Tokens that are out keep working.",
        "An administrator lifts a suspension with `DELETE /v1/suspensions/{kind}/{id}`.",
    ),
    errors.AccountLocked: Problem(
        "account-locked",
        "The account is locked down",
        423,
        "An administrator has locked the Azure Maps account down: Azure refuses every token and key of it, and nothing"
        " is issued. It is no fault of the caller, and no other request helps.",
        "Wait until the account is released, then ask for a new token: every earlier one is dead.",
    ),
    errors.ReleaseRefused: Problem(
        "release-refused",
        "The lockdown cannot be released yet",
        409,
        "Until both keys are others than before the lock, turning local authentication on again would revive tokens"
        " that were minted outside this service. `violations` names what is missing.",
        "Wait: the worker regenerates the keys and goes on by itself. `lockdown` of"
        " `GET /v1/accounts/{account}` shows how far it is.",
    ),
    errors.NotFound: Problem(
        "not-found",
        "Not found",
        404,
        "There is no such token, account, suspension or revocation, or none that this caller may see.",
        "Check the id; reading other teams' tokens needs the app role Audit.Read.",
    ),
    errors.IdempotencyKeyReused: Problem(
        "idempotency-key-reused",
        "The Idempotency-Key belongs to another request",
        422,
        "This caller used the same key with another body in the last 24 hours.",
        "Make a new key for each new request, and repeat it only with the same body.",
    ),
    errors.RequestInProgress: Problem(
        "request-in-progress",
        "The first request with this key is still running",
        409,
        "A request with the same Idempotency-Key has not finished.",
        "Ask again after Retry-After.",
        SOON,
    ),
    errors.TokenSuperseded: Problem(
        "token-superseded",
        "The token of this key has been superseded",
        409,
        "The token of this Idempotency-Key was signed before the account switched its key or identity.",
        'Follow the Link with rel="replacement", or ask anew with a new key.',
    ),
    errors.EpochMoved: Problem(
        "slot-switching",
        "The account is switching its key or identity",
        503,
        "The account switched while the token was being signed, more often than the service tries again.",
        _NOTHING_ISSUED,
        SOON,
    ),
    errors.SharedTokenNotReady: Problem(
        "shared-token-not-ready",
        "The shared token cannot be had just now",
        503,
        "It is being made by somebody else and takes longer than usual, or it could not be made a moment ago, or it is"
        " too young for a newer one (`after`) to be made already.",
        "Try again after Retry-After. The token that you have, if any, works as long as it says.",
        SOON,
    ),
    errors.RecordConflict: Problem(
        "record-conflict",
        "The token's record is in another state",
        503,
        "The record was closed while the token was being signed, for instance because signing took too long.",
        _NOTHING_ISSUED,
        SOON,
    ),
    errors.AuditLogUnavailable: Problem(
        "audit-log-unavailable",
        "The audit log is not available",
        503,
        "Redis is away, full, too slow or not durable. No audit, no token.",
        _NOTHING_ISSUED,
        LATER,
    ),
    errors.MirrorUnavailable: Problem(
        "audit-mirror-unavailable",
        "The audit mirror is not available",
        503,
        "The second place of the audit log cannot be written. No audit, no token.",
        _NOTHING_ISSUED,
        LATER,
    ),
    errors.ClockSkew: Problem(
        "clock-skew",
        "The clocks disagree",
        503,
        "The service's clock and the audit log's differ too much to promise an expiry.",
        _NOTHING_ISSUED,
        LATER,
    ),
    errors.AzureUnavailable: Problem(
        "azure-unavailable",
        "Azure is not available",
        503,
        "The Azure Maps management API, or the way to it, is away or too slow.",
        _NOTHING_ISSUED,
        LATER,
    ),
    errors.AzureThrottled: Problem(
        "azure-throttled",
        "Azure asks to wait",
        503,
        "The Azure Maps management API throttles; Retry-After is Azure's.",
        _NOTHING_ISSUED,
        LATER,
    ),
    errors.BudgetExhausted: Problem(
        "budget-exhausted",
        "No signature left for now",
        429,
        "Azure lets the service make only so many signatures a second, and those of the next moments are spoken for."
        " Nothing was written or signed.",
        "Come back after `Retry-After`: a write is kept for who does. A profile with `sharing: shared` does not need a"
        " signature for each request.",
        SOON,
    ),
    errors.QuotaExceeded: Problem(
        "quota-exceeded",
        "The team's quota is used up",
        429,
        "The policy allows the team so many requests in a window, and it has made them: `RateLimit-Policy` says how"
        " many, `RateLimit` when the next window begins.",
        "Come back after `Retry-After`, ask for longer tokens, or have the quota raised in the policy.",
        SOON,
    ),
    errors.AzureRefused: Problem(
        "azure-refused",
        "Azure refused",
        502,
        "The service's own set-up in Azure does not let it sign: a role, an identity or the account.",
        "Not the caller's fault: tell the operators, who find the cause with `sas-service doctor`.",
    ),
    errors.IdentityDetached: Problem(
        "identity-detached",
        "The profile's identity is not on the account",
        503,
        "Somebody has taken the managed identity that signs for this profile off the Azure Maps account: nothing can be"
        " signed, and its tokens are refused. Nothing was issued.",
        "Not the caller's fault: tell the operators. They attach it again, or move the profile to its other identity"
        " (`docs/revocation.md`, What others have changed); `drift` of `GET /v1/accounts/{account}` and"
        " `sas-service doctor` name it.",
        UNTIL_MENDED,
    ),
    errors.OperatorMissing: Problem(
        "operator-missing",
        "No operating identity",
        503,
        "This deployment has no operating identity (`SAS_OPERATOR_CLIENT_ID`): it issues tokens, but it cannot look"
        " after accounts. Nothing was sent to Azure.",
        "Tell the operators, who set one up with the rights listed in `docs/least-privilege.md`.",
        UNTIL_DEPLOYED,
    ),
    errors.WriteUnconfirmed: Problem(
        "write-unconfirmed",
        "The change is not confirmed",
        502,
        "A change was sent to Azure, but reading the account afterwards does not show it, or shows that more has"
        " changed. Azure may still carry it out. Intent and outcome are on record.",
        "Look at the account (`GET`), then repeat the request if need be: the same change twice is one change.",
    ),
    errors.GrantMismatch: Problem(
        "grant-mismatch",
        "Azure signed something else",
        502,
        "The token that came back was not the one that was granted. It was dropped.",
        "Not the caller's fault: tell the operators, with the request id in `instance`.",
    ),
    errors.IdentityUnavailable: Problem(
        "identity-unavailable",
        "Entra ID is not available",
        503,
        "Entra's signing keys, or the service's own credential, cannot be had.",
        _NOTHING_ISSUED,
        LATER,
    ),
    errors.PolicyRefused: Problem(
        "policy-refused",
        "The policy document cannot be used",
        503,
        "The service has no policy to decide by.",
        "Tell the operators; `sas-service policy check` names the lines.",
        LATER,
    ),
    errors.SchemaOutOfRange: Problem(
        "schema-out-of-range",
        "The stored data is of another release",
        503,
        "The data in Redis has a schema that this release cannot serve.",
        "Tell the operators: `sas-service migrate`, or the other release.",
        LATER,
    ),
    errors.SealBroken: Problem(
        "seal-broken",
        "The audit log is not what was sealed",
        503,
        "A number is missing, a text has changed, or sealed events are gone: somebody has changed the log, or Redis has"
        " lost a part of it. The audit event `sealBroken` says where.",
        "Call an administrator: `sas-service audit verify` tells what differs, `sas-service audit repair` restores what"
        " the mirror has.",
        UNTIL_DEPLOYED,
    ),
    **REVOCATION_PROBLEMS,
}
