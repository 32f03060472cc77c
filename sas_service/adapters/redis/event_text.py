"""What scripts are told of an event, and what they answer."""

import json
from dataclasses import dataclass
from typing import Any

from sas_service.adapters.redis.keys import Keys
from sas_service.domain.audit import AuditEvent, EventDraft


@dataclass(frozen=True, slots=True)
class EventText:
    """A draft as JSON, and the two chains that it belongs to.

    The text is final: the script only puts stream and number (and a denial's count) in front of it.
    """

    text: str
    team: str | None
    token: str | None

    @classmethod
    def of(cls, draft: EventDraft) -> "EventText":
        """Return the text of a draft."""
        return cls(json.dumps(draft.document(), separators=(",", ":")), draft.team, draft.token)

    @classmethod
    def read(cls, text: str) -> "EventText":
        """Return what an earlier ``of`` wrote."""
        members = json.loads(text)
        return cls(text, members.get("team"), members.get("token"))

    def keys(self, keys: Keys) -> tuple[str, ...]:
        """Return the four keys that ``append_event`` in lua/events.lua writes."""
        heads, _ = keys.token_head(self.token or "-")
        return keys.events, keys.last_seq, keys.team_heads, heads

    def words(self, keys: Keys) -> tuple[str, ...]:
        """Return the four arguments that ``event_at`` in lua/events.lua reads."""
        token = keys.token_head(self.token)[1] if self.token else ""
        return json.dumps(keys.name), self.text, self.team or "", token


def written(keys: Keys, answer: list[Any] | None) -> tuple[AuditEvent, ...]:
    """Return the event that ``append_event`` answered with, if any."""
    if not answer:
        return ()
    seq, text = answer
    return (AuditEvent(stream=keys.name, seq=int(seq), text=text),)
