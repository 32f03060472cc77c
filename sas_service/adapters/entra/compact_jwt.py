"""A bearer token taken apart strictly, before anything in it is believed.

JSON and base64url leave room for two readers to see two different tokens (duplicate members, padding, trailing bits,
NaN); whatever has more than one reading is refused here.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from sas_service.adapters.entra.refusal import Reason, refusal

MAXIMUM_LENGTH = 16_384
"""Characters; Entra's own tokens stay well below, even with 200 groups."""

_MAXIMUM_KID = 256
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SEGMENTS = 3
_TYPES = frozenset({"JWT", "at+jwt"})
_FOREIGN_KEYS = frozenset({"jku", "jwk", "x5u", "x5c"})
_UNKNOWN_MEANING = frozenset({"crit", "b64", "enc", "zip", "cty", "nonce"})
"""Header members that change how a token is to be read; none belongs into a token made for our own API."""


def header_of(bearer: str) -> Mapping[str, Any]:
    """Return the header of a compact JWT whose three segments are canonical base64url."""
    if len(bearer) > MAXIMUM_LENGTH:
        raise refusal(Reason.TOO_LARGE)
    segments = bearer.split(".")
    if len(segments) != _SEGMENTS:
        raise refusal(Reason.MALFORMED)
    header, _, _ = (_decoded(segment) for segment in segments)
    return json_object(header)


def key_id(header: Mapping[str, Any]) -> str:
    """Return the ``kid`` of a header that promises RS256 with one of the tenant's keys, and nothing else."""
    if header.get("alg") != "RS256":
        raise refusal(Reason.ALGORITHM)
    if header.get("typ") not in _TYPES or not (_FOREIGN_KEYS | _UNKNOWN_MEANING).isdisjoint(header):
        raise refusal(Reason.HEADER)
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAXIMUM_KID:
        raise refusal(Reason.HEADER)
    return kid


def json_object(raw: bytes) -> Mapping[str, Any]:
    """Return the JSON object that ``raw`` is, if it can be read in one way only."""
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise refusal(Reason.MALFORMED)
    return document


def _decoded(segment: str) -> bytes:
    """Decode unpadded base64url; a text that another encoder would write differently is refused."""
    if _SEGMENT.fullmatch(segment) is None:
        raise refusal(Reason.MALFORMED)
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error:
        raw = b""
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != segment.encode("ascii"):
        raise refusal(Reason.MALFORMED)
    return raw


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
