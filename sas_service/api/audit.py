"""The audit log, for auditors: read it, export it, say whose a found token is, and what live tokens may cost."""

from sas_service.api import examples_audit as examples
from sas_service.api.account_lookup import AccountLookup
from sas_service.api.audit_documents import exposure_document, identified_document
from sas_service.api.audit_export import CSV, NDJSON, ROWS
from sas_service.api.exchange import Answer, Ask, json_answer, next_link, page_answer
from sas_service.api.operations import Body, Documented, Resource
from sas_service.api.schemas_audit import AuditEventList, ExposureShown, IdentifiedShown, IdentifyBody
from sas_service.api.schemas_queries import EventsQuery, event_filters
from sas_service.api.use_cases import UseCases
from sas_service.domain.audit import EventKind
from sas_service.domain.callers import Role
from sas_service.domain.errors import AuditLogUnavailable, InvalidRequest, TooManyWatchers, Violation
from sas_service.domain.tokens import SasToken
from sas_service.ports import EventPage

audit = Resource("audit", "Who got what, who was refused, and who changed what.")

_AUDITORS = (Role.AUDIT_READ,)
_EVENTS, _IDENTIFY = "GET /v1/audit/events", "POST /v1/audit/identify"
_SCHEME = "jwt-sas "


@audit.operation(
    "GET",
    "/v1/audit/events",
    summary="List or export audit events",
    roles=_AUDITORS,
    query=EventsQuery(),
    answers={
        200: Documented(
            "A page of events, newest first; as NDJSON or CSV an export.",
            AuditEventList(),
            examples.EVENTS,
            ("application/json", NDJSON, CSV),
        )
    },
    problems=(AuditLogUnavailable, TooManyWatchers),
)
def list_events(use: UseCases, ask: Ask) -> Answer:
    """List events, exactly as they are stored. That somebody reads or exports them is an event, too.

    A page looks at a bounded number of events: where filters leave few, it may be short or empty and still have a
    `next`. With `Accept: application/x-ndjson` or `text/csv` the answer is an export of up to 100,000 events (of
    `limit`, where that is said), for at most half a minute. Its last line says where to go on: `{"next": ...}`, null at
    the end, in CSV a row that begins with `#next`. An export without that line was cut off.
    """
    if ask.wants in {NDJSON, CSV}:
        return _export(use, ask)
    page = _page(use, ask, ask.query.get("cursor"), ask.query["limit"])
    note_reading(use, ask, _EVENTS)
    # Stored events are JSON already; taking them apart and together again would cost six times as much.
    return page_answer(ask, f"[{','.join(event.text for event in page.items)}]", page.next)


def _page(use: UseCases, ask: Ask, cursor: str | None, limit: int) -> EventPage:
    account = ask.query.get("account")
    return use.inspection.events(ask.caller, account=account, cursor=cursor, limit=limit, **event_filters(ask.query))


def _export(use: UseCases, ask: Ask) -> Answer:
    rows = ask.query["limit"] if "limit" in ask.said else ROWS
    stream = use.exports.stream(
        ask.wants,
        lambda cursor, limit: _page(use, ask, cursor, limit),
        lambda cursor: next_link(ask, cursor),
        cursor=ask.query.get("cursor"),
        rows=rows,
    )
    try:
        note_reading(use, ask, _EVENTS, kind=EventKind.AUDIT_EXPORTED)
    except BaseException:  # nobody will listen: also after a fault of our own the place is to be free
        stream.close()
        raise
    name = "audit-events.csv" if ask.wants == CSV else "audit-events.ndjson"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(headers=headers, media_type=ask.wants, stream=stream)


@audit.operation(
    "POST",
    "/v1/audit/identify",
    summary="Say whose a found token is",
    roles=_AUDITORS,
    body=Body(IdentifyBody(), examples.IDENTIFY_BODY),
    answers={200: Documented("What is on record.", IdentifiedShown(), examples.IDENTIFIED)},
    problems=(AuditLogUnavailable,),
)
def identify(use: UseCases, ask: Ask) -> Answer:
    """Say whose a found token is, whether it works by what is on record, and what each lever would cost.

    The token is looked up by its SHA-256 and forgotten: it is neither kept nor logged nor tried. Send `fingerprint`
    instead where you would rather not send it. `"known": false` means that no record has this fingerprint: it was not
    issued here, or is no whole token, or its record was removed for its age.
    """
    fingerprint = _fingerprint(ask)
    found = use.identifying.identify(fingerprint)
    note_reading(use, ask, _IDENTIFY, about=found.record.id if found else None)
    if found is None:
        return json_answer({"known": False, "fingerprint": fingerprint})
    client_id, hosts = AccountLookup(use, ask.caller).of(found.record)
    return json_answer(identified_document(found, fingerprint, client_id, hosts))


def _fingerprint(ask: Ask) -> str:
    token, fingerprint = ask.body.get("token"), ask.body.get("fingerprint")
    if (token is None) == (fingerprint is None):
        violation = Violation("", None, "exactly one of token and fingerprint", "audit.identify")
        raise InvalidRequest("What is to be identified?", violations=(violation,))
    if token is None:
        return str(fingerprint)
    bare = token.strip()
    if bare.lower().startswith(_SCHEME):
        bare = bare[len(_SCHEME) :].strip()
    return SasToken(bare).fingerprint


@audit.operation(
    "GET",
    "/v1/exposure",
    summary="Add up what live tokens may cost",
    roles=_AUDITORS,
    answers={200: Documented("As of `at`, a few seconds ago.", ExposureShown(), examples.EXPOSURE)},
    problems=(AuditLogUnavailable,),
)
def get_exposure(use: UseCases, ask: Ask) -> Answer:  # noqa: ARG001  every view is asked
    """Add up the live tokens and the worst that they can do: by team, profile, location and slot.

    Requests per second and billable transactions are over all locations that a token names. One that names none is
    counted in `tokens` and `unconstrained` alone; among locations it is in each row, and in `any`.
    """
    return json_answer(exposure_document(use.exposing.now()))


def note_reading(
    use: UseCases, ask: Ask, operation: str, *, kind: EventKind = EventKind.AUDIT_READ, about: str | None = None
) -> None:
    """Put on record that an auditor reads; what teams see of their own is none of an auditor's reading."""
    if Role.AUDIT_READ in ask.caller.roles:
        asked = {name: value for name, value in ask.said.items() if name not in {"cursor", "limit"}}
        use.readers.note(kind, ask.caller, operation=operation, request_id=ask.request_id, asked=asked, about=about)
