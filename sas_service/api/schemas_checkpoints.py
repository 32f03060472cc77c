"""The shapes of checkpoints and proofs."""

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import Digits, Strict, Text

_LARGEST = 999_999_999


def _stream() -> Text:
    meaning = "An account, or `service` for the events of no account."
    return Text(required=True, longest=100, metadata={"description": meaning, "examples": ["maps-demo"]})


def _number(meaning: str, *, required: bool = False) -> Digits:
    return Digits(smallest=1, largest=_LARGEST, required=required, metadata={"description": meaning})


class CheckpointQuery(Strict):
    """Whose checkpoint."""

    account = Text(longest=100, metadata={"description": "Only this account's; `service`: of the events of none."})


class InclusionQuery(Strict):
    """Which event, in how large a log."""

    account = _stream()
    seq = _number("The event's number.", required=True)
    size = _number("The size of the checkpoint; by default the newest.")


class ConsistencyQuery(Strict):
    """Which two checkpoints."""

    account = _stream()
    first = _number("The size of the older checkpoint.", required=True)
    second = _number("The size of the newer one; by default the newest.")


class CheckpointShown(Said):
    """How far a stream is sealed."""

    stream = say.text("What is sealed: the account, or `service`.", "maps-demo")
    size = say.number("How many events.", 4711)
    root = say.text("The Merkle tree's root (RFC 9162, SHA-256), base64.", "b2Zl" * 10 + "b2Y=")
    checkpoint = say.text("The signed note (C2SP tlog-checkpoint).")


class CheckpointList(Said):
    """The newest checkpoint of each stream."""

    items = say.listed(CheckpointShown)
    verifying_key = say.text(
        "Who signs: NAME+ID+BASE64 (C2SP signed-note). Compare it with the one you were given another way."
    )
    next = say.text("Always null: all checkpoints fit one page.", nullable=True)


class InclusionShown(Said):
    """Proof that an event is part of what was signed."""

    stream = say.text("The account, or `service`.", "maps-demo")
    seq = say.number("The event's number; its leaf has the index `seq` - 1.", 17)
    size = say.number("The size of the tree.", 4711)
    leaf_hash = say.text("SHA-256 of a zero byte and the event's text, base64.")
    proof = say.texts("The hashes of the audit path, base64.", [])


class ConsistencyShown(Said):
    """Proof that a newer log begins with an older one."""

    stream = say.text("The account, or `service`.", "maps-demo")
    first = say.number("The older size.", 16)
    second = say.number("The newer size.", 4711)
    proof = say.texts("The hashes of the consistency proof, base64.", [])
