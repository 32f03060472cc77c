"""Which URLs may be spoken to: https anywhere, plain http with this machine only."""

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_DEFAULT_PORTS = {"https": 443, "http": 80}

Origin = tuple[str, str, int | None]


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of ``url``; raises ValueError if it has none, or names a user."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError("not a plain http or https URL")
    return (parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme])


def is_plain_loopback(url: str) -> bool:
    """Tell whether ``url`` is http to this machine: a local emulator."""
    scheme, host, _ = origin_of(url)
    return scheme == "http" and host in _LOOPBACK


def trusted_origin(url: str) -> Origin:
    """Return the origin of a configured URL; raises ValueError where a secret would cross a network in the clear."""
    origin = origin_of(url)
    if origin[0] != "https" and not is_plain_loopback(url):
        raise ValueError("https is required; http is accepted for loopback addresses only")
    return origin
