"""Offers requests at a steady rate, whatever becomes of them (open loop), and obeys Retry-After once where asked to."""

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Offered:
    """What became of the requests: when each was served, and how those fared that came back as they were told.

    ``lasted`` is for how many seconds they were offered.
    """

    lasted: float = 0.0
    served: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    told: list[int] = field(default_factory=list)
    came_back: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answers: Counter[int], status: int, wait: int, at: float) -> None:
        """Remember one answer, among those to first requests or to those who came back."""
        with self.lock:
            answers[status] += 1
            if status == 201:
                self.served.append(at)
            elif answers is self.statuses and wait:
                self.told.append(wait)

    def within(self, begin: float, end: float) -> float:
        """Return how many were served each second of a span."""
        return sum(begin <= each < end for each in self.served) / (end - begin)


def offer(
    port: int,
    bearer: str,
    *,
    rate: float,
    seconds: float,
    obey_until: float = 0.0,
    profile: str = "storefront-web",
    stop: threading.Event | None = None,
) -> Offered:
    """Offer ``rate`` requests a second; a refused one comes back if that is over ``obey_until`` seconds after begin.

    It ends early when ``stop`` is set.
    """
    offered, threads, ended = Offered(), [], stop or threading.Event()
    begin = time.monotonic()

    def once(answers: Counter[int]) -> int:
        status, wait, *_ = ask(port, bearer, "/v1/tokens", {"profile": profile})
        offered.note(answers, status, wait, time.monotonic() - begin)
        return wait if status == 429 else 0

    def one() -> None:
        wait = once(offered.statuses)
        if wait and time.monotonic() - begin + wait < obey_until:
            time.sleep(wait)
            once(offered.came_back)

    for number in range(int(rate * seconds)):
        if ended.wait(max(0.0, begin + number / rate - time.monotonic())):
            break
        threads.append(threading.Thread(target=one, daemon=True))
        threads[-1].start()
    offered.lasted = time.monotonic() - begin
    for each in threads:
        each.join(max(obey_until, seconds) + 30)
    return offered


def ask(
    port: int, bearer: str, path: str, body: object = None, *, method: str = "POST", **headers: str
) -> tuple[int, int, Any, str]:
    """Ask once over a connection of its own; return status, Retry-After, the document and its ETag."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = None if body is None else json.dumps(body)
        typed = {} if sent is None else {"Content-Type": "application/json"}
        connection.request(method, path, sent, {"Authorization": f"Bearer {bearer}", **typed, **said})
        answer = connection.getresponse()
        raw = answer.read()
        told = int(answer.headers.get("Retry-After", "0"))
        return answer.status, told, json.loads(raw) if raw else None, answer.headers.get("ETag", "")
    finally:
        connection.close()
