"""How a record may change: pure rules that the audit log in Redis and its twin in memory share."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from sas_service.domain.errors import RecordConflict
from sas_service.domain.tokens import TokenRecord, TokenState, known_by

_CLOSED = frozenset({TokenState.ABANDONED, TokenState.REFUSED})


class Verdict(StrEnum):
    """What an Idempotency-Key means for a further request (design.md section 4)."""

    NO_KEY = ""
    ANEW = "ANEW"
    REPLAY = "REPLAY"
    SUPERSEDED = "SUPERSEDED"
    RUNNING = "RUNNING"
    REUSED = "REUSED"


def verdict_on(earlier: TokenRecord | None, now: datetime) -> Verdict:
    """Return what the earlier token of the same key and body means; whether its epoch is current is still open.

    A reservation that nobody settled counts as running, also past its deadline: the reaper ends it.
    """
    state = earlier.state_at(now) if earlier else TokenState.REFUSED
    if state is TokenState.RESERVED:
        return Verdict.RUNNING
    if state is TokenState.LIVE:
        return Verdict.REPLAY
    return Verdict.SUPERSEDED if state in {TokenState.SUPERSEDED_LIVE, TokenState.SOFT_REVOKED} else Verdict.ANEW


def committed(record: TokenRecord) -> TokenRecord:
    """Return ``record`` as a live token; raises RecordConflict if it names no fingerprint."""
    if not record.fingerprints:
        raise RecordConflict("A token without a fingerprint cannot be committed.")
    return record if record.state is TokenState.LIVE else replace(record, state=TokenState.LIVE)


def superseded(stored: TokenRecord | None, earlier: TokenRecord | None, by: TokenRecord) -> TokenRecord:
    """Return ``stored`` as replaced ``by``; ``earlier`` is what replaced it until now. Raises RecordConflict.

    A token has one replacement at a time: another takes its place only when that one is not live, or of another epoch.
    """
    if stored is None or stored.grant.account != by.grant.account:
        raise RecordConflict("There is no such record to replace.")
    is_current = earlier and earlier.state is TokenState.LIVE and earlier.grant.epoch == by.grant.epoch
    if earlier and is_current and earlier.id != by.id:
        raise RecordConflict("The token was replaced meanwhile.")
    return replace(stored, replaced_by=by.id)


def redelivered(stored: TokenRecord, fingerprint: str, now: datetime) -> TokenRecord:
    """Return ``stored`` with a further fingerprint; raises RecordConflict if it is not live."""
    if stored.state is not TokenState.LIVE or stored.grant.expiry <= now:
        raise RecordConflict("The token is not live.")
    return replace(stored, fingerprints=known_by(stored.fingerprints, fingerprint))


def settled(stored: TokenRecord, known: TokenRecord, state: TokenState) -> TokenRecord | None:
    """Return ``stored`` closed as ``state``, or None if it is closed already.

    A live token is closed only as abandoned, and only by somebody who knows that it was committed (``known`` has its
    fingerprint): a reaper that read the reservation just before the commit must not take it from its owner.
    """
    if stored.state in _CLOSED:
        return None
    if stored.state is TokenState.RESERVED:
        return replace(
            stored,
            state=state,
            fingerprints=known.fingerprints,
            azure_request_id=known.azure_request_id,
            attempts=known.attempts,
        )
    is_known = known.fingerprint in stored.fingerprints
    if stored.state is not TokenState.LIVE or state is not TokenState.ABANDONED or not is_known:
        raise RecordConflict("The token was committed meanwhile.")
    return replace(stored, state=state)
