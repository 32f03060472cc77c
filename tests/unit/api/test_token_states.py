"""Token states in honest words over HTTP: what runs and lockdowns have cut is told wherever a token is shown."""

from datetime import timedelta
from typing import Any

from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.revocations import Reason
from sas_service.services.lockdown import LockingDown
from sas_service.services.run_lockdown import LockdownRunner
from tests.unit.api.revocation_world import PEOPLE, HttpApplication, HttpWorld, issue
from tests.unit.revocation.world import MAPS


def told(world: HttpWorld, token: Any) -> set[str]:
    """Return every word that is said of a token: looked up, listed, found by id, identified."""
    shown = world.call("auditor", "GET", f"/v1/tokens/{token['id']}").get_json()
    listed = world.call("auditor", "GET", "/v1/tokens").get_json()["items"]
    alone = world.call("auditor", "GET", f"/v1/tokens?id={token['id']}").get_json()["items"]
    found = world.call("auditor", "POST", "/v1/audit/identify", json={"token": token["token"]}).get_json()["token"]
    return {each["state"] for each in (shown, *listed, *alone, found) if each["id"] == token["id"]}


def in_state(world: HttpWorld, state: str) -> set[str]:
    page = world.call("auditor", "GET", f"/v1/tokens?state={state}").get_json()["items"]
    assert {each["state"] for each in page} <= set(state.split(","))
    return {each["id"] for each in page}


def run_to_its_end(world: HttpWorld, app: HttpApplication, **asked: Any) -> None:
    run = world.started(**asked)
    for _ in range(80):
        world.tick()
        app.turn()
    assert world.look(run)["state"] == "completed"


def test_a_token_whose_key_was_made_anew_is_dead_everywhere_and_its_successor_live() -> None:
    world = HttpWorld()
    app = HttpApplication(world, "storefront-0", "web")
    old = app.token
    assert told(world, old) == {"live"}
    run_to_its_end(world, app, lever="key")
    assert (told(world, old), told(world, app.token)) == ({"dead"}, {"live"})
    assert in_state(world, "dead") == {old["id"]}
    assert in_state(world, "live,supersededLive") == {app.token["id"]}


def test_a_token_whose_role_was_removed_is_soft_revoked_everywhere() -> None:
    world = HttpWorld()
    app = HttpApplication(world, "storefront-0", "web")
    old = app.token
    other = issue(world, "logistics-0", "batch")
    run_to_its_end(world, app, lever="role", target={"team": "storefront"})
    assert (told(world, old), told(world, other)) == ({"softRevoked"}, {"live"})
    assert in_state(world, "softRevoked") == {old["id"]}
    assert in_state(world, "supersededLive") == set()


def test_what_a_lockdown_killed_is_dead() -> None:
    world = HttpWorld()
    of = world.simulation
    token = issue(world)
    locking = LockingDown(of.world)
    locking.lock(MAPS, PEOPLE["admin"], reason=Reason.KEY_COMPROMISE, comment=None, request_id="r")
    runner = LockdownRunner(of.world, of.leases, holder="worker")
    for _ in range(60):
        of.clock.advance(timedelta(seconds=10))
        runner.tick(MAPS)
    assert of.lockdowns.of(MAPS)[0].state is LockdownState.LOCKED
    assert told(world, token) == {"dead"}
    assert in_state(world, "dead") == {token["id"]}
    assert world.call("auditor", "GET", "/v1/exposure").get_json()["total"]["tokens"] == 0


def test_an_account_without_slots_has_a_past_as_well() -> None:
    world = HttpWorld()
    assert world.call("auditor", "GET", "/v1/tokens?account=service&state=dead").get_json()["items"] == []
