"""The account's own CORS rule end to end: set through our API, enforced by Azure Maps, and nothing else changed."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.demo_azure import ACCOUNT_ID
from tests.e2e.demo_operator import DemoOperator
from tests.e2e.running_demo import ROUTE, RunningDemo

PATH = "/v1/accounts/maps-demo/cors"
SHOP, FOREIGN = "https://shop.example", "https://evil.example"


@pytest.fixture
def token(demo: RunningDemo) -> Iterator[str]:
    issued: str = demo.issue().json()["token"]
    yield issued
    assert demo.call("DELETE", PATH, "admin").status_code == 204


def from_page(demo: RunningDemo, token: str, origin: str) -> requests.Response:
    headers = {"Authorization": f"jwt-sas {token}", "Origin": origin}
    return requests.get(demo.emulator + ROUTE, headers=headers, timeout=10)


def account(demo: RunningDemo) -> dict[str, Any]:
    """The account as the management API shows it to the operator, without what a change of the rule may change."""
    shown: dict[str, Any] = DemoOperator(demo).arm("GET", ACCOUNT_ID)
    shown.pop("systemData")
    shown["properties"].pop("cors", None)
    return shown


def test_a_foreign_page_is_refused_by_the_map_and_nothing_else_changes(demo: RunningDemo, token: str) -> None:
    before = account(demo)
    assert before["identity"]["userAssignedIdentities"]
    assert demo.call("GET", PATH, "auditor").json() == {"account": "maps-demo", "allowedOrigins": None}
    assert from_page(demo, token, FOREIGN).status_code == 200

    set_rule = demo.call("PUT", PATH, "admin", json={"allowedOrigins": [SHOP]})
    assert set_rule.status_code == 200, set_rule.text
    assert from_page(demo, token, FOREIGN).status_code == 403
    let_in = from_page(demo, token, SHOP)
    assert (let_in.status_code, let_in.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert demo.ask_map(token).status_code == 200
    assert demo.call("GET", PATH, "admin").json()["allowedOrigins"] == [SHOP]
    assert account(demo) == before

    assert demo.call("DELETE", PATH, "admin").status_code == 204
    assert from_page(demo, token, FOREIGN).status_code == 200
    assert account(demo) == before


def test_every_change_is_on_record_twice(demo: RunningDemo, token: str) -> None:
    demo.call("PUT", PATH, "admin", json={"allowedOrigins": [SHOP]}, headers={"x-request-id": "cors-request-1"})
    told = [event for event in demo.events(account="maps-demo") if event.get("requestId") == "cors-request-1"]
    assert [event["kind"] for event in told] == ["corsChanging", "corsChanged"]
    assert (told[1]["allowedOrigins"], told[1]["previous"]) == ([SHOP], "any")
    assert told[1]["caller"]["applicationId"] == demo.contract["clients"]["admin"]["clientId"]
    assert told[1]["azureRequestId"]
    mirrored = "".join(path.read_text() for path in (demo.directory / "mirror").rglob("*") if path.is_file())
    assert mirrored.count('"cors-request-1"') == 2


def test_only_administrators_change_it(demo: RunningDemo, token: str) -> None:
    for client in ("storefront", "auditor", "approver"):
        assert demo.call("PUT", PATH, client, json={"allowedOrigins": [SHOP]}).status_code == 403
        assert demo.call("DELETE", PATH, client).status_code == 403
    assert from_page(demo, token, FOREIGN).status_code == 200


def test_a_lost_answer_is_judged_by_the_account(demo: RunningDemo, token: str) -> None:
    fault = {"operation": "updateAccount", "kind": "effectThenReset", "times": 1}
    requests.post(f"{demo.emulator}/_emulator/faults", json=fault, timeout=10).raise_for_status()
    before = demo.counters()["operations"].get("updateAccount", 0)
    answer = demo.call("PUT", PATH, "admin", json={"allowedOrigins": [SHOP]})
    assert answer.status_code == 200, answer.text
    assert demo.counters()["operations"]["updateAccount"] == before + 1
