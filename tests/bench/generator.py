"""A seeded generator of tokens: 60 pairs of team and profile, 40 applications, three in ten tokens a user's."""

import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sas_service.adapters.token_ids import suffix
from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.slots import SigningKey
from sas_service.domain.token_events import about, asked_details, granted_details
from sas_service.domain.tokens import Grant, TokenRecord, TokenRequest, TokenState

ACCOUNT = "maps-demo"
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=7.5)
LIFETIMES = [timedelta(minutes=15), timedelta(hours=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30)]
SIGNING = timedelta(milliseconds=400)
"""From the reservation to the commit."""

_KEYS = list(SigningKey)


class Draw(NamedTuple):
    """What the dice said about one token."""

    number: int
    ms: int
    team: int
    key: SigningKey
    lifetime: timedelta
    application: int
    user: int | None
    profile: int
    identity: str
    bits: int

    @property
    def at(self) -> datetime:
        """When it was issued."""
        return START + self.number * STEP + timedelta(milliseconds=self.ms)


def draw(dice: random.Random, number: int) -> Draw:
    """Return what the dice say about the next token."""
    ms, team = dice.randrange(1000), dice.randrange(20)
    key, lifetime, application = dice.choice(_KEYS), dice.choice(LIFETIMES), team * 2 + dice.randrange(2)
    user = dice.randrange(20_000) if dice.random() < 0.3 else None
    profile, identity = dice.randrange(3), f"web-{dice.choice('ab')}"
    return Draw(number, ms, team, key, lifetime, application, user, profile, identity, dice.getrandbits(74))


def token_of(drawn: Draw) -> TokenRecord:
    """Return the token that the dice meant."""
    number, application, user = drawn.number, drawn.application, drawn.user
    start = drawn.at.replace(microsecond=0)
    grant = Grant(
        account=ACCOUNT,
        profile=f"web-{drawn.team}-{drawn.profile}",
        team=f"team-{drawn.team}",
        epoch=1,
        signing_key=drawn.key,
        identity=drawn.identity,
        principal_id=uuid_of(f"principal {drawn.team}"),
        regions=("eastus", "westeurope"),
        max_rate_per_second=50,
        start=start,
        expiry=start + drawn.lifetime,
        policy_digest=hashlib.sha256(str(number // 100_000).encode()).hexdigest(),
    )
    caller = {
        "tenantId": uuid_of("tenant"),
        "objectId": uuid_of(f"application {application}" if user is None else f"user {user}"),
        "applicationId": uuid_of(f"client {application}"),
        "kind": "application" if user is None else "user",
    }
    return TokenRecord(
        id=f"{ACCOUNT}.{suffix(drawn.at, drawn.bits)}",
        grant=grant,
        caller=caller,
        state=TokenState.LIVE,
        issued_at=drawn.at,
        request_id=uuid_of(f"request {number}"),
        fingerprints=(hashlib.sha256(str(number).encode()).hexdigest(),),
        azure_request_id=uuid_of(f"azure {number}"),
        attempts=1,
        reason="page load" if number % 10 == 0 else None,
        labels={"page": "checkout"} if number % 5 == 0 else {},
    )


def reserved(live: TokenRecord) -> TokenRecord:
    """Return the token as it was reserved."""
    return replace(live, state=TokenState.RESERVED, fingerprints=(), azure_request_id=None, attempts=0)


def drafts_of(live: TokenRecord) -> tuple[EventDraft, EventDraft]:
    """Return the two events that services/issue.py writes."""
    asked = asked_details(TokenRequest(profile=live.grant.profile, lifetime=live.grant.expiry - live.grant.start))
    granted = granted_details(live.grant)
    return (
        about(live, EventKind.RESERVED, live.issued_at, live.request_id, asked=asked, granted=granted),
        about(
            live,
            EventKind.ISSUED,
            live.issued_at + SIGNING,
            live.request_id,
            fingerprint=live.fingerprint,
            azureRequestId=live.azure_request_id,
            attempts=1,
        ),
    )


@lru_cache(50_000)
def uuid_of(of: str) -> str:
    digits = hashlib.sha256(of.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"
