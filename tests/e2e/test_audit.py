"""An auditor's day in the running demo: who had it, what it may cost, a copy of the log, and a found token."""

import json
import subprocess
import sys

from tests.e2e.running_demo import ROOT, RunningDemo


def cli(demo: RunningDemo, *words: str, given: str = "") -> str:
    command = [sys.executable, "-m", "sas_service.cli", "audit", *words]
    signed_in = ["--demo", "--demo-file", str(demo.directory / "demo.json")]
    done = subprocess.run(
        [*command, *signed_in], check=False, cwd=ROOT, input=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert given == "" or given not in done.stdout + done.stderr
    return done.stdout


def test_an_auditor_finds_identifies_and_copies(demo: RunningDemo) -> None:
    before = demo.call("GET", "/v1/exposure", "auditor").json()["total"]["tokens"]
    token = demo.issue(labels={"e2e": "audit"}, regions=["eastus"], maxRatePerSecond=5).json()

    query = "state=live&label=e2e:audit&profile=storefront-web&region=eastus&limit=1"
    (found,) = demo.call("GET", f"/v1/tokens?{query}", "auditor").json()["items"]
    assert found["id"] == token["id"]

    told = json.loads(cli(demo, "identify", "--json", given=token["token"]))
    assert (told["works"], told["token"]["team"], told["token"]["id"]) == (True, "storefront", token["id"])
    assert [each["lever"] for each in told["levers"]] == ["both", "key", "role"]
    assert "storefront" in cli(demo, "identify", given=token["token"])

    (issued,) = json.loads(cli(demo, "query", "--fingerprint", token["fingerprint"], "--kind", "issued", "--json"))
    assert issued["token"] == token["id"]

    accept = {"Accept": "application/x-ndjson"}
    *events, last = demo.call("GET", "/v1/audit/events?account=maps-demo", "auditor", headers=accept).text.splitlines()
    assert json.loads(last) == {"next": None}
    numbers = [json.loads(line)["seq"] for line in events]
    assert numbers == list(range(numbers[0], 0, -1))

    assert demo.call("GET", "/v1/exposure", "auditor").json()["total"]["tokens"] >= before
    read = {(each["kind"], each["operation"]) for each in demo.events(account="service") if "operation" in each}
    assert {
        ("auditRead", "GET /v1/tokens"),
        ("auditRead", "POST /v1/audit/identify"),
        ("auditExported", "GET /v1/audit/events"),
    } <= read
