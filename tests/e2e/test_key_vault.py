"""Secrets in Key Vault follow a revocation by themselves: a profile's token, and the shared key of daemons."""

from collections.abc import Callable
from pathlib import Path

import requests
import yaml

from sas_service.demo import world as demo_world
from tests.e2e.demo_operator import DemoOperator
from tests.e2e.revoking import act, plan, wait_for_end
from tests.e2e.running_demo import ROUTE, RunningDemo, eventually

TOKEN, KEY = "storefront-token", "daemons-key"


def keep_secrets(demo: RunningDemo) -> None:
    """Let the policy name both secrets, and make the service's own identity an application of the storefront."""
    path = Path(demo.directory) / "policy.yaml"
    document = yaml.safe_load(path.read_text())
    vault = f"{demo.emulator}/{demo_world.VAULT}.vault"
    document["profiles"]["storefront-web"]["keyVaultSecret"] = {"vault": vault, "secret": TOKEN}
    account = document["accounts"][demo_world.ACCOUNT]
    account["sharedKeySecrets"] = [{"vault": vault, "secret": KEY, "refreshWithin": "PT2S"}]
    document["teams"]["storefront"]["members"]["applications"].append(demo_world.guid("identity/service-issuer"))
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def reader(demo: RunningDemo, operator: DemoOperator) -> Callable[[str], str | None]:
    bearer = operator.access_token("https://vault.azure.net")

    def read(name: str) -> str | None:
        url = f"{demo.emulator}/{demo_world.VAULT}.vault/secrets/{name}"
        headers = {"Authorization": f"Bearer {bearer}"}
        answer = requests.get(url, params={"api-version": "7.4"}, headers=headers, timeout=10)
        return str(answer.json()["value"]) if answer.status_code == 200 else None

    return read


def asked_with_key(demo: RunningDemo, key: str) -> int:
    return requests.get(f"{demo.emulator}{ROUTE}&subscription-key={key}", timeout=10).status_code


def test_secrets_move_with_the_run(fresh_demo: RunningDemo) -> None:
    read = reader(fresh_demo, DemoOperator(fresh_demo))
    keep_secrets(fresh_demo)
    eventually(lambda: read(TOKEN) is not None, within=40)
    first = read(TOKEN)
    assert first
    assert fresh_demo.ask_map(first).status_code == 200

    planned = plan(fresh_demo)
    assert planned["state"] == "planned", planned
    act(fresh_demo, planned, "start")
    ended = wait_for_end(fresh_demo, planned, within=120)
    assert ended["state"] == "completed", ended
    assert {"move-daemons": "done"}.items() <= {each["name"]: each["state"] for each in ended["steps"]}.items()

    second, key = read(TOKEN), read(KEY)
    assert second
    assert second != first
    assert key
    assert (fresh_demo.ask_map(second).status_code, fresh_demo.ask_map(first).status_code) == (200, 401)
    assert asked_with_key(fresh_demo, key) == 200
