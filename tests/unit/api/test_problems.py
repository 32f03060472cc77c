"""Every error becomes a problem that says what helps and nothing that hurts."""

import inspect
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sas_service.api.problem_pages import render_markdown
from sas_service.api.problem_table import PROBLEMS
from sas_service.domain import errors
from sas_service.domain.errors import SasServiceError, Violation
from tests.unit.api.world import SECRET, World, as_caller, issue

CLASSES = [
    each
    for each in vars(errors).values()
    if inspect.isclass(each) and issubclass(each, SasServiceError) and each is not SasServiceError
]


def test_the_table_has_every_error_and_nothing_else() -> None:
    assert set(PROBLEMS) == set(CLASSES)
    assert len({problem.slug for problem in PROBLEMS.values()}) == len(PROBLEMS)


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_is_answered_as_its_problem(
    client: FlaskClient, world: World, error_class: type[SasServiceError]
) -> None:
    world.caller_tokens.fail_with(error_class("What went wrong."))
    answer = issue(client, headers={"x-request-id": "6f1d5c1e-6f0b-4c0e-8f0a-1f6a7f0c9d11"})
    problem = PROBLEMS[error_class]
    assert answer.status_code == problem.status
    assert answer.content_type == "application/problem+json"
    assert answer.get_json() == {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": "What went wrong.",
        "instance": "urn:uuid:6f1d5c1e-6f0b-4c0e-8f0a-1f6a7f0c9d11",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("Retry-After" in answer.headers) == (problem.wait is not None)
    assert client.get(problem.type).status_code == 200


def test_whoever_is_to_come_back_is_told_when() -> None:
    assert all(problem.wait for problem in PROBLEMS.values() if problem.status in {429, 503})


@pytest.mark.parametrize(
    ("wait", "header"), [(timedelta(milliseconds=1), "1"), (timedelta(seconds=2.1), "3"), (timedelta(minutes=1), "60")]
)
def test_retry_after_is_whole_seconds_rounded_up(
    client: FlaskClient, world: World, wait: timedelta, header: str
) -> None:
    world.caller_tokens.fail_with(errors.AzureThrottled("Azure asks to wait.", retry_after=wait))
    assert issue(client).headers["Retry-After"] == header


def test_superseded_token_leads_to_its_replacement(client: FlaskClient, world: World) -> None:
    world.caller_tokens.fail_with(errors.TokenSuperseded("It was replaced.", replacement="maps-demo.2"))
    answer = issue(client)
    assert answer.headers["Link"] == '</v1/tokens/maps-demo.2>; rel="replacement"'
    assert answer.get_json()["replacement"] == "/v1/tokens/maps-demo.2"


def test_missing_role_is_named(client: FlaskClient) -> None:
    answer = client.get("/v1/audit/events", headers=as_caller("storefront"))
    assert (answer.status_code, answer.get_json()["role"]) == (403, "Audit.Read")
    assert "Audit.Read" in answer.get_json()["detail"]
    either = client.get("/v1/tokens", headers=as_caller("nobody"))
    assert either.get_json()["role"] == "Tokens.Issue or Audit.Read"


def test_unknown_error_is_a_bare_500(client: FlaskClient, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.caller_tokens.fail_with(RuntimeError(f"Azure said: {SECRET}"))
    answer = issue(client)
    assert answer.status_code == 500
    assert set(answer.get_json()) == {"type", "title", "status", "instance"}
    printed = capsys.readouterr()
    assert SECRET not in answer.text + printed.out + printed.err
    assert "RuntimeError" in printed.out
    assert "failing.py" in printed.out


@pytest.mark.parametrize("error_class", CLASSES)
def test_no_token_comes_back_in_a_problem(
    client: FlaskClient, world: World, error_class: type[SasServiceError]
) -> None:
    world.caller_tokens.fail_with(
        error_class(f"odd: {SECRET}", violations=(Violation("/reason", f"my {SECRET}", ["x"], "r"),))
    )
    assert "eyJ" not in issue(client).text


def test_long_values_are_echoed_short(client: FlaskClient, world: World) -> None:
    world.caller_tokens.fail_with(errors.OutsidePolicy("No.", violations=(Violation("/x", "y" * 500, {"z"}, "r"),)))
    (violation,) = issue(client).get_json()["violations"]
    assert violation["asked"] == "y" * 99 + "…"
    assert violation["allowed"] == ["z"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PATCH", "/v1/tokens", 405), ("OPTIONS", "/v1/accounts", 405), ("GET", "//docs", 404)],
)
def test_errors_of_http_itself_are_about_blank(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.get_json()["type"]) == (status, "about:blank")
    assert answer.content_type == "application/problem+json"


def test_405_keeps_allow(client: FlaskClient) -> None:
    allow = client.patch("/v1/tokens").headers["Allow"]
    assert {"GET", "POST"} <= set(re.split(r", ", allow))


def test_request_id_that_is_no_uuid_is_a_path(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"x-request-id": "build-1234"})
    assert answer.get_json()["instance"] == "/requests/build-1234"


def test_an_error_in_an_unknown_place_is_still_a_problem(app: Flask) -> None:
    def broken() -> str:
        raise ValueError(SECRET)

    app.add_url_rule("/broken", "broken", broken)
    answer = app.test_client().get("/broken")
    assert json.loads(answer.text)["status"] == 500
    assert SECRET not in answer.text


def test_problem_pages_are_the_committed_document() -> None:
    committed = Path(__file__).parents[3] / "docs" / "problems.md"
    assert committed.read_text(encoding="utf-8") == render_markdown()
