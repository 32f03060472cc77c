"""Look at revocations without changing any: one, many, who has moved, and what has happened since."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sas_service.domain.audit import AuditEvent
from sas_service.domain.blast_radius import live_tokens
from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.errors import InvalidRequest, Violation
from sas_service.domain.revocations import Action, State
from sas_service.domain.runs import Revocation, StepRecord, allowed_actions, is_open, past_of, state_at
from sas_service.domain.tokens import TokenRecord
from sas_service.ports import Accounts, EventQuery, Lease
from sas_service.services.named_accounts import NamedAccounts
from sas_service.steps import casualties
from sas_service.steps.run import Run, World

_LOOKED_AT = 50
_MOST_PAGES = 100
"""How far back news are looked for: 5,000 events of the account, issued tokens and all; older ones are on record."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many consumers must move, how many have, and who is late, by name."""

    total: int = 0
    moved: int = 0
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A revocation at one moment, what may be done to it, and how far its consumers are."""

    run: Revocation
    actions: frozenset[Action]
    count: Count


@dataclass(frozen=True, slots=True)
class Mover:
    """One consumer of a run: ``since`` is when it moved, or when it was told to; ``tokens`` are those not expired."""

    consumer: Consumer
    moved: bool
    since: datetime | None
    excused: bool
    tokens: tuple[TokenRecord, ...]

    @property
    def last_expiry(self) -> datetime:
        """When its last token expires by itself."""
        return max(record.grant.expiry for record in self.tokens)


@dataclass(frozen=True, slots=True)
class News:
    """The events of one run, oldest first, and the number up to which the account's stream was looked at."""

    events: tuple[AuditEvent, ...]
    looked_at: int


class Watching:
    """What people and their programs look at during a run."""

    def __init__(self, world: World, accounts: Accounts) -> None:
        self._world = world
        self._known = NamedAccounts(accounts=accounts, slots=world.slots)

    def one(self, run_id: str) -> Seen:
        """Return a revocation, its consumers counted now. Raises NotFound, AuditLogUnavailable."""
        return self.seen(self._world.journal.read(run_id))

    def seen(self, run: Revocation) -> Seen:
        """Return ``run`` as one looks at it."""
        is_decided = run.has_cut or not (is_open(run) or run.state in {State.PLANNED, State.BLOCKED})
        return self._seen(run, noted(run) if is_decided else self._counted(run))

    def at_a_glance(self, run_id: str) -> Seen:
        """Return a revocation with what its runner counted last: cheap enough to ask every second."""
        run = self._world.journal.read(run_id)
        return self._seen(run, noted(run))

    def page(
        self, *, account: str | None, state: str | None, cursor: str | None, limit: int
    ) -> tuple[tuple[Seen, ...], str | None]:
        """Return revocations, newest plan first, and the cursor to go on; raises InvalidRequest for a foreign one.

        And for an account that nobody knows.
        """
        after = _position(cursor) if cursor is not None else None
        runs = [run for name in self._known.chosen(account) for run in self._world.journal.of(name)]
        now = self._world.clock.now()
        wanted = [
            run for run in runs if state in {None, state_at(run, now).value} and (not after or _order(run) < after)
        ]
        wanted.sort(key=_order, reverse=True)
        following = _cursor(wanted[limit - 1]) if len(wanted) > limit else None
        return tuple(self._seen(run, noted(run)) for run in wanted[:limit]), following

    def movers(self, run_id: str) -> tuple[Mover, ...]:
        """Return everybody who has, or had, a token that hangs on what the run cuts and is not expired, by name."""
        run = self._world.journal.read(run_id)
        handle = self._handle(run)
        waiting = {record.id for record in casualties.unreplaced(handle)} | run.casualties
        acknowledged = self._world.acknowledgements.of(run.account)
        told = next((step.done for step in run.steps if step.name == "switch"), None)
        by_consumer: dict[Consumer, list[TokenRecord]] = {}
        for record in self._concerned(run, handle):
            by_consumer.setdefault(Consumer.of(record), []).append(record)
        return tuple(
            _mover(consumer, tuple(by_consumer[consumer]), run, waiting, acknowledged, told)
            for consumer in sorted(by_consumer)
        )

    def movers_page(
        self, run_id: str, *, moved: str | None, cursor: str | None, limit: int
    ) -> tuple[tuple[Mover, ...], str | None]:
        """Return some of them, and the name to go on after; ``moved`` is ``true``, ``false`` or None for all."""
        wanted = [
            each
            for each in self.movers(run_id)
            if moved in {None, str(each.moved).lower()} and (cursor is None or each.consumer.name > cursor)
        ]
        wanted.sort(key=lambda each: each.consumer.name)
        return tuple(wanted[:limit]), wanted[limit - 1].consumer.name if len(wanted) > limit else None

    def newest(self, account: str) -> int:
        """Return the number of the account's newest event; 0 if there is none."""
        page = self._world.audit_log.events(EventQuery(streams=(account,)), cursor=None, limit=1)
        return page.items[0].seq if page.items else 0

    def news(self, run: Revocation, after: int) -> News:
        """Return the events of ``run`` that are newer than number ``after``."""
        everything = list(self._since(run.account, after))
        about = tuple(event for event in reversed(everything) if _is_about(event, run.id))
        return News(about, everything[0].seq if everything else after)

    def _since(self, account: str, after: int) -> Iterator[AuditEvent]:
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = self._world.audit_log.events(EventQuery(streams=(account,)), cursor=cursor, limit=_LOOKED_AT)
            for event in page.items:
                if event.seq <= after:
                    return
                yield event
            cursor = page.next
            if cursor is None:
                return

    def _seen(self, run: Revocation, count: Count) -> Seen:
        now = self._world.clock.now()
        return Seen(replace(run, state=state_at(run, now)), allowed_actions(run, now), count)

    def _counted(self, run: Revocation) -> Count:
        progress, before = casualties.progress(self._handle(run)), noted(run)
        total = max(progress.total, before.total)
        return Count(total, total - len(progress.late), progress.names)

    def _handle(self, run: Revocation) -> Run:
        return Run(self._world, Lease(run.account, "reader", 0, self._world.clock.now()), run)

    def _concerned(self, run: Revocation, handle: Run) -> tuple[TokenRecord, ...]:
        """Return the tokens that would work if this run had cut nothing, and that hang on what it cuts."""
        others = past_of(tuple(each for each in self._world.journal.of(run.account) if each.id != run.id))
        # The key of the same name that a later run switches back to is another generation: not what this run cut.
        newest = None if is_open(run) or not run.steps else run.plan.epoch
        return tuple(
            record
            for record in live_tokens(handle.records(), others, handle.now)
            if handle.way.kill.hits(record) and (newest is None or record.grant.epoch <= newest)
        )


def noted(run: Revocation) -> Count:
    """Return what the runner noted while it waited for everybody to move; nobody, before it did."""
    step = next((each for each in run.steps if each.name == "replace"), StepRecord("replace"))
    match step.evidence:
        case {"consumers": int(total), "moved": int(moved), "late": [*names]}:
            return Count(total, moved, tuple(map(str, names)))
    return Count()


def _mover(
    consumer: Consumer,
    tokens: tuple[TokenRecord, ...],
    run: Revocation,
    waiting: set[str] | frozenset[str],
    acknowledged: Mapping[str, Acknowledgement],
    told: datetime | None,
) -> Mover:
    moved = not any(record.id in waiting for record in tokens)
    heard = [acknowledged[record.id].at for record in tokens if record.id in acknowledged]
    since = max(heard, default=None) if moved else told
    return Mover(consumer, moved, since, consumer.name in run.excused, tokens)


def _is_about(event: AuditEvent, run_id: str) -> bool:
    return run_id in event.text and json.loads(event.text).get("revocation") == run_id


def _order(run: Revocation) -> tuple[datetime, str]:
    return run.plan.made_at, run.id


def _cursor(run: Revocation) -> str:
    return f"{run.plan.made_at.isoformat()}~{run.id}"


def _position(cursor: str) -> tuple[datetime, str]:
    instant, _, run_id = cursor.partition("~")
    try:
        made_at = datetime.fromisoformat(instant)
    except ValueError:
        made_at = None
    if made_at is None or made_at.utcoffset() != timedelta() or not run_id:
        violation = Violation("query:cursor", cursor, "the `next` of a page of this list", "schema.cursor")
        raise InvalidRequest("The cursor is not one of this list.", violations=(violation,))
    return made_at, run_id
