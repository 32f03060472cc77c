"""Which web pages may call: those that some profile lists; whether one may use *this* profile is the services' word."""

from typing import TypeGuard

from flask import Response, request

from sas_service.ports import Policies

ALLOWED_HEADERS = "authorization, content-type, idempotency-key, if-none-match, x-request-id"
EXPOSED_HEADERS = (
    "Sas-Token-Id, ETag, Link, Location, Retry-After, Idempotency-Replayed, RateLimit, RateLimit-Policy, x-request-id"
)
MAX_AGE = "600"
_VARY = ("Vary", "Origin")


class Cors:
    """Answers for the union of all profiles' origins; never ``*``, never credentials."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def preflight(self, methods: tuple[str, ...]) -> Response:
        """Answer an OPTIONS request; an unknown origin gets no permission and no reason."""
        response = Response(status=204)
        response.headers.add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        origin = request.headers.get("Origin")
        if self._allows(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = MAX_AGE
        return response

    def dress(self, origin: str | None) -> tuple[tuple[str, str], ...]:
        """Return the headers that let the page of ``origin`` read an actual response, problems included."""
        if not self._allows(origin):
            return (_VARY,)
        return (_VARY, ("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", EXPOSED_HEADERS))

    def _allows(self, origin: str | None) -> TypeGuard[str]:
        # "null" is what sandboxed frames and local files send: anybody.
        if origin is None or origin == "null":
            return False
        return any(origin in profile.cors_origins for profile in self._policies.current().profiles.values())
