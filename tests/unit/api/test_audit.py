"""What auditors do over HTTP: export, identify a found token; and that it is on record."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sas_service.adapters.memory import MemoryClock
from sas_service.api import audit_export
from sas_service.api.exchange import Stream
from sas_service.domain.audit import AuditEvent
from sas_service.domain.errors import AuditLogUnavailable, MirrorUnavailable, TooManyWatchers
from sas_service.ports import EventPage
from tests.unit.api.revocation_world import HttpApplication, HttpWorld
from tests.unit.api.revocation_world import issue as issue_there
from tests.unit.api.world import World, as_caller, issue

AUDITOR = as_caller("auditor")
NDJSON = as_caller("auditor", Accept="application/x-ndjson")
CSV = as_caller("auditor", Accept="text/csv")
JWT = "eyJ0eXAiOiJKV1QifQ.eyJleHAiOjF9.c2lnbmF0dXJl"


def recorded(world: World, kind: str) -> list[Any]:
    return [each for line in world.mirror.lines() if (each := json.loads(line))["kind"] == kind]


def lines(client: FlaskClient, query: str = "", headers: Any = NDJSON) -> list[Any]:
    answer = client.get(f"/v1/audit/events?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    found = [json.loads(line) for line in answer.text.splitlines()]
    answer.close()  # as a server does
    return found


def test_an_export_is_every_event_as_stored_and_says_that_it_is_whole(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        issue(client)
    stored = world.mirror.lines()
    monkeypatch.setattr(audit_export, "BATCH", 3)
    answer = client.get("/v1/audit/events", headers=NDJSON)
    assert answer.content_type == "application/x-ndjson"
    assert answer.text.splitlines()[:-1] == stored[::-1]
    assert answer.text.splitlines()[-1] == '{"next":null}'


def test_an_export_goes_on_where_it_ended(client: FlaskClient, world: World) -> None:
    for _ in range(3):
        issue(client)
    stored, seen = world.mirror.lines(), []
    address: str | None = "/v1/audit/events?limit=4&account=maps-demo"
    while address:
        *found, last = client.get(address, headers=NDJSON).text.splitlines()
        seen += found
        address = json.loads(last)["next"]
        assert address is None or "account=maps-demo" in address
    assert seen == stored[::-1]


def test_an_export_ends_after_its_time(client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        issue(client)
    monkeypatch.setattr(audit_export, "BATCH", 1)
    page = world.audit_log.events

    def slowly(*query: Any, **said: Any) -> Any:
        world.clock.advance(timedelta(seconds=16))
        return page(*query, **said)

    monkeypatch.setattr(world.audit_log, "events", slowly)
    *found, last = lines(client)
    assert (len(found), last["next"] is None) == (3, False)


def test_an_export_that_breaks_off_has_no_last_line_and_gives_its_place_back(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        issue(client)
    monkeypatch.setattr(audit_export, "BATCH", 2)
    page, asked = world.audit_log.events, []

    def once(*query: Any, **said: Any) -> Any:
        asked.append(query)
        if len(asked) > 1:
            raise AuditLogUnavailable("away")
        return page(*query, **said)

    for _ in range(audit_export.MOST + 1):
        asked.clear()
        with monkeypatch.context() as patch:
            patch.setattr(world.audit_log, "events", once)
            assert all("next" not in each for each in lines(client))
    assert client.get("/v1/audit/events?cursor=x", headers=NDJSON).status_code == 400
    assert lines(client)[-1] == {"next": None}


def test_only_a_few_export_at_once(client: FlaskClient) -> None:
    issue(client)
    open_ones = [client.get("/v1/audit/events", headers=NDJSON, buffered=False) for _ in range(audit_export.MOST)]
    refused = client.get("/v1/audit/events", headers=NDJSON)
    assert (refused.status_code, refused.get_json()["type"]) == (503, "/problems/too-many-watchers")
    for each in open_ones:
        each.close()
    assert client.get("/v1/audit/events", headers=CSV).status_code == 200


class Mishap(Exception):
    """A fault of our own, which no error of the service foresees."""


def test_a_place_is_given_back_whatever_ends_an_export() -> None:
    exports = audit_export.Exports(MemoryClock(), most=1)
    events = tuple(AuditEvent("maps-demo", seq, f'{{"seq":{seq}}}') for seq in range(3))

    def begin(page: Callable[[str | None, int], EventPage]) -> Stream:
        return exports.stream(audit_export.NDJSON, page, str, cursor=None, rows=1000)

    def whole(_cursor: str | None, _limit: int) -> EventPage:
        return EventPage(events, "more")

    def broken(_cursor: str | None, _limit: int) -> EventPage:
        raise Mishap

    def breaking(cursor: str | None, _limit: int) -> EventPage:
        if cursor:
            raise Mishap
        return EventPage(events, "more")

    with pytest.raises(Mishap):
        begin(broken)
    pieces = iter(begin(breaking))
    next(pieces)
    with pytest.raises(Mishap):
        next(pieces)
    early = iter(begin(whole))
    next(early)
    with pytest.raises(TooManyWatchers):
        begin(whole)
    early.close()  # type: ignore[attr-defined]  # a generator: the server has dropped it, and not the stream
    never_asked = begin(whole)
    never_asked.close()
    never_asked.close()
    begin(whole).close()


def test_an_export_that_cannot_be_noted_for_a_fault_of_ours_gives_its_place_back(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(client)
    for _ in range(audit_export.MOST + 1):
        with monkeypatch.context() as patch:
            patch.setattr(world.audit_log, "deny", lambda _denial: 1 / 0)
            client.application.config["PROPAGATE_EXCEPTIONS"] = False
            assert client.get("/v1/audit/events", headers=NDJSON).status_code == 500
    assert lines(client)[-1] == {"next": None}


def test_csv_is_harmless_to_spreadsheets(client: FlaskClient, world: World) -> None:
    issue(client, headers={"x-request-id": "-11-cmd.exe"}, extra={"reason": '=1+1,"x"'})
    answer = client.get("/v1/audit/events", headers=CSV)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    head, *rows, last = csv.reader(io.StringIO(answer.text))
    assert (head[0], last[0], last[-1]) == ("stream", "#next", "")
    assert [row[-1] for row in rows] == world.mirror.lines()[:2][::-1]
    assert {row[head.index("requestId")] for row in rows} == {"'-11-cmd.exe"}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_reading_and_exporting_are_on_record_and_fold(client: FlaskClient, world: World) -> None:
    token = issue(client).get_json()
    for _ in range(5):
        client.get("/v1/audit/events?account=maps-demo&kind=issued", headers=AUDITOR)
        client.get("/v1/audit/events?text=release", headers=NDJSON)
        client.get("/v1/tokens", headers=AUDITOR)
        client.get(f"/v1/tokens/{token['id']}", headers=AUDITOR)
        client.get("/v1/tokens", headers=as_caller("storefront"))
    read, exported = recorded(world, "auditRead"), recorded(world, "auditExported")
    assert [each["operation"] for each in read] == ["GET /v1/audit/events", "GET /v1/tokens", "GET /v1/tokens/{id}"]
    assert (read[0]["asked"], read[2]["about"]) == ({"account": "maps-demo", "kind": "issued"}, token["id"])
    assert [(each["operation"], each["asked"]) for each in exported] == [("GET /v1/audit/events", {"text": "release"})]
    assert {each["caller"]["objectId"] for each in read + exported} == {"auditor-object"}
    world.clock.advance(timedelta(minutes=1))
    world.mirror.append(world.audit_log.flush_denials(world.clock.now()))
    assert [each["count"] for each in recorded(world, "auditRead")[3:]] == [4, 4, 4]


def test_what_cannot_be_recorded_is_not_shown(client: FlaskClient, world: World) -> None:
    world.mirror.fail_with(MirrorUnavailable("away"))
    assert client.get("/v1/audit/events", headers=AUDITOR).status_code == 200
    world.audit_log.fail_with(AuditLogUnavailable("full"))
    assert client.get("/v1/audit/events", headers=AUDITOR).status_code == 503


def identify(client: FlaskClient, **body: str) -> Any:
    return client.post("/v1/audit/identify", json=body, headers=AUDITOR)


def test_a_found_token_is_identified_however_it_was_copied(client: FlaskClient, world: World) -> None:
    token = issue(client).get_json()
    for body in (
        {"token": token["token"]},
        {"token": f"  {token['token']}\n"},
        {"token": token["authorization"]},
        {"fingerprint": token["fingerprint"]},
    ):
        answer = identify(client, **body)
        found = answer.get_json()
        assert (found["known"], found["works"], found["token"]["id"]) == (True, True, token["id"]), answer.text
        assert (found["token"]["team"], found["fingerprint"]) == ("storefront", token["fingerprint"])
        assert (found["levers"], "operating identity" in found["why"]) == (None, True)
        assert token["token"] not in answer.text
    assert token["token"] not in "".join(world.mirror.lines())
    assert [each["about"] for each in recorded(world, "auditRead")] == [token["id"]]
    world.clock.advance(timedelta(hours=2))
    found = identify(client, token=token["token"]).get_json()
    assert (found["works"], found["token"]["state"], found["levers"]) == (False, "dead", None)
    assert "expired" in found["because"]


def test_an_unknown_token_is_unknown_and_nothing_is_repeated(
    client: FlaskClient, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = identify(client, token=JWT)
    assert answer.status_code == 200
    assert list(answer.get_json()) == ["known", "fingerprint"]
    assert answer.get_json()["known"] is False
    texts = ("hunter2 \u2603", "")
    wrong: list[dict[str, str]] = [{}, {"token": JWT, "fingerprint": "0" * 64}, {"tokn": JWT}]
    wrong += [{"token": text} for text in texts]
    for body in wrong:
        refused = identify(client, **body)
        assert refused.status_code == 400
        assert "hunter2" not in refused.text
    assert identify(client, token="x" * 70_000).status_code == 413
    told = "".join(world.mirror.lines()) + capsys.readouterr().out
    assert JWT not in told
    assert "hunter2" not in told


@pytest.mark.parametrize("path", ["/v1/audit/identify", "/v1/exposure"])
def test_only_auditors_may(client: FlaskClient, path: str) -> None:
    for name in ("storefront", "admin", "nobody"):
        method = client.get if path.endswith("exposure") else client.post
        assert method(path, headers=as_caller(name)).status_code == 403


def test_the_levers_of_a_found_token_are_compared_and_nothing_changes() -> None:
    world = HttpWorld()
    token = issue_there(world)
    issue_there(world, "logistics-0", "batch")
    found = world.call("auditor", "POST", "/v1/audit/identify", json={"token": token["token"]}).get_json()
    levers = {each["lever"]: each for each in found["levers"]}
    assert levers["key"]["collateral"]["by"] == [{"team": "logistics", "profile": "batch", "tokens": 1}]
    assert (found["recommended"], levers["role"]["intended"]["total"]) == ("role", 1)
    assert world.call("admin", "GET", "/v1/revocations").get_json()["items"] == []
    planned = world.plan(reason="tokenLeak", target=found["target"])
    assert planned.get_json()["levers"] == found["levers"]


def test_a_token_that_was_cut_is_told_as_dead() -> None:
    world = HttpWorld()
    app = HttpApplication(world, "storefront-0", "web")
    first = app.token["token"]
    run = world.started(target={"team": "storefront"}, lever="role")
    for _ in range(60):
        world.tick()
        app.turn()
    assert world.look(run)["state"] == "completed"
    found = world.call("auditor", "POST", "/v1/audit/identify", json={"token": first}).get_json()
    assert (found["works"], found["token"]["state"]) == (False, "softRevoked")
    now = world.call("auditor", "POST", "/v1/audit/identify", json={"token": app.token["token"]}).get_json()
    assert now["works"] is True
    exposed = world.call("auditor", "GET", "/v1/exposure").get_json()
    assert (exposed["total"]["tokens"], [each["tokens"] for each in exposed["slots"]]) == (1, [1])
