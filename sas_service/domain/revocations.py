"""The words of a revocation: reasons, modes, levers, targets, states, and which action is legal in which state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sas_service.domain.errors import InvalidRequest, Violation
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord


class Reason(StrEnum):
    """Why tokens are taken back."""

    KEY_COMPROMISE = "keyCompromise"
    TOKEN_LEAK = "tokenLeak"  # noqa: S105  a word, no secret
    SUPERSEDED = "superseded"
    OFFBOARDING = "offboarding"
    SCHEDULED = "scheduled"
    DRILL = "drill"


class Mode(StrEnum):
    """What happens to applications; a later one is more urgent than an earlier one."""

    GRACEFUL = "graceful"
    EXPEDITED = "expedited"
    EMERGENCY = "emergency"

    @property
    def urgency(self) -> int:
        """Return a number that grows with the urgency."""
        return list(Mode).index(self)


class Lever(StrEnum):
    """What is taken away: ``key`` is regenerated, ``role`` is removed, ``both`` is the document's playbook."""

    BOTH = "both"
    KEY = "key"
    ROLE = "role"

    @property
    def cuts_key(self) -> bool:
        """Whether the lever regenerates a key; only then are its tokens dead for good."""
        return self is not Lever.ROLE

    @property
    def cuts_role(self) -> bool:
        """Whether the lever removes role assignments."""
        return self is not Lever.KEY


class OnDeadline(StrEnum):
    """What happens when the deadline passes and somebody has not moved."""

    HOLD = "hold"
    PROCEED = "proceed"
    ABORT = "abort"


class State(StrEnum):
    """Where a revocation stands."""

    PLANNED = "planned"
    BLOCKED = "blocked"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EXPIRED = "expired"


class Action(StrEnum):
    """What a person may do to a revocation."""

    APPROVE = "approve"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    COMMIT = "commit"
    EXTEND = "extend"
    EXCUSE = "excuse"
    ABORT = "abort"


FORCING = frozenset({Action.COMMIT, Action.EXCUSE})
"""What takes tokens from applications that have not moved: all at once, or one by name."""

_UNDER_WAY = frozenset({Action.APPROVE, Action.COMMIT, Action.EXTEND, Action.EXCUSE, Action.ABORT})

LEGAL: Mapping[State, frozenset[Action]] = {
    State.PLANNED: frozenset({Action.APPROVE, Action.START, Action.ABORT}),
    State.BLOCKED: frozenset({Action.ABORT}),
    State.RUNNING: _UNDER_WAY | {Action.PAUSE},
    State.PAUSED: _UNDER_WAY | {Action.RESUME},
    State.WAITING: _UNDER_WAY | {Action.RESUME, Action.PAUSE},
    State.COMPLETED: frozenset(),
    State.ABORTED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""What each state allows at most; what a single run forbids besides stands in ``runs.allowed_actions``."""

OPEN = frozenset({State.RUNNING, State.PAUSED, State.WAITING})
"""The states in which a run holds its account: there is one such run per account."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose tokens are to become useless: one ``kind`` with its values; ``account`` beside a signing key alone."""

    kind: str
    values: tuple[str, ...]
    account: str | None = None

    @classmethod
    def of(cls, document: Mapping[str, object]) -> "Target":
        """Read ``{"team": ...}`` and its like; raises InvalidRequest unless exactly one kind is named."""
        named = [kind for kind in SELECTS if document.get(kind) not in (None, [], ())]
        account = document.get("account")
        kinds = [kind for kind in named if kind != "account"] or named
        unknown = sorted(set(document) - set(SELECTS))
        stray_account = account is not None and kinds not in (["account"], ["signingKey"])
        if len(kinds) != 1 or unknown or stray_account or (kinds == ["signingKey"] and account is None):
            allowed = f"exactly one of {', '.join(SELECTS)}; signingKey together with account"
            raise InvalidRequest(
                "The target must be one thing.",
                violations=(Violation("/target", sorted(document), allowed, "revocation.target"),),
            )
        value = document[kinds[0]]
        values = tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)
        return cls(kinds[0], values, str(account) if account is not None else None)

    def selects(self, record: TokenRecord) -> bool:
        """Tell whether ``record`` is meant."""
        return SELECTS[self.kind](record, self)

    def document(self) -> dict[str, object]:
        """Write the target as it was asked for."""
        many = self.kind in {"tokens", "fingerprints"}
        members: dict[str, object] = {self.kind: list(self.values) if many else self.values[0]}
        return members | ({"account": self.account} if self.account else {})


SELECTS: Mapping[str, Callable[[TokenRecord, Target], bool]] = {
    "tokens": lambda record, target: record.id in target.values,
    "fingerprints": lambda record, target: not set(target.values).isdisjoint(record.fingerprints),
    "team": lambda record, target: record.grant.team in target.values,
    "profile": lambda record, target: record.grant.profile in target.values,
    "identity": lambda record, target: record.grant.identity in target.values,
    "signingKey": lambda record, target: (
        record.grant.signing_key in target.values and record.grant.account == target.account
    ),
    "account": lambda record, target: record.grant.account in target.values,
}


def other(key: SigningKey) -> SigningKey:
    """Return the account's other key."""
    return SigningKey.SECONDARY if key is SigningKey.PRIMARY else SigningKey.PRIMARY
