"""Suspensions: who gets no token for now."""

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.operations import Body, Documented, Resource
from sas_service.api.schemas_admin import SuspensionBody, SuspensionList, SuspensionPath, SuspensionShown
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import AuditLogUnavailable, MirrorUnavailable, NotFound
from sas_service.domain.iso8601 import format_instant
from sas_service.ports import Suspension

suspensions = Resource(
    "suspensions", "Stop issuing to a team, a client or a profile at once. Tokens that are out keep working."
)

_MANAGE = (Role.REVOCATIONS_MANAGE,)
_PATH = SuspensionPath()
_RECORDING = (AuditLogUnavailable, MirrorUnavailable)


@suspensions.operation(
    "GET",
    "/v1/suspensions",
    summary="List suspensions",
    roles=_MANAGE,
    answers={200: Documented("All suspensions, by kind and id.", SuspensionList(), examples.SUSPENSIONS)},
    problems=(AuditLogUnavailable,),
)
def list_suspensions(use: UseCases, ask: Ask) -> Answer:
    """List who or what is suspended."""
    items = [suspension_document(each) for each in use.suspending.list(ask.caller)]
    return json_answer({"items": items, "next": None})


@suspensions.operation(
    "PUT",
    "/v1/suspensions/{kind}/{id}",
    summary="Suspend",
    roles=_MANAGE,
    parameters=_PATH,
    body=Body(SuspensionBody(), examples.SUSPENSION_BODY, optional=True),
    answers={
        201: Documented("Suspended.", SuspensionShown(), examples.SUSPENSION),
        200: Documented("It was suspended already; the reason is the new one.", SuspensionShown(), examples.SUSPENSION),
    },
    problems=(NotFound, *_RECORDING),
)
def suspend(use: UseCases, ask: Ask) -> Answer:
    """Suspend a team, a client (application id) or a profile. It takes effect at once."""
    suspension, new = use.suspending.put(
        ask.path["kind"], ask.path["id"], ask.caller, reason=ask.body.get("reason"), request_id=ask.request_id
    )
    return json_answer(suspension_document(suspension), 201 if new else 200)


@suspensions.operation(
    "DELETE",
    "/v1/suspensions/{kind}/{id}",
    summary="Lift a suspension",
    roles=_MANAGE,
    parameters=_PATH,
    answers={204: Documented("Lifted.")},
    problems=(NotFound, *_RECORDING),
)
def lift(use: UseCases, ask: Ask) -> Answer:
    """Lift a suspension."""
    use.suspending.delete(ask.path["kind"], ask.path["id"], ask.caller, request_id=ask.request_id)
    return Answer(status=204)


def suspension_document(suspension: Suspension) -> dict[str, object]:
    """A suspension as shown."""
    return {
        "kind": suspension.kind,
        "id": suspension.id,
        "reason": suspension.reason,
        "by": dict(suspension.by),
        "at": format_instant(suspension.at),
    }
