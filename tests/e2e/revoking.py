"""Revocations as an admin runs them over HTTP, and the cold beginning of the document."""

import time
from typing import Any

from sas_service.demo import world as demo_world
from tests.demo_azure import ACCOUNT_ID
from tests.e2e.demo_operator import AUTHORIZATION_VERSION, DemoOperator
from tests.e2e.running_demo import RunningDemo

FINAL = {"completed", "aborted", "expired"}


def applications_of(demo: RunningDemo) -> list[str]:
    return sorted(name for name in demo.contract["clients"] if "-app-" in name)


def plan(demo: RunningDemo, **asked: Any) -> dict[str, Any]:
    body = {"reason": "drill", "target": {"account": demo_world.ACCOUNT}, "lever": "both", "mode": "expedited", **asked}
    answer = demo.call("POST", "/v1/revocations", "admin", json=body)
    assert answer.status_code == 201, answer.text
    planned: dict[str, Any] = answer.json()
    return planned


def act(demo: RunningDemo, planned: dict[str, Any], verb: str, body: object = None) -> dict[str, Any]:
    headers = {"If-Match": f'"{planned["planHash"]}"'}
    answer = demo.call("POST", f"/v1/revocations/{planned['id']}/{verb}", "admin", json=body or {}, headers=headers)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def shown(demo: RunningDemo, planned: dict[str, Any]) -> dict[str, Any]:
    answer = demo.call("GET", f"/v1/revocations/{planned['id']}", "admin")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def wait_for_end(demo: RunningDemo, planned: dict[str, Any], within: float) -> dict[str, Any]:
    deadline = time.monotonic() + within
    while (found := shown(demo, planned))["state"] not in FINAL:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def reached(demo: RunningDemo, planned: dict[str, Any], step: str, within: float) -> None:
    """Wait until ``step`` is done."""
    deadline = time.monotonic() + within
    while {each["name"]: each["state"] for each in shown(demo, planned)["steps"]}[step] != "done":
        assert time.monotonic() < deadline, shown(demo, planned)
        time.sleep(0.2)


def evidence_of(demo: RunningDemo, ended: dict[str, Any]) -> dict[str, Any]:
    """The signed report of a run, as an auditor fetches it."""
    answer = demo.call("GET", f"/v1/revocations/{ended['id']}/evidence", "auditor")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def make_cold(operator: DemoOperator) -> None:
    """Take the standby identities off the account, and their roles: as the document begins."""
    standby = [name for name in demo_world.identity_names() if name.endswith("-b")]
    principals = {demo_world.guid(f"principal/{name}") for name in standby}
    path = f"{ACCOUNT_ID}/providers/Microsoft.Authorization/roleAssignments"
    for each in operator.arm("GET", path, version=AUTHORIZATION_VERSION)["value"]:
        if each["properties"]["principalId"] in principals:
            operator.unassign(each["id"])
    identities = {demo_world.identity_resource_id(name): None for name in standby}
    operator.arm("PATCH", ACCOUNT_ID, {"identity": {"type": "UserAssigned", "userAssignedIdentities": identities}})
