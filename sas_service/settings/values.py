"""How the text of a setting becomes its value; every reader raises ValueError with a reason that quotes no secret."""

import binascii
import ipaddress
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from sas_service.domain.iso8601 import parse_duration
from sas_service.domain.signed_notes import VerifyingKey

_HIGHEST_PORT = 65_535
_KEY_ID = re.compile(r"[A-Za-z0-9-]{1,32}")
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class Secret:
    """A setting's secret value: masked wherever it is shown."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one adapter that needs it."""
        return self._value

    def decode(self) -> bytes:
        """Return the bytes of a value that was read as base64."""
        return b64decode(self._value)

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def read_duration(text: str) -> timedelta:
    """An ISO 8601 duration longer than nothing."""
    duration = parse_duration(text)
    if duration <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return duration


def read_count(text: str) -> int:
    """A whole number, zero included."""
    if not text.isascii() or not text.isdecimal():
        raise ValueError("not a whole number")
    return int(text)


def read_positive(text: str) -> int:
    """A whole number from 1."""
    number = read_count(text)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def read_flag(text: str) -> bool:
    """``true`` or ``false``."""
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def read_guid(text: str) -> str:
    """A GUID, in lower case."""
    if _GUID.fullmatch(text) is None:
        raise ValueError("not a GUID")
    return text.lower()


def read_list(text: str) -> tuple[str, ...]:
    """Comma-separated entries, none of them empty."""
    entries = tuple(entry.strip() for entry in text.split(","))
    if not all(entries):
        raise ValueError("not a comma-separated list without empty entries")
    return entries


def read_choice(*allowed: str) -> Callable[[str], str]:
    """One of ``allowed``."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def is_loopback(host: str | None) -> bool:
    """Say whether ``host`` can only be this machine."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_key(length: int, *, exact: bool = False) -> Callable[[str], Secret]:
    """Base64 of at least, or of exactly, ``length`` random bytes."""

    def parse(text: str) -> Secret:
        try:
            decoded = b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("not base64") from None
        if len(decoded) < length or (exact and len(decoded) > length):
            raise ValueError(f"must be {length} bytes{'' if exact else ' or more'} in base64")
        return Secret(text)

    return parse


def read_log_name(text: str) -> str:
    """A name that a signature can carry."""
    return VerifyingKey(text, bytes(32)).name


def read_named_keys(length: int) -> Callable[[str], tuple[tuple[str, Secret], ...]]:
    """``ID:BASE64`` pairs, comma-separated, each key of exactly ``length`` bytes."""
    read = read_key(length, exact=True)

    def parse(text: str) -> tuple[tuple[str, Secret], ...]:
        pairs = [entry.partition(":") for entry in read_list(text)]
        if any(_KEY_ID.fullmatch(name) is None for name, _, _ in pairs) or len({p[0] for p in pairs}) < len(pairs):
            raise ValueError("each key needs an id of its own: ID:BASE64, letters, digits and hyphens in the id")
        return tuple((name, read(key)) for name, _, key in pairs)

    return parse


def read_azure_url(text: str) -> str:
    """An https origin; plain http is accepted for loopback addresses only (design.md section 8)."""
    parts = urlsplit(text)
    plain = parts.scheme == "http" and is_loopback(parts.hostname)
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ValueError("must be an https URL (http only for a loopback address)")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an origin, without path, query or user")
    return text.rstrip("/")


def read_container_url(text: str) -> str:
    """The address of a blob container: https, without query, so without any SAS of its own."""
    origin, slash, path = text.partition("://")[2].partition("/")
    read_azure_url(f"{text.partition('://')[0]}://{origin}")
    if not slash or not all(path.split("/")) or set(path) & set("?#"):
        raise ValueError("must be an origin and the name of a container, without query")
    return text


def read_redis_url(text: str) -> Secret:
    """A Redis URL; secret, since it may hold a password."""
    parts = urlsplit(text)
    if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.hostname or parts.path):
        raise ValueError("must be a redis://, rediss:// or unix:// URL")
    return Secret(text)


def read_addresses(text: str) -> tuple[tuple[str, int], ...]:
    """``HOST:PORT``, comma-separated."""
    parts = [read_bind(each).rpartition(":") for each in read_list(text)]
    return tuple((host.strip("[]"), int(port)) for host, _, port in parts)


def read_bind(text: str) -> str:
    """``HOST:PORT``."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ValueError("must be HOST:PORT")
    return text
