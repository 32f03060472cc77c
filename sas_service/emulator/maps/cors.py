"""Cross-origin rules of an account: one rule with a list of origins; no rule means every origin."""

from werkzeug import Request, Response

from sas_service.emulator.index import LiveAccount
from sas_service.emulator.maps.errors import bad_request
from sas_service.emulator.maps.errors import forbidden as foreign_origin

_EXPOSED = "x-ms-request-id, x-ms-error-code, Retry-After, WWW-Authenticate"


def allowed_origin(account: LiveAccount | None, origin: str) -> bool:
    """Say whether an origin may read answers; an empty list of rules counts as no rule ("Remove CORS policy")."""
    rules = (account.placed.item.cors or {}).get("corsRules") if account else None
    if not rules:
        return True
    origins = [str(known).rstrip("/").lower() for known in rules[0].get("allowedOrigins", ())]
    return "*" in origins or origin.rstrip("/").lower() in origins


def preflight(request: Request, account: LiveAccount | None) -> Response:
    """Answer OPTIONS: 400 without the CORS headers, 403 if a known account's rule does not match, else 200."""
    origin, method = request.headers.get("Origin"), request.headers.get("Access-Control-Request-Method")
    if not origin or not method:
        raise bad_request("A preflight request needs the headers Origin and Access-Control-Request-Method.")
    if not allowed_origin(account, origin):
        raise foreign_origin()
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
        "Access-Control-Max-Age": "3600",
        "Vary": "Origin",
    }
    wanted = request.headers.get("Access-Control-Request-Headers")
    if wanted:
        headers["Access-Control-Allow-Headers"] = wanted
    return Response(status=200, headers=headers)


def check_actual(request: Request, account: LiveAccount) -> None:
    """Refuse an actual request from a foreign origin."""
    origin = request.headers.get("Origin")
    if origin and not allowed_origin(account, origin):
        raise foreign_origin()


def add_headers(request: Request, response: Response) -> None:
    """Let the browser hand the answer to its page."""
    origin = request.headers.get("Origin")
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        response.headers["Vary"] = "Origin"
