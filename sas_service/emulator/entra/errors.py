"""Entra ID's refusals: OAuth 2.0 errors with AADSTS codes, in Entra's own words."""

import uuid
from datetime import UTC, datetime

from sas_service.emulator.answers import RefusalError


def refuse(error: str, code: int, text: str, *, status: int = 400, now: float | None = None) -> RefusalError:
    """Return the refusal with this AADSTS code."""
    moment = datetime.fromtimestamp(now, UTC) if now is not None else datetime.now(UTC)
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    timestamp = f"{moment:%Y-%m-%d %H:%M:%S}Z"
    description = f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
    body = {
        "error": error,
        "error_description": description,
        "error_codes": [code],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return RefusalError(status, body, {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})


def missing_parameter(name: str) -> RefusalError:
    """Return the refusal of a request without a needed parameter."""
    text = f"The request body must contain the following parameter: '{name}'."
    return refuse("invalid_request", 900144, text)
