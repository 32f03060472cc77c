"""Who is told to replace a token now: the holders of what an open run will cut, and of what is cut already."""

from collections.abc import Iterable

from sas_service.domain.cuts import joined
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.renewal import MoveOrder
from sas_service.domain.revocations import Mode
from sas_service.domain.runs import Revocation, is_open, past_of
from sas_service.domain.tokens import TokenRecord


def explanation_of(reason: str) -> str:
    """Return the address of the page that explains ``reason``: public, since who must move may not see the run."""
    return f"/renewal/{reason}"


def move_order(record: TokenRecord, runs: Iterable[Revocation], lockdowns: Iterable[Lockdown] = ()) -> MoveOrder | None:
    """Return the order of the newest run that concerns ``record``, or None.

    Nobody is told before the switch: until then a replacement would come from the slot that is cut. A graceful run
    tells nobody: its tokens expire. What has been cut is told whichever run did it, and what is dead, by the newest
    run or by anything else, has no turn to wait for.
    """
    runs = tuple(runs)
    past = joined((past_of(runs), *(lockdown.past for lockdown in lockdowns)))
    for run in runs:
        switched = run.switched
        if switched is None or run.aborting or not run.plan.chosen.direction.kill.hits(record):
            continue
        tells = is_open(run) and run.plan.asked.mode is not Mode.GRACEFUL and record.grant.epoch <= run.plan.epoch
        if tells or run.past.is_hit(record):
            reason = run.plan.asked.reason.value
            dead, radius = past.is_hit(record), run.plan.chosen.radius
            waited = None if dead or run.plan.asked.mode is Mode.EMERGENCY else run.until
            holders = radius.intended.total + radius.collateral.total
            return MoveOrder(switched, reason, explanation_of(reason), holders, waited)
    return None


def is_told_to_move(record: TokenRecord, epoch: int, runs: Iterable[Revocation], lockdowns: Iterable[Lockdown]) -> bool:
    """Tell whether ``record`` must be replaced: the account is at a later ``epoch``, or its holder has an order.

    Only such a replacement is exempt from the profile's budget and the team's quota; any other is one more request.
    """
    return record.grant.epoch < epoch or order_for(record, runs, lockdowns) is not None


def order_for(record: TokenRecord, runs: Iterable[Revocation], lockdowns: Iterable[Lockdown]) -> MoveOrder | None:
    """Return the order that the holder of ``record`` has, from a run, from what others did to a key, or a lockdown.

    Also for a token of the current epoch: a key made anew by hand during a run moves no epoch.
    """
    lockdowns = tuple(lockdowns)
    return move_order(record, runs, lockdowns) or released_order(record, lockdowns)


def released_order(record: TokenRecord, lockdowns: Iterable[Lockdown]) -> MoveOrder | None:
    """Return the order of the newest lockdown that killed ``record`` and is over, or None.

    Nobody is told while the account is locked: no replacement can be had until its release.
    """
    for lockdown in lockdowns:
        if lockdown.is_over and lockdown.ended_at and lockdown.past.is_hit(record):
            return MoveOrder(lockdown.ended_at, lockdown.reason.value, explanation_of(lockdown.reason.value))
    return None
