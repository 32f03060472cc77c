"""The front door: finds the operation of each request, lets planned faults strike, counts and logs."""

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator import wire
from sas_service.emulator.answers import RefusalError, json_answer
from sas_service.emulator.counters import Counters
from sas_service.emulator.faults import Fault, Faults
from sas_service.emulator.routing import Match, Route, Router

NOTES = "emulator.notes"
# Counted in place of a status when a fault left the client without an answer and nothing was done.
NO_ANSWER = 0
_LONGEST_NAME = 40
_log = logging.getLogger(__name__)


def notes(request: Request) -> dict[str, Any]:
    """Return what is known of a request beyond its path: who called, which account, where it arrived."""
    found: dict[str, Any] = request.environ.setdefault(NOTES, {})
    return found


class Edge:
    """A WSGI application in front of all emulated services."""

    def __init__(self, routes: list[Route], unknown: Route, counters: Counters, faults: Faults) -> None:
        self._router = Router(routes)
        self._unknown = unknown
        self._counters = counters
        self._faults = faults

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        started = time.perf_counter()
        environ["PATH_INFO"] = _plain_path(environ)
        request = Request(environ)
        match = self._router.match(request.method, request.path) or self._no_match(request)
        fault = None
        if match.route.service != "control":
            fault = self._faults.take(match.route.service, match.route.operation)
        response = self._answer(request, match, fault)
        self._record(request, match.route, response, fault, time.perf_counter() - started)
        if fault is None:
            return response(environ, start_response)
        return _strike(fault, response, environ, start_response)

    def _no_match(self, request: Request) -> Match:
        return Match(self._unknown, {"methods": ",".join(self._router.methods_of(request.path))})

    def _answer(self, request: Request, match: Match, fault: Fault | None) -> Response:
        _receive(request)
        if fault and not fault.effect:
            return _fault_answer(fault)
        try:
            response = match.route.answer(request, **match.parts)
        except RefusalError as refusal:
            response = refusal.answer()
        except Exception:  # noqa: BLE001 - logged with its traceback
            # A mistake of the emulator must look like one, not like Azure's answer.
            _log.exception("the emulator failed to answer %s", match.route.operation)
            response = json_answer({"error": {"code": "EmulatorMistake", "message": "See the emulator's log."}}, 500)
        if fault and fault.kind == "effectThenStatus":
            return _fault_answer(fault)
        return response

    def _record(self, request: Request, route: Route, response: Response, fault: Fault | None, seconds: float) -> None:
        if route.service == "control":
            return
        status = NO_ANSWER if fault and fault.silent else response.status_code
        entry = {
            "time": time.time(),
            "service": route.service,
            "operation": route.operation,
            "method": request.method,
            "host": request.host,
            "path": request.path,
            # Names only: a query string may carry a subscription key or a SAS token.
            # Long names too are left out: Python's data-plane SDKs put the SAS token itself there.
            "parameters": sorted(name for name in request.args if len(name) <= _LONGEST_NAME),
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            **notes(request),
        }
        if fault:
            entry["fault"] = fault.kind
        self._counters.record(route.service, route.operation, status, entry)


def _receive(request: Request) -> None:
    """Wait until the request has arrived whole: one that is half sent has no effect, and holds up nobody else."""
    # gunicorn ends a body that breaks off as if it had been whole.
    if len(request.get_data()) < (request.content_length or 0):
        raise wire.BrokenConnectionError


def _plain_path(environ: dict[str, Any]) -> str:
    """Collapse doubled slashes (SDKs make them from scopes) and turn {vault}.vault.* hosts into the path form."""
    path = "/" + str(environ.get("PATH_INFO", "")).lstrip("/")
    while "//" in path:
        path = path.replace("//", "/")
    host = str(environ.get("HTTP_HOST", "")).lower()
    name, dot, _ = host.partition(".vault.")
    return f"/{name}.vault{path}" if dot and "." not in name else path


def _fault_answer(fault: Fault) -> Response:
    headers = {"x-ms-request-id": str(uuid.uuid4())}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    code = fault.code or {429: "TooManyRequests", 503: "ServiceUnavailable", 409: "Conflict"}.get(
        fault.status, "InternalServerError"
    )
    body = {"error": {"code": code, "message": "A fault planned through /_emulator/faults."}}
    return json_answer(body, fault.status, headers)


def _strike(
    fault: Fault, response: Response, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    if fault.kind in {"timeout", "effectThenTimeout"}:
        wire.keep_silent(environ, fault.duration)
        raise wire.BrokenConnectionError
    if fault.kind in {"reset", "effectThenReset"}:
        wire.reset(environ)
        raise wire.BrokenConnectionError
    if fault.kind == "delay":
        wire.keep_silent(environ, fault.duration)
    if fault.kind == "wrongJson":
        response.set_data(_broken(response.get_data()))
    parts = response(environ, start_response)
    if fault.kind == "halfBody":
        return wire.half(b"".join(parts))
    if fault.kind == "slowDrip":
        return wire.drip(b"".join(parts), fault.duration)
    return parts


def _broken(body: bytes) -> bytes:
    """Return a body that is surely not JSON, of about the same size."""
    try:
        json.loads(body)
    except ValueError:
        return body
    return body.rstrip()[:-1] + b',"unfinished":'
