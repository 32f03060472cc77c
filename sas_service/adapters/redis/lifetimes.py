"""Classes of lifetimes: the tokens of one class live about as long, so those live at a moment lie close together."""

from sas_service.domain.tokens import TokenRecord

_MINUTE_MS = 60_000
LONGEST = 20
"""The last class: 2^20 minutes are nearly two years; a class of its own for whatever is longer is not needed."""


def lifetime_class(record: TokenRecord) -> int:
    """Return the smallest n for which ``record`` is dead 2^n minutes after it was issued; at most ``LONGEST``."""
    minutes = (record.grant.expiry - record.issued_at).total_seconds() / 60
    return next((n for n in range(LONGEST) if minutes <= 1 << n), LONGEST)


def longest_ms(lifetime: int) -> int | None:
    """Return how long a token of this class lives at most, in ms; None for no bound."""
    return None if lifetime >= LONGEST else (1 << lifetime) * _MINUTE_MS
