"""What a process checks before it starts, and what /readyz asks again and again."""

import socket
from collections.abc import Callable, Mapping

import structlog

from sas_service.adapters.logs import configure_logs
from sas_service.adapters.policy_file import PolicyFile
from sas_service.adapters.readiness import Question
from sas_service.bootstrap.mirror import build_accounts, build_backfill
from sas_service.bootstrap.policies import build_policies
from sas_service.bootstrap.stores import Stores, build_stores
from sas_service.domain.errors import SasServiceError
from sas_service.domain.policy import shared_profiles
from sas_service.settings import Settings

_log = structlog.get_logger()


def readiness(stores: Stores, policies: PolicyFile | None) -> tuple[Question, ...]:
    """Return what /readyz asks; ``policies`` is None before there are any."""
    questions = (
        Question("redis", stores.server.check),
        Question("schema", stores.migrations.check),
        Question("mirror", lambda: quietly(stores.mirror.check)),
        Question("losses", stores.loss_guard.status),
    )
    if policies is None:
        return questions
    backfill = build_backfill(stores, build_accounts(stores, policies))
    behind = Question("mirrored", lambda: {"behind": backfill.behind()})
    return (*questions, behind, Question("policy", policies.status))


def sharing(settings: Settings, policies: PolicyFile) -> tuple[Question, ...]:
    """Return what /readyz says where nothing can be shared for want of a key; all else is issued none the less."""
    if settings.sealing_keys:
        return ()
    return (Question("sharing", lambda: {"unsealedProfiles": len(shared_profiles(policies.current()))}),)


class NotReady(Exception):
    """A process cannot start; ``problems`` has a sentence for everything that is wrong, without any secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def preflight(environ: Mapping[str, str], *, listens: bool = False) -> None:
    """Check all that a process needs of its own before it starts; raises SettingsError, then NotReady with all at once.

    ``listens``: also that nobody has the API's address yet. gunicorn would not notice, since its workers share ports.
    """
    settings = Settings.from_env(environ)
    configure_logs(settings.log_level)
    stores = build_stores(settings, environ)
    checks = [lambda: build_policies(settings, stores, None), *(each.check for each in readiness(stores, None))]
    # Once each: two questions to a Redis that is away have the same answer.
    problems = list(dict.fromkeys(problem for check in checks for problem in _problems(check)))
    if listens and not is_free(settings.bind):
        problems.append(f"SAS_BIND: {settings.bind} is taken, or is no address of this machine")
    stores.mirror.close()
    if problems:
        raise NotReady(problems)
    if settings.mirror_directory:
        _log.info(
            "the audit mirror is local to this machine: run one replica of the service per mirror directory",
            directory=str(settings.mirror_directory),
        )


def _problems(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except SasServiceError as error:
        return [f"{each.rule}: {each.pointer}: {each.allowed}" for each in error.violations] or [error.detail]
    return []


def is_free(address: str) -> bool:
    """Say whether nobody listens on ``address`` (HOST:PORT) and we may."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return False
    return True


def quietly(ask: Callable[[], object]) -> Mapping[str, object]:
    """Ask, for a question whose answer has no details."""
    ask()
    return {}
