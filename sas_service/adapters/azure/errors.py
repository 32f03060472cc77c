"""One table from the SDKs' exceptions to ours; none of Azure's text passes, because it may quote a token.

Azure's ``error.code`` is the exception: one word of letters, found nowhere but in Azure's own code.
"""

import email.utils
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from azure.core.exceptions import (
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError
from urllib3.exceptions import SSLError as TlsError

from sas_service.domain.errors import (
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    IdentityUnavailable,
    SasServiceError,
)

MAXIMUM_RETRY_AFTER = timedelta(minutes=10)
"""What is passed on of a ``Retry-After``, however long Azure asks us to wait."""

_DEFAULT_RETRY_AFTER = timedelta(seconds=5)
_CODE = re.compile(r"[A-Za-z]{1,64}", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_AGAIN = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class Effect(StrEnum):
    """What a failed call has done at Azure, as far as we can know: decides ``refused`` or ``abandoned``."""

    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt, in our own words."""

    error: type[SasServiceError]
    detail: str
    effect: Effect
    again: bool = False
    retry_after: timedelta | None = None
    code: str | None = None
    azure_request_id: str | None = None
    status: int | None = None

    def raised(self, *, attempts: int, effect: Effect) -> SasServiceError:
        """Return the error to raise after ``attempts``; ``extra`` is for the record and the log."""
        wait = None if self.error is AzureRefused else self.retry_after or _DEFAULT_RETRY_AFTER
        error = self.error(self.detail, retry_after=wait, attempts=str(attempts), effect=effect.value)
        if self.code:
            error.extra["code"] = self.code
        if self.azure_request_id:
            error.extra["azureRequestId"] = self.azure_request_id
        return error


def credential_failure() -> IdentityUnavailable:
    """Return the error for a credential that gives no token."""
    return IdentityUnavailable(
        "The service's own credential gives no access token.",
        retry_after=_DEFAULT_RETRY_AFTER,
        attempts="0",
        effect=Effect.NONE.value,
    )


def unreadable() -> Failure:
    """Return the failure for an answer that says yes, but not in a form we can use."""
    return Failure(AzureUnavailable, "Azure's answer cannot be read.", Effect.UNKNOWN)


def failure_of(error: Exception, now: datetime) -> Failure:
    """Translate what an SDK call raised."""
    if isinstance(error, ServiceRequestError):
        if not never_left(error):
            return Failure(AzureUnavailable, "The connection to Azure broke.", Effect.UNKNOWN, again=True)
        return Failure(AzureUnavailable, "Azure cannot be reached.", Effect.NONE, again=True)
    if isinstance(error, ServiceResponseTimeoutError):
        return Failure(AzureUnavailable, "Azure did not answer in time.", Effect.UNKNOWN, again=True)
    if isinstance(error, ServiceResponseError | IncompleteReadError):
        return Failure(AzureUnavailable, "The connection to Azure broke.", Effect.UNKNOWN, again=True)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, HttpResponseError) and isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST:
        return _of_status(error, status, now)
    return unreadable()


def never_left(error: ServiceRequestError) -> bool:
    """Tell whether the request was not sent for sure.

    azure-core's word is not enough: it calls every ``ConnectionError`` that it cannot name a request error, also the
    one of an answer whose body stops half-way, or of a TLS connection that is cut after the request.
    """
    cause = error.inner_exception
    if cause is None or isinstance(cause, NewConnectionError | ConnectTimeoutError | ConnectTimeout):
        return True
    reason = cause.args[0] if cause.args else None
    reason = getattr(reason, "reason", reason)
    if isinstance(reason, TlsError):
        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | ProxyError)


def _of_status(error: HttpResponseError, status: int, now: datetime) -> Failure:
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    kind, detail = _kind_of(status)
    code = _word(getattr(getattr(error, "error", None), "code", None), _CODE)
    return Failure(
        kind,
        f"{detail} ({code})." if code else f"{detail}.",
        Effect.UNKNOWN if kind is AzureUnavailable else Effect.NONE,
        # Throttled calls are worth repeating only when Azure says when.
        again=status in _AGAIN or (kind is AzureThrottled and retry_after_of(headers, now) is not None),
        retry_after=None if kind is AzureRefused else retry_after_of(headers, now),
        code=code,
        azure_request_id=request_id_of(headers),
        status=status,
    )


def _kind_of(status: int) -> tuple[type[SasServiceError], str]:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return AzureThrottled, "Azure asks us to slow down"
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AzureUnavailable, "Azure failed"
    if status == HTTPStatus.UNAUTHORIZED:
        return AzureRefused, "Azure does not accept the service's own access token"
    return AzureRefused, "Azure refused the call"


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return Azure's id of the call, by which its support finds it."""
    return _word(headers.get("x-ms-request-id"), _REQUEST_ID)


def _word(text: object, form: re.Pattern[str]) -> str | None:
    return text if isinstance(text, str) and form.fullmatch(text) else None


def retry_after_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read seconds or an HTTP date, bounded; None if it is absent or senseless."""
    text = headers.get("Retry-After") or headers.get("retry-after") or ""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return min(timedelta(seconds=int(text)), MAXIMUM_RETRY_AFTER)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    wait = moment.replace(tzinfo=moment.tzinfo or UTC) - now
    return min(max(wait, timedelta(0)), MAXIMUM_RETRY_AFTER)
