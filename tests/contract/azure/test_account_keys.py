"""AccountKeys over HTTP: one effect at most whatever happens, honest outcomes, and no key in any text."""

import hashlib
import hmac
import logging
import pickle
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from sas_service.adapters.azure.account_keys import AzureAccountKeys
from sas_service.domain.errors import (
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    IdentityUnavailable,
    SasServiceError,
)
from sas_service.domain.slots import SigningKey
from tests.contract.azure.levers import ACCOUNT, PATIENCE, PEPPER, way
from tests.demo_azure import ACCOUNT_ID, DemoAzure
from tests.emulator_process import free_port
from tests.unit.adapters_azure.azure_world import all_text_of

PRIMARY, SECONDARY = SigningKey.PRIMARY, SigningKey.SECONDARY


def keys_of(azure: DemoAzure, identity: str = "service-operator", base_url: str | None = None) -> AzureAccountKeys:
    return AzureAccountKeys(pepper=PEPPER, patience=PATIENCE, **way(azure, identity, base_url))


def plain(azure: DemoAzure) -> dict[str, str]:
    answer = azure.arm("POST", f"{ACCOUNT_ID}/listKeys").json()
    return {key.value: answer[key.value] for key in SigningKey}


def test_a_fingerprint_is_the_keys_hmac_and_needs_the_pepper(azure: DemoAzure) -> None:
    reading, secrets = keys_of(azure).read(ACCOUNT), plain(azure)
    for key in SigningKey:
        expected = hmac.new(PEPPER, secrets[key.value].encode(), hashlib.sha256).hexdigest()
        assert reading.fingerprints[key] == expected
        assert expected != hashlib.sha256(secrets[key.value].encode()).hexdigest()
        assert reading.last_updated[key] is not None
    other = AzureAccountKeys(pepper=b"another pepper, long enough", patience=PATIENCE, **way(azure)).read(ACCOUNT)
    assert not set(other.fingerprints.values()) & set(reading.fingerprints.values())


@pytest.mark.parametrize("pepper", [b"", b"fifteen bytes.."])
def test_a_short_pepper_is_refused(azure: DemoAzure, pepper: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes") as refused:
        AzureAccountKeys(pepper=pepper, **way(azure))
    assert not pepper or pepper.decode() not in str(refused.value)


@dataclass(frozen=True)
class Case:
    """A fault of one regenerateKey, how often it took effect, and what we may say of it."""

    fault: dict[str, object]
    effects: int
    error: type[SasServiceError] = AzureUnavailable
    effect: str = "unknown"
    retry_after: int | None = 5
    extra: dict[str, str] = field(default_factory=dict)


def status(code: int, retry_after: int | None = None, *, kind: str = "status") -> dict[str, object]:
    return {"kind": kind, "status": code} | ({} if retry_after is None else {"retryAfter": retry_after})


DONE = "effectThenStatus"
FAULTS = {
    "500": Case(status(500), 0),
    "500 with Retry-After": Case(status(500, 1), 0, retry_after=1),
    "503": Case(status(503), 0),
    "503 with Retry-After": Case(status(503, 1), 0, retry_after=1),
    "504": Case(status(504), 0),
    "502": Case(status(502), 0),
    "408": Case(status(408), 0),
    "429": Case(status(429), 0, AzureThrottled, "none"),
    "429 with Retry-After": Case(status(429, 1), 0, AzureThrottled, "none", retry_after=1),
    "409 with Retry-After": Case(status(409, 1), 0, AzureRefused, "none", None),
    "400 with Retry-After": Case(status(400, 1), 0, AzureRefused, "none", None),
    "redirect": Case(status(307), 0),
    "done, then 500": Case(status(500, kind=DONE), 1),
    "done, then 503 with Retry-After": Case(status(503, 1, kind=DONE), 1, retry_after=1),
    "done, then 504": Case(status(504, kind=DONE), 1),
    "done, then 202": Case(status(202, kind=DONE), 1),
    "reset": Case({"kind": "reset"}, 0),
    "done, then reset": Case({"kind": "effectThenReset"}, 1),
    "silence": Case({"kind": "timeout", "seconds": 3}, 0),
    "done, then silence": Case({"kind": "effectThenTimeout", "seconds": 3}, 1),
    "half a body": Case({"kind": "halfBody"}, 1),
    "a body that stalls": Case({"kind": "slowDrip", "seconds": 200}, 1),
    "wrong JSON": Case({"kind": "wrongJson"}, 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_regeneration_is_sent_once_and_its_outcome_is_told_honestly(
    azure: DemoAzure, name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    case, keys = FAULTS[name], keys_of(azure)
    before, secrets, sent = keys.read(ACCOUNT), plain(azure), azure.counted("regenerateKey")
    azure.emulator.control("POST", "faults", {"operation": "regenerateKey", "times": 0, **case.fault})
    with caplog.at_level(logging.DEBUG), pytest.raises(SasServiceError) as failed:
        keys.regenerate(ACCOUNT, SECONDARY, request_id="request-1")
    azure.emulator.control("DELETE", "faults")
    assert azure.counted("regenerateKey") == sent + 1
    error = failed.value
    wait = None if case.retry_after is None else timedelta(seconds=case.retry_after)
    assert (type(error), error.extra["effect"], error.retry_after) == (case.error, case.effect, wait)
    assert error.extra["attempts"] == "1"
    after = keys.read(ACCOUNT)
    assert (after.fingerprints[SECONDARY] != before.fingerprints[SECONDARY]) == bool(case.effects)
    assert after.fingerprints[PRIMARY] == before.fingerprints[PRIMARY]
    assert error.__context__ is None
    output = capfd.readouterr()
    everywhere = "\n".join([all_text_of(error), caplog.text, output.out, output.err])
    assert not [each for each in (*secrets.values(), *plain(azure).values()) if each in everywhere]


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "halfBody"}, {"kind": "wrongJson"}])
def test_reading_is_repeated_where_that_helps_and_gives_no_key_away(
    azure: DemoAzure, fault: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    keys, secrets = keys_of(azure), plain(azure)
    azure.emulator.control("POST", "faults", {"operation": "listKeys", "times": 0, **fault})
    with caplog.at_level(logging.DEBUG), pytest.raises(AzureUnavailable) as failed:
        keys.read(ACCOUNT)
    azure.emulator.control("DELETE", "faults")
    everywhere = all_text_of(failed.value) + caplog.text
    assert not [secret for secret in secrets.values() if secret in everywhere]
    azure.emulator.control("POST", "faults", {"operation": "listKeys", "times": 1, "kind": "status", "status": 503})
    assert set(keys.read(ACCOUNT).fingerprints) == set(SigningKey)


def test_neither_key_nor_pepper_is_in_what_is_kept(azure: DemoAzure, caplog: pytest.LogCaptureFixture) -> None:
    keys, secrets = keys_of(azure), plain(azure)
    with caplog.at_level(logging.DEBUG):
        reading = keys.read(ACCOUNT)
        answered = keys.regenerate(ACCOUNT, PRIMARY, request_id="request-1")
    kept = [repr(reading), str(reading), repr(keys), repr(vars(keys)), str(answered), caplog.text]
    everywhere = "\n".join(kept).encode() + pickle.dumps(reading)
    for secret in (*secrets.values(), *plain(azure).values(), PEPPER.decode()):
        assert secret.encode() not in everywhere


def test_what_was_never_sent_had_no_effect(azure: DemoAzure) -> None:
    sent = azure.counted("regenerateKey")
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(AzureUnavailable) as away:
        keys_of(azure, base_url=nobody).regenerate(ACCOUNT, PRIMARY, request_id="request-1")
    with pytest.raises(IdentityUnavailable) as unknown:
        keys_of(azure, "nobody").regenerate(ACCOUNT, PRIMARY, request_id="request-1")
    assert (away.value.extra["effect"], unknown.value.extra["effect"]) == ("none", "none")
    assert azure.counted("regenerateKey") == sent


def test_the_issuer_may_neither_read_nor_regenerate(azure: DemoAzure) -> None:
    keys, before = keys_of(azure, "service-issuer"), plain(azure)
    with pytest.raises(AzureRefused):
        keys.read(ACCOUNT)
    with pytest.raises(AzureRefused) as refused:
        keys.regenerate(ACCOUNT, PRIMARY, request_id="request-1")
    assert (refused.value.extra["effect"], refused.value.extra["code"]) == ("none", "AuthorizationFailed")
    assert plain(azure) == before
