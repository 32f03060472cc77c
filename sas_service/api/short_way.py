"""The short way of the hand-out: what thousands of page loads a second ask for does not go through all of Flask.

Same gate, same view, same headers, metrics and log line; left out are werkzeug's request, routing and response objects,
which cost three times as much as the hand-out itself. Whatever is not the plain case, and every refusal, takes the long
way: nothing is decided here.
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from time import perf_counter
from typing import Any

from sas_service.api.access import STARTED, UNIDENTIFIED, Access, request_id_of
from sas_service.api.auth import Gate, is_allowed
from sas_service.api.exchange import Ask
from sas_service.api.operations import Operation
from sas_service.api.use_cases import UseCases

REFUSED = "sas_service.refused"
"""Where the long way finds what the view raised: it was counted, or refused on record, and is not run again."""

_STATUS = {int(each): f"{each.value} {each.phrase}" for each in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)}
_NAME = r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ShortWay:
    """Answers one GET operation whose path names one profile; ``long_way`` is Flask's application."""

    def __init__(
        self,
        long_way: Application,
        operation: Operation,
        *,
        use_cases: UseCases,
        gate: Gate,
        access: Access,
    ) -> None:
        before, _, after = operation.path.partition("{profile}")
        self._path = re.compile(re.escape(before) + _NAME + re.escape(after), re.ASCII)
        self._route = operation.path.replace("{", "<").replace("}", ">")
        self._long_way = long_way
        self._operation = operation
        self._use_cases = use_cases
        self._gate = gate
        self._access = access

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request (WSGI)."""
        profile, wants = self._profile(environ), wanted(environ.get("HTTP_ACCEPT", ""))
        if profile is None or wants is None:
            return self._long_way(environ, start_response)
        started, request_id = perf_counter(), request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        try:
            caller = self._gate.identify(environ.get("HTTP_AUTHORIZATION"))
        except Exception as refusal:  # noqa: BLE001  the long way tells them apart
            environ |= {UNIDENTIFIED: refusal, STARTED: started, "HTTP_X_REQUEST_ID": request_id}
            return self._long_way(environ, start_response)
        if not is_allowed(caller, self._operation.roles):
            # The long way says no, and puts it on record.
            return self._long_way(environ, start_response)
        ask = Ask(
            request_id=request_id,
            address=environ["PATH_INFO"],
            path={"profile": profile},
            if_none_match=environ.get("HTTP_IF_NONE_MATCH"),
            origin=environ.get("HTTP_ORIGIN"),
            wants=wants,
            authenticated=caller,
        )
        try:
            answer = self._operation.view(self._use_cases, ask)
        except Exception as refusal:  # noqa: BLE001  the long way tells them apart
            environ |= {REFUSED: refusal, STARTED: started, "HTTP_X_REQUEST_ID": request_id}
            return self._long_way(environ, start_response)
        headers, body = self._access.dressed(answer, request_id, ask.origin)
        self._access.answered("GET", self._route, answer.status, started, request_id, caller)
        start_response(_STATUS[answer.status], headers)
        return [body]

    def _profile(self, environ: dict[str, Any]) -> str | None:
        """Return the profile that is asked for; None unless this is the plain case of this operation."""
        if environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING"):
            return None
        if environ.get("CONTENT_LENGTH", "0") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ:
            return None
        match = self._path.fullmatch(environ["PATH_INFO"])
        # An unknown name has its own rules, of shape and of what may be repeated of it.
        return match[1] if match and match[1] in self._use_cases.policies.current().profiles else None


def wanted(accept: str) -> str | None:
    """Return the media type where it takes no weighing."""
    if accept == "text/plain":
        return accept
    return None if "text/" in accept or "ndjson" in accept else "application/json"
