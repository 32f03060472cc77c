"""What is checked before a process starts, and when the doctor is called."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import structlog

from sas_service.adapters.logs import configure_logs
from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.readiness import Question
from sas_service.adapters.redis.migrations import Migrations
from sas_service.adapters.system_clock import SystemClock
from sas_service.bootstrap.azure import build_azure, build_caller_tokens
from sas_service.bootstrap.policies import build_policies
from sas_service.bootstrap.stores import Stores, build_stores
from sas_service.services.diagnose import Diagnosis, Finding
from sas_service.settings import Settings

_log = structlog.get_logger()


def readiness(stores: Stores, policies: PolicyFile | None) -> tuple[Question, ...]:
    """Return what /readyz asks; ``policies`` is None before there are any."""
    questions = (
        Question("redis", stores.server.check),
        Question("schema", stores.migrations.check),
        Question("mirror", lambda: _quietly(stores.mirror.check)),
    )
    return (*questions, Question("policy", policies.status)) if policies else questions


def preflight(environ: Mapping[str, str]) -> None:
    """Check all that a process needs of its own before it starts; raises SettingsError or the first SasServiceError."""
    settings = Settings.from_env(environ)
    configure_logs(settings.log_level)
    stores = build_stores(settings)
    build_policies(settings, stores, None)
    for question in readiness(stores, None):
        question.check()
    _log.info(
        "the audit mirror is local to this machine: run one replica of the service per mirror directory",
        directory=str(settings.mirror_directory),
    )
    stores.mirror.close()


def build_migrations(environ: Mapping[str, str]) -> Migrations:
    """Return the migrations of this release. Raises SettingsError."""
    return build_stores(Settings.from_env(environ)).migrations


def build_doctor(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Return the doctor's findings, made as they are asked for. Raises SettingsError, PolicyRefused."""
    settings = Settings.from_env(environ)
    configure_logs("error")
    stores = build_stores(settings)
    policies = build_policies(settings, stores, None)
    azure = build_azure(settings, policies.current, environ)
    caller_tokens = build_caller_tokens(settings, azure.outbound)
    questions = [
        *readiness(stores, policies),
        Question("entra", lambda: _quietly(partial(caller_tokens.prefetch, SystemClock().now()))),
        Question("issuer credential", partial(_quietly, azure.issuer.prefetch)),
    ]
    if azure.operator:
        questions.append(Question("operator credential", partial(_quietly, azure.operator.prefetch)))
    return Diagnosis(
        policy=policies.current(),
        readiness=questions,
        maps_account=azure.maps_account,
        role_assignments=azure.role_assignments,
        identities=azure.identities,
    ).run()


def _quietly(ask: Callable[[], object]) -> Mapping[str, object]:
    ask()
    return {}
