"""Many threads that do the same thing at the same moment."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_threads(count: int, work: Callable[[], T]) -> list[T | Exception]:
    """Return what each thread got, an exception included."""
    outcomes: list[T | Exception] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            outcomes.append(work())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
