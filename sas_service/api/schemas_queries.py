"""What may be asked of the lists of tokens and events; the names on the wire and what the services call them."""

from collections.abc import Mapping
from typing import Any

from sas_service.api.fields import Choices, Instant, Label, OneOf, Strict, Text
from sas_service.api.paging import Cursor, limit
from sas_service.domain.audit import EventKind
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenState

_NAME = 100


def _text(meaning: str, longest: int = _NAME) -> Text:
    return Text(longest=longest, metadata={"description": meaning})


def _instant(meaning: str) -> Instant:
    return Instant(metadata={"description": meaning, "format": "date-time"})


def _fingerprint(meaning: str) -> Text:
    return Text(
        longest=64,
        pattern="[0-9a-f]{64}",
        wanted="a SHA-256 as 64 hexadecimal digits",
        metadata={"description": meaning},
    )


class TokensQuery(Strict):
    """Which tokens to list; everything that is said must hold."""

    id = _text("Only this token; with no other filter.", 200)
    fingerprint = _fingerprint("Only the token with this SHA-256; with no other filter.")
    account = _text("Only this account's.")
    team = _text("Only this team's.")
    profile = _text("Only this profile's.")
    application_id = _text("Only what this client application asked for.")
    object_id = _text("Only what this user or service principal asked for.")
    issued_after = _instant("Only those issued then or later.")
    issued_before = _instant("Only those issued before.")
    signing_key = OneOf(
        *SigningKey, metadata={"description": "Only those that this key signed; the last to expire first."}
    )
    identity = _text("Only those behind this identity, by its name in the policy; the last to expire first.")
    expires_after = _instant("Only those that expire then or later; the last to expire first.")
    expires_before = _instant("Only those that expire before; the last to expire first.")
    live_at = _instant("Only those that were valid then: issued, begun, not expired.")
    state = Choices(*TokenState, metadata={"description": "Only those in one of these states now."})
    label = Label(metadata={"description": "Only those with this label, NAME:VALUE."})
    region = _text("Only those that name this region.")
    reason = _text("Only those with this in their reason, in any case.", 500)
    text = _text("Only those with this in id, caller, reason, labels or request ids, in any case.", 500)
    cursor = Cursor()
    limit = limit()


class EventsQuery(Strict):
    """Which events to list; everything that is said must hold."""

    account = _text("Only this account's; `service`: those of no account.")
    team = _text("Only this team's.")
    token = _text("Only this token's, by its id.", 200)
    fingerprint = _fingerprint("Only those of the token with this SHA-256.")
    application_id = _text("Only what this client application did.")
    object_id = _text("Only what this user or service principal did.")
    revocation = _text("Only this revocation's.", 200)
    kind = Choices(*EventKind, metadata={"description": "Only these kinds."})
    after = _instant("Only those of then or later.")
    before = _instant("Only those of before.")
    text = _text("Only those with this anywhere in their JSON, in any case.", 500)
    cursor = Cursor()
    limit = limit()


_SERVICE_NAMES = {"application_id": "application"}


def token_filters(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``TokenQuery`` calls what was asked, without account, team, cursor and limit."""
    told = _filters(query, {"state", "label", "signing_key"})
    if "signing_key" in query:
        told["signing_key"] = SigningKey(query["signing_key"])
    if "state" in query:
        told["states"] = frozenset(map(TokenState, query["state"]))
    if "label" in query:
        told["labels"] = query["label"]
    return told


def event_filters(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``EventQuery`` calls what was asked, without account, cursor and limit."""
    told = _filters(query, {"kind"})
    if "team" in query:
        told["team"] = query["team"]
    if "kind" in query:
        told["kinds"] = frozenset(map(EventKind, query["kind"]))
    return told


def _filters(query: Mapping[str, Any], without: set[str]) -> dict[str, Any]:
    left_out = {"account", "team", "cursor", "limit", *without}
    return {_SERVICE_NAMES.get(name, name): value for name, value in query.items() if name not in left_out}
