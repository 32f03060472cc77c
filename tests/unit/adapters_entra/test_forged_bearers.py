"""Whatever is not exactly one of the tenant's access tokens for us is refused, and the refusal quotes nothing of it."""

import pytest

from sas_service.adapters.entra import EntraCallerTokens
from sas_service.domain.callers import Role
from sas_service.domain.errors import Unauthenticated
from tests.unit.adapters_entra.forgeries import FORGERIES, HEADERS
from tests.unit.adapters_entra.mint import (
    API_ID,
    API_URI,
    CLIENT,
    GROUP,
    NOW,
    OBJECT,
    SECOND,
    TENANT,
    USER,
    Keys,
    app_claims,
    mint,
    user_claims,
)

VERSIONS = ("1.0", "2.0")


def test_there_are_enough_kinds() -> None:
    assert len(FORGERIES) >= 80
    assert len(HEADERS) > 40


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_is_refused_for_its_own_reason(
    kind: str, version: str, keys: Keys, tokens: EntraCallerTokens
) -> None:
    reason, forge = FORGERIES[kind]
    bearer = forge(keys, version)
    with pytest.raises(Unauthenticated) as refused:
        tokens.verify(bearer, NOW)
    assert refused.value.extra == {"reason": reason.value}
    shown = f"{refused.value} {refused.value!r} {refused.value.__context__} {refused.value.__cause__}"
    assert not any(segment in shown for segment in bearer.split(".") if len(segment) > 3)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("audience", [API_ID, API_URI])
def test_an_application_is_who_its_token_says(
    version: str, audience: str, keys: Keys, tokens: EntraCallerTokens
) -> None:
    caller = tokens.verify(mint(keys.good, app_claims(version, aud=audience, roles=["Tokens.Issue", "Other"])), NOW)
    assert caller.document() == {
        "tenantId": TENANT,
        "objectId": OBJECT,
        "applicationId": CLIENT,
        "kind": "application",
    }
    assert caller.roles == {Role.TOKENS_ISSUE}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_needs_scope_and_role_for_more_than_issuing(version: str, keys: Keys, tokens: EntraCallerTokens) -> None:
    scopes = "Tokens.Issue Audit.Read Revocations.Manage"
    claims = user_claims(version, scp=scopes, roles=["Audit.Read", "Revocations.Approve"], groups=[GROUP])
    caller = tokens.verify(mint(keys.good, claims), NOW)
    assert (caller.object_id, caller.kind) == (USER, "user")
    assert caller.roles == {Role.TOKENS_ISSUE, Role.AUDIT_READ}
    assert caller.groups == {GROUP}


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "at+jwt"},
        {"x5t": "thumbprint"},
    ],
)
def test_headers_that_entra_writes_are_fine(changes: dict[str, str], keys: Keys, tokens: EntraCallerTokens) -> None:
    assert tokens.verify(mint(keys.good, app_claims("2.0"), **changes), NOW).object_id == OBJECT


@pytest.mark.parametrize(
    "overage",
    [
        {"hasgroups": True},
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}},
    ],
)
def test_too_many_groups_are_no_groups(overage: dict[str, object], keys: Keys, tokens: EntraCallerTokens) -> None:
    caller = tokens.verify(mint(keys.good, user_claims("2.0", groups=[GROUP], **overage)), NOW)
    assert caller.groups == frozenset()


def test_an_application_marked_by_idtyp_may_have_no_role_yet(keys: Keys, tokens: EntraCallerTokens) -> None:
    caller = tokens.verify(mint(keys.good, app_claims("2.0", roles=..., idtyp="app")), NOW)
    assert (caller.kind, caller.roles) == ("application", frozenset())


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": SECOND - 59},
        {"nbf": SECOND + 59},
        {"iat": SECOND + 59, "nbf": SECOND + 59},
        {"exp": SECOND - 300 + 28 * 3600},
    ],
)
def test_clocks_may_differ_by_a_minute_and_long_access_tokens_exist(
    changes: dict[str, int], keys: Keys, tokens: EntraCallerTokens
) -> None:
    assert tokens.verify(mint(keys.good, app_claims("2.0", **changes)), NOW).object_id == OBJECT
