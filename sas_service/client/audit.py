"""What an auditor asks the service: events, page by page, and whose a found token is."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from sas_service.client.connection import Connection
from sas_service.client.failures import Unreachable
from sas_service.client.reading import mapping, mappings
from sas_service.client.revocations import next_path

_EVENTS, _IDENTIFY = "/v1/audit/events", "/v1/audit/identify"
_LARGEST_PAGE = 500
_PAGES = 10_000
"""Pages may be short, or empty; a service that pages for ever does not hold us."""


class AuditReader:
    """Every method raises Refused, Unreachable and NotSignedIn."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def events(self, filters: Mapping[str, str], most: int) -> Iterator[Mapping[str, Any]]:
        """Yield at most ``most`` events, the newest first."""
        path = f"{_EVENTS}?{urlencode({**filters, 'limit': min(most, _LARGEST_PAGE)})}"
        for _ in range(_PAGES):
            page = mapping(self._connection.call("GET", path).document)
            found = mappings(page.get("items"))[:most]
            yield from found
            most -= len(found)
            following = page.get("next")
            if most <= 0 or not isinstance(following, str) or not following:
                return
            path = next_path(path, following)

    def identify(self, token: str) -> Mapping[str, Any]:
        """Return what is on record about a token, or about a fingerprint. No failure repeats the token."""
        name = "fingerprint" if _is_fingerprint(token) else "token"
        found = mapping(self._connection.call("POST", _IDENTIFY, body={name: token}).document)
        if "known" not in found:
            raise Unreachable("the service answered something else than what was asked")
        return found


def _is_fingerprint(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")  # noqa: PLR2004  SHA-256 as hexadecimal
