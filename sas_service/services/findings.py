"""What the doctor says: one finding for each thing looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How bad it is: only ``FAIL`` stops the service, or a revocation, from working."""

    OK = "ok"
    WARNING = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``about`` is whose it is, ``advice`` what to do if it is not well."""

    about: str
    grade: Grade
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose findings are being made."""

    about: str

    def ok(self, what: str) -> Finding:
        """Say that all is well."""
        return Finding(self.about, Grade.OK, what)

    def warn(self, what: str, advice: str) -> Finding:
        """Say that something works, but not as it should, or that nobody can tell."""
        return Finding(self.about, Grade.WARNING, what, advice)

    def fail(self, what: str, advice: str) -> Finding:
        """Say that something does not work."""
        return Finding(self.about, Grade.FAIL, what, advice)
