"""That a token has expired, as an event: found by its slot's deadlines, written once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sas_service.domain.audit import AuditEvent, EventDraft
from sas_service.domain.tokens import TokenRecord


class Expiries(Protocol):
    """The tokens whose end is not on record yet. Raises AuditLogUnavailable."""

    def due(self, account: str, now: datetime, limit: int) -> tuple[TokenRecord, ...]:
        """Return up to ``limit`` tokens of each slot that expired until ``now``, the first first.

        Abandoned ones too, for they may exist at Azure; behind an open reservation nothing, until it is closed.
        """
        ...

    def expire(self, expired: Sequence[tuple[TokenRecord, EventDraft]]) -> tuple[AuditEvent, ...]:
        """Write the events of these tokens, as ``due`` returned them; returns those that were not there yet."""
        ...
