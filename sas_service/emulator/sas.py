"""SAS tokens: a JWT signed with one of the account's keys (HMAC-SHA-256); claim names are settings."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

# The documents show tokens that begin with eyJ0e, so "typ" stands first.
_HEADER = b'{"typ":"JWT","alg":"HS256"}'


def sign(claims: dict[str, Any], key: str) -> str:
    """Return the token."""
    signed = _encode(_HEADER) + b"." + _encode(json.dumps(claims, separators=(",", ":")).encode())
    return (signed + b"." + _encode(_mac(signed, key))).decode()


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a well-formed token, not yet verified; None for anything else."""
    pieces = token.split(".")
    if len(pieces) != 3:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        header, claims = json.loads(_decode(pieces[0])), json.loads(_decode(pieces[1]))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(header, dict) or header.get("alg") != "HS256" or not isinstance(claims, dict):
        return None
    return claims


def signed_with(token: str, key: str) -> bool:
    """Say whether this key signed the token."""
    signed, _, signature = token.rpartition(".")
    try:
        given = _decode(signature)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(given, _mac(signed.encode(), key))


def _mac(signed: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), signed, hashlib.sha256).digest()


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decode(text: str) -> bytes:
    """Decode base64url strictly: there is one spelling of each token, so that a tampered tail is noticed."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(raw).decode() != text:
        raise binascii.Error("not canonical base64url")
    return raw
