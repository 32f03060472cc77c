"""What others have changed, over HTTP: who may take it for right, and what cannot be."""

from datetime import timedelta
from typing import Any

import pytest

from sas_service.domain.audit import EventKind
from sas_service.domain.drift import LOCAL_AUTH_ON
from sas_service.domain.slots import SigningKey
from sas_service.services.keep_standby import KeepStandby
from sas_service.services.look_after import LookAfter
from tests.unit.api.revocation_world import PEOPLE, HttpWorld, issue
from tests.unit.api.world import World, app_of, as_caller
from tests.unit.revocation.world import MAPS

PATH = f"/v1/accounts/{MAPS}/drift"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> HttpWorld:
    return HttpWorld()


def look(world: HttpWorld) -> None:
    """Let a worker look at the account, a minute later."""
    of = world.simulation
    of.clock.advance(MINUTE)
    LookAfter(
        world=of.world,
        planning=of.planning,
        leases=of.leases,
        holder="worker",
        watch=world.drift,
        standby=KeepStandby(of.world, world.notes, prove_every=60 * MINUTE),
        every=MINUTE,
    ).tick(MAPS)


def shown(world: HttpWorld) -> list[Any]:
    account = world.call("admin", "GET", f"/v1/accounts/{MAPS}").get_json()
    return [(each["code"], each["about"]) for each in account["drift"]]


def accepted(world: HttpWorld) -> list[Any]:
    path = f"/v1/audit/events?kind={EventKind.DRIFT_ACCEPTED.value}"
    return list(world.call("auditor", "GET", path).get_json()["items"])


def test_an_administrator_takes_what_was_found_for_right_on_record(world: HttpWorld) -> None:
    issue(world)
    look(world)
    for disabled in (True, False):
        world.simulation.azure.set_local_auth(disabled=disabled)
        look(world)
    assert shown(world) == [(LOCAL_AUTH_ON, MAPS)]
    answer = world.call("admin", "DELETE", PATH)
    assert (answer.status_code, answer.data) == (204, b"")
    assert shown(world) == []
    look(world)
    assert shown(world) == []
    (event,) = accepted(world)
    assert event["caller"] == PEOPLE["admin"].document()
    assert event["requestId"] == answer.headers["X-Request-Id"]


def test_a_key_that_nobody_has_looked_at_is_not_taken_for_right(world: HttpWorld) -> None:
    issue(world)
    look(world)
    world.simulation.azure.regenerate(SigningKey.PRIMARY)
    answer = world.call("admin", "DELETE", PATH)
    assert (answer.status_code, accepted(world)) == (412, [])
    look(world)
    assert shown(world) == [("key-changed", "primaryKey")]
    assert world.call("admin", "DELETE", PATH).status_code == 204


@pytest.mark.parametrize("who", ["approver", "auditor", "nobody", "storefront-0"])
def test_nobody_else_may(world: HttpWorld, who: str) -> None:
    assert world.call(who, "DELETE", PATH).status_code == 403
    assert accepted(world) == []


def test_an_unknown_account_and_a_deployment_that_does_not_watch(world: HttpWorld) -> None:
    assert world.call("admin", "DELETE", "/v1/accounts/none/drift").status_code == 404
    assert accepted(world) == []
    answer = app_of(World()).test_client().delete("/v1/accounts/maps-demo/drift", headers=as_caller("admin"))
    assert answer.get_json()["type"] == "/problems/operator-missing"
