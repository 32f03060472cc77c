"""Token records as the text that Redis stores: short, canonical (equal records, equal text), without id and account.

The first layout is one JSON object. The second is a list that names grant and caller in the account's dictionary.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sas_service.adapters.redis.compact_json import compact
from sas_service.adapters.redis.instants import EPOCH
from sas_service.adapters.redis.words import name_of
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant, TokenRecord, TokenState

_MICROSECOND = timedelta(microseconds=1)
_KINDS = 4096
"""How many grants, and callers, are remembered as text."""


def write_record(record: TokenRecord) -> str:
    """Return the text of ``record``; members that say nothing are left out."""
    grant = record.grant
    members: dict[str, object | None] = {
        "state": record.state.value,
        "team": grant.team,
        "profile": grant.profile,
        "epoch": grant.epoch,
        "key": grant.signing_key.value,
        "identity": grant.identity,
        "principal": grant.principal_id,
        "regions": grant.regions,
        "rate": grant.max_rate_per_second,
        "start": _seconds(grant.start),
        "expiry": _seconds(grant.expiry),
        "policy": grant.policy_digest,
        "caller": dict(record.caller),
        "issued": (record.issued_at - EPOCH) // _MICROSECOND,
        "request": record.request_id,
        "fps": record.fingerprints or None,
        "azure": record.azure_request_id,
        "attempts": record.attempts or None,
        "replaces": record.replaces,
        "replacedBy": record.replaced_by,
        "reason": record.reason,
        "labels": dict(record.labels) or None,
    }
    return compact({name: value for name, value in members.items() if value is not None})


@dataclass(frozen=True, slots=True)
class RecordText:
    """A record as it is to be stored, and what it needs of the dictionary."""

    text: str
    words: Mapping[str, str] = field(default_factory=dict)


def record_text(record: TokenRecord, layout: int) -> RecordText:
    """Return the text of ``record`` in a layout."""
    return _short(record) if layout > 1 else RecordText(write_record(record))


def record_words(text: str) -> list[str]:
    """Return the names that a stored text needs the pieces of."""
    if text.startswith("{"):
        return []
    members = json.loads(text)
    return [members[_GRANT], members[_CALLER]]


def read_record(account: str, suffix: str, text: str, words: Mapping[str, str] | None = None) -> TokenRecord:
    """Return the record that ``text`` holds; ``words`` has at least what ``record_words`` names."""
    members: Mapping[str, Any] = json.loads(text) if text.startswith("{") else _long(json.loads(text), words or {})
    return TokenRecord(
        id=f"{account}.{suffix}",
        grant=_read_grant(account, members),
        caller=members["caller"],
        state=TokenState(members["state"]),
        issued_at=EPOCH + members["issued"] * _MICROSECOND,
        request_id=members["request"],
        fingerprints=tuple(members.get("fps", ())),
        azure_request_id=members.get("azure"),
        attempts=members.get("attempts", 0),
        replaces=members.get("replaces"),
        replaced_by=members.get("replacedBy"),
        reason=members.get("reason"),
        labels=members.get("labels", {}),
    )


def _short(record: TokenRecord) -> RecordText:
    """Return the second layout: what the members of the first are, by place, empty ends left out."""
    grant = record.grant
    kind = _named_grant(
        *(grant.team, grant.profile, grant.epoch, grant.signing_key.value, grant.identity, grant.principal_id),
        *(grant.regions, grant.max_rate_per_second, grant.policy_digest),
    )
    start = _seconds(grant.start)
    caller = _named_caller(tuple(record.caller.items()))
    members: list[object] = [
        *(record.state.value, kind[0], caller[0], start, _seconds(grant.expiry) - start),
        *((record.issued_at - EPOCH) // _MICROSECOND, record.request_id, "".join(map(_halved, record.fingerprints))),
        *(record.azure_request_id, record.attempts, record.reason, dict(record.labels)),
        *(record.replaces, record.replaced_by),
    ]
    while len(members) > _FEWEST and members[-1] in (None, "", 0, {}):
        members.pop()
    return RecordText(compact(members), dict((kind, caller)))


@lru_cache(_KINDS)
def _named_grant(*shared: object) -> tuple[str, str]:
    """Return what the grants of one kind of token have in common, with its name: made once for all of them."""
    return _named(compact(shared))


@lru_cache(_KINDS)
def _named_caller(members: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    return _named(compact(dict(members)))


def _named(piece: str) -> tuple[str, str]:
    return name_of(piece), piece


def _long(members: Sequence[Any], words: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the members of the first layout."""
    by_name = dict(zip(_PLACES, members, strict=False))
    shared, caller = (json.loads(words[by_name.pop(name)]) for name in ("grant", "caller"))
    prints = by_name.pop("fps", "")
    return {
        **{name: member for name, member in by_name.items() if member is not None},
        **dict(zip(_SHARED, shared, strict=True)),
        "caller": caller,
        "expiry": by_name["start"] + by_name["expiry"],
        "fps": [_doubled(prints[first : first + _HALF]) for first in range(0, len(prints), _HALF)],
    }


_GRANT, _CALLER, _FEWEST = 1, 2, 7
_PLACES = (
    *("state", "grant", "caller", "start", "expiry", "issued", "request", "fps", "azure", "attempts"),
    *("reason", "labels", "replaces", "replacedBy"),
)
_SHARED = ("team", "profile", "epoch", "key", "identity", "principal", "regions", "rate", "policy")
_HALF = 43
"""Digits of base64 in 64 of hexadecimal."""


def _halved(fingerprint: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")


def _doubled(digits: str) -> str:
    return base64.urlsafe_b64decode(digits + "=").hex()


def _read_grant(account: str, members: Mapping[str, Any]) -> Grant:
    regions = members.get("regions")
    return Grant(
        account=account,
        profile=members["profile"],
        team=members["team"],
        epoch=members["epoch"],
        signing_key=SigningKey(members["key"]),
        identity=members["identity"],
        principal_id=members["principal"],
        regions=None if regions is None else tuple(regions),
        max_rate_per_second=members["rate"],
        start=EPOCH + timedelta(seconds=members["start"]),
        expiry=EPOCH + timedelta(seconds=members["expiry"]),
        policy_digest=members["policy"],
    )


def _seconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(seconds=1)
