"""The offline check of an exported audit log: only texts, checkpoints and a verifying key; no service is asked.

It reads each stream once, in order, and keeps no more than a frontier, so a million events need no memory. It also says
what it cannot know: who holds the signing key could have signed another history, and events that no checkpoint covers
are only as good as the mirror that has them too.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sas_service.domain.checkpoints import Checkpoint, open_checkpoint, stream_of
from sas_service.domain.merkle import Frontier, leaf_hash
from sas_service.domain.signed_notes import Verify, VerifyingKey
from sas_service.domain.tiles import read_hashes

MOST_PROBLEMS = 100
"""How many problems of a stream are told; one deleted event would otherwise be told as a million."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What was found out about a stream.

    Events up to ``proven`` are those that were signed; of ``hashed`` of them only the hashes are left. Those up to
    ``mirrored`` are equal to the mirror's, from there to ``events`` nobody vouches for them.
    """

    stream: str
    events: int
    hashed: int
    checkpoints: int
    proven: int
    mirrored: int
    problems: tuple[str, ...]

    @property
    def unproven(self) -> int:
        """How many events neither a checkpoint nor the mirror vouches for."""
        return self.events - max(self.proven, self.mirrored)

    def document(self) -> dict[str, object]:
        """Say it to a program."""
        return {
            "stream": self.stream,
            "events": self.events,
            "onlyHashes": self.hashed,
            "checkpoints": self.checkpoints,
            "proven": self.proven,
            "mirrored": self.mirrored,
            "unproven": self.unproven,
            "problems": list(self.problems),
        }


@dataclass(slots=True)
class _Stream:
    """How far the check of a stream is; ``newest`` is the size of the largest checkpoint."""

    name: str
    roots: dict[int, set[bytes]] = field(default_factory=dict)
    mirror: dict[int, set[bytes]] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)
    hashed: int = 0
    proven: int = 0
    is_torn: bool = False
    newest: int = 0
    tail: list[tuple[int, bytes]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def blame(self, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def add(self, seq: int, leaf: bytes) -> None:
        """Take the next leaf; after a gap nothing can be compared with a root any more."""
        expected = self.frontier.size + 1
        if seq != expected:
            if not self.is_torn:
                self.blame(f"event {expected} is missing: {seq} stands in its place")
            self.is_torn = True
            return
        if self.is_torn:
            return
        self.frontier = self.frontier.grown((leaf,))
        if seq > self.newest:
            self.tail.append((seq, leaf))
        roots = self.roots.get(seq)
        if roots == {self.frontier.root}:
            self.proven = seq
        elif roots:
            self.blame(f"events 1 to {seq} are not those of the checkpoint of size {seq}")


class LogCheck:
    """One check: first ``note`` every checkpoint and ``mirror`` every line of the mirror, then ``feed`` the export."""

    def __init__(self, key: VerifyingKey, verify: Verify) -> None:
        self._key = key
        self._verify = verify
        self._streams: dict[str, _Stream] = {}
        self._notes: set[str] = set()
        self._strays: list[str] = []

    def note(self, note: str) -> None:
        """Take a checkpoint; one that the key has not signed is a problem, one that is known already is not."""
        if note in self._notes:
            return
        self._notes.add(note)
        try:
            checkpoint = open_checkpoint(note, self._key, self._verify)
            stream = self._stream(stream_of(checkpoint, self._key))
        except ValueError as error:
            self._strays.append(f"a checkpoint does not count: {error}")
            return
        self._remember(stream, checkpoint)

    def mirror(self, line: str) -> None:
        """Take a line of the mirror: an event, or a checkpoint. A line that was torn by a crash is left out."""
        members = _members(line)
        if "checkpoint" in members:
            self.note(str(members["checkpoint"]))
            return
        stream, seq = members.get("stream"), members.get("seq")
        if not isinstance(stream, str) or not isinstance(seq, int):
            return
        found = self._stream(stream)
        # What a checkpoint covers needs no second witness.
        if seq > found.newest:
            found.mirror.setdefault(seq, set()).add(leaf_hash(line))

    def feed(self, line: str) -> None:
        """Take a line of the export: an event, the hashes of events that were removed for their age, a checkpoint."""
        members = _members(line)
        stream, seq = members.get("stream"), members.get("seq")
        if "checkpoint" in members:
            self.note(str(members["checkpoint"]))
        elif not isinstance(stream, str):
            self._strays.append("a line is neither an event nor a checkpoint")
        elif "leafHashes" in members:
            self._hashes(self._stream(stream), members)
        elif isinstance(seq, int) and not isinstance(seq, bool):
            self._stream(stream).add(seq, leaf_hash(line))
        else:
            self._stream(stream).blame("a line has no number")

    def reports(self) -> tuple[StreamReport, ...]:
        """Return what was found out, one report for each stream that anything was said of."""
        return tuple(self._report(self._streams[name]) for name in sorted(self._streams))

    @property
    def strays(self) -> tuple[str, ...]:
        """Problems that belong to no stream."""
        return tuple(self._strays)

    def _stream(self, name: str) -> _Stream:
        return self._streams.setdefault(name, _Stream(name))

    def _remember(self, stream: _Stream, checkpoint: Checkpoint) -> None:
        roots = stream.roots.setdefault(checkpoint.size, set())
        roots.add(checkpoint.root)
        if checkpoint.size > stream.newest:
            stream.newest = checkpoint.size
            # A mirror has its checkpoints behind their events: those are let go, or all of a long log were kept.
            stream.mirror = {seq: leaves for seq, leaves in stream.mirror.items() if seq > checkpoint.size}
        if len(roots) > 1:
            stream.blame(f"two checkpoints of size {checkpoint.size} have different roots: two histories were signed")
        if checkpoint.size <= stream.frontier.size:
            stream.blame(f"the checkpoint of size {checkpoint.size} comes after the events that it is about")

    def _hashes(self, stream: _Stream, members: Mapping[str, object]) -> None:
        try:
            hashes = read_hashes(str(members["leafHashes"]))
            first = int(str(members["first"]))
        except (KeyError, ValueError):
            stream.blame("the hashes of removed events cannot be read")
            return
        if stream.frontier.size > stream.hashed:
            stream.blame(f"hashes stand in the place of events from {first} on, after events that are there")
        for seq, leaf in enumerate(hashes, first):
            stream.add(seq, leaf)
        stream.hashed = stream.frontier.size

    def _report(self, stream: _Stream) -> StreamReport:
        size = stream.frontier.size
        if not size and stream.newest:
            stream.blame(f"the export has nothing of {stream.name}: a checkpoint has {stream.newest} events of it")
        for beyond in sorted(each for each in stream.roots if each > size > 0):
            stream.blame(f"a checkpoint has {beyond} events, the export only {size}")
        if stream.hashed > stream.proven:
            stream.blame(f"events {stream.proven + 1} to {stream.hashed} are only hashes, and no checkpoint has them")
        return StreamReport(
            stream=stream.name,
            events=size,
            hashed=stream.hashed,
            checkpoints=len(stream.roots),
            proven=stream.proven,
            mirrored=_mirrored(stream),
            problems=tuple(stream.problems),
        )


def _mirrored(stream: _Stream) -> int:
    """Compare what no checkpoint covers with the mirror; return up to where it agrees without a gap."""
    mirrored = min(stream.proven, stream.frontier.size)
    for seq, leaf in stream.tail:
        known = stream.mirror.get(seq)
        if known is not None and known != {leaf}:
            stream.blame(f"event {seq} is not the one that the mirror has")
        elif known and mirrored == seq - 1:
            mirrored = seq
    beyond = [seq for seq in stream.mirror if seq > max(stream.frontier.size, stream.newest)]
    if beyond:
        stream.blame(f"the mirror goes on to {max(beyond)}, the export ends at {stream.frontier.size}")
    return mirrored


def _members(line: str) -> Mapping[str, object]:
    try:
        members = json.loads(line)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def check_log(
    export: Iterable[str], notes: Iterable[str], mirror: Iterable[str], key: VerifyingKey, verify: Verify
) -> tuple[tuple[StreamReport, ...], tuple[str, ...]]:
    """Check an export; returns a report for each stream, and the problems that belong to none."""
    check = LogCheck(key, verify)
    for note in notes:
        check.note(note)
    for line in mirror:
        check.mirror(line)
    for line in export:
        check.feed(line)
    return check.reports(), check.strays
