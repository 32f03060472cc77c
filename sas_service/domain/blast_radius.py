"""The live tokens that a lever kills: those that are meant, and the rest."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sas_service.domain.cuts import Past
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.revocations import Target
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord


@dataclass(frozen=True, slots=True)
class Kill:
    """What a lever takes away: a key, identities, or both; a token dies with either."""

    key: SigningKey | None = None
    identities: frozenset[str] = frozenset()

    def hits(self, record: TokenRecord) -> bool:
        """Tell whether ``record`` hangs on what is taken away."""
        return record.grant.signing_key is self.key or record.grant.identity in self.identities


@dataclass(frozen=True, slots=True)
class Radius:
    """How many tokens, by team and profile, and when the last of them would have expired by itself."""

    total: int = 0
    by: Mapping[tuple[str, str], int] = field(default_factory=dict)
    last_expiry: datetime | None = None

    @classmethod
    def of(cls, records: Iterable[TokenRecord]) -> "Radius":
        """Count ``records``."""
        grants = [record.grant for record in records]
        by = Counter((grant.team, grant.profile) for grant in grants)
        return cls(len(grants), dict(sorted(by.items())), max((grant.expiry for grant in grants), default=None))

    def grew_beyond(self, planned: "Radius") -> tuple[tuple[str, str], ...]:
        """Return the teams and profiles of which there are more tokens than were planned."""
        return tuple(who for who, count in self.by.items() if count > planned.by.get(who, 0))

    def document(self) -> dict[str, object]:
        """Write it as JSON."""
        return {
            "total": self.total,
            "by": [{"team": team, "profile": name, "tokens": count} for (team, name), count in self.by.items()],
            "lastExpiry": format_instant(self.last_expiry) if self.last_expiry else None,
        }


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a lever does to live tokens; ``missed`` are those that are meant and that it does not reach."""

    intended: Radius
    collateral: Radius
    missed: Radius


def blast_radius(live: Iterable[TokenRecord], target: Target, kill: Kill) -> BlastRadius:
    """Sort ``live`` tokens by whether they are meant and whether ``kill`` hits them."""
    intended: list[TokenRecord] = []
    collateral: list[TokenRecord] = []
    missed: list[TokenRecord] = []
    for record in live:
        if target.selects(record):
            (intended if kill.hits(record) else missed).append(record)
        elif kill.hits(record):
            collateral.append(record)
    return BlastRadius(Radius.of(intended), Radius.of(collateral), Radius.of(missed))


def live_tokens(records: Iterable[TokenRecord], past: Past, now: datetime) -> tuple[TokenRecord, ...]:
    """Return the tokens that an application could still use."""
    return tuple(record for record in records if past.works(record, now))
