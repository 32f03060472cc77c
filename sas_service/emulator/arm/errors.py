"""ARM's refusals in ARM's own words."""

from sas_service.emulator.answers import RefusalError


def refuse(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> RefusalError:
    """Return a refusal with ARM's error body."""
    return RefusalError(status, {"error": {"code": code, "message": message}}, headers)


def unauthenticated(code: str, message: str) -> RefusalError:
    """Return a 401 with the challenge that ARM sends."""
    challenge = (
        f'Bearer authorization_uri="https://login.windows.net/", error="invalid_token", error_description="{message}"'
    )
    return refuse(401, code, message, {"WWW-Authenticate": challenge})


def invalid_content(message: str) -> RefusalError:
    """Return the refusal of a body that ARM cannot read."""
    return refuse(
        400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{message}'."
    )
