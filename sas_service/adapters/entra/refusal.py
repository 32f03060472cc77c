"""Why a bearer token is not trusted: a closed list of labels, so that metrics stay countable."""

from enum import StrEnum

from sas_service.domain.errors import Unauthenticated


class Reason(StrEnum):
    """The label in ``Unauthenticated.extra['reason']``; for metrics, never shown to the caller."""

    MALFORMED = "malformed"
    TOO_LARGE = "tooLarge"
    HEADER = "header"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknownKey"
    SIGNATURE = "signature"
    VERSION = "version"
    ISSUER = "issuer"
    TENANT = "tenant"
    AUDIENCE = "audience"
    TIMES = "times"
    EXPIRED = "expired"
    NOT_YET_VALID = "notYetValid"
    LIFETIME = "lifetime"
    NOT_AN_ACCESS_TOKEN = "notAnAccessToken"  # noqa: S105 - a label, not a secret
    CLAIMS = "claims"


def refusal(reason: Reason) -> Unauthenticated:
    """Return the error to raise; expiry alone is told to the caller, because only expiry helps an honest one."""
    detail = "The access token has expired." if reason is Reason.EXPIRED else "The access token is not acceptable."
    return Unauthenticated(detail, reason=reason.value)
