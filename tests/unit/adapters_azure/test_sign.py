"""List SAS over a real socket: what is sent, how often, and what becomes of every way to fail."""

import json
import logging
from dataclasses import dataclass
from datetime import timedelta

import pytest
from azure.mgmt.maps.models import AccountSasParameters

from sas_service.adapters.azure.attempts import Patience
from sas_service.adapters.azure.maps_account import sas_body
from sas_service.domain.errors import AzureRefused, AzureThrottled, AzureUnavailable, SasServiceError
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.slots import SigningKey
from tests.unit.adapters_azure.azure_world import (
    ACCOUNT_ID,
    BEARER,
    PRINCIPAL_A,
    PRINCIPAL_B,
    SAS,
    SECRETS,
    SIGNED,
    StubArm,
    all_text_of,
    azure_error,
    grant,
)
from tests.unit.adapters_azure.loopback_server import Reply, json_reply, unused_port

REQUEST_ID = "req-0001"
JSON = {"Content-Type": "application/json"}


IMPATIENT = Patience(deadline=20.0, connect=5.0, read=0.8)


def failed(status: int, retry_after: str | None = None, code: str = "SomeCode") -> Reply:
    headers = {**JSON, "x-ms-request-id": "azure-1", **({"Retry-After": retry_after} if retry_after else {})}
    return Reply(status, azure_error(code), headers)


@dataclass(frozen=True)
class Expected:
    """What a kind of failure becomes."""

    error: type[SasServiceError]
    sends: int
    effect: str
    retry_after: int | None = 5


GOOD_BODY = SIGNED.body
FAULTS: dict[str, tuple[Reply, Expected]] = {
    "400": (failed(400), Expected(AzureRefused, 1, "none", None)),
    "401": (failed(401), Expected(AzureRefused, 1, "none", None)),
    "403": (failed(403), Expected(AzureRefused, 1, "none", None)),
    "404": (failed(404), Expected(AzureRefused, 1, "none", None)),
    "409": (failed(409), Expected(AzureRefused, 1, "none", None)),
    "409 provider not registered": (
        failed(409, code="MissingSubscriptionRegistration"),
        Expected(AzureRefused, 1, "none", None),
    ),
    "400 with Retry-After": (failed(400, "1"), Expected(AzureRefused, 1, "none", None)),
    "409 with Retry-After": (failed(409, "1"), Expected(AzureRefused, 1, "none", None)),
    "408": (failed(408), Expected(AzureUnavailable, 3, "unknown")),
    "429": (failed(429), Expected(AzureThrottled, 1, "none")),
    "429 with Retry-After that fits": (failed(429, "1"), Expected(AzureThrottled, 3, "none", 1)),
    "429 with Retry-After that does not fit": (failed(429, "40"), Expected(AzureThrottled, 1, "none", 40)),
    "429 with a very long Retry-After": (failed(429, "999999999"), Expected(AzureThrottled, 1, "none", 600)),
    "429 with a date long past": (
        failed(429, "Wed, 21 Oct 2015 07:28:00 GMT"),
        Expected(AzureThrottled, 3, "none", 5),
    ),
    "429 with a date far ahead": (
        failed(429, "Wed, 21 Oct 2115 07:28:00 GMT"),
        Expected(AzureThrottled, 1, "none", 600),
    ),
    "429 with nonsense": (failed(429, "soon; eyJ"), Expected(AzureThrottled, 1, "none")),
    "429 with a negative time": (failed(429, "-5"), Expected(AzureThrottled, 1, "none")),
    "500": (failed(500), Expected(AzureUnavailable, 1, "unknown")),
    "502": (failed(502), Expected(AzureUnavailable, 3, "unknown")),
    "503": (failed(503), Expected(AzureUnavailable, 3, "unknown")),
    "503 with Retry-After that does not fit": (failed(503, "30"), Expected(AzureUnavailable, 1, "unknown", 30)),
    "503 with Retry-After that fits": (failed(503, "1"), Expected(AzureUnavailable, 3, "unknown", 1)),
    "504": (failed(504), Expected(AzureUnavailable, 3, "unknown")),
    "202": (Reply(202, b"{}", JSON), Expected(AzureUnavailable, 1, "unknown")),
    "204": (Reply(204, b"", JSON), Expected(AzureUnavailable, 1, "unknown")),
    "redirect": (
        Reply(307, b"", {**JSON, "Location": "https://forger.example/"}),
        Expected(AzureUnavailable, 1, "unknown"),
    ),
    "reset": (Reply(fault="reset"), Expected(AzureUnavailable, 3, "unknown")),
    "closed": (Reply(fault="close"), Expected(AzureUnavailable, 3, "unknown")),
    "half a body": (Reply(200, GOOD_BODY, JSON, fault="half"), Expected(AzureUnavailable, 3, "unknown")),
    "half a body, called whole": (Reply(200, GOOD_BODY[:-9], JSON), Expected(AzureUnavailable, 1, "unknown")),
    "slow": (Reply(200, GOOD_BODY, JSON, delay=1.6), Expected(AzureUnavailable, 3, "unknown")),
    "wrong JSON": (Reply(200, b'{"accountSasToken": ' + SAS.encode(), JSON), Expected(AzureUnavailable, 1, "unknown")),
    "another shape": (json_reply([{"accountSasToken": SAS}]), Expected(AzureUnavailable, 1, "unknown")),
    "a text": (json_reply(SAS), Expected(AzureUnavailable, 1, "unknown")),
    "token null": (json_reply({"accountSasToken": None}), Expected(AzureUnavailable, 1, "unknown")),
    "token missing": (json_reply({"other": SAS}), Expected(AzureUnavailable, 1, "unknown")),
    "token empty": (json_reply({"accountSasToken": ""}), Expected(AzureUnavailable, 1, "unknown")),
    "token a number": (json_reply({"accountSasToken": [7]}), Expected(AzureUnavailable, 1, "unknown")),
    "token with a newline": (
        json_reply({"accountSasToken": SAS + "\nSet-Cookie: x"}),
        Expected(AzureUnavailable, 1, "unknown"),
    ),
    "empty": (Reply(200, b"", JSON), Expected(AzureUnavailable, 1, "unknown")),
    "HTML": (
        Reply(200, b"<html>" + SAS.encode(), {"Content-Type": "text/html"}),
        Expected(AzureUnavailable, 1, "unknown"),
    ),
    "not UTF-8": (
        Reply(200, b'{"accountSasToken": "\xff' + SAS.encode(), JSON),
        Expected(AzureUnavailable, 1, "unknown"),
    ),
    "odd type": (Reply(200, GOOD_BODY, {"Content-Type": "image/png"}), Expected(AzureUnavailable, 1, "unknown")),
    "an error in HTML": (
        Reply(503, b"<html>" + SAS.encode(), {"Content-Type": "text/html"}),
        Expected(AzureUnavailable, 3, "unknown"),
    ),
    "an error in wrong JSON": (Reply(403, b"{" + SAS.encode(), JSON), Expected(AzureRefused, 1, "none", None)),
}


@pytest.mark.parametrize("regions", [("eastus", "westus2"), None])
def test_the_body_is_what_the_sdk_makes_of_its_model(regions: tuple[str, ...] | None) -> None:
    granted = grant(regions=regions)
    model = AccountSasParameters(
        signing_key=granted.signing_key.value,
        principal_id=granted.principal_id,
        max_rate_per_second=granted.max_rate_per_second,
        start=format_instant(granted.start),
        expiry=format_instant(granted.expiry),
        regions=None if regions is None else list(regions),
    )
    assert json.loads(sas_body(granted)) == model.serialize()


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_becomes_one_of_our_errors_without_any_of_azures_text(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    reply, expected = FAULTS[kind]
    with StubArm(reply, patience=IMPATIENT if kind == "slow" else None) as arm, caplog.at_level(logging.DEBUG):
        with pytest.raises(SasServiceError) as failure:
            arm.account().sign(grant(), request_id=REQUEST_ID)
        error = failure.value
        assert type(error) is expected.error
        assert len(arm.server.asked) == expected.sends
        assert (error.extra["attempts"], error.extra["effect"]) == (str(expected.sends), expected.effect)
        wait = timedelta(seconds=expected.retry_after) if expected.retry_after else None
        assert error.retry_after == wait
        assert error.__context__ is None
        output = capfd.readouterr()
        everywhere = "\n".join([all_text_of(error), caplog.text, output.out, output.err])
        assert not [secret for secret in SECRETS if secret in everywhere]


def test_the_request_is_what_azure_documents_and_ours_to_the_letter() -> None:
    with StubArm(SIGNED) as arm:
        signed = arm.account().sign(grant(), request_id=REQUEST_ID)
        assert signed.token.reveal() == SAS
        assert signed.azure_request_id == "11111111-2222-3333-4444-555555555555"
        assert signed.attempts == 1
        (asked,) = arm.server.asked
        assert asked.method == "POST"
        assert asked.path == f"{ACCOUNT_ID}/listSas?api-version=2023-06-01"
        assert asked.headers["Authorization"] == f"Bearer {BEARER}"
        assert asked.headers["x-ms-client-request-id"] == REQUEST_ID
        assert asked.json() == {
            "signingKey": "primaryKey",
            "principalId": PRINCIPAL_A,
            "regions": ["eastus", "westus2"],
            "maxRatePerSecond": 50,
            "start": "2026-11-21T11:59:00Z",
            "expiry": "2026-11-21T13:00:00Z",
        }


def test_regions_are_left_out_only_where_the_grant_has_none() -> None:
    unconstrained = grant(regions=None, signing_key=SigningKey.SECONDARY, principal_id=PRINCIPAL_B)
    with StubArm(SIGNED) as arm:
        arm.account().sign(unconstrained, request_id=REQUEST_ID)
        (asked,) = arm.server.asked
        assert "regions" not in asked.json()
        assert (asked.json()["signingKey"], asked.json()["principalId"]) == ("secondaryKey", PRINCIPAL_B)


@pytest.mark.parametrize("first", ["502", "503", "504", "408", "reset", "closed", "half a body", "slow"])
def test_a_passing_fault_is_overcome_and_counted(first: str) -> None:
    with StubArm(FAULTS[first][0], SIGNED, patience=IMPATIENT if first == "slow" else None) as arm:
        signed = arm.account().sign(grant(), request_id=REQUEST_ID)
        assert (signed.token.reveal(), signed.attempts) == (SAS, 2)
        assert {asked.headers["x-ms-client-request-id"] for asked in arm.server.asked} == {REQUEST_ID}


def test_nobody_listening_is_tried_three_times_and_nothing_was_sent() -> None:
    with StubArm(SIGNED) as arm:
        with pytest.raises(AzureUnavailable) as failure:
            arm.account(f"http://127.0.0.1:{unused_port()}").sign(grant(), request_id=REQUEST_ID)
        assert failure.value.extra == {"attempts": "3", "effect": "none"}
        assert arm.pauses == [0.2, 0.4]


def test_a_doubtful_attempt_is_not_forgotten_when_a_clear_refusal_follows() -> None:
    with StubArm(failed(504), failed(403, code="AuthorizationFailed")) as arm:
        with pytest.raises(AzureRefused) as failure:
            arm.account().sign(grant(), request_id=REQUEST_ID)
        assert failure.value.extra == {
            "attempts": "2",
            "effect": "unknown",
            "code": "AuthorizationFailed",
            "azureRequestId": "azure-1",
        }
        assert failure.value.detail == "Azure refused the call (AuthorizationFailed)."


@pytest.mark.parametrize("code", [SAS, "Code with blanks", "A" * 65, "Code\n", ""])
def test_a_code_that_is_no_plain_word_is_dropped(code: str) -> None:
    with StubArm(failed(403, code=code)) as arm:
        with pytest.raises(AzureRefused) as failure:
            arm.account().sign(grant(), request_id=REQUEST_ID)
        assert failure.value.detail == "Azure refused the call."
        assert "code" not in failure.value.extra


def test_retry_after_is_waited_for_when_it_fits() -> None:
    with StubArm(failed(429, "2"), SIGNED) as arm:
        assert arm.account().sign(grant(), request_id=REQUEST_ID).attempts == 2
        assert arm.pauses == [2.0]


def test_a_refused_bearer_is_replaced_at_the_next_call() -> None:
    with StubArm(failed(401), SIGNED) as arm:
        account = arm.account()
        with pytest.raises(AzureRefused):
            account.sign(grant(), request_id=REQUEST_ID)
        account.sign(grant(), request_id=REQUEST_ID)
        assert arm.credential.calls == 2


def test_a_challenge_in_a_refusal_is_not_followed() -> None:
    challenge = Reply(401, azure_error(), {**JSON, "WWW-Authenticate": 'Bearer claims="e30=", error="x"'})
    with StubArm(challenge) as arm:
        with pytest.raises(AzureRefused):
            arm.account().sign(grant(), request_id=REQUEST_ID)
        assert (len(arm.server.asked), arm.credential.calls) == (1, 1)


@pytest.mark.parametrize(
    "base_url", ["http://management.azure.com", "http://10.0.0.1", "ftp://127.0.0.1", "management.azure.com"]
)
def test_plain_http_is_for_this_machine_only(base_url: str) -> None:
    with StubArm(SIGNED) as arm, pytest.raises(ValueError, match="http"):
        arm.account(base_url)
