"""Requests, grants, tokens and their records."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sas_service.domain.slots import SigningKey

SHARED = "shared"
"""The kind of caller that a shared token is on record for: all callers of its team, none in particular."""


class TokenState(StrEnum):
    """The honest words of design.md section 2."""

    RESERVED = "reserved"
    LIVE = "live"
    SUPERSEDED_LIVE = "supersededLive"
    SOFT_REVOKED = "softRevoked"
    DEAD = "dead"
    ABANDONED = "abandoned"
    REFUSED = "refused"


class SasToken:
    """The secret string: shown once to the caller, never stored, never logged."""

    __slots__ = ("_fingerprint", "_secret")

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._fingerprint = ""

    def reveal(self) -> str:
        """Return the secret; only the view that answers the caller, and a probe, may ask."""
        return self._secret

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the token, 64 hexadecimal digits: how it is known afterwards."""
        # Made once: record, event and answer name it.
        self._fingerprint = self._fingerprint or fingerprint(self._secret)
        return self._fingerprint

    def __repr__(self) -> str:
        return "SasToken(********)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> str:
        raise TypeError("a SasToken is never serialised")


def fingerprint(secret: str) -> str:
    """SHA-256 of ``secret`` in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a caller asks for; whatever is None is the profile's choice. Requests may narrow, never widen."""

    profile: str
    lifetime: timedelta | None = None
    expiry: datetime | None = None
    start: datetime | None = None
    regions: tuple[str, ...] | None = None
    max_rate_per_second: int | None = None
    reason: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """The policy's yes: the exact parameters to sign, without any secret.

    ``regions`` is None only where the profile says ``regions: any``; then nothing is sent to Azure and the worst
    case is unconstrained. ``start`` and ``expiry`` are whole seconds in UTC.
    """

    account: str
    profile: str
    team: str
    epoch: int
    signing_key: SigningKey
    identity: str
    principal_id: str
    regions: tuple[str, ...] | None
    max_rate_per_second: int
    start: datetime
    expiry: datetime
    policy_digest: str


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is remembered of a token: the grant, who asked and when, and how it is known; never the token itself.

    ``state`` is what was written last: reserved, live, abandoned or refused; ``state_at`` tells the rest.
    """

    id: str
    grant: Grant
    caller: Mapping[str, str]
    state: TokenState
    issued_at: datetime
    request_id: str
    fingerprints: tuple[str, ...] = ()
    azure_request_id: str | None = None
    attempts: int = 0
    replaces: str | None = None
    replaced_by: str | None = None
    reason: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the newest delivery."""
        return self.fingerprints[-1] if self.fingerprints else None

    @property
    def is_shared(self) -> bool:
        """Whether every caller of the team may hold it, so that nobody's word says that it is no longer in use."""
        return self.caller.get("kind") == SHARED

    def state_at(self, now: datetime) -> TokenState:
        """Return the state in honest words at ``now``; expired tokens are dead whatever else was written."""
        if self.state in {TokenState.LIVE, TokenState.SOFT_REVOKED}:
            if self.grant.expiry <= now:
                return TokenState.DEAD
            if self.state is TokenState.LIVE and self.replaced_by:
                return TokenState.SUPERSEDED_LIVE
        return self.state


KEPT_FINGERPRINTS = 64
"""A record names its newest deliveries; all of them stay findable. A client that repeats for a day fills nothing."""


def known_by(fingerprints: tuple[str, ...], newest: str) -> tuple[str, ...]:
    """Return what a token is known by after one more delivery."""
    return (*(each for each in fingerprints if each != newest), newest)[-KEPT_FINGERPRINTS:]


def account_of(token_id: str) -> str | None:
    """Return the account that a token id names (``<account>.<time-ordered suffix>``), or None if it is no token id."""
    account, dot, suffix = token_id.rpartition(".")
    return account if dot and account and suffix else None
