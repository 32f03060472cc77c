"""Tokens: issue, try, list and look up."""

from dataclasses import replace

from sas_service.api import examples
from sas_service.api.account_lookup import AccountLookup
from sas_service.api.audit import note_reading
from sas_service.api.exchange import Answer, Ask, dump, json_answer, page_answer
from sas_service.api.operations import Body, Documented, Resource
from sas_service.api.rate_limits import RATE_LIMIT_HEADERS, rate_limit_headers
from sas_service.api.schemas_queries import TokensQuery, token_filters
from sas_service.api.schemas_tokens import (
    Granted,
    TokenAnswer,
    TokenList,
    TokenOnRecord,
    TokenPath,
    TokenRequestBody,
    token_request,
)
from sas_service.api.shared_tokens import shared_for, shares
from sas_service.api.token_documents import (
    granted_document,
    issued_document,
    record_document,
    token_link,
)
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    AccountLocked,
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    ClockSkew,
    EpochMoved,
    GrantMismatch,
    IdempotencyKeyReused,
    IdentityDetached,
    MirrorUnavailable,
    NotFound,
    OriginNotAllowed,
    OutsidePolicy,
    ProfileNotAllowed,
    QuotaExceeded,
    RecordConflict,
    RequestInProgress,
    SharedTokenNotReady,
    Suspended,
    TokenSuperseded,
)
from sas_service.services.issue import Issued

tokens = Resource("tokens", "SAS tokens: asked for by profile, bounded by the policy, on record before they leave.")

_BODY = Body(TokenRequestBody(), examples.TOKEN_REQUEST, with_policy=True)
_PATH = TokenPath()
_ISSUE = (Role.TOKENS_ISSUE,)
_READ = (Role.TOKENS_ISSUE, Role.AUDIT_READ)
_DECISION = (ProfileNotAllowed, OriginNotAllowed, OutsidePolicy)
_AZURE = (AzureUnavailable, AzureThrottled, AzureRefused, IdentityDetached)
_RECORDING = (AuditLogUnavailable, MirrorUnavailable)
TOKEN_HEADERS = {
    "Location": "The token's record (JSON and text).",
    "Sas-Token-Id": "The token's id.",
    "ETag": "The token's fingerprint, quoted.",
    "Link": 'Where to ask when to renew: `rel="renewal"`.',
    **RATE_LIMIT_HEADERS,
}


@tokens.operation(
    "POST",
    "/v1/tokens",
    summary="Issue a token",
    roles=_ISSUE,
    body=_BODY,
    answers={
        201: Documented(
            "The token; with `Accept: text/plain` the bare token.",
            TokenAnswer(),
            examples.TOKEN,
            ("application/json", "text/plain"),
            TOKEN_HEADERS,
        ),
        200: Documented(
            "The token of an earlier request with this Idempotency-Key, signed again with the same start and expiry.",
            TokenAnswer(),
            examples.TOKEN,
            ("application/json", "text/plain"),
            {**TOKEN_HEADERS, "Idempotency-Replayed": "`true`."},
        ),
    },
    problems=(
        *_DECISION,
        Suspended,
        AccountLocked,
        IdempotencyKeyReused,
        RequestInProgress,
        TokenSuperseded,
        QuotaExceeded,
        BudgetExhausted,
        *_AZURE,
        GrantMismatch,
        *_RECORDING,
        ClockSkew,
        EpochMoved,
        SharedTokenNotReady,
        RecordConflict,
    ),
    cors=True,
    idempotent_key=True,
)
def issue(use: UseCases, ask: Ask) -> Answer:
    """Ask for a token within the policy.

    Whatever is left out of the body is the profile's choice; a request may narrow a profile, never widen it. All
    violations are told at once. The token is on record, durably and in two places, before it is answered. Of a shared
    profile this is the current token of the team, as `GET /v1/profiles/{profile}/token` answers it: nothing may be
    wished for, and an Idempotency-Key, a reason and labels are not kept.
    """
    request = token_request(ask.body)
    if shares(use, request.profile):
        shared = shared_for(use, ask, request)
        return handed_out(replace(shared.issued, quota=shared.quota), as_text=ask.wants_text)
    issued = use.issuing.issue(
        request,
        ask.caller,
        request_id=ask.request_id,
        shape=ask.shape,
        idempotency_key=ask.idempotency_key,
        body_hash=ask.body_hash,
        origin=ask.origin,
    )
    use.metrics.issued(issued.record.grant.profile, redelivered=issued.redelivered)
    return handed_out(issued, as_text=ask.wants_text)


@tokens.operation(
    "POST",
    "/v1/tokens/preview",
    summary="Try a request without issuing",
    roles=_ISSUE,
    body=_BODY,
    answers={200: Documented("What would be signed.", Granted(), examples.GRANTED)},
    problems=(*_DECISION, *_AZURE, *_RECORDING),
    cors=True,
)
def preview(use: UseCases, ask: Ask) -> Answer:
    """Answer what `POST /v1/tokens` would grant now, or why it would refuse. Refusals are on record as well."""
    granted = use.issuing.preview(
        token_request(ask.body), ask.caller, request_id=ask.request_id, shape=ask.shape, origin=ask.origin
    )
    return json_answer(granted_document(granted))


@tokens.operation(
    "GET",
    "/v1/tokens",
    summary="List tokens",
    roles=_READ,
    query=TokensQuery(),
    answers={200: Documented("A page of tokens, newest first.", TokenList(), examples.TOKEN_LIST)},
    problems=(AuditLogUnavailable,),
)
def list_tokens(use: UseCases, ask: Ask) -> Answer:
    """List the tokens of the caller's teams; with Audit.Read those of all teams.

    A page looks at a bounded number of tokens: where filters leave few, it may be short or empty and still have a
    `next`.
    """
    accounts, now = AccountLookup(use, ask.caller), use.clock.now()
    page = use.inspection.tokens(ask.caller, **ask.listing("account", "team"), now=now, **token_filters(ask.query))
    note_reading(use, ask, "GET /v1/tokens")
    items = [record_document(each, state, *accounts.of(each)) for each, state in page.items]
    return page_answer(ask, dump(items), page.next)


@tokens.operation(
    "GET",
    "/v1/tokens/{id}",
    summary="Look up a token",
    roles=_READ,
    parameters=_PATH,
    answers={200: Documented("What is on record.", TokenOnRecord(), examples.TOKEN_ON_RECORD)},
    problems=(NotFound, AuditLogUnavailable),
)
def get_token(use: UseCases, ask: Ask) -> Answer:
    """Answer what is on record about a token; the token itself is not kept anywhere."""
    record = use.inspection.token(ask.path["id"], ask.caller)
    client_id, hosts = AccountLookup(use, ask.caller).of(record)
    state = use.inspection.state(record, use.clock.now())
    note_reading(use, ask, "GET /v1/tokens/{id}", about=record.id)
    return json_answer(record_document(record, state, client_id, hosts))


def handed_out(issued: Issued, *, as_text: bool) -> Answer:
    """Answer with a token: the only place where the secret goes out."""
    headers = {
        "Location": token_link(issued.record.id),
        "Sas-Token-Id": issued.record.id,
        "ETag": f'"{issued.token.fingerprint}"',
        "Link": f'<{token_link(issued.record.id, "/renewal")}>; rel="renewal"',
        **rate_limit_headers(issued.quota),
        **({"Idempotency-Replayed": "true"} if issued.redelivered else {}),
    }
    status = 200 if issued.redelivered else 201
    if as_text:
        return Answer(issued.token.reveal(), status, headers, "text/plain")
    return json_answer(issued_document(issued), status, headers)
