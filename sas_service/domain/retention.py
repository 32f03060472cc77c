"""Which events may leave Redis for their age: a beginning of the stream that nothing live hangs on, and no more.

Texts are removed from the front only, so that what is left has numbers without gaps and one number says what is gone.
A token that lives long holds back what came after its first event; the mirror has everything anyway.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime

from sas_service.domain.audit import AuditEvent
from sas_service.domain.iso8601 import parse_instant
from sas_service.domain.tokens import TokenRecord, TokenState


def is_over(record: TokenRecord | None, before: datetime) -> bool:
    """Tell whether nothing can happen to a token any more, since ``before``: expired or refused; and never if open.

    An abandoned token may exist in Azure and counts for clean identities until it would have expired.
    """
    if record is None:
        return True
    if record.state is TokenState.REFUSED:
        return record.issued_at < before
    return record.state is not TokenState.RESERVED and record.grant.expiry < before


def tokens_over(
    events: Iterable[AuditEvent], *, before: datetime, record: Callable[[str], TokenRecord | None]
) -> tuple[str, ...]:
    """Return the tokens of these events' own stream whose records may go with them.

    An event of the service's stream may name any account's token: that one goes with the events of its account.
    """
    named = {
        token
        for event in events
        if isinstance(token := json.loads(event.text).get("token"), str) and token.rpartition(".")[0] == event.stream
    }
    return tuple(sorted(token for token in named if (known := record(token)) and is_over(known, before)))


def leaving(
    events: Iterable[AuditEvent],
    *,
    before: datetime,
    record: Callable[[str], TokenRecord | None],
    still_open: frozenset[str],
) -> int:
    """Return the number of the last event that may go, 0 for none; ``events`` are those that are left, in order.

    An event may go if it is older than ``before``, its token is over since then, its revocation or lockdown is not one
    of those ``still_open``, and so may every event before it.
    """
    known: dict[str, bool] = {}
    last = 0
    for event in events:
        members = json.loads(event.text)
        if parse_instant(members["at"]) >= before or still_open & {members.get("revocation"), members.get("lockdown")}:
            return last
        token = members.get("token")
        if isinstance(token, str):
            if token not in known:
                known[token] = is_over(record(token), before)
            if not known[token]:
                return last
        last = event.seq
    return last
