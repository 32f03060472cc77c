"""Around every request: its id, its line in the log, its metrics, and the headers that every answer carries."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from sas_service.api.cors import Cors
from sas_service.api.metrics import Metrics
from sas_service.domain.callers import Caller

REQUEST_ID = "x-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)

_SECURITY = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))

_log = structlog.get_logger("sas_service.access")


def install_access(app: Flask, *, metrics: Metrics, cors: Cors) -> None:
    """Wrap every request of ``app``."""

    def begin() -> None:
        g.started = perf_counter()
        g.request_id = _request_id()

    def finish(response: Response) -> Response:
        seconds = perf_counter() - g.started
        route = request.url_rule.rule if request.url_rule else "(none)"
        metrics.answered(request.method, route, response.status_code, seconds)
        _log_line(route, response.status_code, seconds)
        _dress(response)
        if g.get("cors"):
            cors.dress(response)
        return response

    app.before_request(begin)
    app.after_request(finish)


def _request_id() -> str:
    given = request.headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) and "eyJ" not in given else str(uuid4())


def _dress(response: Response) -> None:
    # No view sets these, except that a page brings a content policy of its own, and that renewal may be cached.
    headers = response.headers
    headers.add(REQUEST_ID, g.request_id)
    for name, value in _SECURITY:
        headers.add(name, value)
    if "Content-Security-Policy" not in headers:
        headers.add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    if request.path.startswith("/v1") and "Cache-Control" not in headers:
        headers.add("Cache-Control", "no-store")


def _log_line(route: str, status: int, seconds: float) -> None:
    caller: Caller | None = g.get("caller")
    _log.info(
        "request",
        method=request.method[:16],
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        request_id=g.request_id,
        caller=caller.key if caller else None,
    )
