"""A problem type: what RFC 9457 wants to know of an error, and what people are told."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem type; ``meaning`` and ``remedy`` stand on its page, ``wait`` is the Retry-After when none is known."""

    slug: str
    title: str
    status: int
    meaning: str
    remedy: str
    wait: timedelta | None = None

    @property
    def type(self) -> str:
        """The relative reference that names it and leads to its page."""
        return f"/problems/{self.slug}"


SOON = timedelta(seconds=1)
LATER = timedelta(seconds=5)
UNTIL_MENDED = timedelta(minutes=1)
UNTIL_DEPLOYED = timedelta(minutes=5)
