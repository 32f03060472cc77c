"""What people may do to a revocation; a state that does not allow it answers 409 with what it allows."""

from collections.abc import Callable

from sas_service.api import examples_revocations as examples
from sas_service.api.answers_revocations import RevocationShown
from sas_service.api.exchange import Answer, Ask
from sas_service.api.operations import Body, Documented, ErrorClass, Precondition, Resource, View
from sas_service.api.revocations import ETAG, MANAGE, PATH, READING, revoking, shown, watching
from sas_service.api.schemas_revocations import ExcuseBody, ExtendBody, until
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    ActionNotAllowed,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    InvalidRequest,
    MirrorUnavailable,
    PlanBlocked,
    ReplanRequired,
    RevisionConflict,
    RunInProgress,
)
from sas_service.domain.runs import Revocation

revocation_verbs = Resource(
    "decisions about revocations",
    "Approve, start, pause, resume, extend, excuse, commit, abort: on record before they take effect.",
)

_DECIDING = (*READING, MirrorUnavailable, ActionNotAllowed, RevisionConflict)
_STARTING = (
    PlanBlocked,
    ReplanRequired,
    RunInProgress,
    BudgetExhausted,
    AzureUnavailable,
    AzureThrottled,
    AzureRefused,
)


def _verb(
    name: str,
    summary: str,
    *,
    roles: tuple[Role, ...] = MANAGE,
    precondition: Precondition = Precondition.OPTIONAL,
    problems: tuple[ErrorClass, ...] = (),
    body: Body | None = None,
) -> Callable[[View], View]:
    """Declare one action: they differ in little."""
    answers = {200: Documented("The revocation after it.", RevocationShown(), examples.RUNNING, headers=ETAG)}
    return revocation_verbs.operation(
        "POST",
        f"/v1/revocations/{{id}}/{name}",
        summary=summary,
        roles=roles,
        parameters=PATH,
        answers=answers,
        problems=(*_DECIDING, *problems),
        precondition=precondition,
        body=body,
    )


@_verb(
    "approve",
    "Approve a plan, or leaving somebody behind",
    roles=(Role.REVOCATIONS_APPROVE,),
    precondition=Precondition.REQUIRED,
)
def approve(use: UseCases, ask: Ask) -> Answer:
    """Be the second pair of eyes: not who planned it, and nobody twice. `If-Match` names the plan that was seen.

    Before the start it is the plan that is approved; during a run it is that somebody who has not moved may lose tokens
    (`excuse`, `commit`), where the policy's `emergencyApprovals` asks for it.
    """
    return _after(
        use, revoking(use).approve(ask.path["id"], ask.caller, plan_hash=ask.if_match or "", request_id=ask.request_id)
    )


@_verb("start", "Start a run", precondition=Precondition.REQUIRED, problems=_STARTING)
def start(use: UseCases, ask: Ask) -> Answer:
    """Begin, if everything that was counted still holds: 409 `replan-required` if more tokens of others would die.

    A more urgent run takes over a less urgent one before its first cut. In emergency mode whoever starts answers for
    the casualties by name.
    """
    return _after(
        use, revoking(use).start(ask.path["id"], ask.caller, plan_hash=ask.if_match or "", request_id=ask.request_id)
    )


@_verb("pause", "Pause a run")
def pause(use: UseCases, ask: Ask) -> Answer:
    """Hold everything at once; what was sent to Azure already is not called back."""
    return _after(
        use, revoking(use).pause(ask.path["id"], ask.caller, plan_hash=ask.if_match, request_id=ask.request_id)
    )


@_verb("resume", "Resume a run")
def resume(use: UseCases, ask: Ask) -> Answer:
    """Go on. What the run waited for is accepted where a person may accept it, and looked at again everywhere else."""
    return _after(
        use, revoking(use).resume(ask.path["id"], ask.caller, plan_hash=ask.if_match, request_id=ask.request_id)
    )


@_verb("commit", "Cut now")
def commit(use: UseCases, ask: Ask) -> Answer:
    """Cut although somebody has not moved. Every token that dies unreplaced is on record before.

    Needs the approvals of an emergency (`approvalsToForce`), by others than who commits.
    """
    return _after(
        use, revoking(use).commit(ask.path["id"], ask.caller, plan_hash=ask.if_match, request_id=ask.request_id)
    )


@_verb("extend", "Give more time", body=Body(ExtendBody(), {"deadline": "PT30M"}), problems=(InvalidRequest,))
def extend(use: UseCases, ask: Ask) -> Answer:
    """Move the deadline to later; never to earlier."""
    deadline = until(ask.body["deadline"], use.clock.now())
    return _after(
        use,
        revoking(use).extend(
            ask.path["id"], ask.caller, deadline=deadline, plan_hash=ask.if_match, request_id=ask.request_id
        ),
    )


@_verb("excuse", "Leave a consumer behind", body=Body(ExcuseBody(), examples.EXCUSE_BODY))
def excuse(use: UseCases, ask: Ask) -> Answer:
    """Stop waiting for one late consumer, by name: its tokens will die, and are on record before.

    Needs the approvals of an emergency (`approvalsToForce`), by others than who excuses.
    """
    return _after(
        use,
        revoking(use).excuse(
            ask.path["id"],
            ask.caller,
            consumer=ask.body["consumer"],
            plan_hash=ask.if_match,
            request_id=ask.request_id,
        ),
    )


@_verb("abort", "Give up")
def abort(use: UseCases, ask: Ask) -> Answer:
    """Walk back what was begun, before the first cut; a plan is just closed."""
    return _after(
        use, revoking(use).abort(ask.path["id"], ask.caller, plan_hash=ask.if_match, request_id=ask.request_id)
    )


def _after(use: UseCases, run: Revocation) -> Answer:
    return shown(watching(use).seen(run))
