"""Token records in dictionaries, and the indexes over them as plain searches."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sas_service.adapters.audit_filters import is_asked_for
from sas_service.adapters.cursors import TokenPosition, check_limit
from sas_service.domain.budgets import weight
from sas_service.domain.tokens import Grant, TokenRecord, TokenState
from sas_service.ports import Reservation, TokenPage, TokenQuery

IDEMPOTENCY_LIFETIME = timedelta(hours=24)
_OVERDUE_AT_ONCE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an Idempotency-Key stands for."""

    body: str
    token: str
    until: datetime
    record: TokenRecord | None = None


class TokenStore:
    """Records, open reservations, fingerprints; the audit log that owns it holds the lock."""

    def __init__(self) -> None:
        self._records: dict[str, TokenRecord] = {}
        self._deadlines: dict[str, datetime] = {}
        self._listed: set[str] = set()
        self._fingerprints: dict[tuple[str, str], str] = {}
        self._keys: dict[tuple[str, str], Remembered] = {}

    def get(self, token_id: str) -> TokenRecord | None:
        """Return a record."""
        return self._records.get(token_id)

    def is_open(self, token_id: str) -> bool:
        """Tell whether it is a reservation that nobody committed or settled."""
        return token_id in self._deadlines

    def remembered(self, reservation: Reservation) -> Remembered | None:
        """Return what the reservation's Idempotency-Key stands for, with the record as it is now."""
        if reservation.idempotency is None:
            return None
        found = self._keys.get((reservation.record.grant.account, reservation.idempotency.key))
        if found is None or found.until <= reservation.record.issued_at:
            return None
        return replace(found, record=self._records.get(found.token))

    def reserve(self, reservation: Reservation) -> None:
        """Keep a reservation, and its key."""
        record = replace(reservation.record, state=TokenState.RESERVED)
        self._records[record.id] = record
        self._deadlines[record.id] = reservation.deadline
        if reservation.idempotency:
            until = record.issued_at + IDEMPOTENCY_LIFETIME
            key = (record.grant.account, reservation.idempotency.key)
            self._keys[key] = Remembered(reservation.idempotency.body, record.id, until)

    def commit(self, live: TokenRecord) -> None:
        """Close the reservation with a live record, and list it."""
        del self._deadlines[live.id]
        self._listed.add(live.id)
        self.redeliver(live)

    def redeliver(self, changed: TokenRecord) -> None:
        """Keep a record and make its newest fingerprint findable."""
        self._records[changed.id] = changed
        self._fingerprints[changed.grant.account, changed.fingerprints[-1]] = changed.id

    def close(self, closed: TokenRecord) -> None:
        """Keep a record that was settled."""
        self._records[closed.id] = closed
        self._deadlines.pop(closed.id, None)

    def remove(self, token_id: str) -> None:
        """Forget a token that is over. Raises ValueError if it is an open reservation."""
        if self.is_open(token_id):
            raise ValueError("an open reservation is not removed")
        self._records.pop(token_id, None)
        self._listed.discard(token_id)
        self._fingerprints = {name: token for name, token in self._fingerprints.items() if token != token_id}

    def by_fingerprint(self, accounts: Sequence[str], fingerprint: str) -> TokenRecord | None:
        """Return the record that has this fingerprint."""
        found = (self._fingerprints.get((account, fingerprint)) for account in accounts)
        return next((self._records[token] for token in found if token), None)

    def page(self, query: TokenQuery, *, cursor: str | None, limit: int) -> TokenPage:
        """Do what ``AuditLog.tokens`` promises."""
        check_limit(limit)
        order = query.by_expiry
        after = TokenPosition.read(cursor, by_expiry=order) if cursor is not None else None
        matching = [record for record in self._listable(order) if is_asked_for(query, record)]
        placed = [(_position(record, by_expiry=order), record) for record in matching]
        rows = sorted((row for row in placed if after is None or row[0] < after), key=lambda row: row[0], reverse=True)
        has_more = len(rows) > limit
        following = rows[limit - 1][0].cursor(by_expiry=order) if has_more else None
        return TokenPage(tuple(record for _, record in rows[:limit]), following)

    def _listable(self, by_expiry: bool) -> list[TokenRecord]:  # noqa: FBT001  the two lists that there are
        if by_expiry:
            return [record for record in self._records.values() if record.state is not TokenState.REFUSED]
        return [self._records[token] for token in self._listed]

    def identities_in_use(self, account: str, now: datetime) -> Mapping[str, int]:
        """Return identity -> number of unexpired tokens that exist or may exist."""
        return Counter(
            record.grant.identity
            for record in self._records.values()
            if record.grant.account == account and record.grant.expiry > now and record.state is not TokenState.REFUSED
        )

    def unexpired(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return what exists, or may exist, and has not expired."""
        return tuple(
            record
            for record in self._records.values()
            if record.grant.account == account and record.grant.expiry > now and record.state is not TokenState.REFUSED
        )

    def expired(
        self, account: str, now: datetime, limit: int, *, is_told: Callable[[TokenRecord], bool]
    ) -> tuple[TokenRecord, ...]:
        """Return up to ``limit`` tokens of each slot that have expired untold, up to an open reservation."""
        found: dict[tuple[str, str], list[TokenRecord]] = {}
        held = set()
        for record in sorted(self._records.values(), key=lambda each: (each.grant.expiry, each.id)):
            grant = record.grant
            slot = grant.signing_key.value, grant.identity
            if grant.account != account or grant.expiry > now or slot in held:
                continue
            if record.state is TokenState.RESERVED:
                held.add(slot)
            elif record.state is not TokenState.REFUSED and not is_told(record):
                found.setdefault(slot, []).append(record)
        return tuple(record for of_slot in found.values() for record in of_slot[:limit])

    def restore(self, record: TokenRecord, *, committed: bool) -> None:
        """Keep a record, whatever was there, and list it; an open reservation is overdue at once."""
        self._records[record.id] = record
        self._deadlines.pop(record.id, None)
        if record.state is TokenState.RESERVED:
            self._deadlines[record.id] = record.issued_at
        if committed or record.state is TokenState.LIVE:
            self._listed.add(record.id)
            for fingerprint in record.fingerprints:
                self._fingerprints[record.grant.account, fingerprint] = record.id

    def spent(self, grant: Grant, now: datetime) -> tuple[int, int]:
        """Return how many live and reserved tokens there are of the grant's profile and epoch, and their rate."""
        counted = [
            record.grant
            for record in self._records.values()
            if (record.grant.account, record.grant.profile, record.grant.epoch)
            == (grant.account, grant.profile, grant.epoch)
            and record.grant.expiry > now
            and record.state in {TokenState.RESERVED, TokenState.LIVE}
        ]
        return len(counted), sum(map(weight, counted))

    def keep(self, changed: TokenRecord) -> None:
        """Keep a record that was changed, and nothing else."""
        self._records[changed.id] = changed

    def overdue(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return at most 100 open reservations past their deadline, the oldest first."""
        late = sorted((deadline, token) for token, deadline in self._deadlines.items() if deadline <= now)
        records = [self._records[token] for _, token in late if self._records[token].grant.account == account]
        return tuple(records[:_OVERDUE_AT_ONCE])


def _position(record: TokenRecord, *, by_expiry: bool) -> TokenPosition:
    at = record.grant.expiry if by_expiry else record.issued_at
    ms = (at - _EPOCH) // timedelta(milliseconds=1)
    return TokenPosition(ms, record.id.rpartition(".")[2], record.grant.account)
