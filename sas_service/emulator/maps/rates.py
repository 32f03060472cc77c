"""Counts requests in windows of one second: per SAS token and location, and per account and service."""

import threading
from dataclasses import dataclass

_FORGET_ABOVE = 10_000


@dataclass
class _Window:
    second: int
    count: int


class Rates:
    """Admits as many requests per key and second as the limit says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, ...], _Window] = {}

    def admit(self, limits: list[tuple[tuple[str, ...], int]], now: float) -> bool:
        """Count one request against all its limits, or against none of them if one is exhausted."""
        second = int(now)
        with self._lock:
            windows = [self._window(key, second) for key, _ in limits]
            if any(window.count >= limit for window, (_, limit) in zip(windows, limits, strict=True)):
                return False
            for window in windows:
                window.count += 1
        return True

    def _window(self, key: tuple[str, ...], second: int) -> _Window:
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) > _FORGET_ABOVE:
                self._windows = {known: each for known, each in self._windows.items() if each.second == second}
            window = self._windows[key] = _Window(second, 0)
        elif window.second != second:
            window.second, window.count = second, 0
        return window
