"""The port AccountCors: the twin in memory and the real adapter, through the official client, against the emulator."""

from collections.abc import Callable, Iterator

import pytest

from sas_service.adapters.azure.account_cors import AzureAccountCors, cors_patch, reading_of
from sas_service.adapters.azure.attempts import Patience
from sas_service.adapters.memory import MemoryAccountCors
from sas_service.demo.world import ACCOUNT
from sas_service.domain.errors import AzureRefused, AzureUnavailable, IdentityUnavailable
from sas_service.ports import AccountCors, CorsReading
from tests.demo_azure import DemoAzure

SHOP, LOCAL = "https://shop.example", "http://localhost:3000"
ORIGINS = (SHOP, LOCAL)


def real(azure: DemoAzure, identity: str = "service-operator", **more: float) -> AzureAccountCors:
    return AzureAccountCors(
        accounts=azure.policy.accounts.__getitem__,
        credential=azure.credential(identity),
        outbound=azure.outbound,
        base_url=azure.emulator.url,
        patience=Patience(deadline=4.0, read=1.0),
        **{"confirmation": 3.0, **more},  # type: ignore[arg-type]  # only numbers come this way
    )


@pytest.fixture(params=["memory", "azure"])
def cors(request: pytest.FixtureRequest) -> Iterator[AccountCors]:
    if request.param == "memory":
        yield MemoryAccountCors({ACCOUNT: CorsReading(None, "Succeeded", {"kind": '"gen2"'})})
        return
    azure: DemoAzure = request.getfixturevalue("azure")
    yield real(azure)


def test_a_rule_is_set_replaced_and_removed(cors: AccountCors) -> None:
    before = cors.read(ACCOUNT)
    assert (before.origins, before.settled) == (None, True)
    assert before.others
    steps: tuple[tuple[str, ...] | None, ...] = (ORIGINS, (SHOP,), (SHOP,), None, None)
    for number, origins in enumerate(steps):
        assert cors.write(ACCOUNT, origins, request_id=f"request-{number}")
        shown = cors.confirm(ACCOUNT, origins)
        assert (shown.origins, shown.settled, shown.others) == (origins, True, before.others)
        assert cors.read(ACCOUNT) == shown


def test_confirm_tells_what_is_there(cors: AccountCors) -> None:
    cors.write(ACCOUNT, (SHOP,), request_id="request-1")
    assert cors.confirm(ACCOUNT, (LOCAL,)).origins == (SHOP,)


def test_nothing_else_of_the_account_changes(azure: DemoAzure) -> None:
    azure.patch({"tags": {"owner": "maps"}, "properties": {"disableLocalAuth": True}})
    before = azure.show()
    before["properties"].pop("cors", None)
    adapter = real(azure)
    for origins in (ORIGINS, None):
        adapter.write(ACCOUNT, origins, request_id="request-1")
        after = azure.show()
        rules = after["properties"].pop("cors")["corsRules"]
        assert rules == ([{"allowedOrigins": list(ORIGINS)}] if origins else [])
        after.pop("systemData")
        assert after == {name: value for name, value in before.items() if name != "systemData"}
    assert (after["kind"], after["properties"]["disableLocalAuth"]) == ("Gen2", True)


def test_the_body_names_the_rule_and_nothing_else() -> None:
    assert cors_patch(ORIGINS) == {"properties": {"cors": {"corsRules": [{"allowedOrigins": list(ORIGINS)}]}}}
    assert cors_patch(None) == {"properties": {"cors": {"corsRules": []}}}


def test_every_other_member_is_compared(azure: DemoAzure) -> None:
    adapter = real(azure)
    before = adapter.read(ACCOUNT).others
    azure.patch({"tags": {"colour": "green"}, "properties": {"disableLocalAuth": True}})
    after = adapter.read(ACCOUNT).others
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {
        "tags",
        "properties.disableLocalAuth",
    }
    assert {"identity", "kind", "sku", "location"} <= before.keys()


def test_an_account_that_is_being_changed_refuses_and_then_settles(azure: DemoAzure) -> None:
    adapter = real(azure)
    azure.emulator.control("PATCH", "settings", {"provisioningDelay": "PT1S"})
    adapter.write(ACCOUNT, (SHOP,), request_id="request-1")
    assert not adapter.read(ACCOUNT).settled
    with pytest.raises(AzureRefused) as refused:
        adapter.write(ACCOUNT, None, request_id="request-2")
    assert (refused.value.extra["effect"], refused.value.extra["code"]) == ("none", "Conflict")
    assert adapter.confirm(ACCOUNT, (SHOP,)).settled
    azure.emulator.control("PATCH", "settings", {"provisioningDelay": "PT0S"})
    adapter.write(ACCOUNT, None, request_id="request-3")


@pytest.mark.parametrize(
    ("fault", "takes_effect"),
    [
        ({"kind": "effectThenReset"}, True),
        ({"kind": "effectThenTimeout", "seconds": 3}, True),
        ({"kind": "effectThenStatus", "status": 500}, True),
        ({"kind": "status", "status": 503, "retryAfter": 1}, False),
        ({"kind": "reset"}, False),
    ],
)
def test_a_write_is_sent_once_and_its_outcome_is_unknown(
    azure: DemoAzure, fault: dict[str, object], takes_effect: bool
) -> None:
    adapter = real(azure, confirmation=0.0)
    adapter.write(ACCOUNT, None, request_id="request-1")
    sent = azure.counted("updateAccount")
    azure.emulator.control("POST", "faults", {"operation": "updateAccount", "times": 1, **fault})
    with pytest.raises(AzureUnavailable) as unknown:
        adapter.write(ACCOUNT, (SHOP,), request_id="request-2")
    assert unknown.value.extra["effect"] == "unknown"
    assert azure.counted("updateAccount") == sent + 1
    assert adapter.confirm(ACCOUNT, (SHOP,)).origins == ((SHOP,) if takes_effect else None)


def test_accepted_is_no_failure(azure: DemoAzure) -> None:
    adapter = real(azure)
    fault = {"operation": "updateAccount", "kind": "effectThenStatus", "status": 202, "times": 1}
    azure.emulator.control("POST", "faults", fault)
    adapter.write(ACCOUNT, (LOCAL,), request_id="request-1")
    assert adapter.confirm(ACCOUNT, (LOCAL,)).origins == (LOCAL,)


def test_the_issuer_may_read_but_not_write(azure: DemoAzure) -> None:
    adapter = real(azure, "service-issuer")
    assert adapter.read(ACCOUNT).settled
    with pytest.raises(AzureRefused) as refused:
        adapter.write(ACCOUNT, (SHOP,), request_id="request-1")
    assert (refused.value.extra["effect"], refused.value.extra["code"]) == ("none", "AuthorizationFailed")


def test_without_a_credential_nothing_is_sent(azure: DemoAzure) -> None:
    sent = azure.counted("updateAccount")
    with pytest.raises(IdentityUnavailable):
        real(azure, "nobody").write(ACCOUNT, (SHOP,), request_id="request-1")
    assert azure.counted("updateAccount") == sent


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"properties": None},
        {"properties": {"cors": []}},
        {"properties": {"cors": {"corsRules": [{}]}}},
        {"properties": {"cors": {"corsRules": ["https://shop.example"]}}},
        {"properties": {"cors": {"corsRules": [{"allowedOrigins": None}]}}},
    ],
)
def test_an_account_of_another_shape_is_not_read(document: object) -> None:
    assert reading_of(document) is None


@pytest.mark.parametrize("cors", [{}, {"cors": None}, {"cors": {}}, {"cors": {"corsRules": []}}])
def test_no_rule_has_many_forms(cors: dict[str, object]) -> None:
    reading = reading_of({"kind": "Gen2", "tags": None, "systemData": {"x": 1}, "properties": cors})
    assert reading is not None
    assert (reading.origins, dict(reading.others)) == (None, {"kind": '"gen2"'})
    assert not reading.settled


def test_case_and_order_of_members_do_not_matter() -> None:
    forms: list[Callable[[str], str]] = [str.upper, str.lower]
    upper, lower = (
        reading_of({"identity": {form("/subscriptions/S/X"): {"a": 1, "b": 2}}, "properties": {}}) for form in forms
    )
    assert upper == lower
