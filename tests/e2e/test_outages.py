"""Broken dependencies: 503, no token out, recovery without hands, and every token that got out is on record."""

import random
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.running_demo import RunningDemo, eventually, kill
from tests.preload import compiled, mounted, unmounted

_BETWEEN = 0.15
"""Seconds that a caller rests: each token is looked up in the end, and thousands show no more than hundreds."""


@pytest.fixture(autouse=True)
def no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no wait for a signature thin the traffic: what Azure would allow is another test's."""
    monkeypatch.setenv("SAS_ARM_WRITES_BURST", "1000000")
    monkeypatch.setenv("SAS_ARM_WRITES_PER_SECOND", "100000")


class Traffic:
    """Callers that ask for tokens again and again, and remember what they were given."""

    def __init__(self, demo: RunningDemo, callers: int = 6) -> None:
        self._demo = demo
        self._stop = threading.Event()
        self.tokens: dict[str, str] = {}
        self.statuses: list[int] = []
        self.strange: list[str] = []
        demo.bearer("storefront")
        self._pool = ThreadPoolExecutor(callers)
        for _ in range(callers):
            self._pool.submit(self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._note(self._demo.issue())
                self._stop.wait(_BETWEEN)
            except requests.RequestException:
                continue  # the worker that held this connection was killed

    def _note(self, answer: requests.Response) -> None:
        self.statuses.append(answer.status_code)
        if answer.status_code == 201:
            self.tokens[answer.json()["id"]] = answer.json()["fingerprint"]
        elif answer.status_code != 503 or "Retry-After" not in answer.headers:
            self.strange.append(f"{answer.status_code} {answer.text[:200]}")
        elif answer.headers["Content-Type"] != "application/problem+json":
            self.strange.append("503 without a problem")

    def stop(self) -> None:
        self._stop.set()
        self._pool.shutdown()

    def all_on_record(self) -> None:
        missing = []
        for token_id, fingerprint in self.tokens.items():
            record = self._demo.call("GET", f"/v1/tokens/{token_id}", "auditor")
            if record.status_code != 200 or record.json()["fingerprint"] != fingerprint:
                missing.append(token_id)
        assert missing == []
        mirror = b"".join(path.read_bytes() for path in (self._demo.directory / "mirror").iterdir())
        assert [each for each in self.tokens.values() if each.encode() not in mirror] == []


def count(statuses: list[int], status: int) -> int:
    return sum(each == status for each in statuses)


def test_redis_away_during_traffic(fresh_demo: RunningDemo) -> None:
    traffic = Traffic(fresh_demo)
    eventually(lambda: len(traffic.tokens) > 20)
    redis = fresh_demo.pids()["redis"]
    kill(redis, signal.SIGSTOP)
    seen = len(traffic.statuses)
    eventually(lambda: count(traffic.statuses[seen:], 503) > 6, within=30)
    during = len(traffic.tokens)
    time.sleep(1)
    assert len(traffic.tokens) <= during + 6
    kill(redis, signal.SIGCONT)
    eventually(lambda: len(traffic.tokens) > during + 20)
    kill(redis)  # now it really dies; the demo starts it again on the same files
    eventually(lambda: fresh_demo.pids()["redis"] != redis)
    after = len(traffic.tokens)
    eventually(lambda: len(traffic.tokens) > after + 20)
    traffic.stop()
    assert traffic.strange == []
    traffic.all_on_record()


def test_disk_of_the_mirror_full_during_traffic(fresh_demo: RunningDemo) -> None:
    traffic = Traffic(fresh_demo)
    eventually(lambda: len(traffic.tokens) > 20)
    limits: dict[int, Any] = {}
    for pid in fresh_demo.api_workers():
        limits[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, limits[pid][1]))
    seen = len(traffic.statuses)
    eventually(lambda: count(traffic.statuses[seen:], 503) > 20)
    before = len(traffic.tokens)
    time.sleep(1)
    assert len(traffic.tokens) <= before + 6
    for pid, limit in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
    full = len(traffic.tokens)
    eventually(lambda: len(traffic.tokens) > full + 20)
    traffic.stop()
    assert traffic.strange == []
    traffic.all_on_record()


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningDemo]:
    """A demo whose mirror has a file system of its own, which can be filled, and made slow by the file ``slow``."""
    mounted(tmp_path / "var" / "mirror", size="4m")
    running: RunningDemo | None = None
    try:
        monkeypatch.setenv("SLOW_MIRROR", str(tmp_path / "slow"))
        monkeypatch.setenv("LD_PRELOAD", str(compiled(Path(__file__).parents[1] / "slow_mirror.c", tmp_path)))
        running = RunningDemo(tmp_path / "var")
        yield running
    finally:
        if running is not None and running.process.poll() is None:
            running.stop()
        unmounted(tmp_path / "var" / "mirror")


def test_mirror_slow_and_then_full_during_traffic(small_disk: RunningDemo, tmp_path: Path) -> None:
    traffic = Traffic(small_disk)
    eventually(lambda: len(traffic.tokens) > 20)
    for begin, end in (_slow(tmp_path / "slow"), _full(small_disk.directory / "mirror" / "filler")):
        begin()
        time.sleep(0.2)  # what was synced before is on its way out
        seen, before = len(traffic.statuses), len(traffic.tokens)
        eventually(lambda seen=seen: count(traffic.statuses[seen:], 503) > 12, within=60)  # type: ignore[misc]
        assert len(traffic.tokens) <= before + 6
        assert requests.get(small_disk.api + "/readyz", timeout=20).status_code == 503
        end()
        eventually(lambda before=before: len(traffic.tokens) > before + 20, within=60)  # type: ignore[misc]
    traffic.stop()
    assert traffic.strange == []
    traffic.all_on_record()


def _slow(mark: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    return mark.touch, mark.unlink


def _full(filler: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    def fill() -> None:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    return fill, filler.unlink


def test_azure_away_and_throttling_settles_the_reservation(fresh_demo: RunningDemo) -> None:
    fault = {"operation": "listSas", "kind": "status", "status": 429, "retryAfter": 4, "times": 1}

    def told() -> list[str]:
        kinds = [each["kind"] for each in fresh_demo.events(account="maps-demo")]
        return [kind for kind in kinds if kind in {"reserved", "refused", "issued", "abandoned"}]

    def is_refused() -> bool:
        """Whether it was our request that Azure refused: the worker proves the standby meanwhile, and may get it."""
        faults = fresh_demo.emulator + "/_emulator/faults"
        assert requests.delete(faults, timeout=10).ok
        assert requests.post(faults, json=fault, timeout=10).ok
        throttled = fresh_demo.issue()
        return "refused" in told() and int(throttled.headers["Retry-After"]) >= 4

    eventually(is_refused)
    # What Azure said is known to all processes: nobody asks again before.
    assert fresh_demo.issue().status_code == 503
    eventually(lambda: fresh_demo.issue().status_code == 201)
    assert told()[-4:] == ["reserved", "refused", "reserved", "issued"]


def test_killed_api_workers_lose_no_record(fresh_demo: RunningDemo) -> None:
    traffic = Traffic(fresh_demo)
    eventually(lambda: len(traffic.tokens) > 20)
    moments = random.Random(20)  # noqa: S311  which moment, not which key
    for _ in range(20):
        time.sleep(moments.uniform(0.05, 0.6))
        workers = fresh_demo.api_workers()
        if workers:
            kill(moments.choice(workers))
    after = len(traffic.tokens)
    eventually(lambda: len(traffic.tokens) > after + 20)
    traffic.stop()
    assert traffic.strange == []
    traffic.all_on_record()
