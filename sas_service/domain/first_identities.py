"""Which identity a profile starts with that never had one: the first that is not cut, unclean or in quarantine."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sas_service.domain.cuts import IDENTITY, Past
from sas_service.domain.policy import Profile
from sas_service.domain.tokens import TokenRecord


def first_identity(
    profile: Profile,
    past: Past,
    records: Iterable[TokenRecord],
    *,
    now: datetime,
    quarantine: timedelta,
    dying: frozenset[str] = frozenset(),
) -> str:
    """Return it; ``dying`` is what an open run cuts. If none is free of all this, the first that is not dying."""
    unexpired = tuple(records)
    cut = {each.name for each in past.cuts if each.kind == IDENTITY}
    alive = [name for name in profile.identities if name not in dying]
    quiet = [name for name in alive if not past.quarantined_until(name, quarantine, now)]
    clean = [name for name in quiet if name not in cut or not past.unclean_until(name, unexpired, now)]
    untouched = [name for name in clean if name not in cut]
    return next(iter((*untouched, *clean, *quiet, *alive, *profile.identities)))
