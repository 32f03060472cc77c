"""What may be asked of the audit log: which tokens, which events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sas_service.domain.audit import EventKind
from sas_service.domain.cuts import Past
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord, TokenState


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """Which tokens to list; None is no limit, and everything that is said must hold.

    Newest issued first, of tokens that were committed. Where a slot or an expiry is asked for (``by_expiry``): the last
    to expire first, and of all tokens that exist or may exist, reserved and abandoned ones included.

    Indexed: accounts, teams, profile, ``application`` and ``object_id`` (of the caller), each with the time issued;
    signing key and identity with the expiry; ``live_at``. Whatever else is said, and a second one of these, is looked
    up in the records that the first one yields: a page examines a bounded number of them.

    ``teams`` empty means no team's: nothing. ``*_after`` is inclusive, ``*_before`` is not. ``live_at``: committed by
    then, valid then, and neither abandoned nor refused since. ``states`` are told for the moment ``now``, with
    what ``pasts`` say was cut on each account. ``reason`` and ``text`` are found anywhere, in any case; ``text`` in id,
    caller, reason, labels and request ids.
    """

    accounts: Sequence[str]
    teams: frozenset[str] | None = None
    profile: str | None = None
    application: str | None = None
    object_id: str | None = None
    issued_after: datetime | None = None
    issued_before: datetime | None = None
    signing_key: SigningKey | None = None
    identity: str | None = None
    expires_after: datetime | None = None
    expires_before: datetime | None = None
    live_at: datetime | None = None
    states: frozenset[TokenState] | None = None
    now: datetime | None = None
    pasts: Mapping[str, Past] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    reason: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for states of no moment."""
        if self.states is not None and self.now is None:
            raise ValueError("states change with time: say for which moment")

    def is_in_state(self, record: TokenRecord) -> bool:
        """Tell whether ``record`` is in one of ``states``."""
        if self.states is None or self.now is None:
            return True
        return self.pasts.get(record.grant.account, Past()).state(record, self.now) in self.states

    @property
    def by_expiry(self) -> bool:
        """Whether the list is ordered by expiry, and not by time issued."""
        return any((self.signing_key, self.identity, self.expires_after, self.expires_before))


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events to list, newest first; None is no limit, and everything that is said must hold.

    Indexed: streams (accounts, ``service``), and one of token, revocation, ``object_id`` or ``application`` (of the
    caller) and team, in this order; and the time of either. The rest, kinds and ``text`` (anywhere in the event's
    JSON, in any case) are looked up in what that yields: a page examines a bounded number of events.

    ``after`` is inclusive, ``before`` is not; both compare with what the event says, in milliseconds.
    """

    streams: Sequence[str]
    team: str | None = None
    token: str | None = None
    application: str | None = None
    object_id: str | None = None
    revocation: str | None = None
    kinds: frozenset[EventKind] | None = None
    after: datetime | None = None
    before: datetime | None = None
    text: str | None = None
