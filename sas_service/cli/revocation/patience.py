"""Looking again and again until something is over; no failure that may pass ends it."""

import time
from collections.abc import Callable
from typing import TypeVar

from sas_service.client.failures import NotSignedIn, Refused, Unreachable

_LONGEST = 10.0

Seen = TypeVar("Seen")


def looked_at(
    read: Callable[[], Seen],
    *,
    every: float,
    show: Callable[[Seen], None],
    trouble: Callable[[str], None],
    until: Callable[[Seen], bool],
) -> Seen:
    """Read and show until ``until`` holds; whoever does not answer is asked more and more slowly (10 s at most).

    ``every`` is in seconds. Raises Refused for what no patience mends: no role, no such run.
    """
    pause = every
    while True:
        try:
            now = read()
        except (Unreachable, NotSignedIn) as error:
            why = str(error)
        except Refused as error:
            if not error.passes:
                raise
            why = error.title
        else:
            show(now)
            if until(now):
                return now
            pause, why = every, ""
        if why:
            trouble(why)
            pause = min(2 * pause, _LONGEST)
        time.sleep(pause)
