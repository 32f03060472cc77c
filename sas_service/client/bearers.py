"""Where the admin's access token comes from; it is fetched anew when the service says that it has expired."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import requests

from sas_service.client.failures import NotSignedIn

_LONGEST = 16 * 1024
_TIMEOUT = (5.0, 20.0)


class Bearers(Protocol):
    """Gives the token to send."""

    def current(self) -> str:
        """Return the token; raises NotSignedIn."""
        ...

    def renew(self) -> bool:
        """Forget the token and tell whether asking again can give another one."""
        ...


class Remembered:
    """A token that is fetched once and then remembered until it is refused; ``fetch`` raises NotSignedIn."""

    def __init__(self, fetch: Callable[[], str], *, renewable: bool = True) -> None:
        self._fetch = fetch
        self._renewable = renewable
        self._token: str | None = None

    def current(self) -> str:
        """Return the token; raises NotSignedIn."""
        if self._token is None:
            self._token = self._fetch()
        return self._token

    def renew(self) -> bool:
        """Forget the token, unless it is the only one that there will ever be."""
        if self._renewable:
            self._token = None
        return self._renewable


def from_file(path: Path) -> Bearers:
    """Read the token from a file, again whenever it has expired: another program may keep it fresh."""

    def read() -> str:
        try:
            return _token(path.read_text(encoding="ascii"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise NotSignedIn(f"{path}: {_why(error)}") from None

    return Remembered(read)


def from_text(read: Callable[[], str]) -> Bearers:
    """Read the token from standard input, once."""
    return Remembered(lambda: _token(read(), "standard input"), renewable=False)


def from_client_secret(token_url: str, form: Mapping[str, str]) -> Bearers:
    """Ask Entra, or the demo's, with client credentials."""

    def ask() -> str:
        asked = {"grant_type": "client_credentials", **form}
        try:
            answer = requests.post(token_url, data=asked, timeout=_TIMEOUT, allow_redirects=False)
            document: Any = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise NotSignedIn(f"no token from {_origin(token_url)}: {type(error).__name__}") from None
        if not isinstance(document, Mapping) or "access_token" not in document:
            raise NotSignedIn(f"no token from {_origin(token_url)}: it answered {answer.status_code}")
        return _token(str(document["access_token"]), _origin(token_url))

    return Remembered(ask)


def _token(text: str, source: str) -> str:
    token = text.strip().removeprefix("Bearer ").strip()
    if not token or len(token) > _LONGEST or not all("!" <= character <= "~" for character in token):
        raise NotSignedIn(f"{source} does not hold one access token")
    return token


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def _why(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "not a token"
