"""Take for right what others have changed about an account."""

from sas_service.api.exchange import Answer, Ask
from sas_service.api.operations import Documented, Resource
from sas_service.api.schemas_directory import AccountPath
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    MirrorUnavailable,
    NotFound,
    OperatorMissing,
    RevisionConflict,
)

drift = Resource("drift", "What others have changed about an account; `GET /v1/accounts/{account}` shows it.")


@drift.operation(
    "DELETE",
    "/v1/accounts/{account}/drift",
    summary="Accept what others have changed",
    roles=(Role.REVOCATIONS_MANAGE,),
    parameters=AccountPath(),
    answers={204: Documented("What is there now is taken as right from the next look on.")},
    problems=(
        NotFound,
        OperatorMissing,
        RevisionConflict,
        AzureUnavailable,
        AzureThrottled,
        AzureRefused,
        AuditLogUnavailable,
        MirrorUnavailable,
    ),
)
def accept_drift(use: UseCases, ask: Ask) -> Answer:
    """Take the account as it is now for right: the list of drift is empty until the worker's next look.

    It is on record who did. What must not be at all (a lost role, a revived identity) is found again by that look. A
    key that was changed since the last look is refused with 412: it is looked at first, so that the holders of what
    died with it are told.
    """
    if use.drift is None:
        raise OperatorMissing("This deployment has no operating identity: nobody watches accounts.")
    use.drift.accept(ask.path["account"], ask.caller, request_id=ask.request_id)
    return Answer(status=204)
