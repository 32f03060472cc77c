"""What scripts are told of an event, what they answer, and what they store."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sas_service.adapters.redis.compact_json import compact
from sas_service.adapters.redis.instants import milliseconds
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.words import names_in, packed, told, unpacked
from sas_service.domain.audit import AuditEvent, EventDraft
from sas_service.domain.iso8601 import parse_instant

_PACKED = "~"


@dataclass(frozen=True, slots=True)
class EventText:
    """A draft as JSON, and the chains that it belongs to.

    The text is final: the script only puts stream and number (and a denial's count) in front of it.
    """

    text: str
    team: str = ""
    token: str = ""
    application: str = ""
    object_id: str = ""
    revocation: str = ""
    at_ms: int = 0
    more_words: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, draft: EventDraft, *words: Mapping[str, str]) -> "EventText":
        """Return the text of a draft; ``words`` is what a record written with it needs of the dictionary."""
        document = draft.document()
        return cls._told(compact(document), document, milliseconds(draft.at), *words)

    @classmethod
    def read(cls, text: str) -> "EventText":
        """Return what an earlier ``of`` wrote."""
        members = json.loads(text)
        return cls._told(text, members, milliseconds(parse_instant(members["at"])))

    @classmethod
    def _told(cls, text: str, members: Mapping[str, Any], at_ms: int, *words: Mapping[str, str]) -> "EventText":
        caller = members.get("caller") or {}
        revocation = members.get("revocation")
        return cls(
            text,
            members.get("team") or "",
            members.get("token") or "",
            caller.get("applicationId") or "",
            caller.get("objectId") or "",
            revocation if isinstance(revocation, str) else "",
            at_ms,
            {name: piece for each in words for name, piece in each.items()},
        )

    def keys(self, keys: Keys) -> tuple[str, ...]:
        """Return the eight keys that ``append_event`` in lua/events.lua writes: always the last ones of a script."""
        heads, _ = keys.token_head(self.token or "-")
        users = keys.user_head(self.object_id or "-")
        return keys.events, keys.last_seq, keys.team_heads, heads, keys.chains, users, keys.late, keys.words

    def heads(self, keys: Keys) -> tuple[tuple[str, str], ...]:
        """Return key and field of the head of every chain that it is in."""
        chains = (
            (self.token, keys.token_head(self.token)),
            (self.team, (keys.team_heads, self.team)),
            (self.application, (keys.chains, f"a:{self.application}")),
            (self.object_id, (keys.user_head(self.object_id), self.object_id)),
            (self.revocation, (keys.chains, f"r:{self.revocation}")),
        )
        return tuple(head for name, head in chains if name)

    def words(self, keys: Keys, layout: int) -> tuple[str | int, ...]:
        """Return the ten arguments that ``event_of_call`` in lua/events.lua reads: always the last ones of a script."""
        short, pieces = self.packed(layout)
        return (
            *(_quoted(keys.name), self.text, short, told({**pieces, **self.more_words}), self.at_ms),
            *(self.team, self._head_field(keys), self.application, self.object_id, self.revocation),
        )

    def words_of_second(self, keys: Keys, layout: int) -> tuple[str, ...]:
        """Return the four arguments that say what a second event of the same call, caller and instant has of its own.

        The pieces that it names have to be among those of the first.
        """
        return self.text, self.packed(layout)[0], self.team, self._head_field(keys)

    def packed(self, layout: int) -> tuple[str, Mapping[str, str]]:
        """Return the short form and the pieces that it names; in the first layout there is none."""
        return packed(self.text[1:]) if layout > 1 else ("", {})

    def _head_field(self, keys: Keys) -> str:
        return keys.token_head(self.token)[1] if self.token else ""


NO_EVENT = EventText("{}")


def written(keys: Keys, answer: list[Any] | None) -> tuple[AuditEvent, ...]:
    """Return the event that ``append_event`` answered with, if any."""
    if not answer:
        return ()
    seq, text = answer
    return (AuditEvent(stream=keys.name, seq=int(seq), text=text),)


def stored_words(stored: str) -> list[str]:
    """Return the names that a stored text needs the pieces of."""
    return names_in(stored)


_quoted = cache(json.dumps)
"""A stream's name as JSON; there are as many as accounts."""


def served(stream: str, seq: int, stored: str, words: Mapping[str, str]) -> str:
    """Return the event's text as it was served and mirrored when it was written, byte for byte.

    Raises KeyError for a name that is not among ``words``.
    """
    return served_all(stream, [seq], [stored], words)[0]


def served_all(stream: str, numbers: Sequence[int], stored: Sequence[str], words: Mapping[str, str]) -> list[str]:
    """Return the texts of several events; put together they are unpacked in half the time. Raises KeyError as above."""
    if not stored:
        return []
    begin = f'{{"stream":{_quoted(stream)},"seq":'
    texts = unpacked("\n".join(stored), words).split("\n")
    if len(texts) != len(stored):
        # JSON has line breaks escaped: somebody else has written here, and who verifies the log has to see what.
        texts = [unpacked(text, words) for text in stored]
    return [
        f"{begin}{seq},{text[1:]}" if text.startswith(_PACKED) else text
        for seq, text in zip(numbers, texts, strict=True)
    ]
