"""What a complete exclusive issue costs beside the List SAS call that it makes (issue 6, "Shown by" 2).

CPU time of the gunicorn worker per request, interleaved, medians of rounds. ARM is a recorded answer in a process of
its own; Redis and the load generator are not counted.
"""

import http.client
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from tests.bench.reference import report, views
from tests.bench.reference.stage import ROOT, processor_seconds, server, stage

ROUNDS, REQUESTS, CALLS = 7, 300, 200
_MILLI = 1000.0
_numbers = count()

ISSUE, NEW, BARE = "complete issue", "complete issue, new bodies", "bare view"
WAITS, SAMPLE = "bare view, same waits", "naive sample"
TUNED, DEFAULT = "List SAS, tuned", "List SAS, default"
_SERVERS = {
    ISSUE: ("sas_service.wsgi:application()", "/healthz"),
    NEW: ("sas_service.wsgi:application()", "/healthz"),
    BARE: ("tests.bench.reference.views:same_settings()", "/"),
    WAITS: ("tests.bench.reference.views:same_waits()", "/"),
    SAMPLE: ("tests.bench.reference.views:sample()", "/"),
}
_WORDS = """One gunicorn worker each, under the service's configuration; CPU time of the worker per request,
{rounds} rounds of {requests} in turns; median (lowest to highest), ratios by round. ARM is a recorded answer in a
process of its own.

- *complete issue*: `POST /v1/tokens` of an exclusive profile, with authentication, policy, budget, two scripts, WAITAOF
  and the synced mirror; each request has the same body, as a team's have; *new bodies*: each has another label.
- *bare view*: Flask, and List SAS through the service's SDK settings: own pipeline (bearer, user agent, decoding; no
  retries, redirects, registration, logging), `use_env_settings=False`, a session that sends what the SDK has prepared.
  The service hands the SDK its body as bytes, the view the SDK's model.
- *bare view, same waits*: the same, with a write to Redis before, a durable one after, and synced lines in a mirror,
  all of constant text: what the promises cost where nothing is computed.
- *naive sample*: Flask, and List SAS through the client as azure-mgmt-maps makes it (default pipeline, retries, logging
  policy, environment settings); no authentication, no audit.
- *List SAS, tuned* and *default*: the SDK's call alone, in one process, with these two settings; TLS verification,
  error mapping and proxies are the tuned one's as well (here both speak plain HTTP to this machine)."""


def test_a_complete_issue_beside_the_bare_call(tmp_path: Path) -> None:
    plenty = {"SAS_ARM_WRITES_BURST": "100000000", "SAS_ARM_WRITES_PER_SECOND": "1000000", "SAS_LOG_LEVEL": "info"}
    with stage(tmp_path, settings=plenty) as staged, ExitStack() as stack:
        headers = {"Authorization": f"Bearer {staged.bearer()}", "Content-Type": "application/json"}
        costs: dict[str, list[float]] = {name: [] for name in _SERVERS}
        running = {
            name: stack.enter_context(server(staged, application, health=health))
            for name, (application, health) in _SERVERS.items()
        }
        for name, (port, _) in running.items():
            _issue(port, name, headers, REQUESTS // 4)
        for _ in range(ROUNDS):
            for name, (port, master) in running.items():
                before = processor_seconds(master)
                _issue(port, name, headers, REQUESTS)
                costs[name].append((processor_seconds(master) - before) / REQUESTS * _MILLI)
        calls = _sdk_calls(staged.arm)
    _report(costs, calls)


def _issue(port: int, name: str, headers: dict[str, str], times: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(times):
        labels = {"labels": {"n": str(next(_numbers))}} if name == NEW else {}
        body = json.dumps({"profile": "storefront-web", **labels})
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

    ways: dict[str, Callable[[], None]] = {TUNED: call_tuned, DEFAULT: call_default}
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
    found = costs | calls

    def ratio(one: str, other: str) -> list[float]:
        return [mine / its for mine, its in zip(found[one], found[other], strict=True)]

    compared = [
        (ISSUE, BARE, "<= 1.15"),
        (NEW, BARE, ""),
        (ISSUE, WAITS, ""),
        (WAITS, BARE, ""),
        (ISSUE, SAMPLE, "reported"),
        (TUNED, DEFAULT, "aim 0.60"),
    ]
    each = report.table(["what", "CPU ms"], [[name, report.spread(values)] for name, values in found.items()])
    ratios = report.table(
        ["ratio", "measured", "target"],
        [[f"{one} / {other}", report.spread(ratio(one, other)), target] for one, other, target in compared],
    )
    words = _WORDS.format(rounds=ROUNDS, requests=REQUESTS)
    report.write("Issuing", f"{words}\n\n{each}\n\n{ratios}\n\n{report.machine()}")
    written = ROOT / "var" / "bench" / "issue_cost.json"
    written.parent.mkdir(parents=True, exist_ok=True)
    data = {"unit": "ms of CPU per request", "rounds": ROUNDS, "requests": REQUESTS}
    written.write_text(json.dumps({**data, "costs": found}, indent=1))
