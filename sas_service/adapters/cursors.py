"""Cursors of the lists: opaque to callers, read strictly, the same for Redis and its twin in memory."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sas_service.domain.errors import InvalidRequest, Violation

MOST = 500
"""The largest page."""

_LARGEST = 2**53
_ORDERS = {False: "token", True: "expiry"}
_LONGEST = 8192
_SUFFIX = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class TokenPosition:
    """Where a list of tokens stands: tokens are ordered by these three, the largest first.

    ``ms`` is the time issued or, in a list by expiry, the expiry.
    """

    ms: int
    suffix: str
    account: str

    def cursor(self, *, by_expiry: bool = False) -> str:
        """Return the cursor that goes on after this position."""
        return _pack({_ORDERS[by_expiry]: [self.ms, self.suffix, self.account]})

    @classmethod
    def read(cls, cursor: str, *, by_expiry: bool = False) -> "TokenPosition":
        """Return the position that ``cursor`` names; raises InvalidRequest for anything that is not ours."""
        match _unpack(cursor):
            # ``true`` is an int to a pattern, too.
            case {**members} if list(members) == [_ORDERS[by_expiry]]:
                match members[_ORDERS[by_expiry]]:
                    case [int(ms), str(suffix), str(account)] if (
                        type(ms) is int and 0 <= ms < _LARGEST and _SUFFIX.fullmatch(suffix) and account
                    ):
                        return cls(ms, suffix, account)
        raise _not_ours(cursor)


def event_cursor(positions: Mapping[str, int]) -> str | None:
    """Return the cursor of stream -> number of the next event to show (0: none is left), None when none is left.

    A negative number is one from which on the next event has yet to be looked for. What is not named has none left.
    """
    left = {stream: seq for stream, seq in positions.items() if seq}
    return _pack({"events": left}) if left else None


def read_event_cursor(cursor: str) -> Mapping[str, int]:
    """Return what ``event_cursor`` packed; raises InvalidRequest for anything that is not ours."""
    match _unpack(cursor):
        case {"events": dict(positions), **rest} if not rest:
            if all(type(seq) is int and -_LARGEST < seq < _LARGEST for seq in positions.values()):
                return positions
    raise _not_ours(cursor)


def check_limit(limit: int) -> None:
    """Raise InvalidRequest unless ``limit`` is 1 to 500."""
    if not 1 <= limit <= MOST:
        raise InvalidRequest(
            f"A page holds 1 to {MOST} items.", violations=(Violation("/limit", limit, f"1..{MOST}", "list.limit"),)
        )


def _pack(document: Mapping[str, object]) -> str:
    text = json.dumps(document, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _unpack(cursor: str) -> object:
    if len(cursor) > _LONGEST:
        raise _not_ours(cursor)
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error):
        raise _not_ours(cursor) from None


def _not_ours(cursor: str) -> InvalidRequest:
    violation = Violation("/cursor", cursor[:64], "the `next` of an earlier page", "list.cursor")
    return InvalidRequest("The cursor is not one of ours.", violations=(violation,))
