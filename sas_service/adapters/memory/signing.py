"""Signatures that anybody could make: they show who was meant to sign, and prove nothing."""

from hashlib import sha256, sha512

from sas_service.domain.signed_notes import VerifyingKey


class MemorySigning:
    """The port ``Signing``."""

    def __init__(self, name: str = "sas-service.example") -> None:
        self._verifying = VerifyingKey(name, sha256(name.encode()).digest())

    @property
    def verifying_key(self) -> VerifyingKey:
        """By what others recognise the signatures."""
        return self._verifying

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes that ``verify_memory`` recognises."""
        return sha512(self._verifying.key + message).digest()


def verify_memory(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a twin with this key signed ``message``."""
    return signature == sha512(key + message).digest()
