"""What earlier runs have cut: which tokens are dead for good, which identities are clean, what is in quarantine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord, TokenState


@dataclass(frozen=True, slots=True)
class Cut:
    """One thing taken away: a key's generation or an identity's role, with all that hung on it up to ``epoch``.

    ``epoch`` is the account's when it was cut: from that epoch on, nothing is signed with it until a later switch.
    ``until`` is told of a key that somebody else regenerated: only what was signed before is dead for sure, and what
    was issued from then to ``at``, when it was found, may be either. Nobody knows of a second of these, so both are
    taken to be true: its holder is told to renew, and it counts as live.
    """

    kind: str
    name: str
    epoch: int
    at: datetime
    until: datetime | None = None

    def ends(self, kind: str, name: str, record: TokenRecord, *, surely: bool) -> bool:
        """Tell whether it took ``record`` away, for sure or perhaps."""
        if (self.kind, self.name) != (kind, name) or record.grant.epoch > self.epoch:
            return False
        if self.until is None:
            return True
        # A token may be signed up to so much later than it was reserved, which is what ``issued_at`` says.
        return record.issued_at < self.until - SIGNING_TIME if surely else record.issued_at <= self.at


SIGNING_TIME = timedelta(minutes=2)
"""The longest from a token's reservation to its signature: the reaper gives up then (the setting's default)."""

KEY, IDENTITY = "key", "identity"


@dataclass(frozen=True, slots=True)
class Wound:
    """A change sent to Azure that takes something away; while it may still land, nothing may hang on ``name``."""

    name: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """All cuts and wounds of one account, over all of its runs."""

    cuts: tuple[Cut, ...] = ()
    wounds: tuple[Wound, ...] = ()

    def is_gone(self, record: TokenRecord) -> bool:
        """Tell whether the key generation that signed ``record`` is gone: nothing can revive it."""
        return self._is_cut(KEY, record.grant.signing_key.value, record)

    def is_hit(self, record: TokenRecord) -> bool:
        """Tell whether ``record`` may have been taken away, by its key or its identity: its holder must hear of it."""
        return self._is_cut(KEY, record.grant.signing_key.value, record, surely=False) or self.is_soft(record)

    def is_soft(self, record: TokenRecord) -> bool:
        """Tell whether the role behind ``record`` was removed: it would work again if the role came back."""
        return self._is_cut(IDENTITY, record.grant.identity, record)

    def _is_cut(self, kind: str, name: str, record: TokenRecord, *, surely: bool = True) -> bool:
        return any(cut.ends(kind, name, record, surely=surely) for cut in self.cuts)

    def state(self, record: TokenRecord, now: datetime) -> TokenState:
        """Return the honest word for ``record``, what happened to its key and identity included."""
        state = record.state_at(now)
        if state not in {TokenState.LIVE, TokenState.SUPERSEDED_LIVE, TokenState.SOFT_REVOKED}:
            return state
        if self.is_gone(record):
            return TokenState.DEAD
        return TokenState.SOFT_REVOKED if self.is_soft(record) else state

    def works(self, record: TokenRecord, now: datetime) -> bool:
        """Tell whether an application could still use ``record``."""
        return self.state(record, now) in {TokenState.LIVE, TokenState.SUPERSEDED_LIVE}

    def unclean_until(self, identity: str, records: Iterable[TokenRecord], now: datetime) -> datetime | None:
        """Return when the last token that the identity's role could revive expires; None if the identity is clean.

        Abandoned and reserved tokens count: they never left the process, but may exist in Azure.
        """
        risky = [
            record.grant.expiry
            for record in records
            if record.grant.identity == identity
            and record.grant.expiry > now
            and record.state is not TokenState.REFUSED
            and not self.is_gone(record)
        ]
        return max(risky, default=None)

    def quarantined_until(self, name: str | SigningKey, lasts: timedelta, now: datetime) -> datetime | None:
        """Return when the quarantine of a key or identity ends; None if it is in none."""
        ends = max((wound.sent + lasts for wound in self.wounds if wound.name == str(name)), default=None)
        return ends if ends is not None and ends > now else None


def joined(pasts: Iterable[Past]) -> Past:
    """Put the pasts of several runs together."""
    known = tuple(pasts)
    return Past(
        cuts=tuple(cut for past in known for cut in past.cuts),
        wounds=tuple(wound for past in known for wound in past.wounds),
    )


def by_name(cuts: Iterable[Cut]) -> Mapping[str, Cut]:
    """Return the newest cut of each key and identity."""
    return {cut.name: cut for cut in sorted(cuts, key=lambda cut: cut.epoch)}
