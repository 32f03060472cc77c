"""The port Readiness for anything that can be asked with one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A dependency's name and the call that answers details or raises a SasServiceError."""

    name: str
    ask: Callable[[], Mapping[str, object]]

    def check(self) -> Mapping[str, object]:
        """Ask."""
        return self.ask()
