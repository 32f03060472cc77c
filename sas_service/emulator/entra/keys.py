"""Entra's signing keys: the newest signs, the older ones stay published until they are forgotten."""

import base64
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sas_service.emulator import certificates
from sas_service.emulator.store import Store
from sas_service.emulator.world import EntraKey


def base64url(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def thumbprint(certificate: x509.Certificate) -> str:
    """Return the x5t of a certificate, which Entra also uses as kid."""
    return base64url(certificate.fingerprint(hashes.SHA1()))  # noqa: S303 - x5t is defined as SHA-1


@cache
def _private_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the state file holds a signing key that is not RSA")
    return key


@cache
def load_certificate(pem: str) -> x509.Certificate:
    """Return the certificate of a PEM text."""
    return x509.load_pem_x509_certificate(pem.encode())


class KeyRing:
    """The signing keys of all tenants, kept in the world."""

    PUBLISHED = 4

    def __init__(self, store: Store) -> None:
        self._store = store
        self._published: tuple[list[EntraKey], dict[str, rsa.RSAPublicKey]] = ([], {})
        if not store.world.entra_keys:
            self.roll_over()

    def roll_over(self, *, forget: bool = False) -> str:
        """Sign with a new key from now on; tokens of older keys verify until those keys are forgotten."""
        key = certificates.new_key()
        certificate = certificates.self_signed(key, "accounts.accesscontrol.windows.net", [])
        entry = EntraKey(
            certificates.private_pem(key), certificates.certificate_pem(certificate), self._store.clock.now()
        )
        with self._store.change() as world:
            kept = [] if forget else world.entra_keys[: self.PUBLISHED - 1]
            world.entra_keys = [entry, *kept]
        return thumbprint(certificate)

    def current(self) -> tuple[str, rsa.RSAPrivateKey]:
        """Return the signing key with its id."""
        entry = self._store.world.entra_keys[0]
        return thumbprint(load_certificate(entry.certificate)), _private_key(entry.private_key)

    def public(self, key_id: str) -> rsa.RSAPublicKey | None:
        """Return a published key, or None."""
        entries, keys = self._published
        if entries is not self._store.world.entra_keys:
            entries = self._store.world.entra_keys
            keys = {
                thumbprint(load_certificate(entry.certificate)): _private_key(entry.private_key).public_key()
                for entry in entries
            }
            self._published = entries, keys
        return keys.get(key_id)

    def jwks(self, issuer: str | None) -> dict[str, Any]:
        """Return the published keys; v2 metadata names the issuer of each."""
        return {"keys": [_jwk(entry, issuer) for entry in self._store.world.entra_keys]}


def _jwk(entry: EntraKey, issuer: str | None) -> dict[str, Any]:
    certificate = load_certificate(entry.certificate)
    numbers = _private_key(entry.private_key).public_key().public_numbers()
    document: dict[str, Any] = {
        "kty": "RSA",
        "use": "sig",
        "kid": thumbprint(certificate),
        "x5t": thumbprint(certificate),
        "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
        "e": base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)),
        "x5c": [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()],
    }
    if issuer:
        document["issuer"] = issuer
    return document
