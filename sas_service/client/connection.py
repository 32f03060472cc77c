"""One HTTP session with the service: bearer, time-outs, problems as errors; nothing is repeated but after a 401."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from sas_service import __version__
from sas_service.client.bearers import Bearers
from sas_service.client.failures import Refused, Unreachable

_TIMEOUT = (5.0, 30.0)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: JSON as a document, anything else as bytes."""

    status: int
    document: Any
    content: bytes


class _Bearer(AuthBase):
    """Sets the header last, so that no ``.netrc`` can put another one in its place; masked wherever it is shown."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "_Bearer(********)"


def checked_address(url: str) -> str:
    """Return the service's address without a trailing slash; raises ValueError where a token would travel in clear."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be the service's address, such as https://sas.example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must be https (http only with this machine): your token goes there")
    return url.rstrip("/")


class Connection:
    """Calls the service at ``address`` as whoever ``bearers`` speaks for."""

    def __init__(self, address: str, bearers: Callable[[], Bearers]) -> None:
        self.address = checked_address(address)
        self._make_bearers = bearers
        self._bearers: Bearers | None = None
        self._session = requests.Session()
        # A proxy of the environment is for the world outside this machine.
        self._session.trust_env = urlsplit(self.address).scheme == "https"

    def call(
        self, method: str, path: str, *, body: object = None, headers: Mapping[str, str] = _NONE, accept: str = ""
    ) -> Reply:
        """Send one request; raises Refused, Unreachable, NotSignedIn. A token that has expired is renewed once."""
        self._bearers = self._bearers or self._make_bearers()
        sent = {"Accept": accept or "application/json", "User-Agent": f"sas-service/{__version__}", **headers}
        answer = self._send(method, path, body, sent, self._bearers.current())
        if answer.status_code == requests.codes.unauthorized and self._bearers.renew():
            answer = self._send(method, path, body, sent, self._bearers.current())
        return self._judged(answer)

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str], token: str) -> requests.Response:
        try:
            return self._session.request(
                method,
                self.address + path,
                json=body,
                headers=dict(headers),
                auth=_Bearer(token),
                timeout=_TIMEOUT,
                allow_redirects=False,  # our token is for this address and no other
            )
        except requests.RequestException as error:
            raise Unreachable(f"no answer from {self.address}: {_cause(error)}") from None

    def _judged(self, answer: requests.Response) -> Reply:
        is_json = "json" in answer.headers.get("Content-Type", "")
        try:
            document = answer.json() if is_json and answer.content else None
        except ValueError:
            raise Unreachable(f"{self.address} answered {answer.status_code} with something unreadable") from None
        if answer.ok and answer.status_code < requests.codes.multiple_choices:
            return Reply(answer.status_code, document, answer.content)
        members = document if isinstance(document, Mapping) else {}
        raise Refused(answer.status_code, members, retry_after=_seconds(answer.headers.get("Retry-After")))


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isascii() and header.isdecimal() else None


def _cause(error: requests.RequestException) -> str:
    """Name the kind of failure; the text of a library may hold anything."""
    known: tuple[tuple[type[Exception], str], ...] = (
        (requests.exceptions.SSLError, "its certificate is not trusted"),
        (requests.ConnectTimeout, "it did not accept the connection in time"),
        (requests.ReadTimeout, "it accepted the request, but did not answer in time"),
        (requests.ConnectionError, "no connection, or a broken one"),
    )
    return next((words for kind, words in known if isinstance(error, kind)), type(error).__name__)
