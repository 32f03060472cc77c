"""Makes tokens as Entra does, and as a forger would: every byte of header, payload and signature can be chosen."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND = int(NOW.timestamp())
TENANT = "72f988bf-0000-4000-8000-000000000001"
OTHER_TENANT = "72f988bf-0000-4000-8000-000000000002"
AUTHORITY = "https://login.microsoftonline.com"
API_ID = "a0000000-0000-4000-8000-000000000001"
API_URI = "api://sas-service"
CLIENT = "a0000000-0000-4000-8000-000000000002"
OBJECT = "a0000000-0000-4000-8000-0000000000a2"
USER = "b0000000-0000-4000-8000-000000000001"
GROUP = "c0000000-0000-4000-8000-000000000001"
ISSUERS = {"1.0": f"https://sts.windows.net/{TENANT}/", "2.0": f"{AUTHORITY}/{TENANT}/v2.0"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str, **members: object) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "kid": kid, "n": number(numbers.n), "e": number(numbers.e), **members}


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "use": "sig", "crv": "P-256", "kid": kid, "x": number(numbers.x), "y": number(numbers.y)}


def rs256(key: rsa.RSAPrivateKey, signed: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
    return key.sign(signed, padding.PKCS1v15(), digest or hashes.SHA256())


def app_claims(version: str, **changes: object) -> dict[str, Any]:
    """Claims of a client-credentials token; a change to None stays, a change to ... removes the claim."""
    claims: dict[str, Any] = {
        "aud": API_URI if version == "1.0" else API_ID,
        "iss": ISSUERS[version],
        "iat": SECOND - 300,
        "nbf": SECOND - 300,
        "exp": SECOND + 3600,
        "tid": TENANT,
        "oid": OBJECT,
        "sub": OBJECT,
        "ver": version,
        "roles": ["Tokens.Issue"],
        "appid" if version == "1.0" else "azp": CLIENT,
        "uti": "made-up",
    }
    return _changed(claims, changes)


def user_claims(version: str, **changes: object) -> dict[str, Any]:
    """Claims of a delegated token."""
    claims = app_claims(version, oid=USER, sub="pairwise-subject", roles=..., scp="Tokens.Issue access_as_user")
    return _changed(claims, changes)


def _changed(claims: dict[str, Any], changes: dict[str, object]) -> dict[str, Any]:
    return {name: claim for name, claim in {**claims, **changes}.items() if claim is not ...}


@dataclass
class Keys:
    """The tenant's keys, some unfit ones in the same key set, and the forger's."""

    good: rsa.RSAPrivateKey
    small: rsa.RSAPrivateKey
    other: rsa.RSAPrivateKey
    curve: ec.EllipticCurvePrivateKey
    jwks: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.jwks = {
            "keys": [
                rsa_jwk(self.good, "good", issuer=f"{AUTHORITY}/{{tenantid}}/v2.0"),
                rsa_jwk(self.small, "small"),
                rsa_jwk(self.other, "encryption", use="enc"),
                rsa_jwk(self.other, "foreign", issuer=f"{AUTHORITY}/{OTHER_TENANT}/v2.0"),
                rsa_jwk(self.other, "rs512", alg="RS512"),
                ec_jwk(self.curve, "curve"),
                rsa_jwk(self.good, "twice"),
                rsa_jwk(self.other, "twice"),
                {"kty": "oct", "use": "sig", "kid": "secret", "k": b64(b"k" * 32)},
                {"kty": "RSA", "use": "sig", "kid": "broken", "n": "!", "e": "AQAB"},
                "not a key",
            ]
        }


def new_keys() -> Keys:
    return Keys(
        good=rsa.generate_private_key(65537, 2048),
        small=rsa.generate_private_key(65537, 1024),  # noqa: S505 - the point of a test
        other=rsa.generate_private_key(65537, 2048),
        curve=ec.generate_private_key(ec.SECP256R1()),
    )


def signing_input(header: object, claims: object) -> bytes:
    """Encode header and payload; bytes are taken as they are."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims))
    return ".".join(b64(part) for part in parts).encode()


def mint(key: rsa.RSAPrivateKey, claims: object, *, kid: str = "good", header: object = None, **more: object) -> str:
    """Return a token with an RS256 signature by ``key``, whatever its header says."""
    if header is None:
        header = {"typ": "JWT", "alg": "RS256", "kid": kid, **more}
        header = {name: member for name, member in header.items() if member is not ...}
    signed = signing_input(header, claims)
    return f"{signed.decode()}.{b64(rs256(key, signed))}"
