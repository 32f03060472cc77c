"""Each operation works with exactly the documented actions; without any one of them Azure answers 403."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.core.exceptions import HttpResponseError

from sas_service.adapters.policy_file import load_policy
from sas_service.demo import world as demo_world
from sas_service.demo.world import guid
from sas_service.domain.errors import SasServiceError
from sas_service.domain.policy import Policy
from tests.contract.emulator.least_privilege import PLACES, ROWS, SPARE, Hands, Need, Row, refusal, refused_with
from tests.contract.emulator.least_privilege_page import actions_of, render
from tests.emulator_process import RunningEmulator, start_emulator

ROOT = Path(__file__).parents[3]
SECRET = "a secret of the test"
LACKING = [(row, need) for row in ROWS for need in row.needs]


def name_of(row: Row, missing: Need | None = None) -> str:
    return f"{row.operation} without {missing.action}" if missing else row.operation


def principals() -> Iterator[tuple[str, tuple[Need, ...]]]:
    """One principal for each operation with all that it needs, and one for each thing it may lack."""
    for row in ROWS:
        yield name_of(row), row.needs
    for row, missing in LACKING:
        yield name_of(row, missing), tuple(need for need in row.needs if need is not missing)


def add_principal(world: dict[str, Any], name: str, needs: tuple[Need, ...]) -> None:
    application = {
        "clientId": guid(f"client/{name}"),
        "objectId": guid(f"sp/{name}"),
        "displayName": name,
        "secrets": [SECRET],
    }
    world["tenants"][0]["applications"].append(application)
    for place in sorted({need.place for need in needs}):
        role = {
            "name": guid(f"role/{name}/{place}"),
            "roleName": f"{name} at {place}",
            "actions": [need.action for need in needs if need.place == place],
            "assignableScopes": [f"/subscriptions/{demo_world.SUBSCRIPTION_ID}"],
        }
        given = {"scope": PLACES[place], "principalId": application["objectId"], "role": role["name"]}
        world["roleDefinitions"].append(role)
        world["roleAssignments"].append(given)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    world = demo_world.world(demo_world.DemoSecrets.fresh())
    spare = {"name": SPARE, "clientId": guid(f"identity/{SPARE}"), "principalId": guid(f"principal/{SPARE}")}
    world["subscriptions"][0]["resourceGroups"][0]["identities"].append(spare)
    for name, needs in principals():
        add_principal(world, name, needs)
    running = start_emulator(tmp_path_factory.mktemp("emulator"), world, tls=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    file = tmp_path_factory.mktemp("policy") / "policy.yaml"
    file.write_text(yaml.safe_dump(demo_world.policy("https://atlas.microsoft.com")))
    return load_policy(file)


def attempt(emulator: RunningEmulator, policy: Policy, row: Row, missing: Need | None = None) -> str | None:
    """Do it; returns the code of Azure's refusal, None if it worked."""
    with ExitStack() as owned:
        client = guid(f"client/{name_of(row, missing)}")
        hands = Hands(emulator.url, str(emulator.certificate), policy, client, SECRET, owned)
        try:
            row.do(hands)
        except (SasServiceError, HttpResponseError) as error:
            return refusal(error) or repr(error)
        return None


@pytest.mark.parametrize("row", ROWS, ids=[name_of(row) for row in ROWS])
def test_the_documented_actions_suffice(emulator: RunningEmulator, policy: Policy, row: Row) -> None:
    assert attempt(emulator, policy, row) is None


@pytest.mark.parametrize(("row", "missing"), LACKING, ids=[name_of(*each) for each in LACKING])
def test_without_any_one_of_them_it_is_403(emulator: RunningEmulator, policy: Policy, row: Row, missing: Need) -> None:
    if row.operation == "Attach an identity":
        attempt(emulator, policy, next(each for each in ROWS if each.operation == "Detach an identity"))
    assert attempt(emulator, policy, row, missing) == refused_with(missing, row)


def test_the_page_is_made_from_this_table() -> None:
    written = (ROOT / "docs" / "least-privilege.md").read_text(encoding="utf-8")
    assert written == render(), "run make docs"


def test_the_demo_grants_what_the_table_says_and_nothing_more() -> None:
    assert actions_of("issuer", "account") == demo_world.ISSUER_ACTIONS
    operators = {*actions_of("operator", "account"), *actions_of("operator", "identity")}
    assert set(demo_world.OPERATOR_ACTIONS) - {"Microsoft.Maps/accounts/listSas/action"} == operators


def test_no_row_asks_for_a_wildcard() -> None:
    assert not [need for row in ROWS for need in row.needs if "*" in need.action]
