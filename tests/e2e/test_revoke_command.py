"""`sas-service revoke` in a pseudo-terminal against the running demo, with an application that moves when told."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from sas_service.cli.revocation.exits import Exit
from tests.e2e.running_demo import RunningDemo
from tests.pseudo_terminal import ROOT, Typist

pytestmark = pytest.mark.skipif(
    "/v1/revocations/{id}/start" not in (ROOT / "openapi.yaml").read_text(), reason="the API has no revocations yet"
)


class Application:
    """Holds a token, asks for its renewal, and loads the replacement when the time has come."""

    def __init__(self, demo: RunningDemo, *, moves: bool = True) -> None:
        self.demo = demo
        self.token: dict[str, Any] = demo.issue(lifetime="PT1H").json()
        self.first = self.token["token"]
        self.refused: list[int] = []
        self._over = threading.Event()
        self._moves = moves
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
            if self._moves:
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


def test_from_a_terminal_a_leaked_token_is_taken_back_and_nobody_notices(
    fresh_demo: RunningDemo, tmp_path: Path
) -> None:
    application = Application(fresh_demo)
    try:
        asked = ("revoke", "--profile", "storefront-web", "--reason", "tokenLeak", "--lever", "both")
        with Typist(*asked, *options(fresh_demo)) as person:
            page = person.until("Suspend profile storefront-web now? [y/N]")
            assert "both (chosen" in page
            person.types("n")
            person.until("to start:")
            person.types("maps-demo")
            person.until("consumers have moved", within=60)
            assert person.ends(within=120) == Exit.DONE, person.seen
        assert ": completed" in person.seen
        run = person.seen.split("Plan ")[1].split(":")[0]
    finally:
        application.leave()
    assert application.refused == []
    assert application.token["token"] != application.first
    assert fresh_demo.ask_map(application.first).status_code in {401, 403}
    shown = fresh_demo.call("GET", f"/v1/revocations/{run}", "admin").json()
    assert shown["state"] == "completed"
    assert application.first not in person.seen


def test_who_has_not_moved_is_named_and_ctrl_c_does_not_stop_the_run(fresh_demo: RunningDemo) -> None:
    application = Application(fresh_demo, moves=False)
    try:
        asked = ("revoke", "--profile", "storefront-web", "--reason", "tokenLeak", "--lever", "both")
        sure = ("--yes", "--account", "maps-demo", "--deadline", "PT1H")
        with Typist(*asked, *sure, *options(fresh_demo)) as person:
            person.until("Not moved:", within=60)
            person.until(f"storefront/{fresh_demo.contract['clients']['storefront']['clientId']}/storefront-web")
            person.presses_ctrl_c()
            assert person.ends() == Exit.STILL_OPEN
        run = person.seen.split("Plan ")[1].split(":")[0]
        assert fresh_demo.call("GET", f"/v1/revocations/{run}", "admin").json()["state"] in {"running", "waiting"}
        with Typist("revoke", "abort", run, *options(fresh_demo)) as person:
            assert person.ends() == Exit.DONE, person.seen
        with Typist("revoke", "watch", run, *options(fresh_demo)) as person:
            assert person.ends(within=60) == Exit.NOT_COMPLETED, person.seen
            assert ": aborted" in person.seen
    finally:
        application.leave()
    assert application.refused == []


def test_an_admin_signs_in_through_the_official_client(fresh_demo: RunningDemo) -> None:
    admin = fresh_demo.contract["clients"]["admin"]
    environ = {
        "SASSERVICE_API": fresh_demo.api,
        "SASSERVICE_SCOPE": fresh_demo.contract["scope"],
        "AZURE_AUTHORITY_HOST": fresh_demo.emulator,
        "AZURE_TENANT_ID": fresh_demo.contract["tenantId"],
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


def test_a_program_plans_and_gets_json(fresh_demo: RunningDemo) -> None:
    assert fresh_demo.issue().status_code == 201
    asked = ("revoke", "--team", "storefront", "--reason", "drill", "--plan-only", "--json")
    with Typist(*asked, *options(fresh_demo)) as person:
        assert person.ends() in {Exit.DONE, Exit.BLOCKED}
    assert json.loads(person.seen)["account"] == "maps-demo"
