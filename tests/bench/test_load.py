"""The service under load, under its own gunicorn configuration, in turns with a bare Flask view under the same."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import pytest

from tests.bench.reference import report
from tests.bench.reference.load import Load, closed_loop, open_loop, wrk_is_missing
from tests.bench.reference.stage import Stage, process, processor_seconds, server, stage
from tests.emulator_process import free_port

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 16
PATH = "/v1/profiles/storefront-shared/token"
AUDIT = "/v1/audit/events?limit=50"
WIDE = {"SAS_ARM_WRITES_BURST": "1000000", "SAS_ARM_WRITES_PER_SECOND": "100000"}
BARE = "tests.bench.reference.views:bare()"
SERVICE = "sas_service.wsgi:application()"

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(wrk_is_missing(), reason="wrk is missing: `make test-deps` installs it; nothing was measured"),
]

_SETTLING, _IDLE = 15.0, 12.0
"""Seconds: a worker proves the standby first, which is no idleness; and the span that idleness is measured over."""


def post(port: int, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    body = b'{"profile":"storefront-web"}'
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/v1/tokens", body, headers)).read()


def etag(port: int, bearer: str) -> str:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{PATH}", headers={"Authorization": f"Bearer {bearer}"})
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        return str(answer.headers["ETag"])


Measured = dict[str, list[tuple[Load, float]]]


def measured(kinds: Mapping[str, tuple[int, int, str, Mapping[str, str]]]) -> Measured:
    """Run each kind in turns; with each load comes the processor time of a request in milliseconds."""
    found: Measured = {name: [] for name in kinds}
    for _ in range(ROUNDS + 1):
        for name, (port, master, path, headers) in kinds.items():
            before, begin = processor_seconds(master), time.monotonic()
            load = closed_loop(f"http://127.0.0.1:{port}{path}", headers, seconds=SECONDS, connections=CONNECTIONS)
            used = processor_seconds(master) - before
            found[name].append((load, used * 1000 / (load.rate * min(SECONDS, time.monotonic() - begin))))
    return {name: loads[1:] for name, loads in found.items()}


def test_hand_outs_and_audit_pages(tmp_path: Path) -> None:
    with (
        stage(tmp_path, settings=WIDE) as staged,
        server(staged, BARE, health=PATH) as (plain, plain_master),
        server(staged, SERVICE) as (port, master),
    ):
        bearer, auditor = staged.bearer(), staged.bearer("auditor")
        for _ in range(60):
            post(port, bearer)
        asking = {"Authorization": f"Bearer {bearer}"}
        found = measured(
            {
                "bare Flask view": (plain, plain_master, PATH, asking),
                "hand-out, 200": (port, master, PATH, asking),
                "hand-out, 304": (port, master, PATH, {**asking, "If-None-Match": etag(port, bearer)}),
                "audit page of 50": (port, master, AUDIT, {"Authorization": f"Bearer {auditor}"}),
            }
        )
        steady = 0.5 * median(load.rate for load, _ in found["hand-out, 200"])
        opened = {
            "bare Flask view": open_loop(plain, PATH, asking, rate=steady, seconds=5),
            "hand-out, 200": open_loop(port, PATH, asking, rate=steady, seconds=5),
        }
    _told(found, opened, steady)
    assert all(not load.failed for loads in found.values() for load, _ in loads)
    assert all(not load.failed for load in opened.values())


def _told(found: Measured, opened: Mapping[str, Load], steady: float) -> None:
    reference = found["bare Flask view"]

    def ratios(name: str, of: Callable[[tuple[Load, float]], float]) -> list[float]:
        return [of(mine) / of(its) for mine, its in zip(found[name], reference, strict=True)]

    targets = {
        "hand-out, 200": "rate >= 0.65, p99 <= 2",
        "hand-out, 304": "rate >= 0.70, p99 <= 2",
        "audit page of 50": "CPU <= 4.5",
    }
    closed = report.table(
        ["what", "requests/s", "CPU ms", "p50 ms", "p99 ms", "rate x bare", "CPU x bare", "p99 x bare", "target"],
        [
            [
                name,
                report.spread([load.rate for load, _ in loads], 0),
                report.spread([cost for _, cost in loads]),
                report.spread([load.latency["p50"] for load, _ in loads], 1),
                report.spread([load.latency["p99"] for load, _ in loads], 1),
                report.spread(ratios(name, lambda each: each[0].rate)),
                report.spread(ratios(name, lambda each: each[1])),
                report.spread(ratios(name, lambda each: each[0].latency["p99"])),
                targets.get(name, ""),
            ]
            for name, loads in found.items()
        ],
    )
    steadily = report.table(
        ["what", "offered/s", "served/s", "p50 ms", "p99 ms", "p99.9 ms"],
        [
            [
                name,
                f"{steady:.0f}",
                f"{load.rate:.0f}",
                *(f"{load.latency[each]:.1f}" for each in ("p50", "p99", "p99.9")),
            ]
            for name, load in opened.items()
        ],
    )
    chart = report.bars(
        "requests a second against a bare Flask view", "ratio",
        {name.replace(",", ""): median(ratios(name, lambda each: each[0].rate)) for name in found},
    )  # fmt: skip
    report.write(
        "Hand-outs and audit pages",
        "One gunicorn worker each, the service's configuration for both; load from wrk on the same cores: "
        f"{CONNECTIONS} connections, {SECONDS} s a run, {ROUNDS} rounds in turns after one to warm up; median (lowest "
        "to highest). The hand-out is authenticated, counted in Valkey and logged; the view answers a constant."
        f"\n\n{closed}\n\nOpen loop, half of the hand-out's rate over 64 connections, 5 s; a wait counts from the "
        f"planned time:\n\n{steadily}\n\n"
        f"{chart}\n\n{report.machine()}",
    )


def test_start_memory_and_idleness(tmp_path: Path) -> None:
    with stage(tmp_path, settings={"SAS_WORKERS": "2"}) as staged:
        with server(staged, SERVICE) as (port, master):
            bearer = staged.bearer()
            for _ in range(40):
                etag(port, bearer)
            memory = [_unshared(child) for child in _children(master)]
            idle = _idle(lambda: processor_seconds(master))
        # The first of them only writes the bytecode, which an image or a second start finds.
        starts = [_first_answer(staged) for _ in range(6)][1:]
        log = staged.directory / "worker.log"
        with process([sys.executable, "-m", "sas_service.cli", "worker"], log, staged.environment) as pid:
            time.sleep(_SETTLING)
            worker_idle = _idle(lambda: _own_seconds(pid))
    rows = [
        ["start to first answered request, bytecode on disk, s", report.spread(starts), "< 1.5"],
        ["memory of a worker, unshared, MiB", report.spread(memory, 1), "< 40"],
        ["idle API with two workers, % of a core over 12 s", f"{idle:.2f}", "< 1"],
        ["idle background worker, % of a core over 12 s", f"{worker_idle:.2f}", "< 1"],
    ]
    report.write(
        "Start, memory, idleness", report.table(["what", "measured", "target"], rows) + "\n\n" + report.machine()
    )


def _children(master: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def _unshared(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(each) for each in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)) / 1024


def _own_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _idle(seconds: Callable[[], float]) -> float:
    """Return the percentage of a core that is used while nobody asks."""
    before, begin = seconds(), time.monotonic()
    time.sleep(_IDLE)
    return (seconds() - before) / (time.monotonic() - begin) * 100


def _first_answer(staged: Stage) -> float:
    port = free_port()
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(staged.directory / "bytecode")}
    environment = {**os.environ, **staged.environment, **bytecode, "SAS_BIND": f"127.0.0.1:{port}"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:sas_service.gunicorn_conf", SERVICE]
    begin = time.monotonic()
    with (staged.directory / "start.log").open("ab") as log:
        running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while True:
            assert time.monotonic() < begin + 30
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/profiles", timeout=2)
            except urllib.error.HTTPError as answered:
                answered.close()
                return time.monotonic() - begin
            except OSError:
                time.sleep(0.01)
    finally:
        running.terminate()
        running.wait(30)
