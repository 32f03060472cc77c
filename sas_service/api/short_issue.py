"""The short way of issuing: the plain request for a token goes past Flask, as a hand-out does (short_way.py).

Same gate, same reading of the body, same view, same headers, metrics and log line. A query, an Idempotency-Key, a long
or unreadable body, a body whose shape is wrong, an ``Accept`` to be weighed and every refusal take the long way, which
says no in full: nothing is decided here.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from time import perf_counter
from typing import Any

from marshmallow import Schema

from sas_service.api.access import STARTED, UNIDENTIFIED, Access, request_id_of
from sas_service.api.auth import Gate, is_allowed
from sas_service.api.exchange import Ask
from sas_service.api.operations import Operation
from sas_service.api.shape import shape
from sas_service.api.short_way import REFUSED, Application, wanted
from sas_service.api.strict_json import parse
from sas_service.api.use_cases import UseCases
from sas_service.domain.errors import InvalidRequest

LONGEST = 1024
"""Bytes of a body that is read here."""

_KNOWN_BODIES = 512
"""How many bodies are remembered as read: those of a team's callers are nearly always the same bytes."""

_JSON = frozenset({"application/json", "application/json; charset=utf-8"})
_STATUS = {int(each): f"{each.value} {each.phrase}" for each in (HTTPStatus.OK, HTTPStatus.CREATED)}


class ShortIssue:
    """Answers one POST operation without parameters; ``long_way`` is Flask's application."""

    def __init__(
        self, long_way: Application, operation: Operation, *, use_cases: UseCases, gate: Gate, access: Access
    ) -> None:
        if operation.body is None:
            raise ValueError("this way is for operations that read a body")
        schema = operation.body.schema
        self._long_way = long_way
        self._operation = operation
        self._use_cases = use_cases
        self._gate = gate
        self._access = access
        self._values = lru_cache(_KNOWN_BODIES)(lambda raw: _values(schema, raw))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request (WSGI)."""
        operation = self._operation
        length, wants = _length(environ, operation.path), wanted(environ.get("HTTP_ACCEPT", ""))
        if length is None or wants is None:
            return self._long_way(environ, start_response)
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        begun = {**environ, STARTED: perf_counter(), "HTTP_X_REQUEST_ID": request_id}
        try:
            caller = self._gate.identify(environ.get("HTTP_AUTHORIZATION"))
        except Exception as refusal:  # noqa: BLE001  the long way tells them apart
            return self._long_way({**begun, UNIDENTIFIED: refusal}, start_response)
        # Without the role nothing is read; the long way puts that on record.
        body = self._read(begun, length) if is_allowed(caller, operation.roles) else None
        if body is None:
            return self._long_way(begun, start_response)
        ask = Ask(
            request_id=request_id,
            address=operation.path,
            body=body,
            origin=environ.get("HTTP_ORIGIN"),
            wants=wants,
            authenticated=caller,
        )
        return self._answered(ask, begun, start_response)

    def _answered(self, ask: Ask, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            answer = self._operation.view(self._use_cases, ask)
        except Exception as refusal:  # noqa: BLE001  the long way tells them apart
            return self._long_way({**environ, REFUSED: refusal}, start_response)
        headers, content = self._access.dressed(answer, ask.request_id, ask.origin)
        route, started = self._operation.path, environ[STARTED]
        self._access.answered("POST", route, answer.status, started, ask.request_id, ask.authenticated)
        start_response(_STATUS[answer.status], headers)
        return [content]

    def _read(self, environ: dict[str, Any], length: int) -> Mapping[str, Any] | None:
        """Return what the body says; None where the long way has to, which finds the body as it was."""
        try:
            raw = environ["wsgi.input"].read(length)
        except Exception:  # noqa: BLE001  the server's own errors: the long way reads on and finds them again
            return None
        environ["wsgi.input"] = io.BytesIO(raw)
        values: Mapping[str, Any] | None = self._values(raw)
        return values


def _length(environ: Mapping[str, Any], path: str) -> int | None:
    """Return the length of the body; None unless this is the plain case of a request to ``path``."""
    if environ["PATH_INFO"] != path or environ["REQUEST_METHOD"] != "POST" or environ.get("QUERY_STRING"):
        return None
    if "HTTP_IDEMPOTENCY_KEY" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        return None
    digits = environ.get("CONTENT_LENGTH", "")
    if environ.get("CONTENT_TYPE", "").lower() not in _JSON or not (digits.isascii() and digits.isdecimal()):
        return None
    return length if (length := int(digits)) <= LONGEST else None


def _values(schema: Schema, raw: bytes) -> Mapping[str, Any] | None:
    """Return the members of a body that has nothing wrong with it: they depend on its bytes alone."""
    try:
        shaped = shape(schema, parse(raw))
    except InvalidRequest:
        return None
    return None if shaped.violations else shaped.values
