"""Exposure budgets over HTTP: the refusal, its record, and the replacement that may overdraw."""

import json
from dataclasses import replace
from typing import Any

from sas_service.domain.policy import Budget
from tests.unit.api.revocation_world import HttpApplication, HttpWorld
from tests.unit.api.world import POLICY, KnownPolicy, World, app_of, issue

WEB = "storefront-web"


def budgeted(budget: Budget) -> World:
    profile = replace(POLICY.profiles[WEB], budget=budget)
    return World(policies=KnownPolicy(replace(POLICY, profiles={**POLICY.profiles, WEB: profile})))


def test_beyond_the_budget_nothing_is_issued_and_the_refusal_is_on_record() -> None:
    world = budgeted(Budget(live_tokens=1, requests_per_second=150))
    client = app_of(world).test_client()
    assert issue(client).status_code == 201
    answer = issue(client)
    problem = answer.get_json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/outside-policy")
    assert problem["violations"] == [
        {"pointer": "/profile", "asked": 2, "allowed": 1, "rule": f"profiles.{WEB}.budget.liveTokens"},
        {
            "pointer": "/maxRatePerSecond",
            "asked": 200,
            "allowed": 150,
            "rule": f"profiles.{WEB}.budget.requestsPerSecond",
        },
    ]
    denied = [each for line in world.mirror.lines() if (each := json.loads(line))["kind"] == "denied"]
    assert [each["violations"][0]["rule"] for each in denied] == [f"profiles.{WEB}.budget.liveTokens"]


def test_a_smaller_wish_fits_into_what_is_left() -> None:
    client = app_of(budgeted(Budget(requests_per_second=110))).test_client()
    assert issue(client).status_code == 201
    assert issue(client).status_code == 422
    assert issue(client, regions=["eastus"], maxRatePerSecond=10).status_code == 201


def test_a_revocation_replaces_everything_even_if_the_budget_was_lowered_meanwhile() -> None:
    world = HttpWorld()
    apps = [HttpApplication(world, f"storefront-{number}", "web") for number in range(3)]
    policy = world.simulation.policies.policy
    web = replace(policy.profiles["web"], budget=Budget(live_tokens=1))
    world.simulation.policies.policy = replace(policy, profiles={**policy.profiles, "web": web})
    assert world.call("storefront-4", "POST", "/v1/tokens", json={"profile": "web"}).status_code == 422
    assert world.call("storefront-0", "POST", f"/v1/tokens/{apps[0].token['id']}/replacement").status_code == 422
    run = world.started(target={"team": "storefront"})
    for _ in range(60):
        world.tick()
        for app in apps:
            app.turn()
    assert world.look(run)["state"] == "completed"
    assert [app.refused for app in apps] == [[]] * 3
    events: list[Any] = [json.loads(line) for line in world.simulation.mirror.lines()]
    replaced = [each.get("overdraft") for each in events if each["kind"] == "issued" and "replaces" in each]
    assert replaced == [None, True, True]
