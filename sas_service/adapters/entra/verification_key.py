"""One public key of the tenant's JWKS, and the rules by which a JWKS is read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_MINIMUM_BITS = 2048
_MINIMUM_EXPONENT = 3


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key with its name; ``thumbprint`` tells a renewed key under an old name from the old one."""

    kid: str
    jwk: jwt.PyJWK
    thumbprint: str


def read_keys(jwks: Mapping[str, Any], tenant_id: str) -> Mapping[str, VerificationKey]:
    """Return the keys that may sign our tenant's tokens; others are left out, not an error (Entra may add kinds)."""
    listed = jwks.get("keys")
    keys: dict[str, VerificationKey] = {}
    ambiguous = set()
    for document in listed if isinstance(listed, list) else ():
        key = _read_key(document, tenant_id)
        if key is None:
            continue
        if keys.setdefault(key.kid, key).thumbprint != key.thumbprint:
            ambiguous.add(key.kid)
    return {kid: key for kid, key in keys.items() if kid not in ambiguous}


def _read_key(document: Any, tenant_id: str) -> VerificationKey | None:
    if not isinstance(document, dict) or not _may_sign(document, tenant_id):
        return None
    # Only the public numbers are handed on: whatever else stands in the document has no say.
    public = {name: document[name] for name in ("kty", "n", "e")}
    try:
        key = jwt.PyJWK(public, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if not isinstance(key.key, RSAPublicKey) or key.key.key_size < _MINIMUM_BITS:
        return None
    exponent = key.key.public_numbers().e
    if exponent < _MINIMUM_EXPONENT or exponent % 2 == 0:
        return None
    thumbprint = hashlib.sha256(f"{public['n']}.{public['e']}".encode()).hexdigest()
    return VerificationKey(kid=document["kid"], jwk=key, thumbprint=thumbprint)


def _may_sign(document: Mapping[str, Any], tenant_id: str) -> bool:
    issuer = document.get("issuer", tenant_id)
    return (
        document.get("kty") == "RSA"
        and document.get("use") == "sig"
        and document.get("alg", "RS256") == "RS256"
        and all(isinstance(document.get(name), str) and document[name] for name in ("kid", "n", "e"))
        # Entra names the tenant that a key may sign for, or leaves a placeholder for "any".
        and isinstance(issuer, str)
        and (tenant_id in issuer or "{tenantid}" in issuer)
    )
