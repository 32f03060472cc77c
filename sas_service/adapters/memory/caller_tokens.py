"""Entra's access tokens as a table of strings."""

from collections.abc import Mapping
from datetime import datetime

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.callers import Caller
from sas_service.domain.errors import Unauthenticated


class MemoryCallerTokens(Failing):
    """The port ``CallerTokens``: whoever presents a known string is its Caller."""

    def __init__(self, callers: Mapping[str, Caller]) -> None:
        super().__init__()
        self._callers = dict(callers)

    def verify(self, bearer: str, now: datetime) -> Caller:  # noqa: ARG002  these strings never expire
        """Return whose string it is; Unauthenticated for any other."""
        self._fail_if_told()
        if bearer not in self._callers:
            raise Unauthenticated("The access token cannot be trusted.", reason="unknown")
        return self._callers[bearer]
