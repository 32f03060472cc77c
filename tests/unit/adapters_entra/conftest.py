import pytest

from sas_service.adapters.entra import EntraCallerTokens, KeyTimings
from sas_service.adapters.entra.claims import TokenRules
from sas_service.adapters.entra.signing_keys import SigningKeys
from sas_service.adapters.entra.verification_key import read_keys
from tests.unit.adapters_entra.mint import API_ID, API_URI, ISSUERS, TENANT, Keys, new_keys


@pytest.fixture(scope="session")
def keys() -> Keys:
    return new_keys()


@pytest.fixture(scope="session")
def rules() -> TokenRules:
    return TokenRules(tenant_id=TENANT, audiences=frozenset({API_ID, API_URI}), issuers=ISSUERS)


@pytest.fixture
def tokens(keys: Keys, rules: TokenRules) -> EntraCallerTokens:
    return EntraCallerTokens(keys=SigningKeys(lambda: read_keys(keys.jwks, TENANT), KeyTimings()), rules=rules)
