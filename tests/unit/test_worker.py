"""The worker's own machinery: accounts side by side, what is logged when, what its metrics show."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from sas_service.adapters.worker_metrics import WorkerMetrics
from sas_service.bootstrap.processes import Service, build_service
from sas_service.domain import drift
from sas_service.domain.errors import AzureUnavailable
from sas_service.domain.revocations import Mode
from sas_service.services.standing import Standing, standing
from sas_service.worker import attempt, rounds
from sas_service.worker_accounts import Accounts
from tests.unit.revocation.upkept import Upkept
from tests.unit.revocation.world import MAPS, Simulation
from tests.unit.test_settings import GOOD

NOTHING: Mapping[str, object] = {}
PATIENCE = 10


def shown(metrics: WorkerMetrics) -> str:
    return generate_latest(metrics._registry).decode()


def test_a_slow_account_holds_up_no_other_and_is_looked_at_by_one_thread() -> None:
    go_on, others, looks = threading.Event(), threading.Semaphore(0), []

    def look(account: str) -> None:
        looks.append(account)
        if account == "slow":
            go_on.wait(PATIENCE)
        else:
            others.release()

    accounts = Accounts({"look": look}, attempt, threads=2, seen=lambda _account: NOTHING)
    for _ in range(3):
        accounts.tick(["fast", "slow"])
        assert others.acquire(timeout=PATIENCE)
        while "fast" in accounts._busy:
            threading.Event().wait(0.005)
    assert looks.count("slow") == 1
    go_on.set()
    accounts.close()
    assert looks.count("fast") == 3


def test_a_task_that_fails_keeps_none_of_the_others_from_being_done() -> None:
    done = threading.Event()

    def fail(_account: str) -> None:
        raise AzureUnavailable("away")

    tasks = {"revocation": fail, "upkeep": lambda _account: done.set()}
    with capture_logs() as logs:
        accounts = Accounts(tasks, attempt, threads=1, seen=lambda _account: NOTHING)
        accounts.tick([MAPS])
        assert done.wait(PATIENCE)
        accounts.close()
    assert [(each["task"], each["error"]) for each in logs if "task" in each] == [
        (f"revocation of {MAPS}", "AzureUnavailable")
    ]


def test_how_an_account_stands_is_said_when_it_changes_and_aloud_when_a_person_is_called() -> None:
    words: list[Mapping[str, object]] = [
        {"state": "running"},
        {"state": "running"},
        {"state": "waiting", "waitingFor": "consumers-late"},
        {"state": "running", "warnedAtPercent": 50},
        {"state": None, "drift": ["role-lost web-a"]},
    ]
    with capture_logs() as logs:
        accounts = Accounts({}, attempt, threads=1, seen=lambda _account: words.pop(0))
        for _ in range(5):
            accounts._look(MAPS)
        accounts.close()
    assert [each["log_level"] for each in logs] == ["info", "warning", "warning", "warning"]
    assert logs[1]["waitingFor"] == "consumers-late"


@pytest.fixture
def kept() -> Upkept:
    upkept = Upkept(Simulation(is_cold=False))
    upkept.world.add("storefront", 0, acknowledges=False)
    return upkept


def test_a_run_with_its_late_consumers_is_shown_by_name_and_number(kept: Upkept) -> None:
    run = kept.world.start(mode=Mode.EXPEDITED)
    for _ in range(5):
        kept.world.tick()
    seen = standing(MAPS, kept.world.journal, kept.notes)
    assert seen.late == ("storefront/storefront-0/web",)
    assert (seen.words()["revocation"], seen.words()["step"]) == (run.id, "replace")
    metrics = WorkerMetrics(CollectorRegistry())
    metrics.shows(seen, lease_held=True, standby="ready")
    text = shown(metrics)
    assert f'sas_revocation_late_consumers{{account="{MAPS}"}} 1.0' in text
    assert f'sas_revocation_state{{account="{MAPS}",state="running"}} 1.0' in text
    assert f'sas_revocation_state{{account="{MAPS}",state="paused"}} 0.0' in text
    assert f'sas_account_lease_held{{account="{MAPS}"}} 1.0' in text
    assert f'sas_standby_ready{{account="{MAPS}"}} 1.0' in text


def test_what_has_passed_is_shown_no_more() -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    hurt = Standing(MAPS, None, ((drift.ROLE_LOST, "web-a"), (drift.ROLE_LOST, "web-b")))
    metrics.shows(hurt, lease_held=False, standby="cold")
    assert f'sas_account_drift{{account="{MAPS}",code="role-lost"}} 2.0' in shown(metrics)
    metrics.shows(replace(hurt, drifts=()), lease_held=False, standby="cold")
    assert f'sas_account_drift{{account="{MAPS}",code="role-lost"}} 0.0' in shown(metrics)


def test_every_code_of_a_drift_says_what_to_make_of_it() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for code, meaning in drift.CODES.items():
        document = drift.Drift(code, "web-a", at, "why").document()
        assert (document["meaning"], document["since"]) == (meaning, "2026-11-22T00:00:00Z")


def built(directory: Path, **settings: str) -> Service:
    place = {"SAS_POLICY_FILE": "deploy/policy.example.yaml", "SAS_MIRROR_DIRECTORY": str(directory / "mirror")}
    return build_service({**GOOD, **place, **settings})


def round_names(service: Service) -> set[str]:
    named = {each.name for each in rounds(service, None, WorkerMetrics(CollectorRegistry()))}
    service.close()
    return named


@pytest.mark.parametrize("signs", [True, False])
def test_what_is_sealed_is_aged_too(tmp_path: Path, *, signs: bool) -> None:
    key = {"SAS_SIGNING_KEY": "A" * 43 + "=", "SAS_SIGNING_ORIGIN": "sas.example"} if signs else {}
    named = round_names(built(tmp_path, **key))
    assert ({"seal", "age"} & named) == ({"seal", "age"} if signs else set())


@pytest.mark.parametrize("seals", [True, False])
def test_with_a_sealing_key_the_worker_refreshes_shared_tokens_and_without_readyz_counts_them(
    tmp_path: Path, *, seals: bool
) -> None:
    policy = yaml.safe_load(Path("deploy/policy.example.yaml").read_text())
    next(iter(policy["profiles"].values()))["sharing"] = "shared"
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    key = {"SAS_SEALING_KEYS": f"a:{'A' * 43}="} if seals else {}
    service = built(tmp_path, SAS_POLICY_FILE=str(tmp_path / "policy.yaml"), **key)
    asked = {each.name: each for each in service.readiness}
    assert ("sharing" in asked) is not seals
    if not seals:
        assert asked["sharing"].check() == {"unsealedProfiles": 1}
    assert ("shared tokens" in round_names(service)) is seals
