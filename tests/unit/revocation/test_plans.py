"""Plans as tables: what each lever costs, what is recommended, and what stands in the way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory.azure_ports import own_role
from sas_service.domain.errors import InvalidRequest, NotFound, PlanBlocked, ReplanRequired, RevisionConflict
from sas_service.domain.plans import Asked, Plan, make_plan
from sas_service.domain.revocations import Lever, Mode, Reason, State, Target
from sas_service.domain.situations import Situation
from sas_service.domain.slots import SigningKey
from tests.unit.revocation.world import ADMIN, HOSTS, MAPS, Simulation

WEB = Target("profile", ("web",))
ALL = Target("account", (MAPS,))


def populated() -> Simulation:
    """Three tokens of storefront on web, two of logistics on batch."""
    world = Simulation()
    for number in range(3):
        world.add("storefront", number)
    for number in range(2):
        world.add("logistics", number)
    return world


def crowded(number: int) -> Situation:
    """What a plan is made from, with this many live tokens: three in five are storefront's."""
    world = populated()
    situation = world.planning.situation(MAPS)
    records = tuple(replace(situation.records[each % 5], id=f"{MAPS}.{each:026d}") for each in range(number))
    return replace(situation, records=records)


def planned(world: Simulation, target: Target, **wanted: object) -> Plan:
    members: dict[str, object] = {"reason": Reason.SUPERSEDED, "mode": Mode.EXPEDITED, **wanted}
    return world.planning.plan(Asked(target=target, **members))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "lever", "intended", "collateral"),
    [
        (WEB, Lever.BOTH, 3, 2),
        (WEB, Lever.KEY, 3, 2),
        (WEB, Lever.ROLE, 3, 0),
        (Target("team", ("logistics",)), Lever.ROLE, 2, 0),
        (Target("identity", ("web-a",)), Lever.ROLE, 3, 0),
        (Target("signingKey", ("primaryKey",), MAPS), Lever.KEY, 5, 0),
        (ALL, Lever.BOTH, 5, 0),
    ],
)
def test_each_lever_says_whom_it_costs(target: Target, lever: Lever, intended: int, collateral: int) -> None:
    plan = planned(populated(), target)
    cost = next(each for each in plan.levers if each.lever is lever)
    assert (cost.radius.intended.total, cost.radius.collateral.total) == (intended, collateral)
    assert cost.radius.missed.total == 0
    assert cost.reversible is (lever is Lever.ROLE)


def test_collateral_is_told_by_team_and_profile() -> None:
    plan = planned(populated(), WEB)
    assert plan.chosen.radius.collateral.by == {("logistics", "batch"): 2}


@pytest.mark.parametrize("kind", ["tokens", "fingerprints"])
def test_single_tokens_are_found_by_id_and_by_fingerprint(kind: str) -> None:
    world = populated()
    app = world.applications[0]
    named = {"tokens": app.id, "fingerprints": app.token.fingerprint}[kind]
    plan = planned(world, Target(kind, (named,)))
    role = next(each for each in plan.levers if each.lever is Lever.ROLE)
    assert role.radius.intended.total == 1
    assert role.radius.collateral.by == {("storefront", "web"): 2}


@pytest.mark.parametrize(
    ("reason", "mode", "age", "recommended"),
    [
        (Reason.TOKEN_LEAK, Mode.EXPEDITED, 0, "role"),
        (Reason.KEY_COMPROMISE, Mode.EXPEDITED, 0, "both"),
        (Reason.TOKEN_LEAK, Mode.EXPEDITED, 45, "wait"),
        (Reason.TOKEN_LEAK, Mode.EMERGENCY, 45, "role"),
        (Reason.KEY_COMPROMISE, Mode.EXPEDITED, 45, "both"),
    ],
)
def test_the_least_collateral_is_recommended_or_waiting(reason: Reason, mode: Mode, age: int, recommended: str) -> None:
    world = populated()
    world.clock.advance(timedelta(minutes=age))
    plan = planned(world, WEB, reason=reason, mode=mode)
    assert plan.recommended == recommended
    assert plan.why


def test_without_a_lever_the_documents_order_is_planned() -> None:
    assert planned(populated(), WEB).lever is Lever.BOTH


def test_the_way_is_derived_other_key_and_next_identity() -> None:
    way = planned(populated(), WEB).chosen.direction
    assert (way.kill.key, way.new_key) == (SigningKey.PRIMARY, SigningKey.SECONDARY)
    assert (way.kill.identities, way.identities) == (frozenset({"web-a"}), {"web": "web-b"})
    assert way.standby == {"web": "web-b", "batch": "batch-a"}


def test_after_a_run_the_way_back_is_blocked_until_the_quarantine_is_over() -> None:
    world = populated()
    world.run_until(world.start())
    plan = planned(world, ALL)
    assert {each.what.split(" ")[0] for each in plan.obstacles} == {"primaryKey", "profile"}
    assert plan.earliest_start is not None
    assert all(each.ways_out for each in plan.obstacles)
    with pytest.raises(PlanBlocked) as blocked:
        world.start()
    world.let_pass((blocked.value.retry_after or timedelta()) + timedelta(seconds=1))
    assert planned(world, ALL).obstacles == ()


def aborted_past_the_switch() -> Simulation:
    """Five tokens of which one has moved to the other slot before the run walked back."""
    world = populated()
    for app in world.applications[1:]:
        app.replaces = False
    run = world.start()
    for _ in range(20):
        world.tick()
    assert world.slots.read(MAPS).signing_key is SigningKey.SECONDARY
    world.revoking.abort(run.id, ADMIN, plan_hash=run.plan.hash)
    world.run_until(run, State.ABORTED)
    return world


@pytest.mark.parametrize("lever", list(Lever))
def test_tokens_on_both_slots_have_real_ways_out_and_an_earliest_start(lever: Lever) -> None:
    world = aborted_past_the_switch()
    plan = planned(world, ALL, lever=lever)
    for obstacle in plan.obstacles:
        assert obstacle.ways_out[:2] == (
            "two runs, one for each signing key: target signingKey primaryKey / secondaryKey",
            "lockdown",
        )
    assert plan.obstacles
    for key in SigningKey:
        assert not planned(world, Target("signingKey", (key.value,), MAPS), lever=Lever.KEY).obstacles
    assert plan.earliest_start is not None
    for app in world.applications:
        app.replaces = False
    world.let_pass(plan.earliest_start - world.clock.now() + timedelta(seconds=1))
    assert not planned(world, ALL, lever=lever).obstacles


def test_two_runs_one_for_each_key_leave_nothing_of_before() -> None:
    world = aborted_past_the_switch()
    before = {app.id for app in world.applications}
    for app in world.applications:
        app.replaces = True
    for key in SigningKey:
        target = Target("signingKey", (key.value,), MAPS)
        while (plan := planned(world, target, lever=Lever.KEY)).obstacles:
            assert plan.earliest_start is not None
            world.let_pass(plan.earliest_start - world.clock.now())
        world.run_until(world.start(target=target, lever=Lever.KEY))
    assert before.isdisjoint(each.id for each in world.planning.situation(MAPS).live)
    assert world.refusals() == []


def test_an_obstacle_that_time_does_not_remove_has_no_earliest_start() -> None:
    world = populated()
    world.azure.inherited["principal-web-a"] = (own_role(MAPS, "principal-web-a", "Reader", inherited=True),)
    plan = planned(world, WEB, lever=Lever.ROLE)
    assert plan.obstacles
    assert plan.earliest_start is None


def test_graceful_needs_time_until_the_last_expiry() -> None:
    world = populated()
    soon = world.clock.now() + timedelta(minutes=10)
    assert planned(world, ALL, mode=Mode.GRACEFUL, deadline=soon).obstacles != ()
    assert planned(world, ALL, mode=Mode.GRACEFUL, deadline=soon + timedelta(hours=1)).obstacles == ()


def test_an_account_in_global_has_only_the_key() -> None:
    world = populated()
    world.azure.location = "global"
    plan = planned(world, WEB)
    assert [each.lever for each in plan.levers if each.exists] == [Lever.KEY]


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (lambda world: world.azure.set_local_auth(disabled=True), "local authentication is off"),
        (lambda world: world.azure.attached["web-a"].set(False, world.clock.now()), "is not attached any more"),
        (lambda _world: None, "shared key"),
        (lambda _world: None, "suspend profile web first"),
        (lambda _world: None, "has one identity left"),
    ],
)
def test_warnings(arrange: object, words: str) -> None:
    world = populated()
    assert callable(arrange)
    arrange(world)
    assert any(words in each for each in planned(world, WEB, reason=Reason.TOKEN_LEAK).warnings)


def test_a_key_changed_by_somebody_else_is_warned_of() -> None:
    world = populated()
    world.run_until(world.start())
    assert not any("changed by somebody" in each for each in planned(world, ALL).warnings)
    world.azure.regenerate(SigningKey.SECONDARY)
    assert any("secondaryKey was changed by somebody else" in each for each in planned(world, ALL).warnings)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"team": "a", "profile": "b"},
        {"signingKey": "primaryKey"},
        {"team": "a", "account": "b"},
        {"nobody": "x"},
        {"tokens": []},
    ],
)
def test_a_target_is_exactly_one_thing(document: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        Target.of(document)


def test_targets_are_read_and_written_alike() -> None:
    for document in (
        {"team": "a"},
        {"tokens": ["a.1"]},
        {"signingKey": "primaryKey", "account": MAPS},
        {"account": MAPS},
    ):
        assert Target.of(document).document() == document


def test_an_unknown_target_is_not_found() -> None:
    with pytest.raises(NotFound):
        planned(populated(), Target("profile", ("nothing",)))


def test_the_hash_names_the_count_and_not_the_moment() -> None:
    world = populated()
    first = planned(world, WEB).hash
    world.clock.advance(timedelta(seconds=30))
    assert planned(world, WEB).hash == first
    world.add("logistics", 7)
    assert planned(world, WEB).hash != first


def test_starting_counts_again() -> None:
    world = populated()
    asked = Asked(Reason.SUPERSEDED, WEB, Mode.EXPEDITED)
    run = world.revoking.plan(asked, ADMIN)
    world.add("storefront", 9)  # more of what is meant: that is what the admin wants
    world.add("logistics", 7)
    with pytest.raises(ReplanRequired, match="logistics/batch"):
        world.revoking.start(run.id, ADMIN, plan_hash=run.plan.hash)
    with pytest.raises(RevisionConflict):
        world.revoking.start(run.id, ADMIN, plan_hash="another")
    again = world.revoking.plan(asked, ADMIN)
    assert world.revoking.start(again.id, ADMIN, plan_hash=again.plan.hash).state is State.RUNNING


def test_ten_thousand_live_tokens_are_counted() -> None:
    """How long that takes is measured in tests/bench."""
    plan = make_plan(Asked(Reason.TOKEN_LEAK, WEB, Mode.EXPEDITED), crowded(10_000))
    assert plan.chosen.radius.intended.total == 6_000


def test_the_probes_of_the_hosts_are_in_the_evidence() -> None:
    world = populated()
    done = world.run_until(world.start())
    assert {probe["host"] for probe in done.probes} == set(HOSTS)
