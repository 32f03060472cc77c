"""Offers requests at a steady rate, whatever becomes of them (open loop), and obeys Retry-After once where asked to."""

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Offered:
    """What became of the requests: when each was served, and how those fared that came back as they were told."""

    served: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    told: list[int] = field(default_factory=list)
    came_back: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def within(self, begin: float, end: float) -> float:
        """Return how many were served each second of a span."""
        return sum(begin <= each < end for each in self.served) / (end - begin)


def offer(port: int, bearer: str, *, rate: float, seconds: float, obey_until: float = 0.0) -> Offered:
    """Offer ``rate`` requests a second; a refused one comes back if that is over ``obey_until`` seconds after begin."""
    offered, threads = Offered(), []
    begin = time.monotonic()

    def one() -> None:
        status, wait = _ask(port, bearer)
        with offered.lock:
            offered.statuses[status] += 1
            if status == 201:
                offered.served.append(time.monotonic() - begin)
            elif wait:
                offered.told.append(wait)
        if status == 429 and wait and time.monotonic() - begin + wait < obey_until:
            time.sleep(wait)
            again, _ = _ask(port, bearer)
            with offered.lock:
                offered.came_back[again] += 1
                if again == 201:
                    offered.served.append(time.monotonic() - begin)

    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        threads.append(threading.Thread(target=one, daemon=True))
        threads[-1].start()
    for each in threads:
        each.join(max(obey_until, seconds) + 30)
    return offered


def _ask(port: int, bearer: str) -> tuple[int, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/tokens", json.dumps({"profile": "storefront-web"}), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, int(answer.headers.get("Retry-After", "0"))
    finally:
        connection.close()
