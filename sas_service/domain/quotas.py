"""How many requests a team may make in a while, and what is left of it."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Quota:
    """``requests`` in a window of ``per`` that begins with the first of them."""

    requests: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """What is left of ``quota`` until the window ends in ``reset``."""

    quota: Quota
    remaining: int
    reset: timedelta
