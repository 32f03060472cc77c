"""Shared tokens: where the current one of a team lies, who may make the next, and who was given which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sas_service.domain.audit import AuditEvent
from sas_service.domain.callers import Caller
from sas_service.domain.tokens import TokenRecord
from sas_service.domain.windows import Schedule


@dataclass(frozen=True, slots=True)
class SharedName:
    """What one shared token is for; ``terms`` are those of ``domain/windows.py``."""

    account: str
    profile: str
    team: str
    terms: str


@dataclass(frozen=True, slots=True)
class HandOut:
    """One caller's wish for the current token; ``known`` is the id that this process has a copy of.

    ``after`` is the id that the token has to be newer than, empty for none.
    """

    name: SharedName
    caller: Caller
    now: datetime
    known: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Shared:
    """A shared token as it is kept: its live record, and the secret sealed."""

    record: TokenRecord
    client_id: str
    sealed: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Current:
    """The token ``id`` is the current one, and it is counted that the caller got it; None is what ``known`` names."""

    shared: Shared | None


@dataclass(frozen=True, slots=True)
class NoneCurrent:
    """Nothing was counted; ``seen`` is the id that is not current any more, or not newer than asked for.

    ``issued`` is None unless the token would be handed out to those who do not insist on a newer one.
    """

    seen: str
    issued: datetime | None = None


@dataclass(frozen=True, slots=True)
class Flight:
    """The right to make the next token; ``fence`` is larger than that of every earlier flight."""

    name: SharedName
    fence: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else makes the next token, or (``rests``) nobody shall for a while, because it could not be made."""

    left: timedelta
    rests: bool


class SharedTokens(Protocol):
    """The current shared tokens and the count of who got them; all methods raise AuditLogUnavailable."""

    def hand_out(self, wish: HandOut) -> Current | NoneCurrent:
        """Return the current token for a caller and count it, in one round trip and atomically.

        Current means: of the account's epoch and key generation, before ``schedule.last``, newer than ``after``.
        Raises Suspended.
        """
        ...

    def peek(self, name: SharedName) -> tuple[str, datetime] | None:
        """Return id and time of refresh of the token that lies there, if it was ever handed out; counts nothing."""
        ...

    def take_flight(self, name: SharedName, holder: str, *, seen: str, lasts: timedelta) -> Flight | Wait | None:
        """Return the right to make the next token, for ``lasts`` by the store's clock; None if ``seen`` is outdated."""
        ...

    def put(self, flight: Flight, shared: Shared) -> None:
        """Make a token the current one and end the flight.

        Raises LeaseLost, and EpochMoved if the account's epoch or key generation is another than at the flight's start.
        """
        ...

    def end_generation(self, account: str) -> None:
        """Hear that the key generation behind the account's current tokens is gone, though its epoch stays.

        From now on none of them is handed out, and what a flight brings that has begun before is not put. Repeated, it
        ends what was made since, too. Does nothing for an account without slots.
        """
        ...

    def rest(self, flight: Flight, lasts: timedelta) -> None:
        """End a flight that brought nothing: nobody may try again for ``lasts``."""
        ...

    def fold(self, accounts: Sequence[str], now: datetime) -> tuple[AuditEvent, ...]:
        """Write one event ``handedOut`` for each token, caller and minute that is over, with the count."""
        ...
