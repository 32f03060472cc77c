"""The only wiring: settings -> adapters -> services -> Flask; nothing here decides anything."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from flask import Flask
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from sas_service import __version__
from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.azure.attempts import Attempts, Patience
from sas_service.adapters.azure.credentials import CredentialChoice, CredentialKind, build_credential
from sas_service.adapters.azure.managed_identities import AzureManagedIdentities
from sas_service.adapters.azure.maps_account import AzureMapsAccount
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.role_assignments import AzureRoleAssignments
from sas_service.adapters.azure.transport import Outbound
from sas_service.adapters.entra.tenant import tenant_caller_tokens, tenant_issuers
from sas_service.adapters.logs import configure_logs
from sas_service.adapters.policy_file import LastAccepted, PolicyFile
from sas_service.adapters.readiness import Question
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.migrations import Migrations
from sas_service.adapters.redis.server import Durability, Server
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.redis.suspensions import RedisSuspensions
from sas_service.adapters.system_clock import SystemClock
from sas_service.adapters.token_ids import RandomTokenIds
from sas_service.api.app import create_app
from sas_service.api.metrics import Metrics
from sas_service.api.openapi import render as render_openapi
from sas_service.domain.errors import NotFound, PolicyRefused
from sas_service.domain.policy import Account, Policy
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Deciding
from sas_service.services.diagnose import Diagnosis, Finding
from sas_service.services.inspect import Inspection
from sas_service.services.issue import Issuing
from sas_service.services.reap import Reaping
from sas_service.services.suspend import Suspending
from sas_service.services.takeover import PolicyTakeover
from sas_service.settings import Secret, Settings, SettingsError

__all__ = [
    "Service",
    "SettingsError",
    "build_api",
    "build_doctor",
    "build_migrations",
    "build_service",
    "preflight",
    "render_openapi",
]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stores:
    """What remembers: Redis and the mirror."""

    server: Server
    migrations: Migrations
    audit_log: RedisAuditLog
    slots: RedisSlots
    suspensions: RedisSuspensions
    mirror: NdjsonMirror


@dataclass(frozen=True, slots=True)
class Azure:
    """What leads to Azure; ``operator`` is None where no operating identity is set."""

    outbound: Outbound
    issuer: PrefetchedCredential
    operator: PrefetchedCredential | None
    maps_account: AzureMapsAccount
    role_assignments: AzureRoleAssignments | None
    identities: AzureManagedIdentities | None


@dataclass(frozen=True, slots=True)
class Service:
    """One process's parts: what the API and the worker use."""

    settings: Settings
    stores: Stores
    azure: Azure
    policies: PolicyFile
    readiness: tuple[Question, ...]
    reaping: Reaping
    upkeep: Callable[[], None]
    policy_poll: timedelta

    def close(self) -> None:
        """Close connections and files."""
        self.azure.outbound.close()
        self.stores.mirror.close()


def build_service(environ: Mapping[str, str], *, last_accepted: Path | None = None) -> Service:
    """Build a process from its environment. Raises SettingsError, PolicyRefused; opens no connection to Azure."""
    settings = Settings.from_env(environ)
    configure_logs(settings.log_level)
    stores = _stores(settings)
    policies = _policies(settings, stores, last_accepted)
    azure = _azure(settings, policies.current, environ)
    clock = SystemClock()
    reaping = Reaping(policies=policies, audit_log=stores.audit_log, mirror=stores.mirror, clock=clock)

    def upkeep() -> None:
        policies.refresh()
        stores.migrations.guard()

    return Service(
        settings=settings,
        stores=stores,
        azure=azure,
        policies=policies,
        readiness=_readiness(stores, policies),
        reaping=reaping,
        upkeep=upkeep,
        policy_poll=settings.policy_poll,
    )


def build_api(environ: Mapping[str, str]) -> tuple[Service, Flask]:
    """Build the API of one gunicorn worker process."""
    # Shared by this service's processes and gone with them: a worker born while a refused file lies there needs it.
    shared = environ.get("PROMETHEUS_MULTIPROC_DIR")
    service = build_service(environ, last_accepted=Path(shared) / "policy.accepted.yaml" if shared else None)
    settings, stores, azure = service.settings, service.stores, service.azure
    clock = SystemClock()
    caller_tokens = tenant_caller_tokens(
        session=azure.outbound.session,
        tenant_id=settings.tenant_id,
        audiences=settings.audiences,
        authority=settings.entra_authority,
        issuers=_issuers(settings),
        leeway=settings.token_leeway,
    )
    deciding = Deciding(policies=service.policies, audit_log=stores.audit_log, mirror=stores.mirror)
    issuing = Issuing(
        deciding=deciding,
        active_slots=ActiveSlots(slots=stores.slots, maps_account=azure.maps_account),
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        maps_account=azure.maps_account,
        clock=clock,
        token_ids=RandomTokenIds(),
        reservation_time=settings.reservation_time,
    )
    inspection = Inspection(
        policies=service.policies, audit_log=stores.audit_log, slots=stores.slots, maps_account=azure.maps_account
    )
    suspending = Suspending(
        policies=service.policies,
        suspensions=stores.suspensions,
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        clock=clock,
    )
    app = create_app(
        caller_tokens=caller_tokens,
        clock=clock,
        issuing=issuing,
        inspection=inspection,
        suspending=suspending,
        policies=service.policies,
        readiness=service.readiness,
        metrics=_metrics(shared),
        version=__version__,
    )
    return service, app


def preflight(environ: Mapping[str, str]) -> None:
    """Check all that a process needs of its own before it starts; raises SettingsError or the first SasServiceError."""
    settings = Settings.from_env(environ)
    configure_logs(settings.log_level)
    stores = _stores(settings)
    _policies(settings, stores, None)
    for question in _readiness(stores, None):
        question.check()
    _log.info(
        "the audit mirror is local to this machine: run one replica of the service per mirror directory",
        directory=str(settings.mirror_directory),
    )
    stores.mirror.close()


def build_migrations(environ: Mapping[str, str]) -> Migrations:
    """Return the migrations of this release. Raises SettingsError."""
    return _stores(Settings.from_env(environ)).migrations


def build_doctor(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Return the doctor's findings, made as they are asked for. Raises SettingsError, PolicyRefused."""
    service = build_service(environ)
    settings, azure = service.settings, service.azure
    caller_tokens = tenant_caller_tokens(
        session=azure.outbound.session,
        tenant_id=settings.tenant_id,
        audiences=settings.audiences,
        authority=settings.entra_authority,
        issuers=_issuers(settings),
    )
    clock = SystemClock()
    questions = [
        *service.readiness,
        Question("entra", lambda: _quietly(partial(caller_tokens.prefetch, clock.now()))),
        Question("issuer credential", lambda: _quietly(azure.issuer.prefetch)),
    ]
    if azure.operator:
        questions.append(Question("operator credential", partial(_quietly, azure.operator.prefetch)))
    return Diagnosis(
        policy=service.policies.current(),
        readiness=questions,
        maps_account=azure.maps_account,
        role_assignments=azure.role_assignments,
        identities=azure.identities,
    ).run()


def _quietly(ask: Callable[[], object]) -> Mapping[str, object]:
    ask()
    return {}


def _stores(settings: Settings) -> Stores:
    url = settings.redis_url.reveal()
    redis = connect(
        url,
        limits=Limits(
            connect=settings.redis_timeout, read=settings.redis_timeout * 1.5, connections=settings.redis_pool
        ),
    )
    server = Server(
        redis,
        durability=Durability(
            local=not settings.redis_allow_volatile, replicas=settings.redis_replicas, timeout=settings.redis_timeout
        ),
        accept_eviction=settings.redis_allow_volatile,
        accept_no_persistence=settings.redis_allow_volatile,
    )
    return Stores(
        server=server,
        migrations=Migrations(redis, settings.migrations_directory or _own_migrations()),
        audit_log=RedisAuditLog(server),
        slots=RedisSlots(server),
        suspensions=RedisSuspensions(server),
        mirror=NdjsonMirror(settings.mirror_directory, segment_bytes=settings.mirror_segment_bytes),
    )


def _own_migrations() -> Path:
    """Return this release's migrations: inside an installed wheel, or beside the package in a checkout or image."""
    package = Path(__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _policies(settings: Settings, stores: Stores, last_accepted: Path | None) -> PolicyFile:
    clock = SystemClock()
    takeover = PolicyTakeover(
        audit_log=stores.audit_log,
        mirror=stores.mirror,
        slots=stores.slots,
        suspensions=stores.suspensions,
        clock=clock,
    )

    def changed(old: Policy | None, new: Policy) -> None:
        takeover.changed(old, new)
        _log.info("policy in force", digest=new.digest, previous=old.digest if old else None)

    def refused(error: PolicyRefused) -> None:
        reasons = [f"{each.rule}: {each.allowed}" for each in error.violations]
        _log.error("policy change refused, the old one stays in force", reasons=reasons)
        takeover.refused(error)

    return PolicyFile(
        settings.policy_file,
        clock=clock,
        takeover_check=takeover.check,
        on_change=changed,
        on_refused=refused,
        last_accepted=LastAccepted(last_accepted) if last_accepted else None,
    )


def _azure(settings: Settings, policy: Callable[[], Policy], environ: Mapping[str, str]) -> Azure:
    def account(name: str) -> Account:
        try:
            return policy().accounts[name]
        except KeyError:
            raise NotFound("there is no such account") from None

    outbound = Outbound(
        pool_size=settings.arm_pool,
        connect_timeout=settings.arm_connect_timeout.total_seconds(),
        read_timeout=settings.arm_read_timeout.total_seconds(),
        ca_bundle=str(settings.ca_bundle) if settings.ca_bundle else None,
        proxies={"https": settings.https_proxy} if settings.https_proxy else None,
    )
    patience = Patience(
        deadline=settings.arm_deadline.total_seconds(),
        connect=settings.arm_connect_timeout.total_seconds(),
        read=settings.arm_read_timeout.total_seconds(),
    )
    issuer = _credential(settings, "issuer", outbound, environ)
    has_operator = settings.operator_client_id or settings.operator_credential == CredentialKind.DEVELOPER
    operator = _credential(settings, "operator", outbound, environ) if has_operator else None
    return Azure(
        outbound=outbound,
        issuer=issuer,
        operator=operator,
        maps_account=AzureMapsAccount(
            accounts=account,
            credential=issuer,
            outbound=outbound,
            base_url=settings.arm_endpoint,
            patience=patience,
        ),
        role_assignments=AzureRoleAssignments(
            accounts=account,
            credential=operator,
            outbound=outbound,
            base_url=settings.arm_endpoint,
            attempts=Attempts(patience),
        )
        if operator
        else None,
        identities=AzureManagedIdentities(
            credential=operator, outbound=outbound, base_url=settings.arm_endpoint, attempts=Attempts(patience)
        )
        if operator
        else None,
    )


def _credential(settings: Settings, who: str, outbound: Outbound, environ: Mapping[str, str]) -> PrefetchedCredential:
    secret: Secret | None = getattr(settings, f"{who}_client_secret")
    certificate: Path | None = getattr(settings, f"{who}_certificate_file")
    choice = CredentialChoice(
        kind=CredentialKind(getattr(settings, f"{who}_credential")),
        client_id=getattr(settings, f"{who}_client_id"),
        tenant_id=settings.tenant_id,
        client_secret=secret.reveal() if secret else None,
        certificate_path=str(certificate) if certificate else None,
        token_file=environ.get("AZURE_FEDERATED_TOKEN_FILE"),
        authority=settings.entra_authority,
    )
    return PrefetchedCredential(
        lambda: build_credential(choice, outbound),
        scope=settings.arm_scope,
        patience=settings.arm_deadline.total_seconds(),
    )


def _issuers(settings: Settings) -> Mapping[str, str]:
    issuers = dict(tenant_issuers(settings.entra_authority, settings.tenant_id))
    if settings.entra_v1_issuer:
        issuers["1.0"] = settings.entra_v1_issuer
    return issuers


def _readiness(stores: Stores, policies: PolicyFile | None) -> tuple[Question, ...]:
    questions = (
        Question("redis", stores.server.check),
        Question("schema", stores.migrations.check),
        Question("mirror", lambda: _quietly(stores.mirror.check)),
    )
    return (*questions, Question("policy", policies.status)) if policies else questions


def _metrics(shared: str | None) -> Metrics:
    if shared is None:
        return Metrics(CollectorRegistry())

    def scrape() -> bytes:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=shared)
        return generate_latest(registry)

    return Metrics(CollectorRegistry(), scrape=scrape)
