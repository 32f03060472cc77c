"""Lockdown over HTTP: who may, what is answered, and what an administrator sees of it."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.revocations import Reason
from sas_service.services.lockdown import LockingDown
from sas_service.services.run_lockdown import LockdownRunner
from tests.unit.api.world import World, app_of, as_caller
from tests.unit.revocation.world import ADMIN as NAMED
from tests.unit.revocation.world import Simulation

ACCOUNT = "/v1/accounts/maps-demo"
PATH = f"{ACCOUNT}/lockdown"
ADMIN = as_caller("admin")
BODY = {"reason": "keyCompromise", "comment": "keys found in a log"}


@pytest.fixture
def simulation() -> Simulation:
    return Simulation(is_cold=False)


@pytest.fixture
def client(simulation: Simulation) -> FlaskClient:
    return app_of(World(), locking_down=LockingDown(simulation.world)).test_client()


def run(simulation: Simulation, state: LockdownState) -> None:
    runner = LockdownRunner(simulation.world, simulation.leases, holder="worker")
    for _ in range(50):
        simulation.clock.advance(timedelta(seconds=10))
        runner.tick("maps-demo")
        if simulation.lockdowns.of("maps-demo")[0].state is state:
            return
    raise AssertionError(simulation.lockdowns.of("maps-demo")[0].missing)


def shown(client: FlaskClient, who: str = "admin") -> Any:
    return client.get(ACCOUNT, headers=as_caller(who)).get_json()["lockdown"]


def test_there_and_back(client: FlaskClient, simulation: Simulation) -> None:
    assert shown(client) is None
    locked = client.post(PATH, json=BODY, headers=ADMIN)
    assert locked.status_code == 202
    assert {name: locked.get_json()[name] for name in ("account", "state", *BODY)} == {
        "account": "maps-demo",
        "state": "locking",
        **BODY,
    }
    assert client.post(PATH, json={"reason": "drill"}, headers=ADMIN).status_code == 200
    early = client.delete(PATH, headers=ADMIN)
    assert (early.status_code, early.get_json()["type"]) == (409, "/problems/release-refused")
    assert [each["pointer"] for each in early.get_json()["violations"]] == ["/keys/primaryKey", "/keys/secondaryKey"]
    run(simulation, LockdownState.LOCKED)
    assert shown(client)["state"] == "locked"
    assert {step["state"] for step in shown(client)["steps"]} == {"done"}
    released = client.delete(PATH, headers=ADMIN)
    assert (released.status_code, released.get_json()["state"]) == (202, "releasing")
    assert client.delete(PATH, headers=ADMIN).status_code == 202
    run(simulation, LockdownState.RELEASED)
    assert shown(client) is None
    assert client.delete(PATH, headers=ADMIN).status_code == 404


@pytest.mark.parametrize("who", ["storefront", "auditor", "nobody"])
def test_only_administrators_lock_release_and_see(client: FlaskClient, simulation: Simulation, who: str) -> None:
    assert client.post(PATH, json=BODY, headers=as_caller(who)).status_code == 403
    assert client.delete(PATH, headers=as_caller(who)).status_code == 403
    LockingDown(simulation.world).lock("maps-demo", NAMED, reason=Reason.DRILL, comment=None, request_id="r")
    assert shown(client, who) is None
    assert shown(client)["state"] == "locking"


@pytest.mark.parametrize("body", [{}, {"reason": "fun"}, {"reason": "drill", "force": True}])
def test_a_body_that_says_too_little_or_too_much_locks_nothing(client: FlaskClient, body: object) -> None:
    assert client.post(PATH, json=body, headers=ADMIN).status_code == 400
    assert shown(client) is None


def test_an_unknown_account_and_a_deployment_without_operator(client: FlaskClient) -> None:
    assert client.post("/v1/accounts/none/lockdown", json=BODY, headers=ADMIN).status_code == 404
    bare = app_of(World()).test_client()
    answer = bare.post(PATH, json=BODY, headers=ADMIN)
    assert answer.get_json()["type"] == "/problems/operator-missing"


def test_what_a_locked_account_answers_to_a_team(client: FlaskClient) -> None:
    world = World()
    world.slots.freeze("maps-demo", "lock-1")
    team = app_of(world).test_client()
    answer = team.post("/v1/tokens", json={"profile": "storefront-web"}, headers=as_caller("storefront"))
    assert (answer.status_code, answer.get_json()["type"]) == (423, "/problems/account-locked")
