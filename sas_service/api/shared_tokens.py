"""Shared tokens: the current one of the caller's team, for ``getToken`` callbacks that ask again and again."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from marshmallow import RAISE

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.fields import Strict, Text
from sas_service.api.operations import Documented, Resource
from sas_service.api.problem_type import UNTIL_DEPLOYED
from sas_service.api.rate_limits import RATE_LIMIT_HEADERS, rate_limit_headers
from sas_service.api.schemas_tokens import TokenAnswer
from sas_service.api.token_documents import issued_document, token_link
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
    ProfileNotAllowed,
    QuotaExceeded,
    RecordConflict,
    SharedTokenNotReady,
    Suspended,
)
from sas_service.domain.policy import Sharing
from sas_service.domain.tokens import TokenRequest
from sas_service.services.hand_out import HandingOut, SharedToken

shared_tokens = Resource("shared tokens", "One token for all callers of a team, of profiles that share.")

_HEADERS = {
    "Sas-Token-Id": "The token's id.",
    "ETag": "The token's fingerprint, quoted.",
    "Link": 'Where to ask when to renew: `rel="renewal"`.',
    **RATE_LIMIT_HEADERS,
}


class ProfilePath(Strict):
    """Which profile."""

    profile = Text(required=True, longest=100, metadata={"description": "Its name.", "examples": ["storefront-shared"]})


class NewerQuery(Strict):
    """Which token is not good enough."""

    after = Text(
        longest=200,
        pattern=r"[a-z0-9-]{1,63}\.[0-9A-Za-z]{26}",
        wanted="the id of a token",
        metadata={
            "description": "The id of a token; the answer is a newer one.",
            "examples": ["maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB"],
        },
    )

    class Meta:
        """Unknown parameters are refused."""

        unknown = RAISE


@shared_tokens.operation(
    "GET",
    "/v1/profiles/{profile}/token",
    summary="Get the current token of a shared profile",
    roles=(Role.TOKENS_ISSUE,),
    parameters=ProfilePath(),
    query=NewerQuery(),
    answers={
        200: Documented(
            "The token; with `Accept: text/plain` the bare token.",
            TokenAnswer(),
            examples.TOKEN,
            ("application/json", "text/plain"),
            _HEADERS,
        ),
        304: Documented("The token is still the one that `If-None-Match` names.", media_types=(), headers=_HEADERS),
    },
    problems=(
        ProfileNotAllowed,
        OriginNotAllowed,
        Suspended,
        NotFound,
        SharedTokenNotReady,
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
    ),
    cors=True,
)
def shared_token(use: UseCases, ask: Ask) -> Answer:
    """Answer the token that all callers of the team get now; it has at least ten minutes to live.

    Every answer is counted, 304 too: who asks still holds the token. `after` insists on a newer one, which is made if
    there is none yet; that is possible a few times in a window, and otherwise 503 with Retry-After. Answers are never
    stored by caches (`no-store`): the page keeps the token, and its `ETag`, in memory.
    """
    shared = _handing_out(use).current(
        ask.path["profile"], ask.caller, request_id=ask.request_id, origin=ask.origin, after=ask.query.get("after")
    )
    unchanged = _once(shared, "unchanged", _unchanged)
    if ask.if_none_match is not None and _names(ask.if_none_match, unchanged.headers["ETag"]):
        answer = unchanged
    elif ask.wants_text:
        answer = _once(shared, "text", _text)
    else:
        answer = _once(shared, "json", _json)
    if shared.quota is None:
        return answer
    return replace(answer, headers={**answer.headers, **rate_limit_headers(shared.quota)})


def shares(use: UseCases, profile: str) -> bool:
    """Tell whether tokens of the profile are shared."""
    found = use.policies.current().profiles.get(profile)
    return found is not None and found.sharing is Sharing.SHARED


def shared_for(use: UseCases, ask: Ask, request: TokenRequest) -> SharedToken:
    """Return the current token for a request that names a shared profile; raises what it wishes in vain at once."""
    use.deciding.decide(
        request, ask.caller, now=use.clock.now(), request_id=ask.request_id, shape=ask.shape, origin=ask.origin
    )
    return _handing_out(use).current(request.profile, ask.caller, request_id=ask.request_id, origin=ask.origin)


def _handing_out(use: UseCases) -> HandingOut:
    if use.handing_out is None:
        raise SharedTokenNotReady(
            "This deployment has no sealing keys (SAS_SEALING_KEYS), so it shares no tokens.",
            retry_after=UNTIL_DEPLOYED,
        )
    return use.handing_out


def _once(shared: SharedToken, kind: str, make: Callable[[SharedToken], Answer]) -> Answer:
    """Return what was made of this token before: thousands of callers a second get the same answer."""
    known = shared.answers.get(kind)
    if known is None:
        known = shared.answers[kind] = make(shared)
    return cast("Answer", known)


def _json(shared: SharedToken) -> Answer:
    return json_answer(issued_document(shared.issued), headers=_headers(shared))


def _text(shared: SharedToken) -> Answer:
    return Answer(shared.issued.token.reveal(), headers=_headers(shared), media_type="text/plain")


def _unchanged(shared: SharedToken) -> Answer:
    return Answer(status=304, headers=_headers(shared))


def _headers(shared: SharedToken) -> Mapping[str, str]:
    record = shared.issued.record
    return {
        "Sas-Token-Id": record.id,
        "ETag": f'"{shared.issued.token.fingerprint}"',
        "Link": f'<{token_link(record.id, "/renewal")}>; rel="renewal"',
        "Vary": "Accept",
    }


def _names(if_none_match: str, etag: str) -> bool:
    """Tell whether one of the entity tags is this one; weak ones count (RFC 9110, 13.1.2)."""
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in {"*", etag} for tag in tags)
