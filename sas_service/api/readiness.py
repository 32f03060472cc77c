"""Ask every dependency whether tokens can be issued now."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from sas_service.api.echo import without_tokens
from sas_service.api.problem_table import PROBLEMS
from sas_service.domain.errors import SasServiceError
from sas_service.domain.iso8601 import format_instant
from sas_service.ports import Policies, Readiness

_log = structlog.get_logger("sas_service.readiness")

Check = dict[str, object]


def examine(readiness: Sequence[Readiness], policies: Policies) -> tuple[bool, dict[str, Check]]:
    """Return whether all are ready, and what each says; a refused policy change is told but stops nothing."""
    checks = {each.name: _check(each) for each in readiness}
    ready = all(check["ok"] for check in checks.values())
    return ready, {"policy": {"ok": True, **_plain(policies.status())}, **checks}


def _check(dependency: Readiness) -> Check:
    try:
        return {"ok": True, **_plain(dependency.check())}
    except SasServiceError as error:
        return {"ok": False, "problem": PROBLEMS[type(error)].type, "detail": without_tokens(error.detail)}
    except Exception as error:  # noqa: BLE001 - a check that is broken is a dependency that is not ready
        _log.error("readiness check failed", check=dependency.name, error=type(error).__qualname__)
        return {"ok": False, "problem": "about:blank"}


def _plain(details: Mapping[str, object]) -> Check:
    return {name: format_instant(value) if isinstance(value, datetime) else value for name, value in details.items()}
