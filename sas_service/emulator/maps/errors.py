"""The data plane's refusals; bodies and challenges as seen in public reports of real answers."""

from typing import Any

from sas_service.emulator.answers import RefusalError

REALM = "https://atlas.microsoft.com/"


def unauthorized(scheme: str, error: str, description: str) -> RefusalError:
    """Return a 401; only the challenge says why."""
    body: dict[str, Any] = {
        "error": {
            "code": "Unauthorized",
            "message": "Access denied, please inspect WWW-Authenticate header.",
            "target": None,
            "details": [],
        }
    }
    challenge = f'{scheme} realm="{REALM}", error="{error}", error_description="{description}"'
    return RefusalError(401, body, {"WWW-Authenticate": challenge})


def forbidden() -> RefusalError:
    """Return a 403; the real service does not say why either."""
    message = "Permission, capacity, or authentication issues."
    return RefusalError(403, {"error": {"code": "403 Forbidden", "message": message}})


def denied(status: int, scheme: str, error: str, description: str) -> RefusalError:
    """Return a 401 or 403, whichever the setting says."""
    return unauthorized(scheme, error, description) if status == 401 else forbidden()  # noqa: PLR2004


def bad_request(message: str) -> RefusalError:
    """Return a 400."""
    return RefusalError(400, {"error": {"code": "400 BadRequest", "message": message}})


def too_many(retry_after: bool) -> RefusalError:  # noqa: FBT001 - passed straight from the setting
    """Return a 429; body and Retry-After are unconfirmed, so the latter is a setting."""
    headers = {"Retry-After": "1"} if retry_after else {}
    message = "The rate limit has been exceeded."
    return RefusalError(429, {"error": {"code": "429 TooManyRequests", "message": message}}, headers)
