"""Renewal: when to replace a token, its replacement, and the word that the new one is loaded."""

from sas_service.api import examples
from sas_service.api.answers_revocations import AcknowledgementShown
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.operations import Body, Documented, Resource
from sas_service.api.rate_limits import whole_seconds_up
from sas_service.api.schemas_tokens import AcknowledgementBody, Renewal, TokenAnswer, TokenPath
from sas_service.api.token_documents import acknowledgement_document, renewal_document
from sas_service.api.tokens import TOKEN_HEADERS, handed_out
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    ClockSkew,
    EpochMoved,
    GrantMismatch,
    IdentityDetached,
    MirrorUnavailable,
    NotFound,
    OriginNotAllowed,
    OutsidePolicy,
    ProfileNotAllowed,
    QuotaExceeded,
    RecordConflict,
    SharedTokenNotReady,
    Suspended,
)

renewal = Resource("renewal", "Keep a working token: when to replace it, its replacement, and that it is loaded.")

_PATH = TokenPath()
_ISSUE = (Role.TOKENS_ISSUE,)


@renewal.operation(
    "GET",
    "/v1/tokens/{id}/renewal",
    summary="Ask when to renew a token",
    roles=(Role.TOKENS_ISSUE, Role.AUDIT_READ),
    parameters=_PATH,
    answers={
        200: Documented(
            "The window in which to replace the token.",
            Renewal(),
            examples.RENEWAL,
            headers={
                "Retry-After": "When to ask again, in seconds; spread at random.",
                "Cache-Control": "`private`, for as long as Retry-After.",
            },
        )
    },
    problems=(NotFound, AuditLogUnavailable),
    cors=True,
)
def get_renewal(use: UseCases, ask: Ask) -> Answer:
    """Answer when to replace a token, as RFC 9773 does for certificates. A window in the past means now.

    During a revocation the window of every token that will be cut is one instant: in the past, or, where more must move
    than Azure can sign for at once, some minutes ahead. `reason` says why and `explanation` leads to a page about it.
    """
    information = use.renewing.information(ask.path["id"], ask.caller, seed=ask.request_id)
    wait = whole_seconds_up(information.retry_after)
    headers = {"Retry-After": str(wait), "Cache-Control": f"private, max-age={wait}", "Vary": "Authorization"}
    return json_answer(renewal_document(information), headers=headers)


@renewal.operation(
    "POST",
    "/v1/tokens/{id}/replacement",
    summary="Replace a token",
    roles=_ISSUE,
    parameters=_PATH,
    answers={
        201: Documented(
            "The new token, with `replaces`; with `Accept: text/plain` the bare token.",
            TokenAnswer(),
            examples.TOKEN,
            ("application/json", "text/plain"),
            TOKEN_HEADERS,
        ),
        200: Documented(
            "The same replacement again, signed once more.",
            TokenAnswer(),
            examples.TOKEN,
            ("application/json", "text/plain"),
            {**TOKEN_HEADERS, "Idempotency-Replayed": "`true`."},
        ),
    },
    problems=(
        NotFound,
        ProfileNotAllowed,
        OriginNotAllowed,
        OutsidePolicy,
        Suspended,
        QuotaExceeded,
        BudgetExhausted,
        AzureUnavailable,
        AzureThrottled,
        AzureRefused,
        IdentityDetached,
        GrantMismatch,
        AuditLogUnavailable,
        MirrorUnavailable,
        ClockSkew,
        EpochMoved,
        RecordConflict,
        SharedTokenNotReady,
    ),
    cors=True,
)
def replace(use: UseCases, ask: Ask) -> Answer:
    """Ask for a token in place of one of the caller's own: as the old one, for as long as that had left.

    Repeating it is safe: it answers the same replacement, signed once more, as long as that comes from the active slot.
    Load it, then acknowledge it. Who is told to replace a token (renewal says "now") is held back neither by the team's
    quota nor by the profile's budget; any other replacement counts like a new token.
    """
    issued = use.replacing.replace(ask.path["id"], ask.caller, request_id=ask.request_id, origin=ask.origin)
    use.metrics.issued(issued.record.grant.profile, redelivered=issued.redelivered)
    return handed_out(issued, as_text=ask.wants_text)


@renewal.operation(
    "POST",
    "/v1/tokens/{id}/acknowledgement",
    summary="Say that a new token is loaded",
    roles=_ISSUE,
    parameters=_PATH,
    body=Body(AcknowledgementBody(), {"fingerprint": "5e88" * 16}),
    answers={200: Documented("The old token counts as moved.", AcknowledgementShown(), examples.ACKNOWLEDGEMENT)},
    problems=(NotFound, AuditLogUnavailable, MirrorUnavailable),
    cors=True,
)
def acknowledge(use: UseCases, ask: Ask) -> Answer:
    """Say that the new token is what the application uses now; only then may the old one be cut.

    `id` is the new token's, `fingerprint` the SHA-256 of what was loaded: only who has it can say so.
    """
    fingerprint = ask.body["fingerprint"]
    record = use.replacing.acknowledge(ask.path["id"], ask.caller, fingerprint=fingerprint, request_id=ask.request_id)
    return json_answer(acknowledgement_document(record, fingerprint))
