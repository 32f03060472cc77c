"""The service about itself: health, metrics, and its own documentation; public, without secrets."""

from sas_service.api.docs_page import render_docs
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.operations import Documented, Resource
from sas_service.api.problem_pages import problem_page
from sas_service.api.readiness import examine
from sas_service.api.renewal_pages import renewal_page
from sas_service.api.schemas_service import Health, ProblemPath, Readiness, RenewalReasonPath
from sas_service.api.use_cases import UseCases
from sas_service.domain.errors import NotFound

service = Resource("service", "The service about itself; no token needed.")

_UNCACHED = {"Cache-Control": "no-store"}


@service.operation(
    "GET",
    "/healthz",
    summary="Is the process alive?",
    roles=None,
    answers={200: Documented("It is.", Health(), {"status": "ok", "version": "0.1.0"})},
)
def healthz(use: UseCases, _ask: Ask) -> Answer:
    """Answer as long as the process can; says nothing of what it depends on."""
    return json_answer({"status": "ok", "version": use.version}, headers=_UNCACHED)


@service.operation(
    "GET",
    "/readyz",
    summary="Can tokens be issued?",
    roles=None,
    answers={
        200: Documented("They can.", Readiness(), {"ready": True, "checks": {"auditLog": {"ok": True}}}),
        503: Documented(
            "They cannot: send requests elsewhere.",
            Readiness(),
            {"ready": False, "checks": {"auditLog": {"ok": False, "problem": "/problems/audit-log-unavailable"}}},
        ),
    },
)
def readyz(use: UseCases, _ask: Ask) -> Answer:
    """Ask every dependency, and tell the state of the policy."""
    ready, checks = examine(use.readiness, use.policies)
    headers = _UNCACHED if ready else {**_UNCACHED, "Retry-After": "5"}
    return json_answer({"ready": ready, "checks": checks}, 200 if ready else 503, headers)


@service.operation(
    "GET",
    "/metrics",
    summary="Metrics for Prometheus",
    roles=None,
    answers={200: Documented("Prometheus' text format.", media_types=("text/plain",))},
)
def metrics(use: UseCases, _ask: Ask) -> Answer:
    """Answer requests, latencies, refusals and tokens issued, in numbers."""
    return Answer(use.metrics.scrape(), headers=_UNCACHED, media_type="text/plain; version=0.0.4; charset=utf-8")


@service.operation(
    "GET",
    "/openapi.yaml",
    summary="This interface as OpenAPI 3.1",
    roles=None,
    answers={200: Documented("The document.", media_types=("application/yaml",))},
)
def openapi(use: UseCases, _ask: Ask) -> Answer:
    """Answer the document that is generated from the views and their schemas."""
    return Answer(use.interface.yaml, headers={"Cache-Control": "no-cache"}, media_type="application/yaml")


@service.operation(
    "GET",
    "/docs",
    summary="This interface for people",
    roles=None,
    answers={
        200: Documented("One page, without scripts and without anything from elsewhere.", media_types=("text/html",))
    },
)
def docs(use: UseCases, _ask: Ask) -> Answer:
    """Render the OpenAPI document as a page."""
    page = render_docs(use.interface.document)
    return Answer(page.html, headers=page.headers, media_type="text/html")


@service.operation(
    "GET",
    "/problems/{slug}",
    summary="A problem type for people",
    roles=None,
    parameters=ProblemPath(),
    answers={200: Documented("What it means and what to do.", media_types=("text/html",))},
    problems=(NotFound,),
)
def problem(_use: UseCases, ask: Ask) -> Answer:
    """Tell what a problem's `type` means and what to do about it."""
    page = problem_page(ask.path["slug"])
    return Answer(page.html, headers=page.headers, media_type="text/html")


@service.operation(
    "GET",
    "/renewal/{reason}",
    summary="A reason to replace a token now, for people",
    roles=None,
    parameters=RenewalReasonPath(),
    answers={200: Documented("What happens, and what to do.", media_types=("text/html",))},
    problems=(NotFound,),
)
def explain_renewal(_use: UseCases, ask: Ask) -> Answer:
    """Tell what the `reason` of renewal information means; says nothing of any one revocation."""
    page = renewal_page(ask.path["reason"])
    return Answer(page.html, headers=page.headers, media_type="text/html")
