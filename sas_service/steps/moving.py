"""Moving over: new tokens come from the new slot, old reservations end, and every application changes its token."""

from dataclasses import replace
from datetime import timedelta

from sas_service.domain.audit import EventKind
from sas_service.domain.consumers import Progress
from sas_service.domain.errors import EpochMoved
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.revocations import Mode, OnDeadline
from sas_service.domain.slots import AccountSlots, SigningKey
from sas_service.domain.tokens import TokenState
from sas_service.steps import casualties
from sas_service.steps.run import Run
from sas_service.steps.step import Seen

LATE, SLOTS_MOVED = "consumers-late", "slots-moved"
WARN_AT = (50, 80, 100)
"""Per cent of the time to the deadline at which the late are called by name."""


def is_switched(run: Run) -> Seen:
    """Look whether the account signs with the new key, and every profile concerned with its new identity."""
    slots = run.world.slots.read(run.entry.account)
    if _is_new(run, slots):
        return Seen(done=True, evidence=slots.document())
    return Seen(missing="new tokens still come from the old slot")


def switch(run: Run) -> Seen | None:
    """Move key and identities in one step, if nobody else has moved them since the plan."""
    return _switch(run, run.entry.plan.epoch, run.way.new_key, dict(run.way.identities))


def switch_back(run: Run) -> Seen:
    """Let new tokens come from where they came before, if nobody else has moved anything; for an abort."""
    slots = run.world.slots.read(run.entry.account)
    before = run.entry.before
    if before is None or slots.epoch != run.entry.plan.epoch + 1 or not _is_new(run, slots):
        return Seen(done=True)
    identities = {name: before.identities[name] for name in run.way.identities if name in before.identities}
    return _switch(run, slots.epoch, before.signing_key, identities) or Seen(missing="switched back")


def is_settled(run: Run) -> Seen:
    """Look whether a token that was begun before the switch could still be finished."""
    epoch = run.world.slots.read(run.entry.account).epoch
    begun = [each for each in run.records() if each.state is TokenState.RESERVED and each.grant.epoch < epoch]
    # An emergency does not wait: what is committed late is refused by its epoch.
    if begun and run.entry.plan.asked.mode is not Mode.EMERGENCY:
        return Seen(missing=f"{len(begun)} tokens of the old slot are being issued")
    return Seen(done=True, evidence={"halfIssued": len(begun)})


def is_replaced(run: Run) -> Seen:
    """Look whether every application has moved, or may be left behind."""
    late = casualties.progress(run)
    # Whose tokens have expired meanwhile has nothing left to do; it counts as moved, not as never there.
    total = max(late.total, _counted_before(run))
    evidence = {"consumers": total, "moved": total - len(late.late), "late": list(late.names)}
    if run.entry.plan.asked.mode is Mode.GRACEFUL and not casualties.is_forced(run):
        return _drained(run, evidence)
    if not late.late or casualties.is_forced(run):
        return Seen(done=True, evidence=evidence)
    _call_by_name(run, late)
    missing = f"{len(late.late)} of {total} have not moved: {', '.join(late.names)}"
    return _at_deadline(run, missing) or Seen(missing=missing, evidence=evidence)


def _counted_before(run: Run) -> int:
    counted = run.entry.step.evidence.get("consumers") if run.entry.step else None
    return counted if isinstance(counted, int) else 0


def _drained(run: Run, evidence: dict[str, object]) -> Seen:
    """In graceful mode nobody has to do anything: the old tokens expire."""
    is_spared = casualties.spared(run)
    left = [record for record in casualties.dying(run) if not is_spared(record)]
    if not left:
        return Seen(done=True, evidence=evidence)
    last = format_instant(max(record.grant.expiry for record in left))
    missing = f"{len(left)} tokens of the old slot are live, the last until {last}"
    return _at_deadline(run, missing) or Seen(missing=missing, evidence=evidence)


def _at_deadline(run: Run, missing: str) -> Seen | None:
    """Do what was asked for when time is up: hold, or give up; to proceed is decided in ``is_forced``."""
    if run.entry.until is None or run.now < run.entry.until:
        return None
    proceeds = casualties.proceeds_at(run)
    if proceeds is not None:
        return Seen(missing=f"{missing}; whoever has not asked since the switch may until {format_instant(proceeds)}")
    if run.entry.plan.asked.on_deadline is OnDeadline.ABORT:
        run.save(replace(run.entry, aborting="deadline"))
        return Seen(missing=missing)
    return Seen(missing=f"the deadline has passed; {missing}", human=LATE)


def _call_by_name(run: Run, late: Progress) -> None:
    step = run.entry.step
    if run.entry.until is None or step is None or step.begun is None:
        return
    time = run.entry.until - step.begun
    passed = 100 if time <= timedelta() else int(100 * (run.now - step.begun) / time)
    level = max((mark for mark in WARN_AT if passed >= mark), default=0)
    if level > run.entry.warned:
        run.event(EventKind.CONSUMERS_LATE, percent=level, late=list(late.names))
        run.save(replace(run.entry, warned=level))


def _switch(run: Run, after_epoch: int, key: SigningKey, identities: dict[str, str]) -> Seen | None:
    try:
        run.world.slots.switch(
            run.entry.account, after_epoch=after_epoch, signing_key=key, identities=identities, fence=run.lease.fence
        )
    except EpochMoved:
        missing = "somebody else has switched the account since the plan: abort, and plan anew"
        return Seen(missing=missing, human=SLOTS_MOVED)
    return None


def _is_new(run: Run, slots: AccountSlots) -> bool:
    moved = all(slots.identities.get(name) == identity for name, identity in run.way.identities.items())
    return moved and slots.signing_key is run.way.new_key
