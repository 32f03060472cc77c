"""When Entra's keys are fetched, and what is served meanwhile: counted at a real server on loopback."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import requests

from sas_service.adapters.entra import DownloadLimits, EntraCallerTokens, KeyTimings, tenant_caller_tokens
from sas_service.adapters.entra.refusal import Reason
from sas_service.domain.errors import IdentityUnavailable, Unauthenticated
from tests.unit.adapters_azure.crowd import in_threads
from tests.unit.adapters_azure.loopback_server import Asked, LoopbackServer, Reply, json_reply
from tests.unit.adapters_entra.mint import API_ID, NOW, OBJECT, TENANT, Keys, app_claims, b64, mint, rsa_jwk

HOUR = timedelta(hours=1)
DISCOVERY = f"/{TENANT}/v2.0/.well-known/openid-configuration"


class Entra:
    """A tenant's metadata and key set; ``down`` makes every answer a 503."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.jwks: object = {"keys": [rsa_jwk(keys.good, "good")]}
        self.down = False
        self.delay = 0.0
        self.server = LoopbackServer(self._answer)

    def _answer(self, asked: Asked) -> Reply:
        if self.down:
            return Reply(503)
        if asked.path == DISCOVERY:
            return json_reply({"issuer": self.issuer, "jwks_uri": f"{self.server.url}/{TENANT}/keys"})
        return Reply(body=json_reply(self.jwks).body, delay=self.delay)

    @property
    def issuer(self) -> str:
        return f"{self.server.url}/{TENANT}/v2.0"

    @property
    def fetches(self) -> int:
        return len(self.server.paths("/keys"))

    @property
    def attempts(self) -> int:
        return len(self.server.paths(DISCOVERY))

    def bearer(self, kid: str = "good", **claims: object) -> str:
        key = self.keys.good if kid == "good" else self.keys.other
        return mint(key, app_claims("2.0", iss=self.issuer, **claims), kid=kid)


@pytest.fixture
def entra(keys: Keys) -> Iterator[Entra]:
    entra = Entra(keys)
    with entra.server:
        yield entra


@pytest.fixture
def tokens(entra: Entra) -> Iterator[EntraCallerTokens]:
    with requests.Session() as session:
        yield tenant_caller_tokens(
            session=lambda: session,
            authority=entra.server.url,
            tenant_id=TENANT,
            audiences=[API_ID],
            timings=KeyTimings(wait_for_first=timedelta(seconds=20)),
            limits=DownloadLimits(connect=5, read=5, total=9),
        )


def refused_for(tokens: EntraCallerTokens, bearer: str, now: datetime) -> str:
    with pytest.raises(Unauthenticated) as refused:
        tokens.verify(bearer, now)
    return refused.value.extra["reason"]


def test_keys_are_fetched_once_an_hour(entra: Entra, tokens: EntraCallerTokens) -> None:
    bearer = entra.bearer(exp=int((NOW + 3 * HOUR).timestamp()))
    for minutes in range(0, 125, 5):
        assert tokens.verify(bearer, NOW + timedelta(minutes=minutes)).object_id == OBJECT
    assert entra.fetches == 3


def test_ten_thousand_unknown_kids_cause_one_fetch_per_five_minutes(entra: Entra, tokens: EntraCallerTokens) -> None:
    tokens.verify(entra.bearer(), NOW)
    for index in range(10_000):
        assert refused_for(tokens, unknown(index), NOW + timedelta(milliseconds=index)) == Reason.UNKNOWN_KEY
    assert entra.fetches == 1
    for index in range(100):
        refused_for(tokens, unknown(index), NOW + timedelta(minutes=5, milliseconds=index))
    assert entra.fetches == 2


def unknown(index: int) -> str:
    return b64(b'{"typ":"JWT","alg":"RS256","kid":"%d"}' % index) + ".e30.c2ln"


def test_a_rolled_key_is_found_by_the_forced_refresh(entra: Entra, tokens: EntraCallerTokens) -> None:
    tokens.verify(entra.bearer(), NOW)
    entra.jwks = {"keys": [rsa_jwk(entra.keys.good, "good"), rsa_jwk(entra.keys.other, "next")]}
    assert refused_for(tokens, entra.bearer("next"), NOW + timedelta(minutes=4)) == Reason.UNKNOWN_KEY
    assert tokens.verify(entra.bearer("next"), NOW + timedelta(minutes=6)).object_id == OBJECT


@pytest.mark.parametrize("hours", [1, 23, 25, 24 * 7])
def test_the_last_good_keys_serve_while_entra_is_down(entra: Entra, tokens: EntraCallerTokens, hours: int) -> None:
    tokens.verify(entra.bearer(), NOW)
    entra.down = True
    later = NOW + timedelta(hours=hours)
    seconds = int(later.timestamp())
    bearer = entra.bearer(iat=seconds, nbf=seconds, exp=seconds + 3600)
    for second in range(200):
        assert tokens.verify(bearer, later + timedelta(seconds=second)).object_id == OBJECT
    assert entra.attempts == 2
    assert tokens.verify(bearer, later + timedelta(minutes=6)).object_id == OBJECT
    assert entra.attempts == 3


def test_without_any_key_the_answer_is_try_later(entra: Entra, tokens: EntraCallerTokens) -> None:
    entra.down = True
    for _ in range(50):
        with pytest.raises(IdentityUnavailable) as away:
            tokens.verify(entra.bearer(), NOW)
        assert away.value.retry_after == timedelta(seconds=5)
        assert away.value.__context__ is None
    assert entra.attempts == 1
    entra.down = False
    assert tokens.verify(entra.bearer(), NOW + timedelta(seconds=6)).object_id == OBJECT


def test_a_remembered_token_ends_with_its_key(entra: Entra, tokens: EntraCallerTokens) -> None:
    bearer = entra.bearer(exp=int((NOW + 3 * HOUR).timestamp()))
    tokens.verify(bearer, NOW)
    entra.jwks = {"keys": [rsa_jwk(entra.keys.other, "next")]}
    assert tokens.verify(bearer, NOW + timedelta(minutes=59)).object_id == OBJECT
    assert refused_for(tokens, bearer, NOW + timedelta(minutes=61)) == Reason.UNKNOWN_KEY


def test_a_remembered_token_ends_when_its_kid_names_another_key(entra: Entra, tokens: EntraCallerTokens) -> None:
    bearer = entra.bearer(exp=int((NOW + 3 * HOUR).timestamp()))
    tokens.verify(bearer, NOW)
    entra.jwks = {"keys": [rsa_jwk(entra.keys.other, "good")]}
    assert refused_for(tokens, bearer, NOW + timedelta(minutes=61)) == Reason.SIGNATURE


def test_a_remembered_token_expires(entra: Entra, tokens: EntraCallerTokens) -> None:
    bearer = entra.bearer(exp=int(NOW.timestamp()) + 10)
    assert tokens.verify(bearer, NOW).object_id == OBJECT
    assert tokens.verify(bearer, NOW + timedelta(seconds=69)).object_id == OBJECT
    assert refused_for(tokens, bearer, NOW + timedelta(seconds=70)) == Reason.EXPIRED


def test_a_key_set_without_a_usable_key_does_not_replace_the_good_one(entra: Entra, tokens: EntraCallerTokens) -> None:
    bearer = entra.bearer(exp=int((NOW + 3 * HOUR).timestamp()))
    tokens.verify(bearer, NOW)
    useless: tuple[object, ...] = ({"keys": []}, {"keys": [rsa_jwk(entra.keys.small, "good")]}, {}, [], "x", None)
    for jwks in useless:
        entra.jwks = jwks
        assert tokens.verify(bearer, NOW + timedelta(minutes=61)).object_id == OBJECT


def test_a_clock_set_back_does_not_stop_refreshing(entra: Entra, tokens: EntraCallerTokens) -> None:
    tokens.prefetch(NOW + timedelta(days=400))
    tokens.prefetch(NOW)
    tokens.prefetch(NOW - timedelta(seconds=1))
    assert entra.fetches == 2


def test_32_threads_make_one_first_fetch_and_all_succeed(entra: Entra, tokens: EntraCallerTokens) -> None:
    entra.delay = 0.2
    outcomes = in_threads(32, lambda: tokens.verify(entra.bearer(), NOW).object_id)
    assert outcomes == [OBJECT] * 32
    assert entra.fetches == 1


def test_a_refresh_in_progress_keeps_nobody_else_waiting(entra: Entra, tokens: EntraCallerTokens) -> None:
    bearer = entra.bearer(exp=int((NOW + 3 * HOUR).timestamp()))
    tokens.verify(bearer, NOW)
    entra.delay = 2.0
    later = NOW + timedelta(minutes=61)
    slow = threading.Thread(target=tokens.prefetch, args=(later,))
    slow.start()
    while entra.fetches < 2:
        time.sleep(0.01)
    for _ in range(100):
        assert tokens.verify(bearer, later).object_id == OBJECT
    assert slow.is_alive()
    slow.join()
    assert entra.fetches == 2
