"""Redis loses its memory under a running service: nothing leaves until `audit repair` has given it back."""

import json

import requests
from redis import Redis

from tests.e2e.demo_operator import DemoOperator
from tests.e2e.running_demo import RunningDemo, eventually


def readiness(demo: RunningDemo) -> tuple[int, str]:
    answer = requests.get(demo.api + "/readyz", timeout=20)
    return answer.status_code, answer.text


def test_nothing_is_issued_from_a_flushed_redis_until_it_is_repaired(fresh_demo: RunningDemo) -> None:
    operator = DemoOperator(fresh_demo)
    issued = [fresh_demo.issue().json() for _ in range(4)]
    suspended = {"reason": "a thief"}
    path = "/v1/suspensions/team/logistics"
    assert fresh_demo.call("PUT", path, "admin", json=suspended).status_code in {200, 201}
    before = fresh_demo.events(account="maps-demo")
    with Redis.from_url(operator.environment()["SAS_REDIS_URL"]) as redis:
        redis.flushall()

    for _ in range(3):
        refused = fresh_demo.issue()
        assert refused.status_code == 503
        assert "Retry-After" in refused.headers
    eventually(lambda: readiness(fresh_demo)[0] == 503 and "audit repair" in readiness(fresh_demo)[1])
    assert fresh_demo.call("PUT", path, "admin", json=suspended).status_code == 503

    assert operator.run("migrate").returncode == 0
    dry = operator.run("audit", "repair", "--dry-run")
    assert (dry.returncode, "nothing was written" in dry.stdout) == (0, True), dry.stdout + dry.stderr
    assert fresh_demo.issue().status_code == 503
    done = operator.run("audit", "repair")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "events and 4 records are back" in done.stdout
    assert "Idempotency-Keys" in done.stdout
    assert "nothing is lost" in operator.run("audit", "repair").stdout

    eventually(lambda: fresh_demo.issue().status_code == 201)
    after = fresh_demo.events(account="maps-demo")
    assert after[: len(before)] == before
    assert [each["seq"] for each in after] == list(range(1, len(after) + 1))
    for token in issued:
        shown = fresh_demo.call("GET", f"/v1/tokens/{token['id']}", "auditor").json()
        assert (shown["fingerprint"], shown["state"]) == (token["fingerprint"], "live")
    assert fresh_demo.issue("logistics", profile="logistics-batch").status_code == 403  # still suspended
    assert [each["kind"] for each in fresh_demo.events(account="service")][-2:].count("logRepaired") <= 1
    assert "logRepaired" in [each["kind"] for each in fresh_demo.events()]
    segments = (fresh_demo.directory / "mirror").glob("*.ndjson")
    lines = [line for path in segments for line in path.read_text().splitlines()]
    numbers = {(each["stream"], each["seq"]): each for each in map(json.loads, lines) if "seq" in each}
    assert all(numbers["maps-demo", each["seq"]] == each for each in before)
