"""Writes to Azure as their events tell them: what was intended, how often it was sent, and what came of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from sas_service.domain.runs import Intent


class Writing(Protocol):
    """What remembers its writes: a revocation, or a lockdown."""

    @property
    def intents(self) -> tuple[Intent, ...]:
        """What it intended."""
        ...

    def with_intent(self, changed: Intent) -> Self:
        """Return it with one intent added or changed."""
        ...


W = TypeVar("W", bound=Writing)


def intended(entry: W, members: Mapping[str, Any], at: datetime) -> W:
    """Return ``entry`` with a write intended, or intended once more; the same attempt again changes nothing."""
    known = next((each for each in entry.intents if each.id == members["intent"]), None)
    if known is None:
        # Without a baseline (of an older release) nobody can tell by it whether the write had an effect.
        baseline = members.get("baseline", "")
        known = Intent(members["intent"], members["step"], members["operation"], members["name"], baseline, 0, ())
    if len(known.sent) >= members["attempt"]:
        return entry
    return entry.with_intent(replace(known, sent=(*known.sent, at), outcome=None))


def answered(entry: W, members: Mapping[str, Any], _at: datetime) -> W:
    """Return ``entry`` with what came of a write."""
    known = next((each for each in entry.intents if each.id == members["intent"]), None)
    if known is None:
        return entry
    told = replace(known, outcome=members.get("outcome"), azure_request_id=members.get("azureRequestId"))
    return entry.with_intent(told)
