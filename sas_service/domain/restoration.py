"""What events say of the state that they led to: records, slots, suspensions, words, runs and lockdowns."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sas_service.domain.audit import AuditEvent, EventKind
from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.restored_lockdowns import LockdownsTold
from sas_service.domain.restored_runs import RunsTold
from sas_service.domain.slots import AccountSlots, SigningKey
from sas_service.domain.tokens import Grant, TokenRecord, TokenState, known_by

_OF_TOKENS = frozenset(
    {EventKind.RESERVED, EventKind.ISSUED, EventKind.REDELIVERED, EventKind.ABANDONED, EventKind.REFUSED}
)


@dataclass(frozen=True, slots=True)
class SuspensionTold:
    """A suspension as the events leave it; lifted if ``in_force`` is False."""

    kind: str
    id: str
    in_force: bool
    reason: str | None
    by: Mapping[str, str]
    at: datetime


@dataclass(slots=True)
class Restoration:
    """Some events of one stream, folded over what the log has: of their tokens, and of the account as a whole."""

    stream: str
    runs: RunsTold
    lockdowns: LockdownsTold
    records: dict[str, TokenRecord] = field(default_factory=dict)
    committed: set[str] = field(default_factory=set)
    slots: AccountSlots | None = None
    suspensions: dict[tuple[str, str], SuspensionTold] = field(default_factory=dict)
    words: list[Acknowledgement] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    """Tokens whose ``reserved`` event is nowhere: there is nothing to make a record of."""

    def fold(self, event: AuditEvent) -> None:
        """Take one event in; the order is that of the numbers, and taking one twice changes nothing in the end."""
        members: Mapping[str, Any] = json.loads(event.text)
        kind = members.get("kind", "")
        if kind in _OF_TOKENS:
            self._token(kind, members)
        elif kind == EventKind.ACKNOWLEDGED:
            self._word(members)
        elif kind in {EventKind.SUSPENDED, EventKind.SUSPENSION_LIFTED}:
            self._suspension(members, in_force=kind == EventKind.SUSPENDED)
        else:
            self._account(kind, members)

    def _token(self, kind: str, members: Mapping[str, Any]) -> None:
        token = members["token"]
        known = self.records.get(token)
        if kind == EventKind.RESERVED:
            if known is None:
                known = _reserved(members)
            self._slot(known.grant)
        elif known is None:
            self.unknown.add(token)
            return
        elif kind == EventKind.ISSUED:
            known = _delivered(replace(known, replaces=members.get("replaces")), members)
            self.committed.add(token)
            self._supersede(known)
        elif kind == EventKind.REDELIVERED:
            known = _with_fingerprint(known, members["fingerprint"])
        else:
            known = _closed(known, TokenState(kind), members)
        self.records[token] = known

    def _supersede(self, by: TokenRecord) -> None:
        old = self.records.get(by.replaces) if by.replaces else None
        if old is not None:
            self.records[old.id] = replace(old, replaced_by=by.id)

    def _slot(self, grant: Grant) -> None:
        self._slots_are(grant.epoch, grant.signing_key, {grant.profile: grant.identity})

    def _slots_are(self, epoch: int, key: SigningKey, identities: Mapping[str, str]) -> None:
        known = self.slots
        if known is not None and known.epoch > epoch:
            return
        # A switch moves some profiles; what the others had goes on.
        before = known.identities if known else {}
        self.slots = AccountSlots(self.stream, epoch, key, {**before, **identities})

    def _account(self, kind: str, members: Mapping[str, Any]) -> None:
        """Take in what is about the account as a whole: its slots, runs and lockdowns."""
        for told in (members.get("slots"), members.get("evidence")):
            if isinstance(told, Mapping) and {"epoch", "signingKey"} <= told.keys():
                self._slots_are(told["epoch"], SigningKey(told["signingKey"]), told.get("identities") or {})
        epoch = self.slots.epoch if self.slots else 0
        before = self.lockdowns.holding
        self.lockdowns.fold(members, epoch=epoch)
        self.runs.fold(members, epoch=epoch)
        after = self.lockdowns.holding
        if kind == EventKind.LOCKDOWN_BEGUN and after is not None and (before is None or before.id != after.id):
            self._freeze()

    def _freeze(self) -> None:
        """Count the epoch up, as the freeze did; what it came to is said later, by newer releases."""
        known = self.slots or AccountSlots(self.stream, 1, SigningKey.PRIMARY, {})
        self.slots = replace(known, epoch=known.epoch + 1)

    def _suspension(self, members: Mapping[str, Any], *, in_force: bool) -> None:
        kind, name = members["suspended"]["kind"], members["suspended"]["id"]
        by, at = members.get("caller") or {}, parse_instant(members["at"])
        self.suspensions[kind, name] = SuspensionTold(kind, name, in_force, members.get("reason"), by, at)

    def _word(self, members: Mapping[str, Any]) -> None:
        new, old = self.records.get(members["token"]), self.records.get(members["replaces"])
        if new is None:
            self.unknown.add(members["token"])
            return
        until = max(each.grant.expiry for each in (new, old) if each)
        at = parse_instant(members["at"])
        word = Acknowledgement(members["replaces"], new.id, members["fingerprint"], Consumer.of(new), at, until)
        self.words.append(word)


def tokens_of(events: Iterable[AuditEvent]) -> set[str]:
    """Return the ids of all tokens that ``fold`` has to know of before it takes these events."""
    found: set[str] = set()
    for event in events:
        members = json.loads(event.text)
        found.update(each for each in (members.get("token"), members.get("replaces")) if isinstance(each, str))
    return found


def _reserved(members: Mapping[str, Any]) -> TokenRecord:
    granted, asked = members["granted"], members.get("asked") or {}
    regions = granted["regions"]
    grant = Grant(
        account=members["account"],
        profile=granted["profile"],
        team=members["team"],
        epoch=granted["epoch"],
        signing_key=SigningKey(granted["signingKey"]),
        identity=granted["identity"],
        principal_id=granted["principalId"],
        regions=None if regions == "any" else tuple(regions),
        max_rate_per_second=granted["maxRatePerSecond"],
        start=parse_instant(granted["start"]),
        expiry=parse_instant(granted["expiry"]),
        policy_digest=granted["policyDigest"],
    )
    return TokenRecord(
        id=members["token"],
        grant=grant,
        caller=members["caller"],
        state=TokenState.RESERVED,
        issued_at=parse_instant(members["at"]),
        request_id=members["requestId"],
        reason=asked.get("reason"),
        labels=asked.get("labels") or {},
    )


def _delivered(record: TokenRecord, members: Mapping[str, Any]) -> TokenRecord:
    delivered = _with_fingerprint(record, members["fingerprint"])
    return replace(
        delivered,
        state=TokenState.LIVE,
        azure_request_id=members.get("azureRequestId"),
        attempts=members.get("attempts") or 0,
    )


def _with_fingerprint(record: TokenRecord, fingerprint: str) -> TokenRecord:
    return replace(record, fingerprints=known_by(record.fingerprints, fingerprint))


def _closed(record: TokenRecord, state: TokenState, members: Mapping[str, Any]) -> TokenRecord:
    if record.state is not TokenState.RESERVED:
        return replace(record, state=state)
    fingerprint = members.get("fingerprint")
    return replace(
        record,
        state=state,
        fingerprints=(fingerprint,) if fingerprint else (),
        azure_request_id=members.get("azureRequestId"),
        attempts=members.get("attempts") or 0,
    )
