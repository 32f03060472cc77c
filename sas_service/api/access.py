"""Around every request: its id, its line in the log, its metrics, and the headers that every answer carries."""

import re
from http import HTTPStatus
from time import perf_counter
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from sas_service.api.cors import Cors
from sas_service.api.exchange import Answer
from sas_service.api.metrics import Metrics
from sas_service.domain.callers import Caller

REQUEST_ID = "x-request-id"
STARTED = "sas_service.started"
"""Where a request that came by the short way first has the time at which it began."""

UNIDENTIFIED = "sas_service.unidentified"
"""Where it has why nobody knows who asks: asking again could wait for Entra a second time."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)

_SECURITY = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
_CONTENT_POLICY = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
_UNCACHED = ("Cache-Control", "no-store")

_log = structlog.get_logger("sas_service.access")


class Access:
    """Counts and logs every request of an application, and dresses its answers."""

    always = (*_SECURITY, _CONTENT_POLICY, _UNCACHED)
    """What an answer under /v1 carries unless its view says otherwise."""

    def __init__(self, metrics: Metrics, cors: Cors) -> None:
        self._metrics = metrics
        self._cors = cors

    def install(self, app: Flask) -> None:
        """Wrap every request of ``app``."""
        app.before_request(_begin)
        app.after_request(self._finish)

    def answered(
        self, method: str, route: str, status: int, started: float, request_id: str, caller: Caller | None
    ) -> None:
        """Count a request and write its line."""
        seconds = perf_counter() - started
        self._metrics.answered(method, route, status, seconds)
        _log.info(
            "request",
            method=method[:16],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=request_id,
            caller=caller.key if caller else None,
        )

    def dressed(self, answer: Answer, request_id: str, origin: str | None) -> tuple[list[tuple[str, str]], bytes]:
        """Return headers and body of an answer under /v1 that goes past Flask; ``origin`` is that of the page."""
        headers = [*answer.headers.items(), (REQUEST_ID, request_id), *self.always, *self._cors.dress(origin)]
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return headers, b""
        body = answer.content.encode()
        headers += (("Content-Type", answer.content_type), ("Content-Length", str(len(body))))
        return headers, body

    def _finish(self, response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "(none)"
        self.answered(request.method, route, response.status_code, g.started, g.request_id, g.get("caller"))
        _dress(response)
        if g.get("cors"):
            for name, value in self._cors.dress(request.headers.get("Origin")):
                response.headers.add(name, value)
        return response


def request_id_of(given: str) -> str:
    """Return the id of a request: the one that its client gave, if it may be repeated, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) and "eyJ" not in given else str(uuid4())


def _begin() -> None:
    g.started = request.environ.get(STARTED) or perf_counter()
    g.request_id = request_id_of(request.headers.get(REQUEST_ID, ""))


def _dress(response: Response) -> None:
    # No view sets these, except that a page brings a content policy of its own, and that renewal may be cached.
    headers = response.headers
    headers.add(REQUEST_ID, g.request_id)
    for name, value in _SECURITY:
        headers.add(name, value)
    if _CONTENT_POLICY[0] not in headers:
        headers.add(*_CONTENT_POLICY)
    if request.path.startswith("/v1") and _UNCACHED[0] not in headers:
        headers.add(*_UNCACHED)
