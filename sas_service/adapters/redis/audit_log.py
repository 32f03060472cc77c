"""The port ``AuditLog`` in Redis, put together from its parts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sas_service.adapters.redis.denials import MOST_FOLDS, Denials
from sas_service.adapters.redis.event_reads import EventReads
from sas_service.adapters.redis.event_text import EventText, written
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.reservations import Reservations
from sas_service.adapters.redis.server import Script, Server
from sas_service.adapters.redis.token_reads import TokenReads
from sas_service.adapters.redis.token_writes import TokenWrites
from sas_service.domain.audit import AuditEvent, Denial, EventDraft
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventPage, EventQuery, Replay, Reservation, Reserved, TokenPage, TokenQuery

MAX_CLOCK_SKEW = timedelta(seconds=60)
_APPEND = Script("events", "append")


class RedisAuditLog:
    """Records and events of all accounts; each write is one script in one cluster slot."""

    def __init__(
        self, server: Server, *, max_clock_skew: timedelta = MAX_CLOCK_SKEW, most_folds: int = MOST_FOLDS
    ) -> None:
        self._server = server
        self.reservations = Reservations(server, max_clock_skew=max_clock_skew)
        self._writes = TokenWrites(server)
        self._denials = Denials(server, most_folds=most_folds)
        self._tokens = TokenReads(server)
        self._events = EventReads(server)

    def reserve(self, reservation: Reservation) -> Reserved | Replay:
        """Write the record as ``reserved`` and its event, if nothing speaks against it."""
        return self.reservations.reserve(reservation)

    def commit(self, record: TokenRecord, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Turn a reservation into a live token, durably."""
        return self._writes.commit(record, event)

    def redeliver(self, record: TokenRecord, fingerprint: str, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Add a fingerprint to a live record, durably."""
        return self._writes.redeliver(record, fingerprint, event)

    def settle(self, record: TokenRecord, state: TokenState, event: EventDraft) -> tuple[AuditEvent, ...]:
        """Close a record as ``abandoned`` or ``refused``."""
        return self._writes.settle(record, state, event)

    def deny(self, denial: Denial) -> tuple[AuditEvent, ...]:
        """Record a refusal; equal ones are folded."""
        return self._denials.deny(denial)

    def flush_denials(self, now: datetime) -> tuple[AuditEvent, ...]:
        """Write the folded events whose minute is over."""
        return self._denials.flush(now)

    def append(self, event: EventDraft, *, once: str | None = None) -> tuple[AuditEvent, ...]:
        """Append an event, with ``once`` only if that key was not the last one of its prefix."""
        keys, told = Keys(event.stream), EventText.of(event)
        prefix = (once or "").partition(":")[0]
        answer = self._server.run(
            _APPEND, (keys.once, *told.keys(keys)), (prefix, once or "", *told.words(keys, self._server.layout))
        )
        return written(keys, answer[0]) if answer else ()

    def token(self, token_id: str) -> TokenRecord | None:
        """Return the record of a token id, or None."""
        return self._tokens.token(token_id)

    def token_by_fingerprint(self, accounts: Sequence[str], fingerprint: str) -> TokenRecord | None:
        """Return the record that has this fingerprint, or None."""
        return self._tokens.token_by_fingerprint(accounts, fingerprint)

    def tokens(self, query: TokenQuery, *, cursor: str | None, limit: int) -> TokenPage:
        """List records by time issued, newest first."""
        return self._tokens.tokens(query, cursor=cursor, limit=limit)

    def events(self, query: EventQuery, *, cursor: str | None, limit: int) -> EventPage:
        """List events, newest first."""
        return self._events.events(query, cursor=cursor, limit=limit)

    def identities_in_use(self, account: str, now: datetime) -> Mapping[str, int]:
        """Return identity name -> number of unexpired tokens that hang on it."""
        return self._tokens.identities_in_use(account, now)

    def overdue(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return reservations past their deadline."""
        return self._tokens.overdue(account, now)
