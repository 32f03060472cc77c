"""Token records as the text that Redis stores: short, canonical (equal records, equal text), without id and account."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sas_service.adapters.redis.instants import EPOCH
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant, TokenRecord, TokenState

_MICROSECOND = timedelta(microseconds=1)


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
    return json.dumps({name: value for name, value in members.items() if value is not None}, separators=(",", ":"))


def read_record(account: str, suffix: str, text: str) -> TokenRecord:
    """Return the record that ``text`` holds."""
    members: Mapping[str, Any] = json.loads(text)
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
