"""A changed policy file is taken over without a restart, or refused as a whole with the old one kept; on record."""

from pathlib import Path
from typing import Any

import requests
import yaml

from tests.e2e.running_demo import RunningDemo, eventually


def readyz(demo: RunningDemo) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(demo.api + "/readyz", timeout=10).json()
    return answer


def seen_by_all(demo: RunningDemo, wanted: str) -> bool:
    """Whether each of several answers, so each API process in all likelihood, shows ``wanted``."""
    return all(wanted in requests.get(demo.api + "/readyz", timeout=10).text for _ in range(12))


def events_of(demo: RunningDemo, kind: str) -> list[dict[str, Any]]:
    return [event for event in demo.events(account="service") if event["kind"] == kind]


def test_policy_changes(fresh_demo: RunningDemo) -> None:
    path = Path(fresh_demo.directory) / "policy.yaml"
    document = yaml.safe_load(path.read_text())
    assert fresh_demo.issue(maxRatePerSecond=55).status_code == 422

    document["profiles"]["storefront-web"]["maxRatePerSecond"] = 60
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    eventually(lambda: len(events_of(fresh_demo, "policyChanged")) == 2)
    digest = events_of(fresh_demo, "policyChanged")[-1]["policyDigest"]
    eventually(lambda: seen_by_all(fresh_demo, digest))
    issued = fresh_demo.issue(maxRatePerSecond=55, lifetime="PT2H")
    assert issued.status_code == 201
    record = fresh_demo.call("GET", f"/v1/tokens/{issued.json()['id']}").json()
    assert record["policyDigest"] == digest

    profile = document["profiles"]["storefront-web"]
    profile["identities"] = ["storefront-web-b", "storefront-shared-a"]
    del document["accounts"]["maps-demo"]["identities"]["storefront-web-a"]
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    eventually(lambda: seen_by_all(fresh_demo, "storefront-web-a"))
    eventually(lambda: len(events_of(fresh_demo, "policyRefused")) == 1)
    assert readyz(fresh_demo)["ready"] is True
    assert digest in requests.get(fresh_demo.api + "/readyz", timeout=10).text
    assert fresh_demo.issue(maxRatePerSecond=55).status_code == 201

    path.write_text("version: 1\nnonsense: [\n")
    eventually(lambda: len(events_of(fresh_demo, "policyRefused")) == 2)
    assert fresh_demo.issue(maxRatePerSecond=55).status_code == 201
    assert len(events_of(fresh_demo, "policyChanged")) == 2
