"""A real worker against a real Redis and the emulator: it brings the standby up, and finds what somebody else did."""

import urllib.request
from collections.abc import Callable
from typing import Any

from sas_service.demo.world import ACCOUNT, guid
from sas_service.domain import drift
from sas_service.domain.slots import SigningKey
from tests.emulator_process import free_port
from tests.integration.worker.world import Rig, until


def without_a_role(world: dict[str, Any]) -> None:
    """Leave one standby identity without its role."""
    principal = guid("principal/storefront-web-b")
    kept = [each for each in world["roleAssignments"] if principal not in str(each)]
    assert len(kept) == len(world["roleAssignments"]) - 1
    world["roleAssignments"] = kept


def test_the_standby_is_brought_up_and_a_key_made_anew_by_hand_is_found_and_shown(start: Callable[..., Rig]) -> None:
    rig = start(standby="warm", change=without_a_role)
    port = free_port()
    rig.worker(SAS_WORKER_METRICS_BIND=f"127.0.0.1:{port}")

    def shows(line: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
                return line in answer.read().decode()
        except OSError:
            return False

    until(lambda: shows(f'sas_standby_ready{{account="{ACCOUNT}"}} 1.0'), "the standby is ready")
    assert rig.counters()["putRoleAssignment"] == 1
    assert rig.stores.slots.read(ACCOUNT).epoch == 1
    before = rig.stores.notes.known(ACCOUNT)
    assert before is not None
    assert before.drifts == ()
    rig.revocations.world.keys.regenerate(ACCOUNT, SigningKey.PRIMARY, request_id="by-hand-in-the-portal")
    until(lambda: rig.stores.slots.read(ACCOUNT).epoch == 2, "it is found, and old is told from new")
    (entry,) = rig.stores.journal.of(ACCOUNT)
    assert [(cut.kind, cut.name, cut.epoch) for cut in entry.cuts] == [("key", "primaryKey", 1)]
    until(lambda: "key-changed primaryKey" in rig.log() or "'key-changed'" in rig.log(), "it is said in the log")
    events = "".join(path.read_text() for path in sorted((rig.directory / "mirror").rglob("*.ndjson")))
    assert drift.KEY_CHANGED in events
    assert '"azureWriteIntended"' in events
    assert rig.counters()["regenerateKey"] == 1
