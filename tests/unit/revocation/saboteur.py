"""Breaks a run at points of its steps, one after another, with a fault beside it, and watches the promises."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sas_service.adapters.memory import Fault
from sas_service.adapters.memory.azure import Sent
from sas_service.domain.errors import AuditLogUnavailable, MirrorUnavailable, RevisionConflict, SasServiceError
from sas_service.domain.revocations import Lever
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import AccountSlots
from sas_service.domain.tokens import TokenState
from sas_service.playbooks import PLAYBOOKS
from sas_service.services.run_playbook import PlaybookRunner
from sas_service.steps.run import Run
from sas_service.steps.step import Seen, Step
from tests.unit.revocation.world import MAPS, Simulation

POINTS = ("before intent", "after intent", "sent", "reply lost", "before journal")
WRITES = frozenset({"attach-identity", "assign-role", "regenerate-key", "detach-identity", "remove-role"})
OPERATIONS = ("attach", "assign", "regenerate", "detach", "remove")


class Crash(BaseException):
    """The process dies here."""


def _azure(fault: Fault) -> Callable[[Simulation], None]:
    def order(world: Simulation) -> None:
        world.azure.faults = {operation: deque([fault]) for operation in OPERATIONS}

    return order


FAULTS: Mapping[str, Callable[[Simulation], None]] = {
    "none": lambda _world: None,
    **{fault.value: _azure(fault) for fault in Fault},
    "audit log away": lambda world: world.log.fail_with(AuditLogUnavailable("away"), times=2),
    "mirror away": lambda world: world.mirror.fail_with(MirrorUnavailable("full"), times=2),
    "journal conflict": lambda world: world.journal.fail_with(RevisionConflict("faster")),
    "lease lost": lambda world: world.leases.bump(MAPS),
    "probes flap": lambda world: world.data_plane.statuses.extend([503, 200, 403]),
    "journal rolled back": lambda _world: None,
}


@dataclass
class Saboteur:
    """Crashes at each of ``points`` (step, point), in their order: a later one strikes while the run recovers.

    ``fault`` is ordered when the first step is first looked at.
    """

    world: Simulation
    points: list[tuple[str, str]]
    fault: str
    ordered: bool = False
    begun: bool = False
    looks: int = 0
    now_in: str = ""
    read: Revocation | None = None
    broken: list[str] = field(default_factory=list)
    slots: dict[int, AccountSlots] = field(default_factory=dict)
    fences: list[int] = field(default_factory=list)

    @property
    def step(self) -> str:
        """Where to crash next."""
        return self.points[0][0] if self.points else ""

    @property
    def point(self) -> str:
        """At which of its points."""
        return self.points[0][1] if self.points else ""

    def __post_init__(self) -> None:
        self.world.azure.before_send = self._before_send
        self.world.azure.after_effect = self._after_effect
        self._watch_fences()
        self.world.runner = self.runner()

    def runner(self) -> PlaybookRunner:
        """A fresh process; its steps are the real ones, seen through this saboteur."""
        wrapped = {lever: tuple(self._wrap(step) for step in steps) for lever, steps in PLAYBOOKS.items()}
        holder = f"process-{len(self.fences)}-{len(self.points)}"
        return PlaybookRunner(self.world.world, self.world.leases, holder=holder, playbooks=wrapped)

    def tick(self, run: Revocation) -> None:
        """One tick of the world; a crash is followed by a new process, errors by the next tick."""
        try:
            self.world.tick()
        except Crash:
            if self.fault == "journal rolled back":
                self.world.journal.roll_back(run.id, 1)
            self.world.runner = self.runner()
        except SasServiceError:
            self.world.look()
        written = self.world.journal.read(run.id)
        if written is not self.read and "eyJ" in repr(written):
            self.broken.append("I6: a token is in the clear in the journal")
        self.read = written
        slots = self.world.slots.read(MAPS)
        self.slots.setdefault(slots.epoch, slots)

    def _wrap(self, step: Step) -> Step:
        def done(run: Run) -> Seen:
            self._enter(step.name)
            seen = step.done(run)
            self._left(step.name, seen)
            return seen

        def do(run: Run) -> Seen | None:
            assert step.do is not None
            if step.name not in WRITES:
                self._crash_at(step.name, "after intent")
            held = step.do(run)
            if step.name not in WRITES:
                self._crash_at(step.name, "sent")
            return held

        return replace(step, done=done, do=do if step.do else None)

    def _enter(self, name: str) -> None:
        self.now_in = name
        if name != self.step:
            return
        self.looks += 1
        if not self.ordered:
            self.ordered = True
            FAULTS[self.fault](self.world)
        if not self.begun:
            self.begun = True
            self._crash_at(name, "before intent")
        if name not in WRITES and self.looks > 1:
            self._crash_at(name, "after intent")
            self._crash_at(name, "sent")

    def _left(self, name: str, seen: Seen) -> None:
        if seen.done:
            # What is done at its first look has no other points.
            self._crash_at(name, self.point)
        if name not in WRITES:
            self._crash_at(name, "reply lost")

    def _before_send(self, sent: Sent) -> None:
        intent = sent.request_id.rpartition(".")[0]
        told = [line for line in self.world.mirror.lines() if '"azureWriteIntended"' in line]
        if not any(json.loads(line)["intent"] == intent for line in told):
            self.broken.append(f"I14: {sent.operation} was sent without an intent on record")
        self._crash_at(self.now_in, "after intent")
        if (self.now_in, "sent") == (self.step, self.point):
            # On its way: the process dies, the request does not.
            self.world.azure.faults[sent.operation] = deque([Fault.LATE])
            self.world.journal.fail_with(self._die())

    def _after_effect(self, _sent: Sent) -> None:
        self._crash_at(self.now_in, "reply lost")

    def _crash_at(self, name: str, point: str) -> None:
        if (name, point) == (self.step, self.point):
            raise self._die()

    def _die(self) -> Exception:
        self.points.pop(0)
        self.begun, self.looks = False, 0
        return Crash()  # type: ignore[return-value]  # a BaseException on purpose: nothing in the service catches it

    def _watch_fences(self) -> None:
        check = self.world.leases.check

        def watched(account: str, fence: int) -> None:
            check(account, fence)
            if self.fences and fence < self.fences[-1]:
                self.broken.append(f"I4: fence {fence} wrote after {self.fences[-1]}")
            self.fences.append(fence)

        self.world.leases.check = watched  # type: ignore[method-assign]  # only listens

    def promises(self, done: Revocation, secrets: list[str]) -> list[str]:
        """Return every promise that is broken at the end."""
        found = [*self.broken, *self._refused(), *self._epochs(), *self._secrets(done, secrets)]
        return [*found, *self._left_behind(done), *(f"not broken at {point}" for point in self.points)]

    def _refused(self) -> list[str]:
        return [f"I2: {refusal}" for refusal in self.world.refusals()]

    def _epochs(self) -> list[str]:
        records = self.world.log.unexpired(MAPS, self.world.clock.now())
        return [
            f"I7: {record.id} was committed in epoch {record.grant.epoch} with another slot"
            for record in records
            if record.state is TokenState.LIVE and not _fits(record.grant, self.slots[record.grant.epoch])
        ]

    def _secrets(self, done: Revocation, secrets: list[str]) -> list[str]:
        text = "".join(self.world.mirror.lines()) + repr(self.world.journal.of(MAPS)) + repr(done)
        return ["I6: a token is in the clear"] if any(secret in text for secret in secrets) else []

    def _left_behind(self, done: Revocation) -> list[str]:
        return [f"I3: {len(done.casualties)} casualties"] if done.casualties else []


def _fits(grant: object, slots: AccountSlots) -> bool:
    signed = (getattr(grant, "signing_key", None), getattr(grant, "identity", None))
    return signed == (slots.signing_key, slots.identities[getattr(grant, "profile", "")])


def double_crashes(lever: Lever) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Every two points of a playbook of which the second comes with the first or after it, by step."""
    places = [(index, (step.name, point)) for index, step in enumerate(PLAYBOOKS[lever]) for point in POINTS]
    return [(first, second) for here, first in places for there, second in places if there >= here]


def crash_points() -> list[tuple[Lever, str, str]]:
    """Every step of every playbook with every point."""
    return [(lever, step.name, point) for lever, steps in PLAYBOOKS.items() for step in steps for point in POINTS]
