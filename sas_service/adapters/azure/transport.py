"""The one connection pool per process through which everything leaves: TLS 1.2 or newer, explicit timeouts, no cookies.

It is made lazily, because a socket made before gunicorn forks would be shared by all workers.
"""

import os
import ssl
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import certifi
import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from sas_service.adapters.azure.fenced_connections import Sending, fenced_pools
from sas_service.adapters.azure.sdk_logging import silence_sdk_loggers


class Outbound:
    """Sessions and SDK transports; ``proxies`` and ``ca_bundle`` are the only way to a proxy or a private authority.

    The environment (``HTTPS_PROXY``, ``.netrc``) is not read: what the service speaks to is in its settings.
    ``sending`` surrounds each moment in which bytes of a request go out, and raises if none may.
    """

    def __init__(
        self,
        *,
        pool_size: int = 32,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        ca_bundle: str | None = None,
        proxies: Mapping[str, str] | None = None,
        sending: Sending = nullcontext,
    ) -> None:
        self._pool_size = pool_size
        self._timeouts = (connect_timeout, read_timeout)
        self._ca_bundle = ca_bundle
        self._proxies = dict(proxies or {})
        self._sending = sending
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._session: requests.Session | None = None
        silence_sdk_loggers()

    def session(self) -> requests.Session:
        """Return this process's session."""
        with self._lock:
            if self._session is None or self._owner != os.getpid():
                self._owner, self._session = os.getpid(), self._new_session()
            return self._session

    def transport(self, session: requests.Session | None = None) -> RequestsTransport:
        """Return an SDK transport on this process's session, or on one of ``new_session``."""
        connect, read = self._timeouts
        return RequestsTransport(
            session=session or self.session(),
            session_owner=False,
            connection_timeout=connect,
            read_timeout=read,
            use_env_settings=False,
        )

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        with self._lock:
            if self._session is not None and self._owner == os.getpid():
                self._session.close()
            self._session = None

    def _new_session(self) -> requests.Session:
        session = DirectSession()
        session.trust_env = False
        session.proxies = dict(self._proxies)
        # Entra sets cookies; kept, they would tie requests of different identities together.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.mount("https://", TlsAdapter(tls_context(self._ca_bundle), self._pool_size, self._sending))
        session.mount("http://", FencedAdapter(self._pool_size, self._sending))
        return session


class DirectSession(requests.Session):
    """A session that hands what the SDK has already prepared straight to its adapter.

    The SDK's requests have their address, headers and bytes; to prepare them again, to look for cookies, hooks and
    redirects costs a third of the call. TLS, proxies, pool and errors are the adapter's, as ever.
    """

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        """Send; anything but a plain request that must not be redirected takes the long way."""
        data = options.get("data")
        plain = not arguments and options.keys() <= _PLAIN and not options.get("files")
        if not plain or options.get("allow_redirects", True) or not isinstance(data, bytes | str | None):
            return super().request(method, url, *arguments, **options)
        response = self.get_adapter(url).send(
            _prepared(method, url, options.get("headers"), data.encode() if isinstance(data, str) else data),
            stream=bool(options.get("stream")),
            timeout=options.get("timeout"),
            verify=True,
            proxies=options.get("proxies") or self.proxies,
        )
        if not options.get("stream"):
            response.content  # noqa: B018 - reads the body now, so that its connection is free again
        return response


_PLAIN = frozenset({"headers", "data", "files", "verify", "timeout", "cert", "allow_redirects", "proxies", "stream"})


def _prepared(method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> requests.PreparedRequest:
    prepared = requests.PreparedRequest()
    prepared.method, prepared.url, prepared.body = method, url, body
    prepared.headers = CaseInsensitiveDict({"Accept-Encoding": "gzip, deflate", **(headers or {})})
    if body is not None or method not in _WITHOUT_BODY:
        prepared.headers["Content-Length"] = str(len(body or b""))
    return prepared


_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def tls_context(ca_bundle: str | None = None) -> ssl.SSLContext:
    """Return a verifying client context that speaks TLS 1.2 or newer."""
    context = ssl.create_default_context(cafile=ca_bundle or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class FencedAdapter(HTTPAdapter):
    """A requests adapter whose connections, proxied ones included, send within ``sending``."""

    def __init__(self, pool_size: int, sending: Sending) -> None:
        self._fenced = fenced_pools(sending)
        super().__init__(pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give urllib3 our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._fenced

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Give urllib3's proxies our connections."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._fenced
        return manager


class TlsAdapter(FencedAdapter):
    """The same with our context for every https connection."""

    def __init__(self, context: ssl.SSLContext, pool_size: int, sending: Sending = nullcontext) -> None:
        self._context = context
        super().__init__(pool_size, sending)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Hand the context to urllib3."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Hand the context to urllib3's proxy connections."""
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Always verify: one caller's ``verify=False`` would change the context that all connections share."""
        del verify
        return super().build_connection_pool_key_attributes(request, True, cert)  # noqa: FBT003 - requests' signature

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the connection to our context; the inherited method loads the CA bundle anew for each connection."""
