"""Shared tokens in the demo: two API processes hand out one token that was signed once, and count each hand-out."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.running_demo import RunningDemo

PATH = "/v1/profiles/storefront-shared/token"


def test_both_processes_hand_out_one_token_that_works(demo: RunningDemo) -> None:
    demo.bearer("storefront")

    def get(_number: int) -> requests.Response:
        return demo.call("GET", PATH)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(get, range(40)))
    assert {answer.status_code for answer in answers} == {200}
    (token,) = {answer.json()["token"] for answer in answers}
    # Not the emulator's counter: the worker's canaries are signed by the same operation.
    issued = [each for each in demo.events(account="maps-demo") if each["kind"] in {"reserved", "issued"}]
    assert [each["kind"] for each in issued if each["caller"]["kind"] == "shared"] == ["reserved", "issued"]
    assert demo.ask_map(token).status_code == 200
    posted = demo.issue(profile="storefront-shared")
    assert (posted.status_code, posted.json()["token"]) == (201, token)
    unchanged = demo.call("GET", PATH, headers={"If-None-Match": answers[0].headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert demo.issue(profile="storefront-shared", lifetime="PT20M").status_code == 422
    assert demo.call("GET", PATH, "logistics").status_code == 403


@pytest.mark.full
def test_the_worker_writes_one_event_for_each_minute(demo: RunningDemo) -> None:
    token = demo.call("GET", PATH).json()["id"]
    deadline = time.monotonic() + 90
    while not (found := [each for each in demo.events(token=token) if each["kind"] == "handedOut"]):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert found[0]["count"] >= 1
    assert found[0]["caller"]["applicationId"] == demo.contract["clients"]["storefront"]["clientId"]
