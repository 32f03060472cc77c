"""The memory of verified tokens is bounded and holds no bearer."""

import pickle

import pytest

from sas_service.adapters.entra import EntraCallerTokens, KeyTimings
from sas_service.adapters.entra.claims import TokenRules, Window
from sas_service.adapters.entra.signing_keys import SigningKeys
from sas_service.adapters.entra.verification_key import read_keys
from sas_service.adapters.entra.verified_tokens import Verified, VerifiedTokens
from sas_service.domain.callers import Caller
from tests.unit.adapters_entra.mint import ISSUERS, NOW, TENANT, Keys, app_claims, mint

CALLER = Caller(tenant_id=TENANT, object_id="o", application_id="a", kind="application", roles=frozenset())


def entry(kid: str) -> Verified:
    return Verified(caller=CALLER, window=Window(0, 1), kid=kid, thumbprint="t")


def test_the_least_recently_used_makes_room() -> None:
    tokens = VerifiedTokens(2)
    tokens.put(b"1", entry("1"))
    tokens.put(b"2", entry("2"))
    tokens.get(b"1")
    tokens.put(b"3", entry("3"))
    assert [tokens.get(key) is not None for key in (b"1", b"2", b"3")] == [True, False, True]
    tokens.discard(b"1")
    tokens.discard(b"1")
    assert len(tokens) == 1


def test_many_callers_do_not_fill_the_memory_and_no_bearer_stays(keys: Keys, rules: TokenRules) -> None:
    verifier = EntraCallerTokens(
        keys=SigningKeys(lambda: read_keys(keys.jwks, TENANT), KeyTimings()), rules=rules, remembered=5
    )
    bearers = [mint(keys.good, app_claims("2.0", uti=str(index))) for index in range(20)]
    for bearer in bearers:
        verifier.verify(bearer, NOW)
    remembered = verifier._verified
    assert len(remembered) == 5
    kept = pickle.dumps(list(remembered._entries.items()))
    assert not any(bearer.encode() in kept or bearer.split(".")[2].encode() in kept for bearer in bearers)


def test_a_refused_token_is_not_remembered(tokens: EntraCallerTokens, keys: Keys) -> None:
    bearer = mint(keys.other, app_claims("2.0"))
    for _ in range(2):
        with pytest.raises(Exception, match="not acceptable"):
            tokens.verify(bearer, NOW)
    assert len(tokens._verified) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant_id": "contoso.example"},
        {"tenant_id": TENANT.upper()},
        {"audiences": frozenset()},
        {"audiences": frozenset({""})},
        {"issuers": {}},
        {"issuers": {"3.0": "x"}},
        {"issuers": {"2.0": ""}},
    ],
)
def test_rules_that_would_let_anything_in_are_refused(wrong: dict[str, object]) -> None:
    good: dict[str, object] = {"tenant_id": TENANT, "audiences": frozenset({"a"}), "issuers": ISSUERS}
    with pytest.raises(ValueError):
        TokenRules(**{**good, **wrong})  # type: ignore[arg-type]
