"""Applications as the documents want them: always at work, and moving when renewal information says so."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

from tests.e2e.running_demo import ROUTE, RunningDemo

BURST = 20
"""Requests to the map in one go, in less than a second."""

SPACING = 0.03
"""Seconds between two of them: 33 a second, below the 50 that a token may make."""

REFUSED = {401, 403}


@dataclass
class Loaded:
    """A token in an application's hands."""

    id: str
    token: str
    fingerprint: str
    epoch: int


@dataclass
class Application(threading.Thread):
    """One application: bursts of map requests, renewal as told, replacement and acknowledgement."""

    demo: RunningDemo
    client: str
    profile: str
    stop: threading.Event
    pause: float
    acknowledges: bool = True
    answers: Counter[int] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    slowest_burst: float = 0.0
    old: list[Loaded] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name=self.client, daemon=True)
        self._map = http.client.HTTPConnection(urlsplit(self.demo.emulator).netloc, timeout=20)
        self._random = random.Random(self.client)  # noqa: S311  spreads the fleet, nothing else
        self._ask_at = 0.0
        self.loaded = self._first()

    def __hash__(self) -> int:
        return id(self)

    def _first(self) -> Loaded:
        answer = self.demo.call("POST", "/v1/tokens", self.client, json={"profile": self.profile, "lifetime": "PT10M"})
        assert answer.status_code == 201, answer.text
        return _read(answer.json())

    def run(self) -> None:
        self.stop.wait(self._random.uniform(0, self.pause))
        while not self.stop.is_set():
            self._burst()
            try:
                self._renew()
            except Exception as error:  # noqa: BLE001  whatever happens to an application must be seen by the test
                self.troubles.append(f"{self.client}: {error!r}")
            self.stop.wait(self.pause * self._random.uniform(0.8, 1.2))
        self._map.close()

    def _burst(self) -> None:
        begun = time.monotonic()
        for number in range(BURST):
            # Evenly, because the map answers 429 to more than the token's maxRatePerSecond.
            time.sleep(max(0.0, begun + number * SPACING - time.monotonic()))
            status = self._ask_map(self.loaded.token)
            self.answers[status] += 1
            if status in REFUSED:
                self.refusals.append(
                    f"{datetime.now(UTC):%H:%M:%S.%f} {self.client} epoch {self.loaded.epoch}: {status}"
                )
        self.slowest_burst = max(self.slowest_burst, time.monotonic() - begun)

    def _ask_map(self, token: str) -> int:
        self._map.request("GET", ROUTE, headers={"Authorization": f"jwt-sas {token}"})
        answer = self._map.getresponse()
        answer.read()
        return answer.status

    def _renew(self) -> None:
        if time.monotonic() < self._ask_at:
            return
        answer = self.demo.call("GET", f"/v1/tokens/{self.loaded.id}/renewal", self.client)
        self._ask_at = time.monotonic() + int(answer.headers.get("Retry-After", "5"))
        assert answer.status_code == 200, answer.text
        end = datetime.fromisoformat(answer.json()["suggestedWindow"]["end"])
        if end <= datetime.now(UTC):
            self._replace()

    def _replace(self) -> None:
        answer = self.demo.call("POST", f"/v1/tokens/{self.loaded.id}/replacement", self.client)
        if answer.status_code not in {200, 201}:
            self._ask_at = time.monotonic() + int(answer.headers.get("Retry-After", "2"))
            self.troubles.append(f"{self.client}: replacement {answer.status_code} {answer.text}")
            return
        new = _read(answer.json())
        self.old.append(self.loaded)
        self.loaded = new
        if self.acknowledges:
            said = self.demo.call(
                "POST", f"/v1/tokens/{new.id}/acknowledgement", self.client, json={"fingerprint": new.fingerprint}
            )
            assert said.status_code == 200, said.text


def _read(answer: dict[str, Any]) -> Loaded:
    return Loaded(answer["id"], answer["token"], answer["fingerprint"], answer["epoch"])


class Fleet:
    """Many applications at once; leaves the test alone with what happened to them."""

    def __init__(self, demo: RunningDemo, clients: list[str], *, pause: float = 3.0) -> None:
        self._stop = threading.Event()
        self.demo = demo
        profiles = {"storefront": "storefront-web", "logistics": "logistics-batch"}
        self.applications = [
            Application(demo, client, profiles[client.partition("-")[0]], self._stop, pause) for client in clients
        ]

    def __enter__(self) -> Self:
        for each in self.applications:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self.applications:
            each.join(timeout=60)

    @property
    def refusals(self) -> list[str]:
        return [refusal for each in self.applications for refusal in each.refusals]

    @property
    def troubles(self) -> list[str]:
        return [trouble for each in self.applications for trouble in each.troubles]

    @property
    def answers(self) -> Counter[int]:
        return sum((each.answers for each in self.applications), Counter())

    def old_tokens(self) -> list[Loaded]:
        return [old for each in self.applications for old in each.old]

    def story(self) -> str:
        """What happened, for the test's output."""
        slowest = max(each.slowest_burst for each in self.applications)
        return json.dumps(
            {
                "answers": {str(status): count for status, count in sorted(self.answers.items())},
                "refused": self.refusals[:5],
                "troubles": self.troubles[:5],
                "slowestBurst": round(slowest, 2),
            }
        )
