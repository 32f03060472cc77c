"""One Azure Maps account with its keys, identities and roles: changes that spread slowly, get lost, or land late."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sas_service.domain.errors import AzureRefused, AzureThrottled, AzureUnavailable
from sas_service.domain.slots import SigningKey
from sas_service.ports import Clock, EffectiveRole


class Fault(StrEnum):
    """What may happen to one call; the first three have no effect, the last three have one."""

    REFUSED = "refused"
    THROTTLED = "throttled"
    RESET = "reset"
    LATE = "late"
    LOST = "lost"
    TWICE = "twice"


class Spreading:
    """A value that the management API shows at once, and the data plane after a delay."""

    def __init__(self, value: object) -> None:
        self.value = value
        self._seen: list[tuple[datetime | None, object]] = [(None, value)]

    def set(self, value: object, at: datetime) -> None:
        """Change it; the data plane follows at ``at``."""
        self.value = value
        self._seen.append((at, value))

    def seen(self, now: datetime) -> object:
        """Return what the data plane goes by."""
        return [value for at, value in self._seen if at is None or at <= now][-1]


@dataclass(frozen=True, slots=True)
class Sent:
    """A change that was sent, whether or not it had an effect."""

    operation: str
    name: str
    request_id: str
    at: datetime


@dataclass(slots=True)
class MemoryAzure:
    """The state behind the twins of Azure's ports; everything public is for tests to arrange and to look at.

    ``faults`` are met by the next changes of their operation; ``parked`` are changes that will land late.
    ``drops_others`` makes every change of identities lose those of other operators, as a PATCH without merge would.
    """

    clock: Clock
    account: str
    identities: tuple[str, ...]
    delays: dict[str, timedelta] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    parked: list[Callable[[], None]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    effects: list[Sent] = field(default_factory=list)
    drops_others: bool = False
    local_auth: Spreading = field(default_factory=lambda: Spreading(value=True))
    """Whether keys and SAS tokens are let in at all."""
    before_send: Callable[[Sent], None] = lambda _sent: None
    after_effect: Callable[[Sent], None] = lambda _sent: None
    generations: dict[SigningKey, Spreading] = field(default_factory=dict)
    updated: dict[SigningKey, datetime] = field(default_factory=dict)
    attached: dict[str, Spreading] = field(default_factory=dict)
    roles: dict[str, Spreading] = field(default_factory=dict)
    inherited: dict[str, tuple[EffectiveRole, ...]] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset({"/id/of-somebody-else"})
    location: str = "eastus"

    def __post_init__(self) -> None:
        self.generations = {key: Spreading(1) for key in SigningKey}
        self.updated = {key: self.clock.now() for key in SigningKey}
        self.attached = {name: Spreading(value=False) for name in self.identities}
        self.roles = {name: Spreading(frozenset[str]()) for name in self.identities}

    def set_up(self, identity: str, data_role: str) -> None:
        """Attach an identity and give it its role, long ago."""
        self.attached[identity] = Spreading(value=True)
        self.roles[identity] = Spreading(frozenset({data_role}))

    def change(self, operation: str, name: str, request_id: str, effect: Callable[[], None]) -> str:
        """Carry out a change under the faults that were ordered."""
        sent = Sent(operation, name, request_id, self.clock.now())
        self.before_send(sent)
        self.sent.append(sent)
        ordered = self.faults.get(operation)
        fault = ordered.popleft() if ordered else None

        def land() -> None:
            effect()
            self.effects.append(sent)
            self.after_effect(sent)

        for _ in range({Fault.LOST: 1, Fault.TWICE: 2, None: 1}.get(fault, 0)):
            land()
        if fault is Fault.LATE:
            self.parked.append(land)
        _raise(fault)
        return f"azure-{request_id}"

    def land(self) -> None:
        """Let everything that is late take effect now."""
        while self.parked:
            self.parked.pop(0)()

    def spread(self, value: Spreading, new: object, operation: str) -> None:
        """Change a value that the data plane sees after the operation's delay."""
        value.set(new, self.clock.now() + self.delays.get(operation, timedelta()))

    def regenerate(self, key: SigningKey) -> None:
        """Make a key anew: by order, or by hand in the portal."""
        self.spread(self.generations[key], _number(self.generations[key].value) + 1, "regenerate")
        self.updated[key] = self.clock.now()

    def fingerprint(self, key: SigningKey) -> str:
        """Return what stands for the key's HMAC."""
        return sha256(f"pepper {key} {self.generations[key].value}".encode()).hexdigest()

    def generation(self, key: SigningKey) -> int:
        """Return how often the key was made."""
        return _number(self.generations[key].value)

    @property
    def local_auth_disabled(self) -> bool:
        """What the management API shows."""
        return not self.local_auth.value

    def set_local_auth(self, *, disabled: bool) -> None:
        """Switch it: by order, or by hand in the portal."""
        self.spread(self.local_auth, not disabled, "localAuth")

    def principals(self) -> Mapping[str, str]:
        """Return identity -> principal of what is attached."""
        return {name: principal_of(name) for name, attached in self.attached.items() if attached.value}

    def lets_in(self, key: SigningKey, generation: int, principal_id: str) -> int:
        """Return the status that a token of this key's generation and this principal gets now."""
        now = self.clock.now()
        if not self.local_auth.seen(now) or self.generations[key].seen(now) != generation:
            return 401
        name = principal_id.removeprefix("principal-")
        has_role = bool(self.roles[name].seen(now)) or bool(self.inherited.get(principal_id))
        return 200 if has_role and self.attached[name].seen(now) else 403


def principal_of(identity: str) -> str:
    """Return the principal id of an identity, as this Azure makes them."""
    return f"principal-{identity}"


def _number(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101  only numbers are put there
    return value


def _raise(fault: Fault | None) -> None:
    if fault is Fault.REFUSED:
        raise AzureRefused("Azure said no.", effect="none")
    if fault is Fault.THROTTLED:
        raise AzureThrottled("Azure asks to wait.", retry_after=timedelta(seconds=5), effect="none")
    if fault in {Fault.RESET, Fault.LATE, Fault.LOST}:
        raise AzureUnavailable("The reply did not come.", effect="unknown")
