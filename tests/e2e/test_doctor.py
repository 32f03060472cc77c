"""The doctor as an operator meets it: the real command against a demo, healthy and with one thing broken at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from sas_service.demo import world as demo_world
from tests.demo_azure import ACCOUNT_ID, GROUP_ID
from tests.e2e.demo_operator import DemoOperator
from tests.e2e.running_demo import RunningDemo

IDENTITY = "storefront-web-a"
IDENTITY_ID = demo_world.identity_resource_id(IDENTITY)
PRINCIPAL = demo_world.guid(f"principal/{IDENTITY}")
DATA_READER = "423170ca-a8f6-4b0f-8487-9e4eb8f49bfa"
DATA_CONTRIBUTOR = "8f5e0ce6-4f7b-4dcf-bddf-e6f48634a204"
NOBODY = "00000000-0000-4000-8000-000000000001"
LOCKS, AUTHORIZATION, IDENTITIES = "2016-09-01", "2022-04-01", "2024-11-30"
LOCK = f"{GROUP_ID}/providers/Microsoft.Authorization/locks/freeze"

Undo = Callable[[], object]


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoOperator]:
    """A demo of its own: it is broken on purpose."""
    running = RunningDemo(tmp_path_factory.mktemp("sick") / "var")
    made = DemoOperator(running)
    made.become_owner()
    yield made
    running.stop()


def examine(operator: DemoOperator, **environment: str) -> tuple[int, str]:
    ran = operator.run("doctor", **environment)
    assert ran.stderr == ""
    return ran.returncode, ran.stdout


def test_a_healthy_demo(operator: DemoOperator) -> None:
    code, said = examine(operator)
    assert code == 0, said
    assert said.startswith("the service\n  ok    has a working redis\n")
    for identity in demo_world.identity_names():
        assert (
            f"identity {identity} of maps-demo\n"
            "  ok    is attached to the account\n"
            "  ok    is in eastus, like the account\n"
            f"  ok    has the role {demo_world.DATA_ROLE}\n"
        ) in said
    assert said.endswith("\n\n0 problems, 0 warnings, 32 fine\n")


def local_auth_off(operator: DemoOperator) -> Undo:
    operator.arm("PATCH", ACCOUNT_ID, {"properties": {"disableLocalAuth": True}})
    return lambda: operator.arm("PATCH", ACCOUNT_ID, {"properties": {"disableLocalAuth": False}})


def updating(operator: DemoOperator) -> Undo:
    operator.control("PATCH", "settings", {"provisioningDelay": "PT10M"})
    operator.arm("PATCH", ACCOUNT_ID, {"tags": {}})
    operator.control("PATCH", "settings", {"provisioningDelay": "PT0S"})
    return lambda: operator.control("POST", "clock", {"advance": "PT11M"})


def detached(operator: DemoOperator) -> Undo:
    return attach(operator, IDENTITY_ID, attached=False)


def attach(operator: DemoOperator, identity: str, *, attached: bool) -> Undo:
    def change(value: dict[str, str] | None) -> None:
        body = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: value}}}
        operator.arm("PATCH", ACCOUNT_ID, body)

    change({} if attached else None)
    return lambda: change(None if attached else {})


def without_role(operator: DemoOperator) -> Undo:
    path = f"{ACCOUNT_ID}/providers/Microsoft.Authorization/roleAssignments"
    listed = operator.arm("GET", path, version=AUTHORIZATION)["value"]
    (own,) = [each for each in listed if each["properties"]["principalId"] == PRINCIPAL]
    operator.unassign(own["id"])
    return lambda: operator.assign(DATA_READER, PRINCIPAL)


def assigned(role: str, scope: str) -> Callable[[DemoOperator], Undo]:
    def change(operator: DemoOperator) -> Undo:
        made = operator.assign(role, PRINCIPAL, scope)
        return lambda: operator.unassign(made)

    return change


def only_inherited(operator: DemoOperator) -> Undo:
    undo_role, undo_group = without_role(operator), assigned(DATA_READER, GROUP_ID)(operator)
    return lambda: (undo_group(), undo_role())


def locked(level: str) -> Callable[[DemoOperator], Undo]:
    def change(operator: DemoOperator) -> Undo:
        operator.arm("PUT", LOCK, {"properties": {"level": level}}, version=LOCKS)
        return lambda: operator.arm("DELETE", LOCK, version=LOCKS)

    return change


CASES: list[tuple[str, Callable[[DemoOperator], Undo], int, str]] = [
    ("local auth off", local_auth_off, 1, "FAIL  refuses SAS tokens: disableLocalAuth is true"),
    ("updating", updating, 1, "FAIL  is in the provisioning state Updating"),
    ("detached", detached, 1, "FAIL  is not attached to the account"),
    ("no role", without_role, 1, f"FAIL  has not the role {demo_world.DATA_ROLE}"),
    ("only inherited", only_inherited, 0, "only inherited from the resource group maps-demo-rg"),
    ("also inherited", assigned(DATA_READER, GROUP_ID), 0, "also inherited from the resource group maps-demo-rg"),
    ("too strong", assigned(DATA_CONTRIBUTOR, ACCOUNT_ID), 0, "warn  can do more than Azure Maps Data Reader: "),
    ("read-only", locked("ReadOnly"), 1, "FAIL  has a ReadOnly lock at the resource group maps-demo-rg"),
    ("not to be deleted", locked("CanNotDelete"), 0, "warn  has a CanNotDelete lock at the resource group"),
]

QUICK = {"local auth off", "detached", "no role", "also inherited", "read-only"}
"""Each costs two seconds of a processor: the quick suite has one of each kind, `make test-full` all."""


@pytest.mark.parametrize(
    ("broken", "code", "said"),
    [pytest.param(*case, id=name, marks=() if name in QUICK else pytest.mark.full) for name, *case in CASES],
)
def test_each_thing_broken_is_found_and_only_it(
    operator: DemoOperator, broken: Callable[[DemoOperator], Undo], code: int, said: str
) -> None:
    undo = broken(operator)
    try:
        found = examine(operator)
    finally:
        undo()
    assert found[0] == code, found[1]
    remarks = [line for line in found[1].splitlines() if line.startswith(("  FAIL", "  warn"))]
    assert len(remarks) == 1, found[1]
    assert said in remarks[0]
    assert found[1].count("        -> ") == 1


def other_policy(operator: DemoOperator, directory: Path, old: str, new: str) -> str:
    """A policy file like the demo's with one ARM name changed."""
    text = yaml.safe_dump(demo_world.policy(operator.demo.emulator)).replace(old, new)
    (directory / "policy.yaml").write_text(text)
    return str(directory / "policy.yaml")


def test_an_identity_elsewhere(operator: DemoOperator, tmp_path: Path) -> None:
    elsewhere = demo_world.identity_resource_id("far-away")
    made = operator.arm("PUT", elsewhere, {"location": "westus2"}, version=IDENTITIES)
    undo = attach(operator, elsewhere, attached=True)
    role = operator.assign(DATA_READER, made["properties"]["principalId"])
    code, said = examine(operator, SAS_POLICY_FILE=other_policy(operator, tmp_path, IDENTITY_ID, elsewhere))
    undo()
    operator.unassign(role)
    assert code == 1, said
    assert f"identity {IDENTITY} of maps-demo\n  ok    is attached to the account\n  FAIL  is in westus2" in said


def test_a_global_account_and_an_account_that_is_not_there(operator: DemoOperator, tmp_path: Path) -> None:
    body = {"location": "global", "kind": "Gen2", "sku": {"name": "G2"}}
    account = f"{GROUP_ID}/providers/Microsoft.Maps/accounts/maps-global"
    operator.arm("PUT", account, body)
    issuer = demo_world.guid("role/Maps SAS Issuer")
    operator.assign(issuer, demo_world.guid("principal/service-issuer"), account)
    for name, remark in (
        ("maps-global", "is in the location global"),
        ("maps-nowhere", "cannot be read by the issuer"),
    ):
        named = f"maps-demo:\n    resourceName: {name}\n"
        code, said = examine(operator, SAS_POLICY_FILE=other_policy(operator, tmp_path, "maps-demo:\n", named))
        assert (code, f"FAIL  {remark}" in said) == (1, True), said


def test_without_an_operator_and_with_an_unknown_one(operator: DemoOperator) -> None:
    code, said = examine(operator, SAS_OPERATOR_CLIENT_ID="")
    assert (code, "warn  has no operating identity" in said) == (0, True), said
    code, said = examine(operator, SAS_OPERATOR_CLIENT_ID=NOBODY)
    assert (code, "FAIL  has no working operator credential" in said) == (1, True), said
    code, said = examine(operator, SAS_ISSUER_CLIENT_ID=NOBODY)
    assert (code, "FAIL  cannot be read by the issuer" in said) == (1, True), said


def test_the_issuer_in_the_operators_place_cannot_look(operator: DemoOperator) -> None:
    code, said = examine(operator, SAS_OPERATOR_CLIENT_ID=demo_world.guid("identity/service-issuer"))
    assert code == 0, said
    assert said.count("warn  has roles that cannot be read") == len(demo_world.identity_names())
    assert said.count("warn  may be locked: locks cannot be read") == 1


def test_no_secret_is_said(operator: DemoOperator) -> None:
    said = examine(operator)[1]
    assert not [secret for secret in operator.demo.secrets() if secret in said]
    assert "eyJ" not in said
