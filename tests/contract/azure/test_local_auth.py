"""LocalAuth: one member of the account is switched, nothing else is touched, and what others change is noticed."""

from datetime import timedelta
from typing import Any

import pytest

from sas_service.adapters.azure.local_auth import AzureLocalAuth, local_auth_patch, state_of
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import AzureRefused, AzureUnavailable, SasServiceError, WriteUnconfirmed
from sas_service.domain.slots import SigningKey
from tests.contract.azure import levers as hands
from tests.contract.azure.levers import ACCOUNT, PATIENCE, A, Levers
from tests.contract.azure.test_account_identities import Meddler
from tests.demo_azure import DemoAzure

TEN_MINUTES = timedelta(minutes=10)


def local_auth_of(azure: DemoAzure, identity: str = "service-operator", **more: Any) -> AzureLocalAuth:
    return AzureLocalAuth(patience=PATIENCE, **{**hands.way(azure, identity), **more})


def shown(azure: DemoAzure) -> dict[str, Any]:
    return {name: value for name, value in azure.show().items() if name != "systemData"}


def test_off_refuses_every_token_and_on_revives_it(levers: Levers) -> None:
    token = levers.sign(SigningKey.PRIMARY, A)
    before = levers.local_auth.read(ACCOUNT)
    assert not before.disabled
    assert levers.local_auth.set(ACCOUNT, disabled=True, request_id="request-1")
    off = levers.local_auth.read(ACCOUNT)
    assert (off.disabled, off.others) == (True, before.others)
    assert levers.data_plane.probe(ACCOUNT, levers.host, token).refused
    assert levers.local_auth.set(ACCOUNT, disabled=True, request_id="request-2") is None
    assert levers.local_auth.set(ACCOUNT, disabled=False, request_id="request-3")
    assert levers.local_auth.read(ACCOUNT) == before
    assert levers.data_plane.probe(ACCOUNT, levers.host, token).accepted


def test_the_data_plane_hears_of_it_later(levers: Levers) -> None:
    token = levers.sign(SigningKey.PRIMARY, A)
    levers.delay("localAuth", TEN_MINUTES)
    levers.local_auth.set(ACCOUNT, disabled=True, request_id="request-1")
    assert levers.status(token) == 200
    levers.wait(TEN_MINUTES)
    assert levers.status(token) == 401


def test_nothing_else_of_the_account_changes(revocable: DemoAzure) -> None:
    cors = {"corsRules": [{"allowedOrigins": ["https://a.example"]}]}
    revocable.patch({"tags": {"owner": "maps"}, "properties": {"cors": cors}})
    before = shown(revocable)
    local_auth_of(revocable).set(ACCOUNT, disabled=True, request_id="request-1")
    after = shown(revocable)
    assert after["properties"].pop("disableLocalAuth") is True
    assert before["properties"].pop("disableLocalAuth") is False
    assert after == before
    assert after["kind"] == "Gen2"


def test_the_patch_names_one_member() -> None:
    assert local_auth_patch(disabled=True) == {"properties": {"disableLocalAuth": True}}


def test_what_is_so_already_is_not_sent(azure: DemoAzure) -> None:
    sent = azure.counted("updateAccount")
    assert local_auth_of(azure).set(ACCOUNT, disabled=False, request_id="request-1") is None
    assert azure.counted("updateAccount") == sent


def test_an_account_that_is_being_changed_is_not_touched(revocable: DemoAzure) -> None:
    revocable.emulator.control("PATCH", "settings", {"provisioningDelay": "PT2S"})
    local_auth = local_auth_of(revocable)
    assert local_auth.set(ACCOUNT, disabled=True, request_id="request-1")
    with pytest.raises(AzureRefused) as busy:
        local_auth.set(ACCOUNT, disabled=False, request_id="request-2")
    assert busy.value.extra == {"effect": "none", "code": "Conflict"}
    revocable.emulator.control("POST", "clock", {"advance": "PT2S"})


@pytest.mark.parametrize(
    ("fault", "effect", "disabled"),
    [
        ({"kind": "status", "status": 503}, "unknown", False),
        ({"kind": "status", "status": 403, "code": "AuthorizationFailed"}, "none", False),
        ({"kind": "reset"}, "unknown", None),
    ],
)
def test_it_is_sent_once_whatever_happens(
    revocable: DemoAzure, fault: dict[str, object], effect: str, disabled: bool | None
) -> None:
    sent = revocable.counted("updateAccount")
    revocable.emulator.control("POST", "faults", {"operation": "updateAccount", **fault})
    with pytest.raises(SasServiceError) as failed:
        local_auth_of(revocable).set(ACCOUNT, disabled=True, request_id="request-1")
    assert isinstance(failed.value, AzureUnavailable | AzureRefused)
    assert failed.value.extra["effect"] == effect
    assert revocable.counted("updateAccount") <= sent + 1
    assert disabled is None or local_auth_of(revocable).read(ACCOUNT).disabled is disabled


def test_an_answer_of_another_shape_is_no_reading() -> None:
    assert state_of({"properties": {"disableLocalAuth": "yes"}}) is None
    assert state_of([]) is None
    reading = state_of({"properties": {}})
    assert reading is not None
    assert not reading.reading.disabled


def test_what_another_operator_changes_at_the_same_time_is_noticed(revocable: DemoAzure) -> None:
    outbound = Outbound(connect_timeout=2, read_timeout=5)
    outbound.session().mount(revocable.emulator.url, Meddler(revocable, {"tags": {"colour": "secret-colour"}}))
    with pytest.raises(WriteUnconfirmed, match="tags") as noticed:
        local_auth_of(revocable, outbound=outbound).set(ACCOUNT, disabled=True, request_id="request-1")
    assert noticed.value.extra["effect"] == "unknown"
    assert "secret-colour" not in str(noticed.value)
    outbound.close()
    revocable.patch({"tags": {}})
