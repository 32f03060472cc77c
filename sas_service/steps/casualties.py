"""The tokens that a cut kills: who may lose one, who may not, and the list that is on record before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sas_service.domain.audit import EventKind
from sas_service.domain.blast_radius import live_tokens
from sas_service.domain.consumers import Consumer, Progress, moved_tokens, stopped
from sas_service.domain.consumers import progress as progress_of
from sas_service.domain.renewal import heard_within
from sas_service.domain.revocations import Mode, OnDeadline
from sas_service.domain.tokens import TokenRecord
from sas_service.steps.run import Run

_IDS_PER_EVENT = 500


def dying(run: Run) -> tuple[TokenRecord, ...]:
    """Return the live tokens that hang on what is cut."""
    live = live_tokens(run.records(), run.past, run.now)
    return tuple(record for record in live if run.way.kill.hits(record))


def spared(run: Run) -> Callable[[TokenRecord], bool]:
    """Return who need not be waited for: whose holder is excused, suspended, or the one to be stopped."""
    asked = run.entry.plan.asked
    suspended = {(each.kind, each.id) for each in run.world.suspensions.list()}
    is_stopped = stopped(asked.reason, asked.target, suspended)
    return lambda record: is_stopped(record) or Consumer.of(record).name in run.entry.excused


def unreplaced(run: Run) -> tuple[TokenRecord, ...]:
    """Return the dying tokens whose application has loaded no other one; shared tokens only ever expire."""
    moved = _moved(run)
    return tuple(each for each in dying(run) if each.id not in moved or each.is_shared)


def progress(run: Run) -> Progress:
    """Return who has not moved."""
    waiting = {record.id for record in unreplaced(run)}
    everything = dying(run)
    moved = frozenset(record.id for record in everything if record.id not in waiting)
    return progress_of(everything, moved, spared=spared(run))


def is_forced(run: Run) -> bool:
    """Tell whether tokens may die under their applications: by mode, by a named admin, or by the deadline."""
    if run.entry.plan.asked.mode is Mode.EMERGENCY or run.entry.forced_by is not None:
        return True
    proceeds = proceeds_at(run)
    return proceeds is not None and run.now >= proceeds


def proceeds_at(run: Run) -> datetime | None:
    """Return when the late are cut unasked, None if never: at the deadline, but all have asked once since the switch.

    An instant may have been asked for that is over when the standby is up at last.
    """
    until, switched = run.entry.until, run.entry.switched
    if run.entry.plan.asked.on_deadline is not OnDeadline.PROCEED or until is None or switched is None:
        return None
    if run.now < until:
        return until
    late = (record for records in progress(run).late.values() for record in records)
    lives = (record.grant.expiry - record.grant.start for record in late)
    return max(until, switched + max(map(heard_within, lives), default=timedelta()))


def record_before_cut(run: Run) -> None:
    """Put every token that the cut will take from its application on record, before anything is sent."""
    fresh = [record for record in unreplaced(run) if record.id not in run.entry.casualties]
    for first in range(0, len(fresh), _IDS_PER_EVENT):
        batch = fresh[first : first + _IDS_PER_EVENT]
        names = sorted({Consumer.of(record).name for record in batch})
        run.event(
            EventKind.CASUALTIES,
            tokens=[record.id for record in batch],
            consumers=names,
            forcedBy=run.entry.forced_by or run.entry.plan.asked.mode.value,
        )
    if fresh:
        run.save(replace(run.entry, casualties=run.entry.casualties | {record.id for record in fresh}))


def _moved(run: Run) -> frozenset[str]:
    acknowledged = run.world.acknowledgements.of(run.entry.account)
    return moved_tokens(acknowledged, {record.id: record.replaced_by for record in run.records()})
