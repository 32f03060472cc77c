"""A search over the interleavings of the real steps: every reached state once.

Two consecutive runs there and back, one application, one racing issue, processes that die at any write, requests that
land late, calls of zombies, one rollback of the journal. Time does not pass, except that a role spreads when it is told
to; so quarantine is what it stands for: the second run does not start while something of the first may still land.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sas_service.adapters.memory import Fault
from sas_service.adapters.memory.azure import Sent
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import SasServiceError
from sas_service.domain.pace import Pace
from sas_service.domain.revocations import Mode, State
from sas_service.domain.runs import Revocation
from sas_service.domain.token_events import about
from sas_service.domain.tokens import Grant, SasToken, TokenRecord, TokenState
from sas_service.playbooks import PLAYBOOKS
from sas_service.ports import Signed
from sas_service.services.run_playbook import PlaybookRunner
from sas_service.steps.run import Run
from sas_service.steps.step import Seen, Step
from tests.unit.revocation.snapshots import copy_of
from tests.unit.revocation.world import MAPS, Application, Simulation, application

SPREADS = timedelta(seconds=1)
QUICK = Pace(
    quarantine=timedelta(),
    proof_rounds=1,
    proof_span=timedelta(),
    resend_after=timedelta(),
    regenerate_again_after=timedelta(),
)
Action = tuple[str, int]


class Dies(BaseException):
    """The process ends here."""


class Yields(BaseException):
    """The runner has done one step; somebody else may act."""


@dataclass(frozen=True)
class Bounds:
    """How much may go wrong on one way."""

    deaths: int = 1
    late: int = 1
    rollbacks: int = 1
    issues: int = 1
    runs: int = 2
    mode: Mode = Mode.EXPEDITED


@dataclass(frozen=True)
class Found:
    """What the search saw: how many states and transitions, and the shortest way to a broken promise.

    ``exhausted`` says that nothing within the bounds was left unseen.
    """

    states: int
    transitions: int
    way: tuple[Action, ...] | None
    exhausted: bool


@dataclass
class Play:
    """One world on one way; ``ablate`` switches a protection off through its port."""

    bounds: Bounds
    ablate: Callable[[Simulation], None]
    has_quarantine: bool = True
    skipped: str | None = None
    checks_epochs: bool = True
    writes: list[str] = field(default_factory=list)
    parked: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)
    runs: list[Revocation] = field(default_factory=list)
    reserved: tuple[TokenRecord, SasToken] | None = None
    dies_at: tuple[int, str] | None = None
    current: str | None = None
    births: int = 0

    def __post_init__(self) -> None:
        self.world = Simulation(pace=QUICK, checks_epochs=self.checks_epochs)
        self.world.azure.delays = {"assign": SPREADS}
        self.world.add()
        self.records = self.world.log.unexpired
        self.ablate(self.world)
        self._listen()
        self.runs.append(self.world.start(mode=self.bounds.mode))

    def _runner(self) -> PlaybookRunner:
        """A process, as far as it has a memory: none but its name."""
        lever = self.runs[-1].plan.lever
        wrapped = {lever: tuple(self._wrap(step) for step in PLAYBOOKS[lever])}
        return PlaybookRunner(self.world.world, self.world.leases, holder=f"p{self.births}", playbooks=wrapped)

    def _wrap(self, step: Step) -> Step:
        def done(run: Run) -> Seen:
            if self.current not in {None, step.name}:
                raise Yields
            self.current = step.name
            return Seen(done=True) if step.name == self.skipped else step.done(run)

        return replace(step, done=done)

    def _listen(self) -> None:
        world = self.world
        save, switch = world.journal.save, world.slots.switch

        def saved(run: Revocation, *, fence: int) -> Revocation:
            self._write("save", lambda: save(run, fence=fence))
            return save(run, fence=fence)

        def switched(account: str, **wanted: object) -> object:
            self._write("switch", lambda: switch(account, **wanted))  # type: ignore[arg-type]
            return switch(account, **wanted)  # type: ignore[arg-type]

        world.journal.save = saved  # type: ignore[method-assign]  # the real one, listened to
        world.slots.switch = switched  # type: ignore[method-assign, assignment]
        world.azure.before_send = self._before_send
        world.azure.after_effect = self._after_effect

    def _write(self, kind: str, call: Callable[[], object]) -> None:
        number = len(self.writes)
        self.writes.append(kind)
        if self.dies_at is None or self.dies_at[0] != number:
            return
        if self.dies_at[1] == "zombie":
            self.parked.append((f"{kind} {number}", call))
        raise Dies

    def _before_send(self, sent: Sent) -> None:
        number = len(self.writes)
        self.writes.append("azure")
        if self.dies_at is None or self.dies_at[0] != number:
            return
        if self.dies_at[1] in {"zombie", "late"}:
            self.world.azure.faults[sent.operation] = deque([Fault.LATE])
        elif self.dies_at[1] == "before":
            raise Dies

    def _after_effect(self, _sent: Sent) -> None:
        if self.dies_at is not None and self.dies_at == (len(self.writes) - 1, "after"):
            raise Dies

    def act(self, action: Action) -> None:
        """Do one thing."""
        name, number = action
        self.writes = []
        if name in {"before", "after", "zombie", "late"}:
            self._count("late" if name == "late" else "deaths")
            self.dies_at = (number, name)
            self._step(dies=name != "late")
            self.dies_at = None
        else:
            getattr(self, f"_{name}")()
        while self.world.azure.parked:
            sent = self.world.azure.sent[-1]
            self.parked.append((f"{sent.operation} {sent.name}", self.world.azure.parked.pop(0)))

    def _count(self, what: str) -> None:
        self.used[what] = self.used.get(what, 0) + 1

    def _step(self, *, dies: bool = False) -> None:
        self.current = None
        with suppress(Dies, Yields, SasServiceError):
            self._runner().tick(MAPS)
        if dies:
            self.world.leases.bump(MAPS)
            self.births += 1

    def _land(self) -> None:
        _name, call = self.parked.pop(0)
        with suppress(SasServiceError):
            call()

    def _app(self) -> None:
        for app in self.world.applications:
            app.turn()

    def _spread(self) -> None:
        self._count("spread")
        self.world.clock.advance(SPREADS)

    def _reserve(self) -> None:
        self._count("issues")
        seen: list[SasToken] = []
        sign = self.world.signer.sign

        def signing(grant: Grant, *, request_id: str) -> Signed:
            seen.append(sign(grant, request_id=request_id).token)
            raise Dies

        self.world.signer.sign = signing  # type: ignore[method-assign]  # the racing issue pauses here
        with suppress(Dies):
            self.world.add("storefront", 1)
        self.world.signer.sign = sign  # type: ignore[method-assign]
        (record,) = (each for each in self._unexpired() if each.state is TokenState.RESERVED)
        self.reserved = (record, seen[0])

    def _deliver(self) -> None:
        assert self.reserved is not None
        record, token = self.reserved
        self.reserved = None
        live = replace(record, state=TokenState.LIVE, fingerprints=(token.fingerprint,))
        event = about(live, EventKind.ISSUED, self.world.clock.now(), "racing")
        try:
            self.world.log.commit(live, event)
        except SasServiceError:
            self.world.log.settle(live, TokenState.ABANDONED, event)
            return
        app = Application.__new__(Application)
        app.world, app.caller, app.profile = self.world, application("storefront", 1), "web"
        app.replaces = app.acknowledges = True
        app.refused = []
        app.id, app.token, app.expiry, app.epoch = live.id, token, live.grant.expiry, live.grant.epoch
        self.world.applications.append(app)

    def _rollback(self) -> None:
        self._count("rollbacks")
        self.world.journal.roll_back(self.runs[-1].id, 1)
        self.world.leases.bump(MAPS)

    def _again(self) -> None:
        self.runs.append(self.world.start(mode=self.bounds.mode))

    def enabled(self) -> list[Action]:
        """What may happen next; deaths are added by the search, which knows how many writes a step has."""
        entry = self.world.journal.read(self.runs[-1].id)
        is_over = entry.state is State.COMPLETED
        may_start = not self.has_quarantine or not self.parked
        told = any(app.epoch < self.world.slots.read(MAPS).epoch for app in self.world.applications)
        options = {
            "step": not is_over,
            "land": bool(self.parked),
            "app": told,
            "spread": self._is_spreading(),
            "reserve": self._left("issues") and self.reserved is None,
            "deliver": self.reserved is not None,
            "rollback": self._left("rollbacks") and not is_over and entry.revision > 2,
            "again": is_over and len(self.runs) < self.bounds.runs and may_start,
        }
        return [(name, 0) for name, is_enabled in options.items() if is_enabled]

    def deaths(self) -> list[Action]:
        """Every way in which the step just made might have been broken."""
        found: list[Action] = []
        for number, kind in enumerate(self.writes):
            kinds = {"save": ("before",), "switch": ("zombie",), "azure": ("before", "after", "zombie")}[kind]
            found += [(each, number) for each in kinds if self._left("deaths")]
            found += [("late", number)] if kind == "azure" and self._left("late") else []
        return found

    def _left(self, what: str) -> bool:
        most: int = getattr(self.bounds, what)
        return self.used.get(what, 0) < most

    def _is_spreading(self) -> bool:
        now = self.world.clock.now()
        return any(role.value != role.seen(now) for role in self.world.azure.roles.values())

    def _unexpired(self) -> tuple[TokenRecord, ...]:
        return self.records(MAPS, self.world.clock.now())

    def is_broken(self) -> bool:
        """Tell whether an application holds a token that is refused."""
        return any(self.world.data_plane.status(app.token) != 200 for app in self.world.applications)

    def fingerprint(self) -> object:
        """Everything that decides what can happen next."""
        azure, now = self.world.azure, self.world.clock.now()
        entries = [self.world.journal.read(run.id) for run in self.runs]
        return (
            tuple((e.state, e.waiting_code, _steps(e), _intents(e), tuple(sorted(e.canaries))) for e in entries),
            str(self.world.slots.read(MAPS)),
            tuple(azure.fingerprint(key) for key in azure.generations),
            tuple((name, each.value) for name, each in azure.attached.items()),
            tuple((name, str(each.value), str(each.seen(now))) for name, each in azure.roles.items()),
            tuple(name for name, _call in self.parked),
            tuple((app.caller.application_id, app.epoch) for app in self.world.applications),
            tuple((r.state, r.grant.epoch, bool(r.replaced_by)) for r in self._unexpired()),
            frozenset(self.world.acknowledgements.of(MAPS)),
            tuple(sorted(self.used.items())),
        )


def _steps(entry: Revocation) -> tuple[object, ...]:
    return tuple((step.name, bool(step.begun), bool(step.done)) for step in entry.steps)


def _intents(entry: Revocation) -> tuple[object, ...]:
    return tuple((each.operation, each.name, each.baseline, each.outcome) for each in entry.intents)


def search(make: Callable[[], Play], *, most: int = 100_000, deep: bool = False) -> Found:
    """Visit every state that can be reached within the bounds, or find a way to a broken promise.

    Breadth first it is the shortest, ``deep`` needs little memory. Each state is copied and gone on from, not replayed.
    """
    start = make()
    if start.is_broken():
        return Found(0, 0, (), exhausted=False)
    seen: set[int] = {hash(start.fingerprint())}
    queue: deque[tuple[Play, tuple[Action, ...]]] = deque((start, (action,)) for action in start.enabled())
    transitions = 0
    while queue and len(seen) < most:
        before, way = queue.pop() if deep else queue.popleft()
        play = copy_of(before)
        play.act(way[-1])
        transitions += 1
        if play.is_broken():
            return Found(len(seen), transitions, way, exhausted=False)
        if way[-1][0] == "step":
            queue.extend((before, (*way[:-1], death)) for death in play.deaths())
        mark = hash(play.fingerprint())
        if mark not in seen:
            seen.add(mark)
            queue.extend((play, (*way, action)) for action in play.enabled())
    return Found(len(seen), transitions, None, exhausted=not queue)
