"""Looking again and again until something is over; no failure that may pass ends it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    ``every`` is in seconds. Raises Refused for what no patience mends: no role, no such run; KeyboardInterrupt.
    """
    with _ctrl_c() as pressed:
        return _looked_at(read, pressed, every=every, show=show, trouble=trouble, until=until)


def _looked_at(
    read: Callable[[], Seen],
    pressed: threading.Event,
    *,
    every: float,
    show: Callable[[Seen], None],
    trouble: Callable[[str], None],
    until: Callable[[Seen], bool],
) -> Seen:
    pause = every
    while True:
        now, why = _try(read)
        if now is not None:
            show(now)
            if until(now):
                return now
            pause = every
        else:
            trouble(why)
            pause = min(2 * pause, _LONGEST)
        if pressed.wait(pause):
            raise KeyboardInterrupt


def _try(read: Callable[[], Seen]) -> tuple[Seen | None, str]:
    """Return what was read, or why there is nothing."""
    try:
        return read(), ""
    except (Unreachable, NotSignedIn) as error:
        return None, str(error)
    except Refused as error:
        if not error.passes:
            raise
        return None, error.title


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """Note the first Ctrl-C; the second one interrupts at once.

    An exception out of a signal may be raised inside some library's clean-up, which swallows it.
    """
    pressed = threading.Event()

    def note(_number: int, _frame: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
