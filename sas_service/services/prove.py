"""Show how far the audit log is sealed, and prove that an event, or an earlier checkpoint, is part of it."""

from dataclasses import dataclass

from sas_service.domain.audit import SERVICE_STREAM
from sas_service.domain.checkpoints import Checkpoint
from sas_service.domain.errors import InvalidRequest, NotFound, Violation
from sas_service.domain.merkle import consistency_proof, inclusion_proof
from sas_service.domain.signed_notes import VerifyingKey
from sas_service.domain.tiles import Tile, nodes_in
from sas_service.ports import Accounts, Seals


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A stream's checkpoint, and the signed note that says so."""

    stream: str
    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof that event ``seq``, whose text has the hash ``leaf``, is among the first ``size``."""

    seq: int
    size: int
    leaf: bytes
    proof: tuple[bytes, ...]


class LogProofs:
    """Reads what ``StreamSealing`` has sealed and the mirror has."""

    def __init__(self, *, accounts: Accounts, seals: Seals, verifying_key: VerifyingKey) -> None:
        self._accounts = accounts
        self._seals = seals
        self.verifying_key = verifying_key

    def checkpoints(self) -> tuple[SignedCheckpoint, ...]:
        """Return the newest checkpoint of every stream that has one."""
        streams = (*self._accounts(), SERVICE_STREAM)
        return tuple(found for stream in streams if (found := self._newest(stream)))

    def checkpoint(self, stream: str) -> SignedCheckpoint:
        """Return the newest checkpoint of a stream. Raises NotFound."""
        found = self._newest(stream)
        if found is None:
            raise NotFound("No such stream, or nothing of it is sealed yet.")
        return found

    def inclusion(self, stream: str, seq: int, size: int | None = None) -> Inclusion:
        """Prove that event ``seq`` is among the first ``size``, or among all that is sealed.

        Raises NotFound, and InvalidRequest for numbers that the checkpoint does not reach.
        """
        sealed = self.checkpoint(stream).checkpoint.size
        size = sealed if size is None else size
        _demand("/size", size, sealed)
        _demand("/seq", seq, size)
        nodes = nodes_in(lambda tile: self._tile(stream, tile))
        return Inclusion(seq, size, nodes(0, seq - 1), inclusion_proof(nodes, seq - 1, size))

    def consistency(self, stream: str, first: int, second: int | None = None) -> tuple[int, tuple[bytes, ...]]:
        """Prove that the first ``first`` events begin the first ``second``; returns that size and the proof.

        Raises NotFound, and InvalidRequest for numbers that the checkpoint does not reach.
        """
        sealed = self.checkpoint(stream).checkpoint.size
        second = sealed if second is None else second
        _demand("/second", second, sealed)
        _demand("/first", first, second)
        return second, consistency_proof(nodes_in(lambda tile: self._tile(stream, tile)), first, second)

    def _tile(self, stream: str, tile: Tile) -> tuple[bytes, ...]:
        return self._seals.tiles(stream, [tile])[0]

    def _newest(self, stream: str) -> SignedCheckpoint | None:
        if stream != SERVICE_STREAM and stream not in self._accounts():
            return None
        note = self._seals.read(stream).published
        return SignedCheckpoint(stream, Checkpoint.read(note.rpartition("\n\n")[0] + "\n"), note) if note else None


def _demand(pointer: str, asked: int, most: int) -> None:
    if not 1 <= asked <= most:
        violation = Violation(pointer, asked, f"1 to {most}", "checkpoint.size")
        raise InvalidRequest("The checkpoint does not reach that far.", violations=(violation,))
