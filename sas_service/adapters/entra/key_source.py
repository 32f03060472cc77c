"""Downloads the tenant's OpenID metadata and its JWKS: one host, no redirects, bounded in time and size."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from sas_service.adapters.entra.signing_keys import KeysUnavailable
from sas_service.adapters.entra.verification_key import VerificationKey, read_keys

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_DEFAULT_PORTS = {"https": 443, "http": 80}
_Origin = tuple[str, str, int]
_MAXIMUM_BYTES = 512 * 1024
_CHUNK = 64 * 1024
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """Seconds: to connect, for each silence while reading, and for both documents together."""

    connect: float = 3.0
    read: float = 5.0
    total: float = 8.0


class EntraKeySource:
    """Where ``SigningKeys`` downloads from; ``session`` gives this process's connection pool (TLS 1.2 or newer)."""

    def __init__(
        self,
        *,
        session: Callable[[], requests.Session],
        authority: str,
        tenant_id: str,
        issuer: str | None = None,
        limits: DownloadLimits | None = None,
    ) -> None:
        self._authority = authority.rstrip("/")
        self._origin = _trusted_origin(self._authority)
        self._session = session
        self._tenant_id = tenant_id
        self._issuer = issuer or f"{self._authority}/{tenant_id}/v2.0"
        self._limits = limits or DownloadLimits()

    def download(self) -> Mapping[str, VerificationKey]:
        """Return the tenant's usable keys; raises KeysUnavailable, also when there is none."""
        end = time.monotonic() + self._limits.total
        metadata = self._document(f"{self._authority}/{self._tenant_id}/v2.0/.well-known/openid-configuration", end)
        if metadata.get("issuer") != self._issuer:
            raise KeysUnavailable("the metadata is another issuer's")
        jwks_uri = metadata.get("jwks_uri")
        if not isinstance(jwks_uri, str) or _origin(jwks_uri) != self._origin:
            raise KeysUnavailable("the metadata leads to a foreign key set")
        keys = read_keys(self._document(jwks_uri, end), self._tenant_id)
        if not keys:
            raise KeysUnavailable("the key set has no usable key")
        return keys

    def _document(self, url: str, end: float) -> Mapping[str, Any]:
        failure, document = "the answer is not a JSON object", None
        try:
            document = json.loads(self._bytes(url, end))
        except (ValueError, RecursionError):
            pass
        except (OSError, HTTPError) as error:
            failure = f"the request failed ({type(error).__name__})"
        if not isinstance(document, dict):
            raise KeysUnavailable(failure)
        return document

    def _bytes(self, url: str, end: float) -> bytes:
        with self._session().get(
            url,
            headers=_HEADERS,
            timeout=(self._limits.connect, self._limits.read),
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code != HTTPStatus.OK:
                raise KeysUnavailable(f"the answer has status {response.status_code}")
            body = bytearray()
            # read1 returns what has arrived, so that a server that drips cannot hold us beyond `end`.
            while chunk := response.raw.read1(_CHUNK):
                body += chunk
                if len(body) > _MAXIMUM_BYTES:
                    raise KeysUnavailable("the answer is too large")
                if time.monotonic() > end:
                    raise KeysUnavailable("the answer takes too long")
            return bytes(body)


def _trusted_origin(authority: str) -> _Origin:
    origin = _origin(authority)
    if origin is None or "?" in authority or "#" in authority:
        raise ValueError("the authority must be a plain URL such as https://login.microsoftonline.com")
    scheme, host, _ = origin
    if scheme != "https" and host not in _LOOPBACK:
        raise ValueError("the authority must use https; http is accepted for loopback addresses only")
    return origin


def _origin(url: str) -> _Origin | None:
    """Return scheme, host and port; None for what is no web address or names a user."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.username is not None:
        return None
    return (parts.scheme, parts.hostname, port)
