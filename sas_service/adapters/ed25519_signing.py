"""Ed25519 signatures with the library cryptography: what makes checkpoints and evidence ours."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sas_service.domain.signed_notes import VerifyingKey

SEED_BYTES = 32


class Ed25519Signing:
    """The port ``Signing`` with a key in memory."""

    def __init__(self, seed: bytes, *, name: str) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError("a signing key is a seed of 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._verifying = VerifyingKey(name, self._key.public_key().public_bytes_raw())

    @property
    def verifying_key(self) -> VerifyingKey:
        """By what others recognise the signatures."""
        return self._verifying

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self._key.sign(message)


def verify_ed25519(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether ``key`` (32 bytes) signed ``message``."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
