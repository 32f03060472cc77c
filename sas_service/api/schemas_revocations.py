"""The shapes of requests about revocations: a plan's question, and what is decided later."""

from datetime import datetime, timedelta
from typing import Any

from marshmallow import RAISE, ValidationError, fields, validates_schema

from sas_service.api.exchange import Ask
from sas_service.api.fields import Breach, Names, OneOf, Strict, Text, Told, breach, camel_case
from sas_service.api.paging import Cursor, limit
from sas_service.domain.errors import InvalidRequest, Violation
from sas_service.domain.iso8601 import format_instant, parse_duration, parse_instant
from sas_service.domain.plans import Asked
from sas_service.domain.revocations import Lever, Mode, OnDeadline, Reason, State, Target
from sas_service.domain.slots import SigningKey

_NAME = 100
_MOST = 100


class Deadline(Told, fields.String):
    """An instant, or a duration from now."""

    wanted = "an RFC 3339 instant such as 2027-01-31T08:00:00Z, or an ISO 8601 duration from now such as PT30M"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime | timedelta:  # type: ignore[override]
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            return parse_duration(value) if value.startswith("P") else parse_instant(value)
        except (ValueError, OverflowError):
            raise breach(self.wanted, "schema.format") from None


class TargetBody(Strict):
    """Whose tokens are to become useless: exactly one of these; `signingKey` together with `account`."""

    tokens = Names(Text(longest=200), most=_MOST, metadata={"description": "These tokens, by id."})
    fingerprints = Names(
        Text(longest=64, pattern="[0-9a-f]{64}", wanted="64 hexadecimal digits"),
        most=_MOST,
        metadata={"description": "These tokens, by the SHA-256 of any of their deliveries."},
    )
    team = Text(longest=_NAME, metadata={"description": "All tokens of a team."})
    profile = Text(longest=_NAME, metadata={"description": "All tokens of a profile.", "examples": ["storefront-web"]})
    identity = Text(longest=_NAME, metadata={"description": "All tokens behind a managed identity."})
    signing_key = OneOf(*SigningKey, metadata={"description": "All tokens signed with this key of `account`."})
    account = Text(longest=_NAME, metadata={"description": "All tokens of an account."})

    class Meta:
        """Unknown members are refused, and the document says so."""

        unknown = RAISE

    @validates_schema
    def _is_one_thing(self, data: dict[str, Any], **_: Any) -> None:
        try:
            Target.of({camel_case(name): value for name, value in data.items()})
        except InvalidRequest as refusal:
            (violation,) = refusal.violations
            raise ValidationError([Breach(violation.allowed, violation.rule)]) from None


class TargetField(Told, fields.Nested):
    """The target, and what is said when it is missing."""

    wanted = "an object that names one target"


class RevocationBody(Strict):
    """What to take back, why, and how fast."""

    reason = OneOf(*Reason, required=True, metadata={"description": "Why.", "examples": ["tokenLeak"]})
    target = TargetField(TargetBody, required=True, metadata={"description": "Whose tokens."})
    lever = OneOf(*Lever, metadata={"description": "What is cut; `both`, the document's order, if left out."})
    mode = OneOf(*Mode, required=True, metadata={"description": "What happens to applications."})
    deadline = Deadline(
        metadata={
            "description": "Until when consumers may take: an RFC 3339 instant, or an ISO 8601 duration from the"
            " switch, when they are told. In graceful mode: the latest that the old tokens may expire, from now.",
            "examples": ["PT30M"],
        }
    )
    on_deadline = OneOf(*OnDeadline, metadata={"description": "What happens then; `hold` if left out."})
    comment = Text(longest=500, metadata={"description": "For the audit log.", "examples": ["INC-4711"]})


class ExtendBody(Strict):
    """More time for the late."""

    deadline = Deadline(
        required=True,
        metadata={"description": "The new deadline: an instant, or a duration from now.", "examples": ["PT30M"]},
    )


class ExcuseBody(Strict):
    """Who is left behind."""

    consumer = Text(
        longest=400,
        required=True,
        metadata={
            "description": "A late consumer by name.",
            "examples": ["storefront/5d2c4a10-8a0e-4c39-8c0e-0f6b1d9f7e02/storefront-web"],
        },
    )


class RevocationPath(Strict):
    """Which revocation."""

    id = Text(
        required=True, longest=100, metadata={"description": "Its id.", "examples": ["01K9Z6V7Q0M4T1C8N5R2X3Y6ZB"]}
    )


class RevocationsQuery(Strict):
    """Which revocations to list."""

    account = Text(longest=_NAME, metadata={"description": "Only this account's."})
    state = OneOf(*State, metadata={"description": "Only those in this state."})
    cursor = Cursor()
    limit = limit()


class ConsumersQuery(Strict):
    """Which consumers to list."""

    moved = OneOf("true", "false", metadata={"description": "Only those that have, or have not, moved."})
    cursor = Cursor()
    limit = limit()


def question(ask: Ask, now: datetime) -> Asked:
    """Return what ``ask`` asks for; raises InvalidRequest with everything that is wrong with it at once."""
    said, violations = ask.body, list(ask.shape)
    given = said.get("deadline")
    deadline = until(said["deadline"], now) if "deadline" in said else None
    if deadline is not None and deadline <= now:
        violations.append(_over(deadline, now))
    if violations:
        raise InvalidRequest("The plan cannot be made as it is asked for.", violations=tuple(violations))
    mode = Mode(said["mode"])
    within = given if isinstance(given, timedelta) and mode is Mode.EXPEDITED else None
    return Asked(
        reason=Reason(said["reason"]),
        target=Target.of({camel_case(name): value for name, value in said["target"].items()}),
        mode=mode,
        lever=Lever(said["lever"]) if "lever" in said else None,
        deadline=deadline,
        on_deadline=OnDeadline(said.get("on_deadline", OnDeadline.HOLD)),
        comment=said.get("comment"),
        within=int(within.total_seconds()) if within else None,
    )


def until(deadline: datetime | timedelta, now: datetime) -> datetime:
    """Return the instant; raises InvalidRequest beyond the years that a date can have."""
    try:
        return now + deadline if isinstance(deadline, timedelta) else deadline
    except OverflowError:
        raise InvalidRequest("The deadline is too far away.", violations=(_over(now, now),)) from None


def _over(deadline: datetime, now: datetime) -> Violation:
    allowed = f"an instant after {format_instant(now)}"
    return Violation("/deadline", format_instant(deadline), allowed, "revocation.deadline")
