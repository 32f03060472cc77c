"""Token ids: the account, a dot, and a version 7 UUID in 26 lower-case base32hex digits, so that they sort by time."""

import secrets
from datetime import UTC, datetime, timedelta

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_LENGTH = 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = 7 << 76
_VARIANT = 2 << 62


class RandomTokenIds:
    """Ids with 74 random bits per millisecond: two processes need not know of each other."""

    def new(self, account: str, now: datetime) -> str:
        """Return an id that was never returned before."""
        return f"{account}.{suffix(now, secrets.randbits(74))}"


def suffix(now: datetime, random_bits: int) -> str:
    """Return the 26 digits of RFC 9562's version 7 UUID made of ``now`` and 74 bits."""
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    number = (milliseconds << 80) | _VERSION | ((random_bits >> 62) << 64) | _VARIANT | (random_bits & (2**62 - 1))
    return "".join(_DIGITS[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
