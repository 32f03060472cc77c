"""C2SP signed notes with Ed25519: a text, and under it who signed it, in a form that people and programs read.

https://github.com/C2SP/C2SP/blob/main/signed-note.md. Cryptography itself comes from outside: signing through the port
``Signing``, verifying as a function.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

_ED25519 = b"\x01"
_KEY_BYTES, _ID_BYTES = 32, 4
_NAME = re.compile(r"[^\s+]{1,200}")
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<text>[A-Za-z0-9+/]+={0,2})")

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, message, signature) -> whether the key signed the message with Ed25519."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """Whose signature counts: a name and an Ed25519 public key; ``text`` is what an auditor is given."""

    name: str
    key: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.key) != _KEY_BYTES:
            raise ValueError("a verifying key has a name without spaces and plus signs, and 32 bytes")

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """``<name>+<id in hex>+<base64>``."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.key).decode()}"

    @classmethod
    def read(cls, text: str) -> "VerifyingKey":
        """Return the key that ``text`` names; raises ValueError for anything else."""
        name, _, rest = text.strip().partition("+")
        number, _, encoded = rest.partition("+")
        try:
            content = b64decode(encoded, validate=True)
        except NotBase64:
            raise ValueError("not a verifying key: NAME+ID+BASE64") from None
        key = cls(name, content[1:])
        if content[:1] != _ED25519 or key.id.hex() != number:
            raise ValueError("not a verifying key: its id does not fit its name and key")
        return key


def write_note(text: str, key: VerifyingKey, signature: bytes) -> str:
    """Return ``text`` with its signature; ``text`` ends with a newline, which is signed too."""
    if not text.endswith("\n"):
        raise ValueError("the text of a note ends with a newline")
    return f"{text}\n— {key.name} {b64encode(key.id + signature).decode()}\n"


def open_note(note: str, key: VerifyingKey, verify: Verify) -> str:
    """Return the text of a note that ``key`` has signed; raises ValueError if it has not. Other signatures are left."""
    text, gap, below = note.rpartition("\n\n")
    lines = below.splitlines()
    if not gap or not below.endswith("\n") or not lines:
        raise ValueError("not a signed note: no signatures under an empty line")
    message = f"{text}\n".encode()
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise ValueError("not a signed note: a line below the empty line is no signature")
        if match["name"] == key.name and _signs(key, message, match["text"], verify):
            return f"{text}\n"
    raise ValueError(f"not signed by {key.name}+{key.id.hex()}")


def _signs(key: VerifyingKey, message: bytes, encoded: str, verify: Verify) -> bool:
    try:
        content = b64decode(encoded, validate=True)
    except NotBase64:
        return False
    return content[:_ID_BYTES] == key.id and verify(key.key, message, content[_ID_BYTES:])
