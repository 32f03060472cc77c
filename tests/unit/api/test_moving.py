"""What applications meet during a revocation: renewal that says now, replacements, acknowledgements."""

import json
from datetime import timedelta
from typing import Any

import pytest

from sas_service.domain.errors import AuditLogUnavailable, SasServiceError
from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.revocations import Reason
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import SigningKey
from sas_service.ports import Suspension
from sas_service.services.lockdown import LockingDown
from sas_service.services.run_lockdown import LockdownRunner
from tests.unit.api.revocation_world import PEOPLE, HttpApplication, HttpWorld, issue, later
from tests.unit.api.world import SHOP, World, app_of, as_caller
from tests.unit.api.world import issue as issue_for_pages
from tests.unit.revocation.upkept import Upkept
from tests.unit.revocation.world import MAPS, NOW


@pytest.fixture
def world() -> HttpWorld:
    return HttpWorld()


def renewal(world: HttpWorld, token: Any, who: str = "storefront-0") -> Any:
    return world.call(who, "GET", token["renewal"])


def replace(world: HttpWorld, token: Any, who: str = "storefront-0", **headers: str) -> Any:
    return world.call(who, "POST", f"/v1/tokens/{token['id']}/replacement", headers=headers)


def acknowledge(world: HttpWorld, token: Any, fingerprint: str, who: str = "storefront-0") -> Any:
    path = f"/v1/tokens/{token['id']}/acknowledgement"
    return world.call(who, "POST", path, json={"fingerprint": fingerprint})


def test_renewal_says_now_once_the_run_has_switched_and_why(world: HttpWorld) -> None:
    token, other = issue(world), issue(world, "logistics-0", "batch")
    run = world.started(lever="role", reason="tokenLeak", target={"profile": "web"})
    assert renewal(world, token).get_json()["reason"] is None
    world.tick(8)
    assert world.look(run)["steps"][3]["state"] == "done"
    answer = renewal(world, token)
    said = answer.get_json()
    assert said["suggestedWindow"]["end"] <= later(timedelta(seconds=80))
    assert (said["reason"], said["explanation"], said["replacement"]) == ("tokenLeak", "/renewal/tokenLeak", None)
    assert 24 <= int(answer.headers["Retry-After"]) <= 37
    assert renewal(world, other, "logistics-0").get_json()["reason"] is None
    new = replace(world, token).get_json()
    assert renewal(world, token).get_json()["replacement"] == new["id"]
    assert renewal(world, new).get_json()["reason"] is None
    assert world.call("storefront-0", "GET", said["explanation"]).status_code == 200


def test_the_chain_of_a_token_ends_with_what_replaced_it(world: HttpWorld) -> None:
    old = issue(world)
    moved = replace(world, old)
    new = moved.get_json()
    told = world.call("auditor", "GET", f"/v1/audit/events?token={old['id']}").get_json()["items"]
    assert [each["kind"] for each in told] == ["replaced", "issued", "reserved"]
    assert (told[0]["by"], told[0]["requestId"]) == (new["id"], moved.headers["X-Request-Id"])
    assert told[0]["caller"] == told[1]["caller"]
    mirrored = [json.loads(text) for text in world.simulation.mirror.lines()]
    assert [each["kind"] for each in mirrored if each.get("token") == old["id"]] == ["reserved", "issued", "replaced"]
    # Asked again, it is the same replacement, and nothing new has happened to the old token.
    assert replace(world, old).status_code == 200
    assert world.call("auditor", "GET", f"/v1/audit/events?token={old['id']}").get_json()["items"] == told


def test_what_died_in_an_emergency_is_told_during_the_run_and_long_after(world: HttpWorld) -> None:
    token = issue(world)
    run = world.started(mode="emergency", reason="keyCompromise")
    for _ in range(60):
        renewal(world, token)
        world.tick()
    assert world.look(run)["state"] == "completed"
    assert renewal(world, token).get_json()["reason"] == "keyCompromise"
    assert renewal(world, replace(world, token).get_json()).get_json()["reason"] is None


def test_the_page_that_explains_is_for_everybody_and_every_reason_has_one(world: HttpWorld) -> None:
    for reason in Reason:
        page = world.http.get(f"/renewal/{reason.value}")
        assert (page.status_code, page.mimetype) == (200, "text/html")
        assert "/replacement" in page.text
    assert world.http.get("/renewal/other").status_code == 404


def test_renewal_may_be_cached_by_who_asked_for_as_long_as_it_says(world: HttpWorld) -> None:
    answer = renewal(world, issue(world))
    assert answer.headers.getlist("Cache-Control") == [f"private, max-age={answer.headers['Retry-After']}"]
    assert "Authorization" in ", ".join(answer.headers.getlist("Vary"))
    waits = {renewal(world, issue(world)).headers["Retry-After"] for _ in range(20)}
    assert len(waits) > 5
    refused = renewal(world, {"renewal": f"/v1/tokens/{MAPS}.1/renewal"})
    assert (refused.status_code, refused.headers["Cache-Control"]) == (404, "no-store")


def test_who_holds_what_a_lockdown_killed_is_told_as_soon_as_a_replacement_can_be_had(world: HttpWorld) -> None:
    token, of = issue(world), world.simulation
    locking, runner = LockingDown(of.world), LockdownRunner(of.world, of.leases, holder="worker")
    lockdown, _ = locking.lock(MAPS, PEOPLE["admin"], reason=Reason.KEY_COMPROMISE, comment=None, request_id="r")

    def until(state: LockdownState) -> None:
        while of.lockdowns.of(MAPS)[0].state is not state:
            of.clock.advance(timedelta(seconds=10))
            runner.tick(MAPS)

    until(LockdownState.LOCKED)
    assert renewal(world, token).get_json()["reason"] is None
    locking.release(MAPS, PEOPLE["admin"], request_id="r")
    until(LockdownState.RELEASED)
    of.clock.advance(timedelta(seconds=10))
    assert renewal(world, token).get_json()["reason"] == lockdown.reason.value
    assert renewal(world, replace(world, token).get_json()).get_json()["reason"] is None


def test_who_moved_to_a_key_that_is_made_anew_by_hand_is_told_during_the_run_and_after_it(world: HttpWorld) -> None:
    kept = Upkept(world.simulation)
    token = issue(world)
    run = world.started(lever="key")
    kept.let_pass(timedelta(minutes=2))
    new = replace(world, token).get_json()
    assert renewal(world, new).get_json()["reason"] is None
    kept.let_pass(timedelta(minutes=2))
    kept.world.azure.regenerate(SigningKey.SECONDARY)
    for _ in range(12):
        renewal(world, new)
        kept.let_pass(timedelta(seconds=10))
    assert world.look(run)["state"] == "running"
    assert renewal(world, new).get_json()["reason"] == "superseded"
    world.decide("pause", world.look(run))
    world.decide("abort", world.look(run))
    assert renewal(world, new).get_json()["reason"] == "superseded"


def test_the_journal_is_read_whole_once_in_a_while_and_when_something_has_begun_or_ended(
    world: HttpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, reads = world.simulation.journal, []
    whole, running = journal.of, journal.running

    def count(account: str) -> tuple[Revocation, ...]:
        reads.append("whole")
        return whole(account)

    def count_running(account: str) -> Revocation | None:
        reads.append("running")
        return next((run for run in whole(account) if run.state in {"running", "paused", "waiting"}), None)

    token = issue(world)
    monkeypatch.setattr(journal, "of", count)
    monkeypatch.setattr(journal, "running", count_running)
    for _ in range(10):
        renewal(world, token)
    assert reads == ["running", "whole"]
    world.simulation.clock.advance(timedelta(seconds=1))
    renewal(world, token)
    assert reads == ["running", "whole", "running"]
    world.simulation.clock.advance(timedelta(seconds=10))
    renewal(world, token)
    assert reads == ["running", "whole"] + ["running"] * 2 + ["whole"]
    assert callable(running)
    world.started()
    world.simulation.clock.advance(timedelta(seconds=1))
    reads.clear()
    for _ in range(3):
        world.simulation.clock.advance(timedelta(seconds=1))
        renewal(world, token)
    assert sorted(reads) == ["running"] * 3 + ["whole"]


def test_without_the_journal_nobody_is_told_that_all_is_well(world: HttpWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issue(world)

    def away(_account: str) -> None:
        raise AuditLogUnavailable("away")

    monkeypatch.setattr(world.simulation.journal, "running", away)
    answer = renewal(world, token)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_a_replacement_is_a_new_token_and_again_the_same(world: HttpWorld) -> None:
    token = issue(world)
    first = replace(world, token)
    new = first.get_json()
    assert (first.status_code, new["replaces"]) == (201, token["id"])
    assert first.headers["Location"] == f"/v1/tokens/{new['id']}"
    assert first.headers["ETag"] == f'"{new["fingerprint"]}"'
    again = replace(world, token)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.get_json()["id"] == new["id"]
    record = world.call("storefront-0", "GET", f"/v1/tokens/{token['id']}").get_json()
    assert (record["state"], record["replacedBy"]) == ("supersededLive", new["id"])


def test_a_replacement_as_text(world: HttpWorld) -> None:
    token = issue(world)
    answer = replace(world, token, Accept="text/plain")
    assert (answer.status_code, answer.mimetype) == (201, "text/plain")
    assert answer.text.count(".") == 2
    assert answer.headers["Sas-Token-Id"] != token["id"]
    assert 'rel="renewal"' in answer.headers["Link"]


def test_only_the_own_live_token_is_replaced(world: HttpWorld) -> None:
    token = issue(world)
    for who in ("storefront-1", "logistics-0"):
        assert replace(world, token, who).status_code == 404
    assert replace(world, token, "auditor").status_code == 403
    assert replace(world, token, "forged").status_code == 401
    world.simulation.clock.advance(timedelta(hours=2))
    assert replace(world, token).status_code == 404
    assert replace(world, {"id": "nothing"}).status_code == 404


def test_the_suspended_get_no_replacement_either(world: HttpWorld) -> None:
    token = issue(world)
    replace(world, token)
    world.simulation.suspensions.put(Suspension("team", "storefront", None, {}, NOW), [MAPS])
    answer = replace(world, token)
    assert (answer.status_code, answer.get_json()["type"]) == (403, "/problems/suspended")


def test_an_acknowledgement_needs_the_fingerprint_of_what_was_loaded(world: HttpWorld) -> None:
    app = HttpApplication(world, "storefront-0", "web")
    run = world.started()
    world.tick(8)
    assert world.look(run)["consumers"] == {"total": 1, "moved": 0, "late": ["storefront/storefront-0/web"]}
    new = replace(world, app.token).get_json()
    wrong = acknowledge(world, new, app.token["fingerprint"])
    assert (wrong.status_code, wrong.get_json()["violations"][0]["pointer"]) == (400, "/fingerprint")
    assert acknowledge(world, new, new["fingerprint"], "storefront-1").status_code == 404
    assert world.look(run)["consumers"]["moved"] == 0
    answer = acknowledge(world, new, new["fingerprint"])
    assert (answer.status_code, answer.get_json()) == (
        200,
        {"id": new["id"], "replaces": app.token["id"], "acknowledged": True, "fingerprint": new["fingerprint"]},
    )
    assert acknowledge(world, new, new["fingerprint"]).status_code == 200
    assert world.look(run)["consumers"] == {"total": 1, "moved": 1, "late": []}
    told = [line for line in world.simulation.mirror.lines() if '"acknowledged"' in line]
    assert len(told) == 1


@pytest.mark.parametrize("body", [{}, {"fingerprint": "x"}, {"fingerprint": 5}, {"fingerprint": "A" * 64}, {"x": 1}])
def test_what_acknowledges_nothing_is_refused(world: HttpWorld, body: dict[str, Any]) -> None:
    new = replace(world, issue(world)).get_json()
    answer = world.call("storefront-0", "POST", f"/v1/tokens/{new['id']}/acknowledgement", json=body)
    assert answer.status_code == 400
    first = issue(world)
    not_one = acknowledge(world, first, first["fingerprint"])
    assert (not_one.status_code, not_one.get_json()["violations"][0]["pointer"]) == (400, "path:id")


@pytest.mark.parametrize(("twin", "error"), [("mirror", AuditLogUnavailable("x")), ("log", AuditLogUnavailable("x"))])
def test_without_a_record_there_is_no_replacement(world: HttpWorld, twin: str, error: SasServiceError) -> None:
    token = issue(world)
    getattr(world.simulation, twin).fail_with(error)
    assert replace(world, token).status_code == 503
    assert replace(world, token).status_code in {200, 201}


def test_pages_may_move_with_the_profiles_that_list_their_origin() -> None:
    client = app_of(World()).test_client()
    token = issue_for_pages(client).get_json()
    path = f"/v1/tokens/{token['id']}/replacement"
    for_depot = as_caller("storefront", Origin="https://depot.example")
    assert client.post(path, headers=for_depot).get_json()["type"] == "/problems/origin-not-allowed"
    own = client.post(path, headers=as_caller("storefront", Origin=SHOP))
    assert (own.status_code, own.headers["Access-Control-Allow-Origin"]) == (201, SHOP)
    foreign = client.post(path, headers=for_depot)
    assert (foreign.status_code, foreign.get_json()["type"]) == (403, "/problems/origin-not-allowed")
    new = own.get_json()
    for verb in ("replacement", "acknowledgement"):
        asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
        assert client.options(f"/v1/tokens/{new['id']}/{verb}", headers=asked).status_code == 204
