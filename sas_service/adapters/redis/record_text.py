"""Token records as the text that Redis stores: short, canonical (equal records, equal text), without id and account.

The first layout is one JSON object. The second is a list that names grant and caller in the account's dictionary.
"""

import base64
import json
from collections.abc import Mapping
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


Opened = dict[str, Any] | list[Any]
"""What a stored text is as JSON: an object in the first layout, a list in the second."""


def opened(text: str) -> Opened:
    """Return what a stored text holds; its words have yet to be looked up."""
    members: Opened = json.loads(text)
    return members


def record_words(members: Opened) -> list[str]:
    """Return the names that a stored record needs the pieces of."""
    return [] if isinstance(members, dict) else [members[_GRANT], members[_CALLER]]


def read_record(account: str, suffix: str, members: Opened, words: Mapping[str, str]) -> TokenRecord:
    """Return the record that was stored; ``words`` has at least what ``record_words`` names."""
    token_id = f"{account}.{suffix}"
    if isinstance(members, dict):
        return _read_object(token_id, account, members)
    return _read_list(token_id, account, members, words)


def _read_object(token_id: str, account: str, members: Mapping[str, Any]) -> TokenRecord:
    regions = members.get("regions")
    return TokenRecord(
        id=token_id,
        grant=Grant(
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
        ),
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


def _read_list(token_id: str, account: str, members: list[Any], words: Mapping[str, str]) -> TokenRecord:
    """Read what ``_short`` wrote; what a later release put behind it is left alone."""
    state, kind, caller, start, lasts, issued, request, *rest = members
    prints, azure, attempts, reason, labels, replaces, replaced_by = (*rest, *_LEFT_OUT[len(rest) :])[: len(_LEFT_OUT)]
    team, profile, epoch, key, identity, principal, regions, rate, policy = _grant_in(words[kind])
    begins = EPOCH + timedelta(seconds=start)
    return TokenRecord(
        id=token_id,
        grant=Grant(
            account=account,
            profile=profile,
            team=team,
            epoch=epoch,
            signing_key=key,
            identity=identity,
            principal_id=principal,
            regions=regions,
            max_rate_per_second=rate,
            start=begins,
            expiry=begins + timedelta(seconds=lasts),
            policy_digest=policy,
        ),
        caller=dict(_caller_in(words[caller])),
        state=TokenState(state),
        issued_at=EPOCH + issued * _MICROSECOND,
        request_id=request,
        fingerprints=tuple(_doubled(prints[first : first + _HALF]) for first in range(0, len(prints), _HALF)),
        azure_request_id=azure,
        attempts=attempts,
        replaces=replaces,
        replaced_by=replaced_by,
        reason=reason,
        labels=labels or {},
    )


@lru_cache(_KINDS)
def _grant_in(piece: str) -> tuple[Any, ...]:
    """Return what ``_named_grant`` was given, as the members of a grant: most records share a few of them."""
    team, profile, epoch, key, identity, principal, regions, rate, policy = json.loads(piece)
    places = None if regions is None else tuple(regions)
    return team, profile, epoch, SigningKey(key), identity, principal, places, rate, policy


@lru_cache(_KINDS)
def _caller_in(piece: str) -> Mapping[str, str]:
    members: dict[str, str] = json.loads(piece)
    return members


_GRANT, _CALLER, _FEWEST = 1, 2, 7
_LEFT_OUT = ("", None, 0, None, None, None, None)
"""What stands for members at the end that were left out."""

_HALF = 43
"""Digits of base64 in 64 of hexadecimal."""


def _halved(fingerprint: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")


def _doubled(digits: str) -> str:
    return base64.urlsafe_b64decode(digits + "=").hex()


def _seconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(seconds=1)
