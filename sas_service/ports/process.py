"""What a process needs around it: time, ids, callers, policy, readiness."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sas_service.domain.callers import Caller
from sas_service.domain.policy import Policy


class Clock(Protocol):
    """The time, in UTC."""

    def now(self) -> datetime:
        """Return the current instant."""
        ...


class TokenIds(Protocol):
    """Fresh token ids: ``<account>.<26 characters, ordered by time>``."""

    def new(self, account: str, now: datetime) -> str:
        """Return an id that was never returned before."""
        ...


class CallerTokens(Protocol):
    """Entra's access tokens."""

    def verify(self, bearer: str, now: datetime) -> Caller:
        """Return who ``bearer`` proves; raises Unauthenticated, or IdentityUnavailable when no signing key is known."""
        ...


class Policies(Protocol):
    """The policy in force."""

    def current(self) -> Policy:
        """Return the policy to decide by; it may change between two calls, never within one value."""
        ...

    def status(self) -> Mapping[str, object]:
        """Return digest, source and, after a refused change, its reasons: what /readyz shows."""
        ...


class Readiness(Protocol):
    """One dependency that /readyz asks."""

    @property
    def name(self) -> str:
        """How it is shown."""
        ...

    def check(self) -> Mapping[str, object]:
        """Return details to show; raises a SasServiceError when not ready."""
        ...
