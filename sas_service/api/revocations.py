"""Revocations: plan them, list them, look at one, and watch it."""

from sas_service.api import examples_revocations as examples
from sas_service.api.answers_revocations import ConsumerList, EvidenceShown, RevocationList, RevocationShown
from sas_service.api.exchange import Answer, Ask, dump, json_answer, page_answer
from sas_service.api.operations import Body, Documented, Resource
from sas_service.api.revocation_documents import mover_document, revocation_document
from sas_service.api.schemas_revocations import (
    ConsumersQuery,
    RevocationBody,
    RevocationPath,
    RevocationsQuery,
    question,
)
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    ActionNotAllowed,
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    MirrorUnavailable,
    NotFound,
    OperatorMissing,
    TooManyWatchers,
)
from sas_service.services.revoke import Revoking
from sas_service.services.watch_revocations import Seen, Watching

revocations = Resource(
    "revocations",
    "Take tokens back: a plan first, which changes nothing; then a run that moves every application over.",
)

MANAGE = (Role.REVOCATIONS_MANAGE,)
READ = (Role.REVOCATIONS_MANAGE, Role.REVOCATIONS_APPROVE, Role.AUDIT_READ)
PATH = RevocationPath()
READING = (NotFound, OperatorMissing, AuditLogUnavailable)
ETAG = {"ETag": "The plan's hash, quoted."}


@revocations.operation(
    "POST",
    "/v1/revocations",
    summary="Plan a revocation",
    roles=MANAGE,
    body=Body(RevocationBody(), examples.REVOCATION_BODY, with_policy=True),
    answers={
        201: Documented(
            "The plan, `planned` or `blocked`; nothing has changed.",
            RevocationShown(),
            examples.REVOCATION,
            headers={"Location": "The revocation.", **ETAG},
        )
    },
    problems=(*READING, BudgetExhausted, AzureUnavailable, AzureThrottled, AzureRefused, MirrorUnavailable),
)
def plan_revocation(use: UseCases, ask: Ask) -> Answer:
    """Count what each lever would kill, recommend one, and remember the plan; nothing else changes.

    A plan that cannot be started now is `blocked`, with its obstacles, the ways out and `earliestStart`. Start another
    with `POST /v1/revocations/{id}/start` and its `ETag`.
    """
    run = revoking(use).plan(question(ask, use.clock.now()), ask.caller, request_id=ask.request_id)
    return shown(watching(use).seen(run), 201, Location=f"/v1/revocations/{run.id}")


@revocations.operation(
    "GET",
    "/v1/revocations",
    summary="List revocations",
    roles=READ,
    query=RevocationsQuery(),
    answers={200: Documented("A page of revocations, newest plan first.", RevocationList(), examples.REVOCATION_LIST)},
    problems=(OperatorMissing, AuditLogUnavailable),
)
def list_revocations(use: UseCases, ask: Ask) -> Answer:
    """List plans and runs, those that are over included."""
    found, following = watching(use).page(**ask.listing("account", "state"))
    return page_answer(ask, dump([revocation_document(each) for each in found]), following)


@revocations.operation(
    "GET",
    "/v1/revocations/{id}",
    summary="Look up a revocation",
    roles=READ,
    parameters=PATH,
    answers={200: Documented("The revocation, now.", RevocationShown(), examples.REVOCATION, headers=ETAG)},
    problems=READING,
)
def get_revocation(use: UseCases, ask: Ask) -> Answer:
    """Look at a plan or a run: its steps, who has not moved, what it waits for, what may be done."""
    return shown(watching(use).one(ask.path["id"]))


@revocations.operation(
    "GET",
    "/v1/revocations/{id}/consumers",
    summary="List who must move",
    roles=READ,
    parameters=PATH,
    query=ConsumersQuery(),
    answers={200: Documented("A page of consumers, by name.", ConsumerList(), examples.CONSUMERS)},
    problems=READING,
)
def list_consumers(use: UseCases, ask: Ask) -> Answer:
    """List every application with an unexpired token that hangs on what is cut, and whether it has moved."""
    found, following = watching(use).movers_page(ask.path["id"], **ask.listing("moved"))
    return page_answer(ask, dump([mover_document(each) for each in found]), following)


@revocations.operation(
    "GET",
    "/v1/revocations/{id}/evidence",
    summary="Get the evidence of a revocation",
    roles=READ,
    parameters=PATH,
    answers={200: Documented("The signed report.", EvidenceShown(), examples.EVIDENCE)},
    problems=(NotFound, AuditLogUnavailable, ActionNotAllowed),
)
def get_evidence(use: UseCases, ask: Ask) -> Answer:
    """Get the signed report of a run that has ended; `sas-service audit verify --evidence` checks it offline."""
    if use.evidence is None:
        raise NotFound("This deployment has no signing key (SAS_SIGNING_KEY): there is no signed evidence.")
    return json_answer(use.evidence.report(ask.path["id"]))


@revocations.operation(
    "GET",
    "/v1/revocations/{id}/events",
    summary="Watch a revocation",
    roles=MANAGE,
    parameters=PATH,
    answers={
        200: Documented(
            "Server-sent events: `audit` (an audit event of this run), `progress` (the revocation), `end`.",
            media_types=("text/event-stream",),
        ),
        204: Documented("It is over, and everything was told: do not come back."),
    },
    problems=(*READING, TooManyWatchers),
    resumable=True,
)
def watch(use: UseCases, ask: Ask) -> Answer:
    """Be told what happens as it happens. The stream ends after half a minute: come back with `Last-Event-ID`.

    Few at a time: every watcher takes a thread from issuing. Each event's `id` is the number of the account's newest
    audit event then.
    """
    stream = use.watchers.watch(watching(use), ask.path["id"], after=ask.last_event_id)
    if stream is None:
        return Answer(status=204)
    return Answer(headers={"X-Accel-Buffering": "no"}, media_type="text/event-stream", stream=stream)


def shown(seen: Seen, status: int = 200, **headers: str) -> Answer:
    """Answer with a revocation."""
    return json_answer(revocation_document(seen), status, {"ETag": f'"{seen.run.plan.hash}"', **headers})


def revoking(use: UseCases) -> Revoking:
    """Return who plans and decides; raises OperatorMissing."""
    if use.revoking is None:
        raise OperatorMissing("This deployment has no operating identity: it cannot take tokens back.")
    return use.revoking


def watching(use: UseCases) -> Watching:
    """Return who looks; raises OperatorMissing."""
    if use.watching is None:
        raise OperatorMissing("This deployment has no operating identity: it has no revocations.")
    return use.watching
