"""A second implementation, used as published: @azure/identity, @azure/arm-maps and @azure-rest/maps-search on Node."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import SECRETS, Clients

FOLDER = Path(__file__).with_name("node")
MODULES = FOLDER / "node_modules"


@pytest.mark.node
def test_the_javascript_clients_see_an_azure(clients: Clients) -> None:
    if shutil.which("node") is None or not MODULES.is_dir():
        pytest.skip(f"NODE OR ITS PACKAGES ARE MISSING: the JavaScript clients were not run (npm ci --prefix {FOLDER})")
    world = {
        "url": clients.url,
        "tenant": worlds.TENANT,
        "subscription": worlds.SUBSCRIPTION,
        "group": worlds.GROUP,
        "account": worlds.ACCOUNT,
        "principal": worlds.WEB_A_PRINCIPAL,
        "owner": worlds.OWNER,
        "ownerSecret": SECRETS[worlds.OWNER],
        "nobody": worlds.NOBODY,
        "nobodySecret": SECRETS[worlds.NOBODY],
    }
    trust = {"NODE_EXTRA_CA_CERTS": str(clients.emulator.certificate), "EMULATOR_WORLD": json.dumps(world)}
    result = subprocess.run(
        ["node", "conformance.mjs"],
        cwd=FOLDER,
        env={**os.environ, **trust, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == {
        "uniqueId": worlds.ACCOUNT_CLIENT_ID,
        "identities": 2,
        "refused": [403, "AuthorizationFailed"],
        "bySas": ["200", "Redmond"],
        "byKey": "200",
        "byBearer": "403",
        "afterwards": ["401", "jwt-sas"],
        "listed": [worlds.ACCOUNT, "old-global"],
    }
