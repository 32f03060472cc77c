"""Three accounts on the three masters of a cluster: all of it works, and what is killed takes nothing else along."""

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from sas_service.cli import main
from tests.e2e.cluster_world import ACCOUNTS, PROFILES, ClusterWorld, cluster_world, until
from tests.valkey_cluster import master_of

FIRST, EAST, OTHER = ACCOUNTS


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterWorld]:
    with cluster_world(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def document(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def pages(world: ClusterWorld, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every item, in small pages."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = document(world.call("GET", path, "auditor", query_string={"limit": 3, **query, **cursor}))
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = {"cursor": page["next"]}


def start_emergency(world: ClusterWorld, account: str, lever: str) -> str:
    asked = {"reason": "drill", "target": {"account": account}, "lever": lever, "mode": "emergency"}
    planned = document(world.call("POST", "/v1/revocations", "admin", json=asked), 201)
    assert planned["state"] == "planned", planned
    headers = {"If-Match": f'"{planned["planHash"]}"'}
    document(world.call("POST", f"/v1/revocations/{planned['id']}/start", "admin", json={}, headers=headers))
    return str(planned["id"])


def is_completed(world: ClusterWorld, run: str) -> bool:
    found = document(world.call("GET", f"/v1/revocations/{run}", "admin"))
    assert found["state"] in {"running", "completed"}, found
    return bool(found["state"] == "completed")


def is_refused(answer: TestResponse) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.get_json()["type"].endswith("/audit-log-unavailable")


def redis_check(world: ClusterWorld, status: int = 200) -> dict[str, Any]:
    check: dict[str, Any] = document(world.client.get("/readyz"), status)["checks"]["redis"]
    return check


def is_whole(world: ClusterWorld) -> bool:
    return redis_check(world)["away"] == [] and all(world.issue(each).status_code == 201 for each in ACCOUNTS)


def test_the_accounts_lie_on_three_masters() -> None:
    assert [master_of(each) for each in ACCOUNTS] == [0, 1, 2]
    assert master_of("service") == master_of(EAST)


def test_issue_and_audit_across_all_masters(world: ClusterWorld) -> None:
    issued = {account: document(world.issue(account), 201)["id"] for account in ACCOUNTS}
    listed = [each["id"] for each in pages(world, "/v1/tokens")]
    assert listed[:3] == list(issued.values())[::-1], "the newest first, whichever master they lie on"
    events = pages(world, "/v1/audit/events")
    assert {each["stream"] for each in events} == {*ACCOUNTS, "service"}
    assert {each["token"] for each in events if each["kind"] == "issued"} >= set(issued.values())
    assert len({(each["stream"], each["seq"]) for each in events}) == len(events)
    denied = world.call("POST", "/v1/tokens", json={"profile": PROFILES[OTHER], "maxRatePerSecond": 5000})
    assert denied.status_code == 422
    found = pages(world, "/v1/audit/events")
    assert [each["stream"] for each in found if each["kind"] == "denied"] == [OTHER]


# On two accounts: a key that was made anew is in quarantine, and no second run may start.
@pytest.mark.parametrize(
    ("account", "bystander", "lever"), [(FIRST, EAST, "key"), pytest.param(EAST, FIRST, "both", marks=pytest.mark.full)]
)
def test_a_revocation_runs_to_its_end_while_the_master_of_another_account_is_dead(
    world: ClusterWorld, account: str, bystander: str, lever: str
) -> None:
    before = document(world.issue(account), 201)
    old = document(world.issue(OTHER), 201)["id"]
    run = start_emergency(world, account, lever)
    world.cluster.holder_of(OTHER).kill()
    for _ in range(5):
        is_refused(world.issue(OTHER))
        assert world.issue(bystander).status_code == 201
    until(lambda: is_completed(world, run), "the revocation is completed", 150)
    after = document(world.issue(account), 201)
    assert after["epoch"] > before["epoch"]
    assert after["signingKey"] != before["signingKey"]
    check = redis_check(world)
    assert check["masters"] == 3
    assert [each["slots"] for each in check["away"]] == ["10923-16383"]
    assert str(world.cluster.holder_of(OTHER).port) not in str(check), "no addresses"
    is_refused(world.call("GET", f"/v1/tokens/{old}", "auditor"))
    is_refused(world.call("GET", "/v1/audit/events", "auditor"))
    assert document(world.call("GET", "/v1/audit/events", "auditor", query_string={"account": account}))["items"]
    world.cluster.restart(master_of(OTHER))
    until(lambda: is_whole(world), "everybody is served again")
    assert document(world.call("GET", f"/v1/tokens/{old}", "auditor"))["state"] == "live"


def test_a_suspension_that_misses_a_dead_master_is_in_force_when_it_is_back(world: ClusterWorld) -> None:
    # A process that starts copies the list: it is not that which this is about.
    until(lambda: "worker started" in world.log(), "the worker has started")
    world.cluster.holder_of(FIRST).kill()
    is_refused(world.call("PUT", "/v1/suspensions/team/storefront", "admin", json={"reason": "a thief"}))
    assert [world.issue(each).status_code for each in (EAST, OTHER)] == [403, 403], "also behind the one that failed"
    world.cluster.restart(master_of(FIRST))
    world.cluster.wait()
    copy, path = "{" + FIRST + "}:suspended", "/v1/suspensions/team/storefront"
    with world.cluster.holder_of(FIRST).client() as client:
        until(lambda: client.hexists(copy, "team:storefront"), "the worker has copied it")
    until(lambda: world.issue(FIRST).status_code == 403, "the account refuses him too")
    assert world.call("DELETE", path, "admin").status_code == 204
    assert is_whole(world)


def test_the_service_stream_is_away_and_tokens_are_issued(world: ClusterWorld) -> None:
    world.cluster.holder_of("service").kill()
    for account in (FIRST, OTHER):
        assert world.issue(account).status_code == 201
    is_refused(world.issue(EAST))
    is_refused(world.call("GET", "/v1/suspensions", "admin"))
    denied = world.call("POST", "/v1/tokens", json={"profile": PROFILES[FIRST], "maxRatePerSecond": 5000})
    assert denied.status_code == 422, "a denial is written to its account"
    is_refused(world.call("POST", "/v1/tokens", json={"profile": "nobody-knows-it"}))
    ready = document(world.client.get("/readyz"))
    assert ready["checks"]["schema"]["asked"] is False
    assert ready["ready"] is True
    world.cluster.restart(master_of("service"))
    until(lambda: is_whole(world), "everybody is served again")


def test_a_repair_names_whom_it_cannot_reach_and_leaves_with_three(world: ClusterWorld) -> None:
    until(lambda: is_whole(world), "everybody is served")
    whole = CliRunner().invoke(main, ["audit", "repair"], env=world.environ)
    assert (whole.exit_code, whole.stdout) == (0, "nothing is lost: Redis has all that the mirror has\n")
    world.cluster.holder_of(OTHER).kill()
    asked = CliRunner().invoke(main, ["audit", "repair"], env=world.environ)
    assert asked.exit_code == 3
    assert asked.stdout == "nothing is lost: Redis has all that the mirror has, as far as it can be reached\n"
    assert asked.stderr == f"could not be reached, and stay closed until they are repaired: {OTHER}\n"
    world.cluster.restart(master_of(OTHER))
    until(lambda: is_whole(world), "everybody is served again")


@pytest.mark.full
def test_nobody_is_ready_without_any_master(world: ClusterWorld) -> None:
    for each in world.cluster.masters:
        each.kill()
    for account in ACCOUNTS:
        is_refused(world.issue(account))
    assert redis_check(world, 503)["ok"] is False
    for number in range(3):
        world.cluster.restart(number)
    until(lambda: world.client.get("/readyz").status_code == 200 and is_whole(world), "everybody is served again")
    assert world.worker.poll() is None
