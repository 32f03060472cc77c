"""Quota and budget of replacements: outside both is only what must be replaced, everything else is one more request."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sas_service.domain.policy import Budget
from sas_service.domain.quotas import Quota
from sas_service.domain.slots import SigningKey
from tests.unit.api import world as issuing
from tests.unit.api.revocation_world import HttpWorld, issue
from tests.unit.api.world import SHARING_POLICY, KnownPolicy, World, app_of, as_caller
from tests.unit.revocation.upkept import Upkept

MINUTE = timedelta(minutes=1)
LONG = timedelta(days=1)


def limited(world: HttpWorld, requests: int = 1, live_tokens: int | None = None) -> None:
    """Give the storefront a quota, and its profile a budget."""
    policy = world.simulation.policies.policy
    team = replace(policy.teams["storefront"], quota=Quota(requests, LONG))
    web = replace(policy.profiles["web"], budget=Budget(live_tokens=live_tokens) if live_tokens else None)
    world.simulation.policies.policy = replace(
        policy, teams={**policy.teams, "storefront": team}, profiles={**policy.profiles, "web": web}
    )


def ask(world: HttpWorld, token: Any) -> Any:
    return world.call("storefront-0", "POST", f"/v1/tokens/{token['id']}/replacement")


def test_a_replacement_that_nobody_ordered_counts_like_a_token() -> None:
    world = HttpWorld()
    limited(world, requests=3)
    token = issue(world)
    new = ask(world, token)
    assert (new.status_code, new.headers["RateLimit"].split(";")[1]) == (201, "r=1")
    again = ask(world, token)
    assert (again.status_code, again.headers["RateLimit"].split(";")[1]) == (200, "r=0")
    for old in (token, new.get_json()):
        refused = ask(world, old)
        assert (refused.status_code, refused.get_json()["type"]) == (429, "/problems/quota-exceeded")


def test_what_a_run_moves_is_replaced_beyond_quota_and_budget_also_when_the_answer_was_lost() -> None:
    world = HttpWorld()
    token = issue(world)
    run = world.started(lever="key")
    limited(world, live_tokens=1)
    issue(world)
    world.tick(8)
    assert [each["state"] for each in world.look(run)["steps"] if each["name"] == "switch"] == ["done"]
    assert [ask(world, token).status_code for _ in range(3)] == [201, 200, 200]


def test_the_same_replacement_is_not_signed_for_ever_outside_the_quota() -> None:
    world = HttpWorld()
    token = issue(world)
    world.started(lever="key")
    limited(world)
    issue(world)
    world.tick(8)
    statuses = [ask(world, token).status_code for _ in range(70)]
    assert statuses == [201] + [200] * 63 + [429] * 6


def test_what_died_with_a_key_of_this_very_epoch_is_replaced_beyond_quota_and_budget() -> None:
    """A key made anew by hand during a run moves no epoch."""
    world = HttpWorld()
    kept, old = Upkept(world.simulation), issue(world)
    run = world.started(lever="key")
    kept.let_pass(2 * MINUTE)
    token = ask(world, old).get_json()
    kept.let_pass(2 * MINUTE)
    limited(world, live_tokens=1)
    kept.world.azure.regenerate(SigningKey.SECONDARY)
    kept.let_pass(2 * MINUTE)
    assert world.call("storefront-1", "POST", "/v1/tokens", json={"profile": "web"}).status_code == 422
    assert world.look(run)["state"] == "running"
    assert ask(world, token).status_code == 201


@pytest.mark.parametrize("switched", [False, True])
def test_a_shared_token_is_replaced_beyond_the_quota_only_if_it_must_be(switched: bool) -> None:
    team = replace(SHARING_POLICY.teams["storefront"], quota=Quota(1, LONG))
    policy = replace(SHARING_POLICY, teams={**SHARING_POLICY.teams, "storefront": team})
    world = World(policies=KnownPolicy(policy))
    client = app_of(world).test_client()
    token = issuing.issue(client, profile="shared").get_json()
    if switched:
        world.slots.move("maps-demo", epoch=2)
    world.clock.advance(10 * MINUTE)
    answer = client.post(f"/v1/tokens/{token['id']}/replacement", headers=as_caller("storefront"))
    assert answer.status_code == (201 if switched else 429)
