"""Put the API together; every dependency comes by name, nothing is read from anywhere else."""

from collections.abc import Sequence

from flask import Flask

from sas_service.api.access import Access
from sas_service.api.audit_export import Exports
from sas_service.api.auth import Challenge, Gate
from sas_service.api.binding import bind
from sas_service.api.catalogue import RESOURCES
from sas_service.api.cors import Cors
from sas_service.api.interface import Interface
from sas_service.api.metrics import Metrics
from sas_service.api.problems import Problems
from sas_service.api.revocation_stream import Watchers
from sas_service.api.shared_tokens import shared_tokens
from sas_service.api.short_issue import ShortIssue
from sas_service.api.short_way import ShortWay
from sas_service.api.tokens import tokens
from sas_service.api.use_cases import UseCases
from sas_service.ports import CallerTokens, Clock, Policies, Readiness
from sas_service.services.account_cors import AccountOrigins
from sas_service.services.deny import Deciding
from sas_service.services.evidence import Evidence
from sas_service.services.expose import Exposing
from sas_service.services.hand_out import HandingOut
from sas_service.services.identify import Identifying
from sas_service.services.inspect import Inspection
from sas_service.services.issue import Issuing
from sas_service.services.lockdown import LockingDown
from sas_service.services.note_readers import NotingReaders
from sas_service.services.prove import LogProofs
from sas_service.services.renew import Renewing
from sas_service.services.replace import Replacing
from sas_service.services.revoke import Revoking
from sas_service.services.suspend import Suspending
from sas_service.services.watch_drift import DriftWatch
from sas_service.services.watch_revocations import Watching

LARGEST_BODY = 64 * 1024


def create_app(
    *,
    caller_tokens: CallerTokens,
    clock: Clock,
    deciding: Deciding,
    issuing: Issuing,
    handing_out: HandingOut | None,
    replacing: Replacing,
    renewing: Renewing,
    revoking: Revoking | None,
    locking_down: LockingDown | None = None,
    watching: Watching | None,
    inspection: Inspection,
    identifying: Identifying,
    exposing: Exposing,
    readers: NotingReaders,
    suspending: Suspending,
    account_origins: AccountOrigins,
    policies: Policies,
    readiness: Sequence[Readiness],
    metrics: Metrics,
    version: str,
    challenge: Challenge | None = None,
    proofs: LogProofs | None = None,
    evidence: Evidence | None = None,
    drift: DriftWatch | None = None,
    watchers: Watchers | None = None,
) -> Flask:
    """Return the WSGI application.

    ``challenge`` is what a client without a token is told; ``watchers`` is how many may watch runs, and how long;
    ``proofs`` and ``evidence`` are None where nothing is signed.
    """
    app = _empty_app()
    cors = Cors(policies)
    access = Access(metrics, cors)
    access.install(app)
    Problems(metrics=metrics, challenge=challenge or Challenge()).install(app)
    use_cases = UseCases(
        deciding=deciding,
        issuing=issuing,
        handing_out=handing_out,
        replacing=replacing,
        renewing=renewing,
        revoking=revoking,
        locking_down=locking_down,
        watching=watching,
        watchers=watchers or Watchers(clock),
        inspection=inspection,
        suspending=suspending,
        account_origins=account_origins,
        proofs=proofs,
        evidence=evidence,
        drift=drift,
        identifying=identifying,
        exposing=exposing,
        readers=readers,
        exports=Exports(clock),
        policies=policies,
        clock=clock,
        readiness=readiness,
        metrics=metrics,
        interface=Interface(RESOURCES, version),
        version=version,
    )
    gate = Gate(caller_tokens, clock)
    bind(app, RESOURCES, use_cases=use_cases, gate=gate, cors=cors)
    hand_out = shared_tokens.operations[0]
    short_issue = ShortIssue(app.wsgi_app, tokens.operations[0], use_cases=use_cases, gate=gate, access=access)
    short_way = ShortWay(short_issue, hand_out, use_cases=use_cases, gate=gate, access=access)
    app.wsgi_app = short_way  # type: ignore[method-assign]  # Flask's own way to put something around it
    return app


def _empty_app() -> Flask:
    app = Flask("sas_service.api", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    # A redirect for a doubled slash would carry the address along; it is a 404 like any other.
    app.url_map.merge_slashes = False
    return app
