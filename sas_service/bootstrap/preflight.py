"""What a process checks before it starts, and what /readyz asks again and again."""

from collections.abc import Callable, Mapping

import structlog

from sas_service.adapters.logs import configure_logs
from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.readiness import Question
from sas_service.bootstrap.policies import build_policies
from sas_service.bootstrap.stores import Stores, build_stores
from sas_service.settings import Settings

_log = structlog.get_logger()


def readiness(stores: Stores, policies: PolicyFile | None) -> tuple[Question, ...]:
    """Return what /readyz asks; ``policies`` is None before there are any."""
    questions = (
        Question("redis", stores.server.check),
        Question("schema", stores.migrations.check),
        Question("mirror", lambda: quietly(stores.mirror.check)),
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


def quietly(ask: Callable[[], object]) -> Mapping[str, object]:
    """Ask, for a question whose answer has no details."""
    ask()
    return {}
