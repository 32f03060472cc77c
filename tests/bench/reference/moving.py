"""Two thousand applications that follow a revocation: they ask when they are told to, and acknowledge."""

import heapq
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.bench.reference.offered import ask

SPREAD = 36.0
"""Within so many seconds everybody asks for renewal information, as it told each before: 30 s and a fifth."""

THREADS = 24
LIMIT = 600.0
"""Seconds after which those who have not moved are given up, so that a bench ends."""


@dataclass(frozen=True)
class Started:
    """A run that was started over HTTP."""

    port: int
    bearer: str
    id: str

    def look(self) -> Any:
        return ask(self.port, self.bearer, f"/v1/revocations/{self.id}", method="GET")[2]

    def wait_until_over(self, *, limit: float) -> Any:
        """Return the run when it holds its account no more, or as it is when the time is over."""
        until = time.monotonic() + limit
        while (run := self.look())["state"] in {"running", "waiting"} and time.monotonic() < until:
            time.sleep(0.5)
        return run


def planned_and_started(port: int, bearer: str, profile: str) -> Started:
    """Start an expedited run over all tokens of a profile, and return when it has switched."""
    body = {"reason": "tokenLeak", "target": {"profile": profile}, "lever": "role", "mode": "expedited"}
    status, _, plan, tag = ask(port, bearer, "/v1/revocations", {**body, "deadline": "PT1H"})
    assert status == 201, plan
    status, _, run, _ = ask(port, bearer, f"/v1/revocations/{plan['id']}/start", If_Match=tag)
    assert status == 200, run
    started, until = Started(port, bearer, plan["id"]), time.monotonic() + 120
    while not any(each["name"] == "switch" and each["state"] == "done" for each in started.look()["steps"]):
        assert time.monotonic() < until, started.look()
        time.sleep(0.2)
    return started


class Movers:
    """Asks for each token's renewal, replaces it when told to, comes back when told to, and acknowledges."""

    def __init__(self, port: int, bearer: str, tokens: list[str]) -> None:
        self._port = port
        self._bearer = bearer
        begin = time.monotonic()
        self._due = [(begin + random.random() * SPREAD, each) for each in tokens]  # noqa: S311  only spread out
        heapq.heapify(self._due)
        self._guard = threading.Lock()
        self._left = len(tokens)
        self._until = begin
        self.moved = self.refused = 0

    def move_all(self) -> float:
        """Return after how many seconds all had moved, or time was over."""
        begin = time.monotonic()
        self._until = begin + LIMIT
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return time.monotonic() - begin

    def _work(self) -> None:
        while True:
            with self._guard:
                if not self._left or time.monotonic() >= self._until:
                    return
                token = heapq.heappop(self._due)[1] if self._due and self._due[0][0] <= time.monotonic() else None
            if token is None:
                time.sleep(0.05)
            else:
                self._move(token)

    def _move(self, token: str) -> None:
        status, wait, said, _ = ask(self._port, self._bearer, f"/v1/tokens/{token}/renewal", method="GET")
        if status == 200 and datetime.fromisoformat(said["suggestedWindow"]["end"]) > datetime.now(UTC):
            with self._guard:
                heapq.heappush(self._due, (time.monotonic() + wait, token))
            return
        status, wait, new, _ = ask(self._port, self._bearer, f"/v1/tokens/{token}/replacement")
        if status in {200, 201}:
            said = {"fingerprint": new["fingerprint"]}
            status, wait, new, _ = ask(self._port, self._bearer, f"/v1/tokens/{new['id']}/acknowledgement", said)
        with self._guard:
            if status == 200:
                self.moved += 1
                self._left -= 1
            else:
                assert status in {429, 503}, (status, new)
                self.refused += 1
                heapq.heappush(self._due, (time.monotonic() + max(wait, 1), token))
