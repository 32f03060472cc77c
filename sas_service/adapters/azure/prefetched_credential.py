"""A credential that asks once: one thread fetches, the others wait or use the token that is still good.

azure-identity has no lock on a cold cache: 32 threads make 32 requests, and the identity endpoint of a virtual machine
allows five at a time (azure-facts.md, section 6).
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential, TokenRequestOptions

from sas_service.adapters.azure.arm_writes import ArmWrites
from sas_service.adapters.azure.errors import credential_failure
from sas_service.domain.errors import IdentityUnavailable

_LOG = logging.getLogger(__name__)

ARM_SCOPE = "https://management.azure.com/.default"

_UNUSABLE_BEFORE = 60.0
"""Seconds before its expiry from which a token is not sent any more: it has to arrive, too."""

_DUE_BEFORE = 300.0
"""Seconds before its expiry at which a token is renewed if Entra named no better time; the SDK does so, too."""

_PAUSE = 30.0
"""Seconds between two attempts to renew a token that is still good."""

_SAME_FAILURE = 1.0
"""Seconds for which a failure is told to others without asking again."""


class PrefetchedCredential:
    """Wraps one credential for one scope; ``build`` is called in the process that uses it, so after a fork.

    Every failure is IdentityUnavailable, without any text of the SDK's. ``writes`` watches what this principal writes
    to Azure: ARM's limits are a principal's.
    """

    def __init__(
        self,
        build: Callable[[], TokenCredential],
        *,
        scope: str = ARM_SCOPE,
        patience: float = 15.0,
        writes: ArmWrites | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.writes = writes
        self._build = build
        self._scope = scope
        self._patience = patience
        self._clock = clock
        self._asking = threading.Lock()
        self._credential: TokenCredential | None = None
        self._token: AccessTokenInfo | None = None
        self._renew_at = 0.0
        self._failed_at: float | None = None
        self._forgotten_at: float | None = None

    def prefetch(self) -> None:
        """Get the first token; raises IdentityUnavailable."""
        self.bearer()

    def bearer(self) -> str:
        """Return an access token that is good for another minute at least; raises IdentityUnavailable."""
        token, now = self._token, self._clock()
        if token is None or token.expires_on - now < _UNUSABLE_BEFORE:
            return self._first(now).token
        if now >= self._renew_at and self._asking.acquire(blocking=False):
            try:
                self._renew(token)
            finally:
                self._asking.release()
        return token.token

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """Do as TokenCredential, for SDK clients that we do not authenticate ourselves."""
        token = self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Do as SupportsTokenInfo; a token of another scope than ours is never asked for."""
        del options
        if scopes != (self._scope,):
            raise ValueError("this credential is for one scope")
        self.bearer()
        if self._token is None:
            raise IdentityUnavailable("The service's own access token was refused.")
        return self._token

    def forget(self, bearer: str) -> None:
        """Drop a token that Azure refused, and the SDK's cache with it; at most once a minute."""
        with self._asking:
            now = self._clock()
            recently = self._forgotten_at is not None and now - self._forgotten_at < _UNUSABLE_BEFORE
            if self._token is not None and self._token.token == bearer and not recently:
                self._token, self._credential, self._forgotten_at = None, None, now

    def _first(self, asked_at: float) -> AccessTokenInfo:
        """Fetch while nothing good is at hand: one asks, the rest wait for its answer, good or bad."""
        if not self._asking.acquire(timeout=self._patience):
            raise credential_failure()
        try:
            now = self._clock()
            if self._token is not None and self._token.expires_on - now >= _UNUSABLE_BEFORE:
                return self._token
            if self._failed_at is not None and not self._failed_at + _SAME_FAILURE < asked_at:
                raise credential_failure()
            return self._ask()
        finally:
            self._asking.release()

    def _renew(self, current: AccessTokenInfo) -> None:
        """Renew ahead; a failure only postpones it, because ``current`` is still good."""
        if current is not self._token:
            return
        self._renew_at = self._clock() + _PAUSE
        try:
            self._ask()
        except IdentityUnavailable:
            _LOG.warning("the service's own access token was not renewed; the current one is used on")

    def _ask(self) -> AccessTokenInfo:
        token = self._asked()
        now = self._clock()
        if token is None or token.expires_on - now < _UNUSABLE_BEFORE:
            self._failed_at = now
            raise credential_failure()
        due = token.refresh_on or token.expires_on - _DUE_BEFORE
        # A credential that gives the old token again is asked again after a pause, not at every request.
        self._renew_at = max(due, now + _PAUSE)
        self._token, self._failed_at = token, None
        return token

    def _asked(self) -> AccessTokenInfo | None:
        try:
            if self._credential is None:
                self._credential = self._build()
            ask = getattr(self._credential, "get_token_info", None)
            if ask is not None:
                info: AccessTokenInfo = ask(self._scope)
                return info
            plain = self._credential.get_token(self._scope)
            return AccessTokenInfo(plain.token, plain.expires_on)
        except Exception as error:  # noqa: BLE001 - SDK, MSAL, JSON and sockets fail in many types, some quote answers
            _LOG.warning("the service's own credential failed: %s", type(error).__name__)
            return None
