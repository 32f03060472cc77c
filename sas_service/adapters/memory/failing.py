"""Failures that a test orders from a twin."""

from collections import deque
from threading import Lock


class Failing:
    """Raises the errors it was told to raise, each once, in order."""

    def __init__(self) -> None:
        self._errors: deque[Exception] = deque()
        self._lock = Lock()

    def fail_with(self, error: Exception, *, times: int = 1) -> None:
        """Let the next ``times`` calls raise ``error``."""
        with self._lock:
            self._errors.extend([error] * times)

    def _fail_if_told(self) -> None:
        with self._lock:
            error = self._errors.popleft() if self._errors else None
        if error is not None:
            raise error
