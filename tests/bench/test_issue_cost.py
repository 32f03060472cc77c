"""What a complete exclusive issue costs beside the List SAS call that it makes (issue 6, "Shown by" 2).

CPU time of the gunicorn worker per request, interleaved, medians of rounds. ARM is a recorded answer in a process of
its own; Redis and the load generator are not counted.
"""

import http.client
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.reference import views
from tests.bench.reference.stage import ROOT, processor_seconds, server, stage

ROUNDS, REQUESTS, CALLS = 5, 100, 100
_MILLI = 1000.0

_SERVERS = {
    "service, complete issue": ("sas_service.wsgi:application()", "/healthz"),
    "bare view, same SDK settings": ("tests.bench.reference.views:same_settings()", "/"),
    "naive sample, default SDK": ("tests.bench.reference.views:sample()", "/"),
}


def test_a_complete_issue_beside_the_bare_call(tmp_path: Path) -> None:
    plenty = {"SAS_ARM_WRITES_BURST": "100000000", "SAS_ARM_WRITES_PER_SECOND": "1000000", "SAS_LOG_LEVEL": "info"}
    with stage(tmp_path, settings=plenty) as staged, ExitStack() as stack:
        body = json.dumps({"profile": "storefront-web"})
        headers = {"Authorization": f"Bearer {staged.bearer()}", "Content-Type": "application/json"}
        costs: dict[str, list[float]] = {name: [] for name in _SERVERS}
        running = {
            name: stack.enter_context(server(staged, application, health=health))
            for name, (application, health) in _SERVERS.items()
        }
        for port, _ in running.values():
            _issue(port, body, headers, REQUESTS // 4)
        for _ in range(ROUNDS):
            for name, (port, master) in running.items():
                before = processor_seconds(master)
                _issue(port, body, headers, REQUESTS)
                costs[name].append((processor_seconds(master) - before) / REQUESTS * _MILLI)
        calls = _sdk_calls(staged.arm)
    _report(costs, calls)


def _issue(port: int, body: str, headers: dict[str, str], count: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(count):
        connection.request("POST", "/v1/tokens", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status in {200, 201}, content[:500]
    connection.close()


def _sdk_calls(arm: str) -> dict[str, list[float]]:
    """Measure the bare calls in this process: the service's SDK settings, and the package's own."""
    tuned, default = views.tuned_client(arm), views.default_client(arm)

    def call_tuned() -> None:
        tuned.accounts.list_sas("rg", "a", views.parameters(), connection_timeout=3.0, read_timeout=8.0)

    def call_default() -> None:
        default.accounts.list_sas("rg", "a", views.parameters(), enforce_https=False)

    ways: dict[str, Callable[[], None]] = {"SDK call, tuned": call_tuned, "SDK call, default": call_default}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, call in ways.items():
            before = time.process_time()
            for _ in range(CALLS):
                call()
            if turn:
                costs[name].append((time.process_time() - before) / CALLS * _MILLI)
    return costs


def _report(costs: dict[str, list[float]], calls: dict[str, list[float]]) -> None:
    service, bare, sample = (median(costs[name]) for name in _SERVERS)
    tuned, default = (median(each) for each in calls.values())
    ratios = {
        "issue / bare view, same SDK settings": service / bare,
        "issue / naive sample, default SDK": service / sample,
        "tuned SDK call / default SDK call": tuned / default,
    }
    print(f"\nCPU per request, ms: median, lowest and highest of {ROUNDS} interleaved rounds of {REQUESTS}")
    for name, each in (costs | calls).items():
        print(f"  {name:<32} {median(each):6.3f}  {min(each):6.3f} to {max(each):6.3f}")
    for name, ratio in ratios.items():
        print(f"  {name:<40} {ratio:5.2f}")
    written = ROOT / "var" / "bench" / "issue_cost.json"
    written.parent.mkdir(parents=True, exist_ok=True)
    data = {"unit": "ms of CPU per request", "rounds": ROUNDS, "requests": REQUESTS}
    written.write_text(json.dumps({**data, "costs": costs | calls, "ratios": ratios}, indent=1))
