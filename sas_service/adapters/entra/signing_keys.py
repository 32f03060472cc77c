"""Entra's signing keys, kept as Entra's rollover guide asks: hourly refresh, 24 h at most, last good keys on failure.

Two requests never fetch at the same time, and nobody can make us fetch more than once per five minutes.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sas_service.adapters.entra.verification_key import VerificationKey
from sas_service.domain.errors import IdentityUnavailable

_LOG = logging.getLogger(__name__)

_CLOCK_NOISE = timedelta(minutes=5)
"""``now`` may lie a little before an earlier ``now``: requests read the clock before they come here."""


class KeysUnavailable(Exception):
    """The signing keys could not be downloaded; the message is of our own words."""


@dataclass(frozen=True, slots=True)
class KeyTimings:
    """When to fetch; Entra's own rollover guide gives the defaults."""

    refresh_after: timedelta = timedelta(hours=1)
    maximum_age: timedelta = timedelta(hours=24)
    retry_after: timedelta = timedelta(minutes=5)
    first_retry_after: timedelta = timedelta(seconds=5)
    wait_for_first: timedelta = timedelta(seconds=10)


class SigningKeys:
    """The tenant's keys by ``kid``."""

    def __init__(self, download: Callable[[], Mapping[str, VerificationKey]], timings: KeyTimings) -> None:
        self._download = download
        self._timings = timings
        self._fetching = threading.Lock()
        self._known: Mapping[str, VerificationKey] = {}
        self._fetched_at: datetime | None = None
        self._attempted_at: datetime | None = None

    def find(self, kid: str, now: datetime) -> VerificationKey | None:
        """Return the key named ``kid``; raises IdentityUnavailable only while no key at all is known."""
        self.refresh(now)
        if kid not in self._known:
            self._fetch(now, self._may_ask_again)
        return self._known.get(kid)

    def refresh(self, now: datetime) -> None:
        """Fetch if it is time to; raises IdentityUnavailable only while no key at all is known."""
        if not self._known:
            self._fetch(now, self._first_is_due, wait=self._timings.wait_for_first)
        elif _elapsed(self._fetched_at, now) >= self._timings.maximum_age:
            # Too old to be used beside a reachable Entra, so all wait for this fetch; on failure they serve on.
            self._fetch(now, self._refresh_is_due, wait=self._timings.wait_for_first)
        else:
            self._fetch(now, self._refresh_is_due)
        if not self._known:
            raise IdentityUnavailable(
                "The signing keys of Entra ID cannot be had.", retry_after=self._timings.first_retry_after
            )

    def status(self, now: datetime) -> Mapping[str, object]:
        """Return how many keys are known and how old they are, for people."""
        age = None if self._fetched_at is None else int(_elapsed(self._fetched_at, now).total_seconds())
        return {"keys": len(self._known), "ageSeconds": age}

    def _first_is_due(self, now: datetime) -> bool:
        return not self._known and _elapsed(self._attempted_at, now) >= self._timings.first_retry_after

    def _refresh_is_due(self, now: datetime) -> bool:
        return _elapsed(self._fetched_at, now) >= self._timings.refresh_after and self._may_ask_again(now)

    def _may_ask_again(self, now: datetime) -> bool:
        return _elapsed(self._attempted_at, now) >= self._timings.retry_after

    def _fetch(self, now: datetime, is_due: Callable[[datetime], bool], *, wait: timedelta = timedelta(0)) -> None:
        """Replace the keys if ``is_due``; when another request is at it, wait for it or go on with what is known."""
        if not is_due(now):
            return
        if not self._fetching.acquire(timeout=wait.total_seconds()):
            return
        try:
            # Asked again under the lock: the request that was waited for may have done it.
            if is_due(now):
                self._replace(now)
        finally:
            self._fetching.release()

    def _replace(self, now: datetime) -> None:
        try:
            keys = self._download()
        except KeysUnavailable as failure:
            _LOG.warning("Entra's signing keys were not fetched: %s", failure)
        else:
            self._known, self._fetched_at = keys, now
        finally:
            # Noted at the end: until then others still find the fetch due, and those that need it wait for it.
            self._attempted_at = now


def _elapsed(since: datetime | None, now: datetime) -> timedelta:
    """Return the time passed; for ever, if it never happened or the clock was set back."""
    if since is None or now < since - _CLOCK_NOISE:
        return timedelta.max
    return max(now - since, timedelta(0))
