"""The second layout's dictionary: what many texts contain is stored once per account and named by its digest.

Names are made of the content and a piece is never changed, so what was read once may be kept for ever. Scripts store
the pieces together with the text that names them, and refuse if the name is taken by another piece.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from sas_service.adapters.redis.failures import unavailable
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Server

_DIGITS = 16
_MARK = "\x01"
_MOST_KNOWN = 50_000
_MOST_NAMED = 4096

# Pieces of an event's JSON that recur. Whatever they match is put back as it was: they decide what is saved, no more.
# A caller's is the piece that his records name, too.
# All begin with the same character, which a search leaps to: without that it tries each of them at every place.
_RECURRING = re.compile(
    r'"account":"[^"{}]*","team":"[^"{}]*","token":"[^"{}.]*\.'
    r'|"caller":(?P<caller>\{"tenantId":[^{}]*\})'
    r'|"granted":\{"profile":[^{}]*?"start":"'
    r'|"policyDigest":"[0-9a-f]{64}"'
)
_CALLER = '"caller":'


@lru_cache(_MOST_NAMED)
def name_of(piece: str) -> str:
    """Return the name of a piece: 96 bits of its SHA-256."""
    return base64.urlsafe_b64encode(hashlib.sha256(piece.encode()).digest())[:_DIGITS].decode()


def packed(text: str) -> tuple[str, Mapping[str, str]]:
    """Return ``text`` (ASCII without control characters) with names for recurring pieces, and these by name."""
    pieces: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        caller: str | None = found["caller"]
        piece = found[0] if caller is None else caller
        name = name_of(piece)
        pieces[name] = piece
        return _MARK + name if caller is None else _CALLER + _MARK + name

    return _RECURRING.sub(named, text), pieces


def names_in(text: str) -> list[str]:
    """Return the names that a packed text contains."""
    return [part[:_DIGITS] for part in text.split(_MARK)[1:]]


def unpacked(text: str, words: Mapping[str, str]) -> str:
    """Return what ``packed`` was given; raises KeyError for a name that is not among ``words``."""
    first, *named = text.split(_MARK)
    return "".join([first, *[words[part[:_DIGITS]] + part[_DIGITS:] for part in named]])


def told(words: Mapping[str, str]) -> str:
    """Return pieces as the one argument that scripts read; neither names nor pieces contain a line break."""
    return "\n".join(part for pair in words.items() for part in pair)


class Words:
    """The dictionaries of all accounts; what was read is shared by all that use the same server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known = server.known_words

    def known(self, account: str) -> Mapping[str, str]:
        """Return what was read of an account's dictionary so far: mostly all that a page needs."""
        return self._known.get(account, {})

    def of(self, account: str, names: Iterable[str]) -> Mapping[str, str]:
        """Return the pieces with these names, in at most one round trip. Raises AuditLogUnavailable if one is gone."""
        known = self._known.get(account, {})
        wanted = set(names)
        missing = sorted(name for name in wanted if name not in known)
        if missing:
            (found,) = self._server.read(("HMGET", Keys(account).words, *missing))
            if None in found:
                raise unavailable("has lost a part of its records")
            # A new mapping and no change of the old one: other threads are reading it.
            kept = known if len(known) < _MOST_KNOWN else {}
            needed = {name: known[name] for name in wanted if name in known}
            known = self._known[account] = {**kept, **needed, **dict(zip(missing, found, strict=True))}
        return known
