"""Lock an Azure Maps account down, and release it."""

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.operations import Body, Documented, Resource
from sas_service.api.schemas_directory import AccountPath
from sas_service.api.schemas_lockdown import LockdownBody, LockdownShown
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    MirrorUnavailable,
    NotFound,
    OperatorMissing,
    ReleaseRefused,
    RevisionConflict,
)
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.lockdowns import Lockdown, LockdownState
from sas_service.domain.revocations import Reason
from sas_service.playbooks import LOCKING, RELEASING
from sas_service.services.lockdown import LockingDown

lockdown = Resource(
    "lockdown",
    "Everything off: no token of the account works, none is issued, until both keys are others. For the worst day.",
)

_PATH = AccountPath()
_MANAGE = (Role.REVOCATIONS_MANAGE,)
_WRITING = (NotFound, OperatorMissing, RevisionConflict, AuditLogUnavailable, MirrorUnavailable)


@lockdown.operation(
    "POST",
    "/v1/accounts/{account}/lockdown",
    summary="Lock an account down",
    roles=_MANAGE,
    parameters=_PATH,
    body=Body(LockdownBody(), examples.LOCKDOWN_BODY),
    answers={
        202: Documented("Nothing is issued any more; the rest is under way.", LockdownShown(), examples.LOCKDOWN),
        200: Documented("It was locked down already; nothing has changed.", LockdownShown(), examples.LOCKDOWN),
    },
    problems=_WRITING,
)
def lock_down(use: UseCases, ask: Ask) -> Answer:
    """Stop issuing for the account at once; then a worker switches local authentication off and makes both keys anew.

    Every application of the account stops working, shared keys included. Repeating is harmless. A revocation of the
    account that is under way is ended: whatever it was to stop is stopped.
    """
    reason = Reason(ask.body["reason"])
    locked, is_new = _of(use).lock(
        ask.path["account"], ask.caller, reason=reason, comment=ask.body.get("comment"), request_id=ask.request_id
    )
    return json_answer(lockdown_document(locked), 202 if is_new else 200)


@lockdown.operation(
    "DELETE",
    "/v1/accounts/{account}/lockdown",
    summary="Release an account",
    roles=_MANAGE,
    parameters=_PATH,
    answers={202: Documented("The release is under way.", LockdownShown(), examples.LOCKDOWN)},
    problems=(ReleaseRefused, BudgetExhausted, AzureUnavailable, AzureThrottled, AzureRefused, *_WRITING),
)
def release(use: UseCases, ask: Ask) -> Answer:
    """Release the account; refused until both keys are others than before the lock, so that nothing revives.

    A worker switches local authentication on, sees a token of the new key accepted and those of the old ones refused,
    and only then is anything issued again. `GET /v1/accounts/{account}` shows how far it is.
    """
    released = _of(use).release(ask.path["account"], ask.caller, request_id=ask.request_id)
    return json_answer(lockdown_document(released), 202)


def lockdown_document(locked: Lockdown) -> dict[str, object]:
    """A lockdown as shown."""
    steps = (*LOCKING, *RELEASING) if locked.state is LockdownState.RELEASING else LOCKING
    return {
        "id": locked.id,
        "account": locked.account,
        "state": locked.state.value,
        "reason": locked.reason.value,
        "comment": locked.comment,
        "by": dict(locked.by),
        "since": format_instant(locked.since),
        "missing": locked.missing or None,
        "breachedAt": format_instant(locked.breached_at) if locked.breached_at else None,
        "steps": [{"name": step.name, "state": locked.record(step.name).state} for step in steps],
    }


def _of(use: UseCases) -> LockingDown:
    if use.locking_down is None:
        raise OperatorMissing("This deployment has no operating identity: it cannot look after accounts.")
    return use.locking_down
