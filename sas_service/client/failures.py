"""What can go wrong between a terminal and the service; no text here ever holds a bearer token."""

from collections.abc import Mapping
from typing import Any

from sas_service.client.reading import number, plain, texts


class NotSignedIn(Exception):
    """No access token can be had for the admin; the text says what to do."""


class Unreachable(Exception):
    """The service did not answer, or not with anything it would say: whether a request had an effect is unknown."""


class Refused(Exception):
    """The service answered with a problem (docs/problems.md); ``members`` is all of it."""

    def __init__(self, status: int, members: Mapping[str, Any], *, retry_after: float | None = None) -> None:
        self.status = status
        self.members = members
        self.retry_after = retry_after
        super().__init__(self.detail or self.title)

    @property
    def slug(self) -> str:
        """Return the last word of the problem's type, ``blank`` where it has none."""
        return plain(self.members.get("type", "about:blank")).rpartition("/")[2].removeprefix("about:")

    @property
    def title(self) -> str:
        """Return what it is called."""
        return plain(self.members.get("title") or f"HTTP {self.status}")

    @property
    def detail(self) -> str:
        """Return what is said of this occurrence, if anything."""
        return plain(self.members.get("detail") or "")

    @property
    def passes(self) -> bool:
        """Whether the same request may well succeed in a moment."""
        return self.status in {408, 429} or self.status >= 500  # noqa: PLR2004  the server's own errors

    @property
    def reasons(self) -> list[str]:
        """Return every violation, and what the service says is allowed instead, one a line."""
        violations = self.members.get("violations")
        told = [
            f"{plain(each.get('pointer', ''))}: {plain(each.get('allowed', ''))} ({plain(each.get('rule', ''))})"
            for each in (violations if isinstance(violations, list) else [])
            if isinstance(each, Mapping)
        ]
        if "allowedActions" in self.members:
            told.append(f"allowed now: {', '.join(texts(self.members['allowedActions'])) or 'nothing'}")
        if self.members.get("role"):
            told.append(f"the app role that is missing: {plain(self.members['role'])}")
        if self.members.get("running"):
            told.append(f"the account's run: {plain(self.members['running'])}")
        if self.members.get("earliestStart"):
            told.append(f"earliest start: {plain(self.members['earliestStart'])}")
        if self.retry_after is not None:
            told.append(f"try again in {number(self.retry_after)} s")
        return told
