"""Which chain of events a query follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sas_service.adapters.redis.keys import Keys
from sas_service.ports import EventQuery

_FIRST_FIELD = 2
_FIELDS = ("e", "t", "m", "a", "o", "r")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain in every stream: the entries' field that points to the event before, and where it begins.

    ``is_old``: the first release kept it, too. The others are looked for among what that release wrote.
    """

    field: str
    head: Callable[[Keys], tuple[str, str]]
    is_old: bool = False

    @property
    def place(self) -> int:
        """Where the pointer stands in an entry's flat list of fields and values, counted from 1."""
        return _FIRST_FIELD * (_FIELDS.index(self.field) + 1)

    def pointer_in(self, fields: Sequence[str]) -> str:
        """Return the pointer in an entry's flat list; empty where the first release wrote none."""
        at = self.place - 1
        return fields[at] if len(fields) > at and fields[at - 1] == self.field else ""

    @classmethod
    def of(cls, query: EventQuery) -> "Chain | None":
        """Return the chain that is likely to be the shortest; None if the query names none."""
        token, revocation, user, application, team = (
            *(query.token, query.revocation, query.object_id, query.application, query.team),
        )
        if token is not None:
            return cls("t", lambda keys: keys.token_head(token), is_old=True)
        if revocation is not None:
            return cls("r", lambda keys: (keys.chains, f"r:{revocation}"))
        if user is not None:
            return cls("o", lambda keys: (keys.user_head(user), user))
        if application is not None:
            return cls("a", lambda keys: (keys.chains, f"a:{application}"))
        if team is not None:
            return cls("m", lambda keys: (keys.team_heads, team), is_old=True)
        return None
