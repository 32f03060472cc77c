"""Exposure over HTTP: what live tokens may cost, added up now and then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.api.world import POLICY, KnownPolicy, World, app_of, as_caller, issue

AUDITOR = as_caller("auditor")


def exposure(client: FlaskClient) -> Any:
    return client.get("/v1/exposure", headers=AUDITOR).get_json()


def test_exposure_adds_up_by_team_profile_location_and_slot(client: FlaskClient, world: World) -> None:
    issue(client, regions=["eastus"], maxRatePerSecond=10, lifetime="PT1H")
    issue(client, maxRatePerSecond=3, lifetime="PT30M")
    client.post("/v1/tokens", json={"profile": "logistics-batch"}, headers=as_caller("logistics"))
    world.clock.advance(timedelta(minutes=10))
    found = exposure(client)
    first, second, third = 10 * 3000, 3 * 2 * 1200, 50 * 2 * 3000
    row = {"tokens": 3, "requestsPerSecond": 116, "worstCaseTransactions": first + second + third, "unconstrained": 0}
    assert found["total"] == row
    assert [(each["team"], each["requestsPerSecond"]) for each in found["teams"]] == [
        ("logistics", 100),
        ("storefront", 16),
    ]
    assert [(each["profile"], each["tokens"]) for each in found["profiles"]] == [
        ("logistics-batch", 1),
        ("storefront-web", 2),
    ]
    assert [(each["location"], each["tokens"], each["requestsPerSecond"]) for each in found["locations"]] == [
        ("eastus", 3, 63),
        ("westus2", 2, 53),
    ]
    assert [(each["signingKey"], each["identity"], each["tokens"]) for each in found["slots"]] == [
        ("primaryKey", "blue", 3)
    ]


def test_exposure_is_a_few_seconds_old_at_most(client: FlaskClient, world: World) -> None:
    assert exposure(client)["total"]["tokens"] == 0
    issue(client)
    assert exposure(client)["total"]["tokens"] == 0
    world.clock.advance(timedelta(seconds=5))
    assert exposure(client)["total"]["tokens"] == 1
    world.clock.advance(timedelta(hours=3))
    assert exposure(client)["total"]["tokens"] == 0


def test_what_takes_long_is_not_added_up_all_the_time(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(client)
    unexpired, during = world.audit_log.unexpired, list[Any]()

    def slowly(account: str, now: Any) -> Any:
        if during:
            during.append(exposure(client)["total"]["tokens"])
        world.clock.advance(timedelta(seconds=2))
        return unexpired(account, now)

    monkeypatch.setattr(world.audit_log, "unexpired", slowly)
    assert exposure(client)["total"]["tokens"] == 1
    issue(client)
    world.clock.advance(timedelta(seconds=17))
    assert exposure(client)["total"]["tokens"] == 1
    world.clock.advance(timedelta(seconds=1))
    during.append("from here on")
    assert exposure(client)["total"]["tokens"] == 2
    assert during[1:] == [1], "who asks while it is added up gets the answer before"


def test_a_token_without_regions_counts_at_every_location() -> None:
    depot = replace(POLICY.profiles["logistics-batch"], regions=None)
    policy = replace(POLICY, profiles={**POLICY.profiles, "logistics-batch": depot})
    world = World(policies=KnownPolicy(policy))
    client = app_of(world).test_client()
    issue(client, regions=["eastus"], maxRatePerSecond=10)
    client.post(
        "/v1/tokens", json={"profile": "logistics-batch", "maxRatePerSecond": 7}, headers=as_caller("logistics")
    )
    found = exposure(client)
    assert (found["total"]["unconstrained"], found["total"]["requestsPerSecond"]) == (1, 10)
    assert {each["location"]: each["requestsPerSecond"] for each in found["locations"]} == {"any": 7, "eastus": 17}
