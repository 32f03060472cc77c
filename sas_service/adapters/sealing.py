"""Sealing with AES-256-GCM: what is stored in Redis is useless without a key that is not there."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sas_service.domain.errors import NotFound
from sas_service.domain.tokens import SasToken

KEY_BYTES = 32
_NONCE_BYTES = 12


class AesGcmSealing:
    """The port ``Sealing``: text of the form ``<key id>.<nonce and ciphertext>``.

    Keys are rotated by naming another one as ``current``; earlier ones stay in ``keys`` until what they sealed is gone.
    """

    def __init__(self, keys: Mapping[str, bytes], *, current: str) -> None:
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a sealing key has {KEY_BYTES} bytes")
        if current not in keys or any(not name or "." in name for name in keys):
            raise ValueError("each sealing key has an id without a dot, and the current one is among them")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = current

    def seal(self, token: SasToken, *, about: str) -> str:
        """Return the token encrypted and bound to ``about``."""
        # Random nonces are safe for 2^32 tokens per key; a run seals a handful.
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = self._ciphers[self._current].encrypt(nonce, token.reveal().encode(), about.encode())
        return f"{self._current}.{urlsafe_b64encode(nonce + ciphertext).decode()}"

    def open(self, sealed: str, *, about: str) -> SasToken:
        """Return it again; raises NotFound if it was not sealed with one of our keys, or about something else."""
        name, _, text = sealed.partition(".")
        try:
            content = urlsafe_b64decode(text)
            secret = self._ciphers[name].decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], about.encode())
        except (InvalidTag, KeyError, ValueError):
            raise NotFound("This was not sealed here, or about something else.") from None
        return SasToken(secret.decode())
