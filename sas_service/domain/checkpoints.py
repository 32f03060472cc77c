"""Checkpoints as in C2SP tlog-checkpoint: how large a stream is and what its Merkle root is, signed.

https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md. The origin of a stream is ``<name of the key>/<stream>``: one
key vouches for all streams, and no checkpoint of one stream passes for another's.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass

from sas_service.domain.merkle import HASH_BYTES
from sas_service.domain.signed_notes import Verify, VerifyingKey, open_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HEAD_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The first ``size`` events of ``origin`` have this root; ``extensions`` are lines that others may add."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def read(cls, text: str) -> "Checkpoint":
        """Return the checkpoint of a note's text; raises ValueError for anything else."""
        lines = text.split("\n")
        if len(lines) <= _HEAD_LINES or lines[-1] or not all(lines[:-1]):
            raise ValueError("not a checkpoint: origin, size and root, each on a line")
        origin, size, encoded, *extensions = lines[:-1]
        try:
            root = b64decode(encoded, validate=True)
        except NotBase64:
            raise ValueError("not a checkpoint: the root is not base64") from None
        if not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
            raise ValueError("not a checkpoint: the size is no number, or the root has not 32 bytes")
        return cls(origin, int(size), root, tuple(extensions))


def origin_of(key_name: str, stream: str) -> str:
    """Return the origin line of a stream's checkpoints."""
    return f"{key_name}/{stream}"


def stream_of(checkpoint: Checkpoint, key: VerifyingKey) -> str:
    """Return the stream that a checkpoint is about; raises ValueError if it is about no stream of this key."""
    prefix = f"{key.name}/"
    if not checkpoint.origin.startswith(prefix):
        raise ValueError(f"its origin is no stream of {key.name}")
    return checkpoint.origin.removeprefix(prefix)


def open_checkpoint(note: str, key: VerifyingKey, verify: Verify) -> Checkpoint:
    """Return the checkpoint of a note that ``key`` has signed; raises ValueError."""
    return Checkpoint.read(open_note(note, key, verify))
