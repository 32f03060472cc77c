"""Put on record that tokens have expired: the end of each, said by whoever looks first."""

from datetime import datetime

from sas_service.domain.apart import for_each
from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.token_events import about
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import Accounts, AuditMirror, Clock, Expiries

AT_ONCE = 200
"""Tokens of a slot in one round: far more than can be issued until the next, and little to write at once."""


class Expiring:
    """One round; harmless to repeat and to run in several workers at once.

    It goes on where the last round of any worker ended, so what expired while none ran is told late, and told.
    """

    def __init__(self, *, accounts: Accounts, expiries: Expiries, mirror: AuditMirror, clock: Clock) -> None:
        self._accounts = accounts
        self._expiries = expiries
        self._mirror = mirror
        self._clock = clock

    def run(self) -> int:
        """Return how many tokens were found to have expired. Raises AuditLogUnavailable, MirrorUnavailable."""
        return sum(for_each(self._accounts(), self._expire))

    def _expire(self, account: str) -> int:
        now = self._clock.now()
        due = self._expiries.due(account, now, AT_ONCE)
        events = self._expiries.expire([(record, _event(record, now)) for record in due])
        self._mirror.append(events, sync=False)
        return len(events)


def _event(record: TokenRecord, now: datetime) -> EventDraft:
    return about(
        record,
        EventKind.EXPIRED,
        now,
        record.request_id,
        expiry=format_instant(record.grant.expiry),
        state=None if record.state is TokenState.LIVE else record.state.value,
        replacedBy=record.replaced_by,
    )
