"""Turn every error into an RFC 9457 answer; what is unknown becomes a bare 500."""

import json
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

import structlog
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sas_service.api.auth import Challenge
from sas_service.api.echo import echo, without_tokens
from sas_service.api.metrics import Metrics
from sas_service.api.problem_table import PROBLEMS
from sas_service.api.rate_limits import rate_limit_headers, whole_seconds_up
from sas_service.domain.errors import (
    ActionNotAllowed,
    MissingRole,
    PlanBlocked,
    QuotaExceeded,
    RunInProgress,
    SasServiceError,
    TokenSuperseded,
    Unauthenticated,
)

MEDIA_TYPE = "application/problem+json"

# werkzeug's own descriptions may repeat the request; these cannot.
_DETAILS = {
    404: "There is nothing at this address; /openapi.yaml lists what there is.",
    405: "This address does not know the method; Allow lists those that it knows.",
    413: "The body is larger than 64 KiB.",
    415: "The body must be application/json.",
}

_log = structlog.get_logger("sas_service.problems")


class Problems:
    """Answers every error of an app with a problem."""

    def __init__(self, *, metrics: Metrics, challenge: Challenge) -> None:
        self._metrics = metrics
        self._challenge = challenge

    def install(self, app: Flask) -> None:
        """Take over the errors of ``app``."""
        app.register_error_handler(SasServiceError, self._ours)
        app.register_error_handler(HTTPException, self._https)
        app.register_error_handler(Exception, self._unknown)

    def _ours(self, error: SasServiceError) -> Response:
        problem = PROBLEMS[type(error)]
        self._metrics.problem(problem.slug)
        if isinstance(error, Unauthenticated):
            self._metrics.unauthenticated(error.extra.get("reason", "other"))
        members = _members(problem.type, problem.title, problem.status, without_tokens(error.detail))
        headers = _headers(error, problem.wait, self._challenge)
        return _response({**members, **_told(error)}, problem.status, headers)

    def _https(self, error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        self._metrics.problem("about:blank")
        allow = error.valid_methods if isinstance(error, MethodNotAllowed) else None
        headers = {"Allow": ", ".join(sorted(allow))} if allow else {}
        return _response(_members("about:blank", status.phrase, status, _DETAILS.get(status)), status, headers)

    def _unknown(self, error: Exception) -> Response:
        # An error's text may hold a token or an answer of Azure's: its type and place must do.
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        _log.error("unexpected error", error=type(error).__qualname__, places=places, request_id=g.request_id)
        self._metrics.problem("unexpected")
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return _response(_members("about:blank", status.phrase, status, None), status, {})


def _members(type_: str, title: str, status: int, detail: str | None) -> dict[str, object]:
    members = {
        "type": type_,
        "title": title,
        "status": int(status),
        "detail": detail,
        "instance": instance(g.request_id),
    }
    return {name: value for name, value in members.items() if value is not None}


def instance(request_id: str) -> str:
    """Return a reference that names this occurrence: the request id, as a URN where it is a UUID."""
    try:
        return UUID(request_id).urn
    except ValueError:
        return f"/requests/{request_id}"


def _told(error: SasServiceError) -> dict[str, object]:
    told: dict[str, object] = {}
    if error.violations:
        told["violations"] = [
            {
                "pointer": each.pointer,
                "asked": echo(each.asked),
                "allowed": _plain(each.allowed),
                "rule": each.rule,
            }
            for each in error.violations
        ]
    for member, said in _FURTHER.get(type(error), {}).items():
        told[member] = said(error)
    return {name: value for name, value in told.items() if value is not None}


def _link(error: SasServiceError) -> str | None:
    """Return the address of the token whose id the error names, if it names one."""
    return f"/v1/tokens/{error.extra['replacement']}" if "replacement" in error.extra else None


def _allowed_actions(error: SasServiceError) -> list[str] | None:
    actions = error.extra.get("allowedActions")
    return None if actions is None else [each for each in actions.split(",") if each]


_FURTHER: Mapping[type[SasServiceError], Mapping[str, Callable[[SasServiceError], object]]] = {
    MissingRole: {"role": lambda error: error.extra.get("role")},
    TokenSuperseded: {"replacement": _link},
    ActionNotAllowed: {"allowedActions": _allowed_actions},
    PlanBlocked: {"earliestStart": lambda error: error.extra.get("earliestStart")},
    RunInProgress: {"running": lambda error: error.extra.get("running")},
}
"""Members that a problem has beside those of all (RFC 9457, 3.2)."""


def _plain(allowed: object) -> object:
    """What is allowed is ours and may be a list, of regions for instance; anything odd becomes text."""
    return json.loads(json.dumps(list(allowed) if isinstance(allowed, set | frozenset) else allowed, default=str))


def _headers(error: SasServiceError, wait: timedelta | None, challenge: Challenge) -> dict[str, str]:
    headers = {}
    retry_after = error.retry_after or wait
    if retry_after is not None:
        headers["Retry-After"] = str(whole_seconds_up(retry_after))
    if isinstance(error, QuotaExceeded):
        headers.update(rate_limit_headers(error.quota))
    if isinstance(error, Unauthenticated):
        sent = error.extra.get("reason") != "missing"
        headers["WWW-Authenticate"] = challenge.header(token_was_sent=sent)
    if isinstance(error, TokenSuperseded) and "replacement" in error.extra:
        headers["Link"] = f'<{_link(error)}>; rel="replacement"'
    return headers


def _response(members: Mapping[str, object], status: int, headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(members), status=status, headers=dict(headers), content_type=MEDIA_TYPE)
