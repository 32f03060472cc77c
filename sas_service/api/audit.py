"""The audit log, for auditors."""

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, page_answer
from sas_service.api.operations import Documented, Resource
from sas_service.api.schemas_audit import AuditEventList
from sas_service.api.schemas_queries import EventsQuery, event_filters
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import AuditLogUnavailable

audit = Resource("audit", "Who got what, who was refused, and who changed what.")


@audit.operation(
    "GET",
    "/v1/audit/events",
    summary="List audit events",
    roles=(Role.AUDIT_READ,),
    query=EventsQuery(),
    answers={200: Documented("A page of events, newest first.", AuditEventList(), examples.EVENTS)},
    problems=(AuditLogUnavailable,),
)
def list_events(use: UseCases, ask: Ask) -> Answer:
    """List events, exactly as they are stored."""
    page = use.inspection.events(ask.caller, **ask.listing("account"), **event_filters(ask.query))
    # Stored events are JSON already; taking them apart and together again would cost six times as much.
    return page_answer(ask, f"[{','.join(event.text for event in page.items)}]", page.next)
