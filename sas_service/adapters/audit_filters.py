"""Whether a record or an event is what a query asks for: one rule for the audit log in Redis and its twin in memory."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, TokenQuery

_NEVER_LIVE = frozenset({TokenState.RESERVED, TokenState.ABANDONED, TokenState.REFUSED})


def is_asked_for(query: TokenQuery, record: TokenRecord) -> bool:
    """Tell whether ``record`` is one of ``query``'s; whether it is listed at all (committed) is the lists' business."""
    return all(rule(query, record) for rule in _TOKEN_RULES)


def is_event_asked_for(query: EventQuery, text: str) -> bool:
    """Tell whether the event with this text is one of ``query``'s; its stream is not looked at."""
    if query.text is not None and query.text.casefold() not in text.casefold():
        return False
    members: dict[str, Any] = json.loads(text)
    caller = members.get("caller") or {}
    return (
        query.team in {None, members.get("team")}
        and query.token in {None, members.get("token")}
        and query.revocation in {None, members.get("revocation")}
        and query.application in {None, caller.get("applicationId")}
        and query.object_id in {None, caller.get("objectId")}
        and (query.kinds is None or members["kind"] in query.kinds)
        and _is_between(parse_instant(members["at"]), query.after, query.before)
    )


def _is_of_grant(query: TokenQuery, record: TokenRecord) -> bool:
    grant = record.grant
    return (
        grant.account in query.accounts
        and (query.teams is None or grant.team in query.teams)
        and query.profile in {None, grant.profile}
        and query.signing_key in {None, grant.signing_key}
        and query.identity in {None, grant.identity}
        and (query.region is None or query.region in (grant.regions or ()))
    )


def _is_of_time(query: TokenQuery, record: TokenRecord) -> bool:
    grant, at = record.grant, query.live_at
    was_live = at is None or (
        record.issued_at <= at and grant.start <= at < grant.expiry and record.state not in _NEVER_LIVE
    )
    return (
        was_live
        and _is_between(record.issued_at, query.issued_after, query.issued_before)
        and _is_between(grant.expiry, query.expires_after, query.expires_before)
    )


def _is_of_caller(query: TokenQuery, record: TokenRecord) -> bool:
    caller = record.caller
    return query.application in {None, caller.get("applicationId")} and query.object_id in {
        None,
        caller.get("objectId"),
    }


def _is_of_state(query: TokenQuery, record: TokenRecord) -> bool:
    return query.is_in_state(record)


def _is_as_said(query: TokenQuery, record: TokenRecord) -> bool:
    return (
        all(record.labels.get(name) == label for name, label in query.labels.items())
        and _is_within(query.reason, (record.reason,))
        # What a record tells is put together only for who looks for a text.
        and (query.text is None or _is_within(query.text, _told(record)))
    )


_TOKEN_RULES: tuple[Callable[[TokenQuery, TokenRecord], bool], ...] = (
    _is_of_grant,
    _is_of_time,
    _is_of_caller,
    _is_of_state,
    _is_as_said,
)


def _told(record: TokenRecord) -> Iterable[str | None]:
    labels = (word for pair in record.labels.items() for word in pair)
    return record.id, record.reason, record.request_id, record.azure_request_id, *record.caller.values(), *labels


def _is_within(wanted: str | None, said: Iterable[str | None]) -> bool:
    return wanted is None or any(wanted.casefold() in each.casefold() for each in said if each)


def _is_between(instant: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or after <= instant) and (before is None or instant < before)
