"""Plans and runs over HTTP: the whole life of a run, every decision, and everything that is refused."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sas_service.adapters.memory import MemorySigning, verify_memory
from sas_service.domain.drift import Drift, Known
from sas_service.domain.errors import AuditLogUnavailable, AzureUnavailable
from sas_service.domain.evidence import check_evidence
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.revocations import Action
from tests.unit.api.revocation_world import BODY, HttpApplication, HttpWorld, issue, later
from tests.unit.api.world import World, app_of, as_caller
from tests.unit.revocation.world import MAPS, NOW

MINUTE = timedelta(minutes=1)
JWT = "eyJ0eXAiOiJKV1QifQ.eyJleHAiOjF9.c2lnbmF0dXJl"
KEY = "Zm9vYmFyMTIzNDU2Nzg5MEFCQ0RFRkdISUpLTE1OT1BRUlNUVVY="


@pytest.fixture
def world() -> HttpWorld:
    return HttpWorld()


def test_the_whole_life_of_a_run_over_http(world: HttpWorld) -> None:
    apps = [HttpApplication(world, f"{team}-{n}", profile) for team, profile in PROFILES.items() for n in range(3)]
    planned = world.plan(lever="both", deadline="PT30M", comment="INC-1").get_json()
    assert (planned["state"], planned["consumers"]["total"]) == ("planned", 6)
    assert [step["state"] for step in planned["steps"]] == ["pending"] * 12
    run = world.decide("start", planned).get_json()
    assert (run["state"], run["planHash"], run["deadline"]) == ("running", planned["planHash"], later(30 * MINUTE))
    for _ in range(60):
        world.tick()
        for app in apps:
            app.turn()
        if world.look(run)["state"] == "completed":
            break
    done = world.look(run)
    assert (done["state"], done["consumers"]) == ("completed", {"total": 6, "moved": 6, "late": []})
    assert {step["state"] for step in done["steps"]} == {"done"}
    assert done["allowedActions"] == []
    assert [app.refused for app in apps] == [[]] * 6
    assert {app.token["signingKey"] for app in apps} == {"secondaryKey"}


PROFILES = {"storefront": "web", "logistics": "batch"}


def test_the_evidence_of_a_run_that_has_ended_is_signed_and_names_only_what_was_cut(world: HttpWorld) -> None:
    app = HttpApplication(world, "storefront-0", "web")
    other = HttpApplication(world, "logistics-0", "batch")
    run = world.started(target={"team": "storefront"}, lever="role")
    path = f"/v1/revocations/{run['id']}/evidence"
    early = world.call("auditor", "GET", path)
    assert (early.status_code, early.get_json()["type"]) == (409, "/problems/action-not-allowed")
    # Somebody whom nobody has asked to renews, too, and says so.
    renewed = world.call("logistics-0", "POST", f"/v1/tokens/{other.token['id']}/replacement").get_json()
    acknowledged = {"fingerprint": renewed["fingerprint"]}
    world.call("logistics-0", "POST", f"/v1/tokens/{renewed['id']}/acknowledgement", json=acknowledged)
    for _ in range(60):
        world.tick()
        app.turn()
        if world.look(run)["state"] == "completed":
            break
    for who in ("admin", "approver", "auditor"):
        answer = world.call(who, "GET", path)
        assert answer.status_code == 200, answer.text
    report: Any = check_evidence(answer.get_json(), MemorySigning().verifying_key, verify_memory)
    assert list(report["consumers"]["acknowledged"]) == ["storefront/storefront-0/web"]
    kinds = [each["kind"] for each in report["events"]]
    assert (kinds[0], kinds[-1], report["hasAllEvents"]) == ("revocationPlanned", "revocationEnded", True)
    assert world.call("nobody", "GET", path).status_code == 403
    assert world.call("admin", "GET", "/v1/revocations/none/evidence").status_code == 404


def test_without_a_signing_key_there_is_no_evidence() -> None:
    answer = app_of(World()).test_client().get("/v1/revocations/x/evidence", headers=as_caller("admin"))
    assert (answer.status_code, "SAS_SIGNING_KEY" in answer.get_json()["detail"]) == (404, True)


def test_administrators_see_what_others_have_changed(world: HttpWorld) -> None:
    shown = world.call("admin", "GET", f"/v1/accounts/{MAPS}").get_json()
    assert shown["drift"] == []
    drift = Drift("role-lost", "web-a", NOW, "by hand")
    lease = world.simulation.leases.take(MAPS, "watch", until=NOW + MINUTE, now=NOW)
    assert lease is not None
    world.notes.keep_known(Known(MAPS, NOW, {}, drifts=(drift,)), fence=lease.fence)
    (found,) = world.call("admin", "GET", f"/v1/accounts/{MAPS}").get_json()["drift"]
    assert (found["code"], found["about"], found["detail"]) == ("role-lost", "web-a", "by hand")
    assert world.call("nobody", "GET", f"/v1/accounts/{MAPS}").get_json()["drift"] is None


def test_a_plan_says_all_that_an_admin_must_know(world: HttpWorld) -> None:
    first = issue(world)
    issue(world, "logistics-0", "batch")
    answer = world.plan(reason="tokenLeak", target={"tokens": [first["id"]]})
    plan = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/revocations/{plan['id']}"
    assert answer.headers["ETag"] == f'"{plan["planHash"]}"'
    levers = {each["lever"]: each for each in plan["levers"]}
    assert levers["both"]["collateral"]["by"] == [{"team": "logistics", "profile": "batch", "tokens": 1}]
    assert (levers["role"]["intended"]["total"], levers["role"]["collateral"]["total"]) == (1, 0)
    assert (levers["role"]["reversible"], levers["key"]["reversible"]) == (True, False)
    assert levers["both"]["azureCalls"] == {"listSas": 2, "regenerateKey": 1, "detachIdentity": 1, "removeRole": 1}
    assert levers["both"]["azureWrites"] == 5
    assert levers["both"]["expectedTime"].startswith("PT")
    assert (plan["recommended"], plan["why"]) == ("role", "no token of others dies")
    assert plan["wouldExpireBy"] == first["expiry"]
    assert plan["offers"] == [
        {
            "method": "PUT",
            "path": "/v1/suspensions/client/storefront-0",
            "body": {"reason": "revocation planned: tokenLeak"},
            "why": "Whoever can ask again is not stopped by a revocation.",
        }
    ]
    assert any("shared key" in each for each in plan["warnings"])
    assert plan["allowedActions"] == ["abort", "start"]
    assert plan["plannedBy"]["objectId"] == "admin-object"


def test_an_emergency_is_expected_to_be_faster_than_a_run_that_waits(world: HttpWorld) -> None:
    issue(world)
    times = [world.plan(mode=mode).get_json()["levers"][0]["expectedTime"] for mode in ("emergency", "graceful")]
    assert times == ["PT10M10S", "PT1H10M20S"]


def test_a_plan_that_cannot_start_is_blocked_and_says_until_when(world: HttpWorld) -> None:
    run = world.started(mode="emergency", reason="keyCompromise")
    world.tick(60)
    assert world.look(run)["state"] == "completed"
    answer = world.plan()
    plan = answer.get_json()
    assert (answer.status_code, plan["state"], plan["allowedActions"]) == (201, "blocked", ["abort"])
    assert plan["earliestStart"] > later(10 * MINUTE)
    assert all(each["waysOut"] and each["until"] for each in plan["obstacles"])
    refused = world.decide("start", plan)
    assert (refused.status_code, refused.get_json()["type"]) == (409, "/problems/plan-blocked")
    assert refused.get_json()["earliestStart"] == plan["earliestStart"]
    assert int(refused.headers["Retry-After"]) > 0


def test_everything_wrong_with_a_question_is_told_at_once(world: HttpWorld) -> None:
    body = {
        "reason": "because", "mode": "slow", "lever": "both of them", "deadline": "2020-01-01T00:00:00Z",
        "target": {"team": "a", "profile": "b"}, "onDeadline": 1, "comment": f"leaked: {JWT}", "force": True,
    }  # fmt: skip
    problem = world.call("admin", "POST", "/v1/revocations", json=body).get_json()
    assert (problem["status"], problem["type"]) == (400, "/problems/invalid-request")
    assert {each["pointer"]: each["rule"] for each in problem["violations"]} == {
        "/comment": "schema.secret", "/deadline": "revocation.deadline", "/force": "schema.unknown",
        "/lever": "schema.choice", "/mode": "schema.choice", "/onDeadline": "schema.choice",
        "/reason": "schema.choice", "/target": "revocation.target",
    }  # fmt: skip
    assert JWT not in json.dumps(problem)


@pytest.mark.parametrize("secret", [JWT, KEY, f"the key is {KEY}", f"Bearer {JWT}"])
def test_no_text_that_goes_on_record_holds_a_secret(world: HttpWorld, secret: str) -> None:
    answer = world.plan(comment=secret)
    assert [each["rule"] for each in answer.get_json()["violations"]] == ["schema.secret"]
    assert secret not in answer.text + "".join(world.simulation.mirror.lines())
    run = world.started()
    assert world.decide("excuse", run, consumer=secret).get_json()["violations"][0]["rule"] == "schema.secret"


@pytest.mark.parametrize(
    "target",
    [
        {}, {"signingKey": "primaryKey"}, {"signingKey": "managedIdentity", "account": MAPS}, {"tokens": []},
        {"tokens": "x"}, {"fingerprints": ["x"]}, {"team": "storefront", "account": MAPS}, {"everybody": True}, None, 5,
        {"tokens": [f"{MAPS}.{n}" for n in range(101)]}, {"team": ["storefront"]},
    ],
)  # fmt: skip
def test_a_target_is_one_thing(world: HttpWorld, target: Any) -> None:
    answer = world.plan(target=target)
    assert answer.status_code == 400
    assert all(each["pointer"].startswith("/target") for each in answer.get_json()["violations"])


def test_everything_that_is_not_known_is_named(world: HttpWorld) -> None:
    known = issue(world)["id"]
    answer = world.plan(target={"tokens": [f"{MAPS}.1", known, "elsewhere.2"]})
    assert answer.status_code == 404
    assert [each["pointer"] for each in answer.get_json()["violations"]] == ["/target/tokens/0", "/target/tokens/2"]
    answer = world.plan(target={"profile": "nothing"})
    assert [each["pointer"] for each in answer.get_json()["violations"]] == ["/target/profile"]


@pytest.mark.parametrize(
    ("deadline", "until"), [("PT10M", 10 * MINUTE), (later(5 * MINUTE), 5 * MINUTE), ("P1D", timedelta(days=1))]
)
def test_a_deadline_is_an_instant_or_a_time_from_now(world: HttpWorld, deadline: str, until: timedelta) -> None:
    assert world.plan(deadline=deadline).get_json()["deadline"] == later(until)


def test_a_time_counts_from_the_switch_and_an_instant_that_has_passed_is_planned_anew(world: HttpWorld) -> None:
    counting, passing = world.plan(deadline="PT10M").get_json(), world.plan(deadline=later(10 * MINUTE)).get_json()
    world.simulation.clock.advance(40 * MINUTE)
    refused = world.decide("start", passing)
    assert (refused.status_code, refused.get_json()["type"]) == (409, "/problems/replan-required")
    assert "has passed since the plan" in refused.get_json()["detail"]
    issue(world)
    run = world.decide("start", counting).get_json()
    assert run["deadline"] == later(50 * MINUTE)
    world.tick(8)
    assert world.look(run)["steps"][3]["state"] == "done"
    switched = world.simulation.journal.read(run["id"]).switched
    assert switched is not None
    assert world.look(run)["deadline"] == format_instant(switched + 10 * MINUTE) > later(50 * MINUTE)


def test_how_late_the_old_tokens_may_expire_counts_from_now_and_does_not_move(world: HttpWorld) -> None:
    run = world.started(mode="graceful", deadline="P1D")
    world.tick(8)
    assert world.look(run)["steps"][3]["state"] == "done"
    assert world.look(run)["deadline"] == later(timedelta(days=1))


@pytest.mark.parametrize("deadline", ["soon", 5, "PT0S", "P9999999W", "PT", "2026-11-21T08:00:00", None, "P1M"])
def test_what_is_no_deadline_is_refused(world: HttpWorld, deadline: Any) -> None:
    answer = world.plan(deadline=deadline)
    assert (answer.status_code, answer.get_json()["violations"][0]["pointer"]) == (400, "/deadline")


@pytest.mark.parametrize("verb", ["start", "approve"])
def test_who_decides_about_a_plan_names_it(verb: str) -> None:
    world = HttpWorld(approvals=1 if verb == "approve" else 0)
    run = world.plan().get_json()
    who = "approver" if verb == "approve" else "admin"
    path = f"/v1/revocations/{run['id']}/{verb}"
    missing = world.call(who, "POST", path)
    assert (missing.status_code, missing.get_json()["type"]) == (428, "/problems/precondition-missing")
    wrong = world.decide(verb, run, who, tag='"another"')
    assert (wrong.status_code, wrong.get_json()["type"]) == (412, "/problems/revision-conflict")
    for tag in ("*", 'W/"x"', f'"{run["planHash"]}", "b"', "loose"):
        assert world.decide(verb, run, who, tag=tag).get_json()["violations"][0]["pointer"] == "header:If-Match"
    assert world.look(run)["state"] == "planned"
    assert world.decide(verb, run, who, tag=run["planHash"]).status_code == 200  # the bare hash is understood too


def test_other_decisions_may_name_the_plan(world: HttpWorld) -> None:
    run = world.started()
    assert world.decide("pause", run, tag='"another"').status_code == 412
    assert world.call("admin", "POST", f"/v1/revocations/{run['id']}/pause").get_json()["state"] == "paused"


def test_growth_of_the_collateral_needs_a_new_plan(world: HttpWorld) -> None:
    issue(world)
    run = world.plan(target={"profile": "web"}).get_json()
    issue(world, "logistics-0", "batch")
    answer = world.decide("start", run)
    assert (answer.status_code, answer.get_json()["type"]) == (409, "/problems/replan-required")
    assert "logistics/batch" in answer.get_json()["detail"]


def test_one_run_at_a_time_and_the_problem_names_it(world: HttpWorld) -> None:
    first = world.started()
    answer = world.decide("start", world.plan().get_json())
    assert (answer.status_code, answer.get_json()["type"]) == (409, "/problems/run-in-progress")
    assert answer.get_json()["running"] == first["id"]


def test_what_a_state_does_not_allow_answers_what_it_does(world: HttpWorld) -> None:
    run = world.plan().get_json()
    for verb in set(Action) - {Action.START, Action.ABORT, Action.APPROVE}:
        body = {"extend": {"deadline": "PT1H"}, "excuse": {"consumer": "x"}}.get(verb.value, {})
        answer = world.decide(verb.value, run, **body)
        assert (answer.status_code, answer.get_json()["type"]) == (409, "/problems/action-not-allowed")
        assert answer.get_json()["allowedActions"] == ["abort", "start"]
    aborted = world.decide("abort", run).get_json()
    assert (aborted["state"], aborted["allowedActions"]) == ("aborted", [])
    assert world.decide("abort", run).get_json()["allowedActions"] == []


def test_a_plan_expires(world: HttpWorld) -> None:
    run = world.plan().get_json()
    world.simulation.clock.advance(timedelta(hours=2))
    assert world.look(run)["state"] == "expired"
    assert world.decide("start", run).status_code == 409


def test_a_plan_nobody_started_is_forgotten_a_day_after_it_expired_and_its_event_stays(world: HttpWorld) -> None:
    issue(world)
    done = world.started(mode="emergency")
    world.tick(60)
    aborted = world.plan(target={"team": "storefront"}).get_json()
    world.decide("abort", aborted)
    stale = world.plan(target={"team": "storefront"}).get_json()
    world.simulation.clock.advance(timedelta(hours=24))
    kept = world.plan(target={"team": "storefront"}).get_json()
    assert world.call("admin", "GET", f"/v1/revocations/{stale['id']}").status_code == 200
    world.simulation.clock.advance(timedelta(hours=2))
    newest = world.plan().get_json()
    listed = world.call("admin", "GET", "/v1/revocations").get_json()["items"]
    assert [each["id"] for each in listed] == [newest["id"], kept["id"], done["id"]]
    assert world.look(kept)["state"] == "expired"
    assert world.call("admin", "GET", f"/v1/revocations/{stale['id']}").status_code == 404
    events = world.call("auditor", "GET", f"/v1/audit/events?revocation={stale['id']}").get_json()["items"]
    assert [each["kind"] for each in events] == ["revocationPlanned"]


def test_the_late_are_named_excused_given_time_or_left_behind(world: HttpWorld) -> None:
    app = HttpApplication(world, "storefront-0", "web", acknowledges=False)
    other = HttpApplication(world, "logistics-0", "batch")
    run = world.started(deadline="PT2M")
    for _ in range(20):
        world.tick()
        app.turn()
        other.turn()
    held = world.look(run)
    name = "storefront/storefront-0/web"
    assert (held["state"], held["waitingCode"], held["consumers"]["late"]) == ("waiting", "consumers-late", [name])
    assert "`excuse` by name" in held["remedy"]
    items = world.look(run, "/consumers")["items"]
    assert [(each["name"], each["moved"]) for each in items] == [("logistics/logistics-0/batch", True), (name, False)]
    assert items[0]["since"] >= items[1]["since"] > later(timedelta())
    assert world.decide("extend", run, deadline="PT0S").status_code == 409
    extended = world.decide("extend", run, deadline="PT10M").get_json()
    assert extended["deadline"] > held["deadline"]
    assert world.decide("excuse", run, consumer="storefront/nobody/web").status_code == 404
    assert world.decide("excuse", run, consumer=name).get_json()["excused"] == [name]
    world.tick(30)
    done = world.look(run)
    assert (done["state"], done["casualties"]) == ("completed", 1)


def test_commit_cuts_and_an_emergency_names_who_answers_for_it(world: HttpWorld) -> None:
    HttpApplication(world, "storefront-0", "web", acknowledges=False)
    run = world.started(deadline="PT1H")
    world.tick(10)
    assert world.decide("commit", run).get_json()["forcedBy"] == "admin-object"
    world.tick(20)
    assert world.look(run)["state"] == "completed"
    assert HttpWorld().started(mode="emergency", reason="keyCompromise")["forcedBy"] == "admin-object"


def test_a_second_pair_of_eyes() -> None:
    world = HttpWorld(approvals=1)
    run = world.plan("both").get_json()
    assert (run["approvalsNeeded"], run["allowedActions"]) == (1, ["abort", "approve"])
    assert world.decide("start", run).get_json()["allowedActions"] == ["abort", "approve"]
    own = world.decide("approve", run, "both")
    assert (own.status_code, own.get_json()["type"]) == (409, "/problems/action-not-allowed")
    assert world.decide("approve", run, "admin").status_code == 403
    assert world.decide("approve", run, "approver").get_json()["approvals"] == ["approver-object"]
    assert world.decide("start", run).get_json()["state"] == "running"


READERS = {"admin": 200, "approver": 200, "auditor": 200, "storefront-0": 403, "nobody": 403}


@pytest.mark.parametrize(("who", "status"), READERS.items())
def test_who_may_read_and_who_may_not(world: HttpWorld, who: str, status: int) -> None:
    run = world.plan().get_json()
    for path in ("", f"/{run['id']}", f"/{run['id']}/consumers"):
        assert world.call(who, "GET", f"/v1/revocations{path}").status_code == status
    assert world.call("auditor", "GET", f"/v1/revocations/{run['id']}/events").status_code == 403


def test_deciding_needs_the_role_and_a_denial_is_on_record(world: HttpWorld) -> None:
    run = world.plan().get_json()
    assert world.plan("auditor").status_code == 403
    for verb in set(Action) - {Action.APPROVE}:
        assert world.decide(verb.value, run, "auditor").status_code == 403
    denied = [json.loads(line) for line in world.simulation.mirror.lines() if '"denied"' in line]
    assert {each["role"] for each in denied} == {"Revocations.Manage"}


def test_decisions_are_on_record_with_who_and_which_request(world: HttpWorld) -> None:
    sent = {"json": dict(BODY), "headers": {"x-request-id": "request-1"}}
    run = world.call("admin", "POST", "/v1/revocations", **sent).get_json()
    world.decide("start", run)
    events = [json.loads(line) for line in world.simulation.mirror.lines()]
    planned, decided = (each for each in events if each["kind"] in {"revocationPlanned", "revocationDecided"})
    assert (planned["requestId"], planned["caller"]["objectId"]) == ("request-1", "admin-object")
    assert (planned["target"], planned["mode"], decided["action"]) == ({"account": MAPS}, "expedited", "start")


def test_lists_are_newest_first_filtered_and_paged(world: HttpWorld) -> None:
    ids = []
    for _ in range(5):
        ids.append(world.plan().get_json()["id"])
        world.simulation.clock.advance(timedelta(seconds=1))
    world.decide("abort", world.look({"id": ids[0]}))
    first = world.call("auditor", "GET", "/v1/revocations?limit=2")
    page = first.get_json()
    assert [each["id"] for each in page["items"]] == ids[:2:-1]
    assert first.headers["Link"] == f'<{page["next"]}>; rel="next"'
    world.plan()  # newer ones do not move the pages
    second = world.call("auditor", "GET", page["next"]).get_json()
    third = world.call("auditor", "GET", second["next"]).get_json()
    assert [each["id"] for each in second["items"] + third["items"]] == ids[2::-1]
    assert third["next"] is None
    aborted = world.call("auditor", "GET", "/v1/revocations?state=aborted").get_json()
    assert [each["id"] for each in aborted["items"]] == [ids[0]]
    for each in ("revocations", "tokens", "audit/events"):
        elsewhere = world.call("auditor", "GET", f"/v1/{each}?account=elsewhere")
        assert elsewhere.status_code == 400
        (violation,) = elsewhere.get_json()["violations"]
        assert (violation["pointer"], violation["asked"]) == ("query:account", "elsewhere")
    bad = world.call("auditor", "GET", "/v1/revocations?cursor=nonsense&state=lost")
    assert bad.status_code == 400
    assert world.call("auditor", "GET", "/v1/revocations?cursor=nonsense").status_code == 400


def test_an_account_that_has_left_the_policy_is_listed_and_its_tokens_are_found(world: HttpWorld) -> None:
    token = issue(world)
    run = world.plan().get_json()
    of = world.simulation.policies
    of.policy = replace(of.policy, accounts={}, profiles={})
    for each, found in (("revocations", run["id"]), ("tokens", token["id"])):
        for query in ("", f"?account={MAPS}"):
            listed = world.call("auditor", "GET", f"/v1/{each}{query}")
            assert [item["id"] for item in listed.get_json()["items"]] == [found]
    for query in ("", f"account={MAPS}", f"token={token['id']}", f"token={token['id']}&account={MAPS}"):
        assert world.call("auditor", "GET", f"/v1/audit/events?{query}").get_json()["items"]
    found = world.call("auditor", "POST", "/v1/audit/identify", json={"fingerprint": token["fingerprint"]})
    assert (found.status_code, found.get_json()["token"]["id"]) == (200, token["id"])
    assert world.call("auditor", "GET", "/v1/exposure").get_json()["total"]["tokens"] == 1
    assert world.call("auditor", "GET", f"/v1/tokens/{token['id']}").status_code == 200
    assert len(world.call("auditor", "GET", f"/v1/tokens?id={token['id']}").get_json()["items"]) == 1


def test_a_mistyped_account_is_told_also_to_who_exports(world: HttpWorld) -> None:
    asked = {"Accept": "application/x-ndjson"}
    answer = world.call("auditor", "GET", "/v1/audit/events?account=maps-dmeo", headers=asked)
    assert (answer.status_code, answer.get_json()["violations"][0]["asked"]) == (400, "maps-dmeo")


def test_consumers_come_in_pages_and_may_be_asked_for_by_whether_they_moved(world: HttpWorld) -> None:
    for number in range(3):
        issue(world, f"storefront-{number}")
    run = world.plan().get_json()
    page = world.look(run, "/consumers?limit=2")
    rest = world.call("admin", "GET", page["next"]).get_json()
    assert [each["application"] for each in page["items"] + rest["items"]] == [f"storefront-{n}" for n in range(3)]
    assert (rest["next"], rest["items"][0]["since"], rest["items"][0]["liveTokens"]) == (None, None, 1)
    assert world.look(run, "/consumers?moved=true")["items"] == []
    assert len(world.look(run, "/consumers?moved=false")["items"]) == 3


def test_after_a_run_only_what_it_cut_is_shown_as_its_consumers(world: HttpWorld) -> None:
    app = HttpApplication(world, "storefront-0", "web")
    run = world.started(mode="emergency", reason="keyCompromise")
    world.tick(30)
    world.simulation.clock.advance(11 * MINUTE)
    back = world.started(mode="emergency", reason="keyCompromise", lever="key")
    world.tick(30)
    assert world.look(back)["state"] == "completed"
    assert issue(world, "storefront-1")["signingKey"] == "primaryKey"  # of the same name, and another generation
    (shown,) = world.look(run, "/consumers")["items"]
    assert (shown["application"], shown["moved"]) == ("storefront-0", False)
    assert world.look(run)["consumers"] == {"total": 1, "moved": 0, "late": [shown["name"]]}
    app.turn()


def test_unknown_revocations_are_not_found(world: HttpWorld) -> None:
    for path in ("", "/consumers", "/events"):
        assert world.call("admin", "GET", f"/v1/revocations/nothing{path}").status_code == 404
    assert world.decide("start", {"id": "nothing", "planHash": "x"}).status_code == 404


@pytest.mark.parametrize("failing", ["journal", "mirror", "azure"])
def test_what_is_away_answers_503_and_changes_nothing(world: HttpWorld, failing: str) -> None:
    twin = {"journal": world.simulation.journal, "mirror": world.simulation.mirror, "azure": world.simulation.signer}
    error = AzureUnavailable("away") if failing == "azure" else AuditLogUnavailable("away")
    twin[failing].fail_with(error)
    answer = world.plan()
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert world.simulation.journal.of(MAPS) == ()


def test_without_an_operating_identity_there_are_no_revocations() -> None:
    client = app_of(World()).test_client()
    for method, path in (("POST", ""), ("GET", ""), ("GET", "/x"), ("POST", "/x/start"), ("GET", "/x/events")):
        headers = {**as_caller("admin"), "If-Match": '"x"'}
        body = dict(BODY) if (method, path) == ("POST", "") else None
        answer = client.open(f"/v1/revocations{path}", method=method, headers=headers, json=body)
        assert (answer.status_code, answer.get_json()["type"]) == (503, "/problems/operator-missing")


def test_nothing_sealed_is_shown(world: HttpWorld) -> None:
    issue(world)
    run = world.started()
    world.tick(8)
    entry = world.simulation.journal.read(run["id"])
    assert entry.canaries
    told = json.dumps(world.look(run))
    assert not [each.sealed for each in entry.canaries.values() if each.sealed in told]
    assert "canar" not in told.replace("Sign a canary", "").replace("See the canaries", "")
    assert NOW.year == 2026


def test_who_only_had_to_wait_for_the_expiry_counts_as_moved_at_the_end(world: HttpWorld) -> None:
    issue(world)
    run = world.started(mode="graceful")
    world.tick(10)
    assert world.look(run)["consumers"] == {"total": 1, "moved": 0, "late": ["storefront/storefront-0/web"]}
    world.simulation.clock.advance(timedelta(hours=1))
    world.tick(30)
    done = world.look(run)
    assert (done["state"], done["consumers"]) == ("completed", {"total": 1, "moved": 1, "late": []})
