"""The same commands with a person at a terminal: questions, the page that redraws, Ctrl-C."""

from collections import deque
from pathlib import Path

import pytest

from sas_service.cli.revocation.exits import Exit
from tests.pseudo_terminal import Typist
from tests.unit.cli.fake_service import COMPLETED, RUN, FakeService, frame, plan

ASKED = ("revoke", "--profile", "storefront-web", "--reason", "tokenLeak")


@pytest.fixture
def signed_in(service: FakeService, token_file: Path) -> tuple[str, ...]:
    return ("--api", service.url, "--token-file", str(token_file), "--every", "0.2")


def test_a_person_plans_suspends_confirms_and_watches(service: FakeService, signed_in: tuple[str, ...]) -> None:
    offers = [{"method": "PUT", "path": "/v1/suspensions/team/storefront"}, {"method": "PUT", "path": "/v1/else"}]
    service.frames = deque([plan(recommended="role", offers=offers)])
    service.answers["PUT", "/v1/suspensions/team/storefront"] = (201, {})
    late = {"total": 3, "moved": 2, "late": ["shop/app-1/web"]}
    service.after_start = [frame("running", "replace", 2, consumers=late)] * 3 + [COMPLETED]
    with Typist(*ASKED, *signed_in) as person:
        person.until("instead of both? [Y/n]")
        person.types("y")
        person.until("Suspend team storefront now? [y/N]")
        person.types("y")
        person.until("to start:")
        person.types("maps-demo")
        page = person.until("shop/app-1/web")
        assert "2 of 3 consumers have moved" in page
        person.until("completed")
        assert person.ends() == Exit.DONE
    assert [call.body.get("lever") for call in service.calls if call.path == "/v1/revocations"] == [None, "role"]
    assert "/v1/suspensions/team/storefront" in [call.path for call in service.made("PUT")]


def test_another_name_starts_nothing(service: FakeService, signed_in: tuple[str, ...]) -> None:
    with Typist(*ASKED, *signed_in) as person:
        person.until("to start:")
        person.types("yes")
        assert person.ends() == Exit.REFUSED
        assert "nothing is done" in person.seen
    assert len(service.calls) == 1


def test_yes_asks_nothing_and_suspends_nobody(service: FakeService, signed_in: tuple[str, ...]) -> None:
    offers = [{"method": "PUT", "path": "/v1/suspensions/team/storefront"}]
    service.frames = deque([plan(recommended="role", offers=offers)])
    with Typist(*ASKED, "--yes", "--account", "maps-demo", *signed_in) as person:
        assert person.ends() == Exit.DONE, person.seen
    assert not service.made("PUT")
    assert len([call for call in service.calls if call.path == "/v1/revocations"]) == 1


def test_ctrl_c_leaves_the_run_to_itself(service: FakeService, signed_in: tuple[str, ...]) -> None:
    service.frames = deque([frame("running", "settle", 3)])
    with Typist("revoke", "watch", RUN, *signed_in) as person:
        person.until("Ctrl-C leaves")
        person.presses_ctrl_c()
        assert person.ends() == Exit.STILL_OPEN
        assert f"sas-service revoke pause {RUN}" in person.seen
    assert {call.method for call in service.calls} == {"GET"}
