"""`sas-service revoke` in a pseudo-terminal against the running demo, with an application that moves when told."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sas_service.cli.revocation.exits import Exit
from tests.e2e.running_demo import RunningDemo
from tests.pseudo_terminal import ROOT, Typist

pytestmark = pytest.mark.skipif(
    "/v1/revocations/{id}/start" not in (ROOT / "openapi.yaml").read_text(), reason="the API has no revocations yet"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """A demo of our own: what is cut here would be missed by others."""
    running = RunningDemo(tmp_path_factory.mktemp("revoked") / "var")
    yield running
    running.stop()


class Application:
    """Holds a token and uses it all the time; once it ``moves``, it loads a replacement when it is told to."""

    def __init__(self, demo: RunningDemo) -> None:
        self.demo = demo
        self.token: dict[str, Any] = demo.issue(lifetime="PT1H").json()
        self.first = self.token["token"]
        self.refused: list[int] = []
        self.moves = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def leave(self) -> None:
        self._over.set()
        self._thread.join()

    def _live(self) -> None:
        while not self._over.wait(0.2):
            answer = self.demo.ask_map(self.token["token"])
            if answer.status_code != 200:
                self.refused.append(answer.status_code)
            if self.moves.is_set():
                self._renew()

    def _renew(self) -> None:
        told = self.demo.call("GET", f"/v1/tokens/{self.token['id']}/renewal")
        if told.status_code != 200 or told.json()["reason"] in {None, "expiry"}:
            return
        new = self.demo.call("POST", f"/v1/tokens/{self.token['id']}/replacement")
        if new.status_code == 201:
            self.token = new.json()
            word = {"fingerprint": self.token["fingerprint"]}
            self.demo.call("POST", f"/v1/tokens/{self.token['id']}/acknowledgement", json=word)


def options(demo: RunningDemo) -> tuple[str, ...]:
    return ("--demo", "--demo-file", str(demo.directory / "demo.json"), "--every", "0.3")


def test_an_admin_signs_in_through_the_official_client(demo: RunningDemo) -> None:
    admin = demo.contract["clients"]["admin"]
    environ = {
        "SASSERVICE_API": demo.api,
        "SASSERVICE_SCOPE": demo.contract["scope"],
        "AZURE_AUTHORITY_HOST": demo.emulator,
        "AZURE_TENANT_ID": demo.contract["tenantId"],
        "AZURE_CLIENT_ID": admin["clientId"],
        "AZURE_CLIENT_SECRET": admin["clientSecret"],
    }
    with Typist("revoke", "list", "--credential", "clientSecret", environ=environ) as person:
        assert person.ends() == Exit.DONE, person.seen
    assert "There is none." in person.seen
    with Typist("revoke", "list", environ=environ) as person:  # nobody has typed `az login` here
        assert person.ends() == Exit.REFUSED
    assert "az login" in person.seen
    assert admin["clientSecret"] not in person.seen


def test_a_program_plans_in_json_and_closes_the_plan(demo: RunningDemo) -> None:
    asked = ("revoke", "--team", "storefront", "--reason", "drill", "--plan-only", "--json")
    with Typist(*asked, *options(demo)) as person:
        assert person.ends() in {Exit.DONE, Exit.BLOCKED}
    plan = json.loads(person.seen)
    assert plan["account"] == "maps-demo"
    with Typist("revoke", "approve", plan["id"], "--as", "admin", *options(demo)) as person:
        person.until("to approve:")
        person.types("maps-demo")
        assert person.ends() == Exit.REFUSED
    assert "Revocations.Approve" in person.seen
    with Typist("revoke", "abort", plan["id"], *options(demo)) as person:
        assert person.ends() == Exit.DONE, person.seen
    assert demo.call("GET", f"/v1/revocations/{plan['id']}", "admin").json()["state"] == "aborted"


def test_a_leaked_token_is_taken_back_from_a_terminal_and_nobody_notices(demo: RunningDemo) -> None:
    application = Application(demo)
    try:
        run = _begun(demo)
        shown = demo.call("GET", f"/v1/revocations/{run}", "admin").json()
        assert shown["state"] in {"running", "waiting"}, "Ctrl-C must not stop the run"
        application.moves.set()
        with Typist("revoke", "watch", run, *options(demo)) as person:
            assert person.ends(within=120) == Exit.DONE, person.seen
        assert ": completed" in person.seen
    finally:
        application.leave()
    assert application.refused == []
    assert application.token["token"] != application.first
    assert demo.ask_map(application.first).status_code in {401, 403}


@pytest.mark.skipif("/lockdown:" not in (ROOT / "openapi.yaml").read_text(), reason="the API has no lockdown yet")
def test_an_account_is_locked_down_and_released_from_a_terminal(demo: RunningDemo) -> None:
    token = demo.issue(lifetime="PT10M").json()["token"]
    with Typist("lockdown", "maps-demo", *options(demo)) as person:
        person.until("to lock it down:")
        person.types("maps-demo")
        assert person.ends(within=90) == Exit.DONE, person.seen
    assert "maps-demo: locked" in person.seen
    assert demo.issue().status_code == 423
    with Typist("lockdown", "maps-demo", "--release", *options(demo)) as person:
        person.until("to release it:")
        person.types("maps-demo")
        assert person.ends(within=90) == Exit.DONE, person.seen
    assert "maps-demo: released" in person.seen
    assert demo.ask_map(token).status_code in {401, 403}
    assert demo.issue().status_code == 201


def _begun(demo: RunningDemo) -> str:
    """Start it as a person does, see who has not moved, leave; returns the run's id."""
    asked = ("revoke", "--profile", "storefront-web", "--reason", "tokenLeak", "--lever", "both")
    with Typist(*asked, *options(demo)) as person:
        page = person.until("Suspend profile storefront-web now? [y/N]")
        assert "both (chosen" in page
        person.types("n")
        person.until("to start:")
        person.types("maps-demo")
        person.until("Not moved:", within=60)
        person.until(f"storefront/{demo.contract['clients']['storefront']['clientId']}/storefront-web")
        person.presses_ctrl_c()
        assert person.ends() == Exit.STILL_OPEN
    return person.seen.split("Plan ")[1].split(":")[0]
