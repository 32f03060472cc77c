"""A revocation as the service shows it (design.md section 6), read so that members that are absent do no harm."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from sas_service.client.reading import instant, mapping, mappings, number, plain, text, texts

_SUSPENSION = re.compile(r"/v1/suspensions/(team|client|profile)/([^/?#]+)")
OPEN = frozenset({"running", "paused", "waiting"})
OVER = frozenset({"completed", "aborted", "expired"})


@dataclass(frozen=True, slots=True)
class RadiusShown:
    """How many live tokens, by team and profile, and when the last would have expired by itself."""

    total: int
    by: tuple[tuple[str, int], ...]
    last_expiry: datetime | None

    @classmethod
    def of(cls, value: object) -> "RadiusShown":
        """Read a count, or an object with one."""
        if not isinstance(value, Mapping):
            return cls(number(value), (), None)
        by = tuple(
            (f"{text(each, 'team')}/{text(each, 'profile')}", number(each.get("tokens")))
            for each in mappings(value.get("by"))
        )
        return cls(number(value.get("total")), by, instant(value.get("lastExpiry")))


@dataclass(frozen=True, slots=True)
class LeverShown:
    """What pulling one lever would cost; ``expected`` and ``calls`` are empty where the service does not say."""

    lever: str
    intended: RadiusShown
    collateral: RadiusShown
    missed: RadiusShown
    reversible: bool
    cuts: str
    calls: str
    expected: str
    obstacles: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "LeverShown":
        """Read one entry of ``levers``."""
        return cls(
            lever=text(document, "lever"),
            intended=RadiusShown.of(document.get("intended")),
            collateral=RadiusShown.of(document.get("collateral")),
            missed=RadiusShown.of(document.get("missed")),
            reversible=document.get("reversible") is True,
            cuts=_cuts(mapping(document.get("cuts"))),
            calls=_calls(document.get("azureCalls")),
            expected=text(document, "expectedTime"),
            obstacles=mappings(document.get("obstacles")),
        )


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step: pending, running or done; ``missing`` is what it waits for, in words."""

    name: str
    state: str
    purpose: str
    missing: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "StepShown":
        """Read one entry of ``steps``."""
        return cls(*(text(document, name) for name in ("name", "state", "purpose", "missing")))


@dataclass(frozen=True, slots=True)
class RevocationShown:
    """One revocation; ``document`` is all that the service said. ``late`` is None where it names nobody."""

    document: Mapping[str, Any]
    id: str
    account: str
    state: str
    reason: str
    mode: str
    lever: str
    plan_hash: str
    levers: tuple[LeverShown, ...]
    steps: tuple[StepShown, ...]
    total: int
    moved: int
    late: tuple[str, ...] | None
    allowed: tuple[str, ...]

    @classmethod
    def of(cls, value: object) -> "RevocationShown":
        """Read an answer."""
        document = mapping(value)
        consumers = mapping(document.get("consumers"))
        return cls(
            document=document,
            id=text(document, "id"),
            account=text(document, "account"),
            state=text(document, "state"),
            reason=text(document, "reason"),
            mode=text(document, "mode"),
            lever=text(document, "lever"),
            plan_hash=text(document, "planHash"),
            levers=tuple(map(LeverShown.of, mappings(document.get("levers")))),
            steps=tuple(map(StepShown.of, mappings(document.get("steps")))),
            total=number(consumers.get("total")),
            moved=number(consumers.get("moved")),
            late=names(consumers.get("late")),
            allowed=texts(document.get("allowedActions")),
        )

    def said(self, name: str) -> str:
        """Return a further member as text, empty if it is not there."""
        return text(self.document, name)

    def when(self, name: str) -> datetime | None:
        """Return a further member as an instant."""
        return instant(self.document.get(name))

    def listed(self, name: str) -> tuple[str, ...]:
        """Return a further member as texts; of objects, what they are about."""
        value = self.document.get(name)
        return tuple(
            text(each, "what") or text(each, "detail") if isinstance(each, Mapping) else plain(each)
            for each in (value if isinstance(value, list) else [])
        )

    @property
    def has_begun(self) -> bool:
        """Whether it was ever more than a plan."""
        return self.state in OPEN or self.state == "completed" or any(step.state != "pending" for step in self.steps)

    @property
    def approvals(self) -> tuple[int, int]:
        """Return how many approvals are needed, and how many there are."""
        return number(self.document.get("approvalsNeeded")), len(texts(self.document.get("approvals")))

    @property
    def target(self) -> str:
        """Return whose tokens are meant, in one line."""
        return ", ".join(
            f"{plain(kind)} {', '.join(texts(value))}" for kind, value in mapping(self.document.get("target")).items()
        )

    @property
    def offers(self) -> tuple[tuple[str, str], ...]:
        """Return the suspensions that the plan offers first, as (kind, id); any other call is not for us to send."""
        paths = (text(each, "path") for each in mappings(self.document.get("offers")))
        found = (_SUSPENSION.fullmatch(path) for path in paths)
        return tuple((unquote(match[1]), unquote(match[2])) for match in found if match)

    @property
    def obstacles(self) -> tuple[Mapping[str, Any], ...]:
        """Return what blocks it: its own list, else that of its lever."""
        own = mappings(self.document.get("obstacles"))
        return own or next((each.obstacles for each in self.levers if each.lever == self.lever), ())


def _calls(value: object) -> str:
    """Return which calls Azure gets and how many of each, or only how many."""
    if isinstance(value, Mapping):
        return ", ".join(f"{number(count)} {plain(name)}" for name, count in value.items())
    return "" if value is None else plain(value)


def _cuts(cuts: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (text(cuts, "signingKey"), *texts(cuts.get("identities")))))


def names(value: object) -> tuple[str, ...] | None:
    """Return consumers by name, out of texts or objects; None if ``value`` is no list."""
    if not isinstance(value, list):
        return None
    return tuple(_name(each) if isinstance(each, Mapping) else plain(each) for each in value)


def _name(consumer: Mapping[str, Any]) -> str:
    known = text(consumer, "name") or text(consumer, "consumer")
    return known or "/".join(text(consumer, part) for part in ("team", "application", "profile"))
