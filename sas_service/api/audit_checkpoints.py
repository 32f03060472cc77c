"""Checkpoints of the audit log and proofs from them, for auditors who do not want to take our word."""

from base64 import b64encode
from collections.abc import Sequence

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.operations import Documented, Resource
from sas_service.api.schemas_checkpoints import (
    CheckpointList,
    CheckpointQuery,
    ConsistencyQuery,
    ConsistencyShown,
    InclusionQuery,
    InclusionShown,
)
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import AuditLogUnavailable, NotFound
from sas_service.services.prove import LogProofs, SignedCheckpoint

audit_checkpoints = Resource(
    "audit checkpoints", "Signed statements about the audit log that show whether it was edited."
)

_PROBLEMS = (NotFound, AuditLogUnavailable)


@audit_checkpoints.operation(
    "GET",
    "/v1/audit/checkpoint",
    summary="Look up the newest checkpoints",
    roles=(Role.AUDIT_READ,),
    query=CheckpointQuery(),
    answers={
        200: Documented(
            "The checkpoints; as text, those of one account.",
            CheckpointList(),
            examples.CHECKPOINTS,
            media_types=("application/json", "text/plain"),
        )
    },
    problems=_PROBLEMS,
)
def get_checkpoint(use: UseCases, ask: Ask) -> Answer:
    """Look up how far each stream is sealed and signed; `Accept: text/plain` and `account` give the bare signed note.

    Keep what you get: only an older checkpoint in your own hands shows that the log was not taken back since.
    """
    proofs, account = _proofs(use), ask.query.get("account")
    found = proofs.checkpoints() if account is None else (proofs.checkpoint(account),)
    if ask.wants_text and account is not None:
        return Answer(found[0].note, media_type="text/plain")
    items = [_document(each) for each in found]
    return json_answer({"items": items, "verifyingKey": proofs.verifying_key.text, "next": None})


@audit_checkpoints.operation(
    "GET",
    "/v1/audit/inclusion",
    summary="Prove that an event is sealed",
    roles=(Role.AUDIT_READ,),
    query=InclusionQuery(),
    answers={200: Documented("The proof (RFC 9162 section 2.1.3).", InclusionShown(), examples.INCLUSION)},
    problems=_PROBLEMS,
)
def get_inclusion(use: UseCases, ask: Ask) -> Answer:
    """Prove that an event is one of those that a checkpoint counts."""
    stream = ask.query["account"]
    found = _proofs(use).inclusion(stream, ask.query["seq"], ask.query.get("size"))
    (leaf,) = _base64([found.leaf])
    return json_answer(
        {
            "stream": stream,
            "seq": found.seq,
            "size": found.size,
            "leafHash": leaf,
            "proof": _base64(found.proof),
        }
    )


@audit_checkpoints.operation(
    "GET",
    "/v1/audit/consistency",
    summary="Prove that nothing was taken back",
    roles=(Role.AUDIT_READ,),
    query=ConsistencyQuery(),
    answers={200: Documented("The proof (RFC 9162 section 2.1.4).", ConsistencyShown(), examples.CONSISTENCY)},
    problems=_PROBLEMS,
)
def get_consistency(use: UseCases, ask: Ask) -> Answer:
    """Prove that the log of a newer checkpoint begins with the log of an older one."""
    stream, first = ask.query["account"], ask.query["first"]
    second, proof = _proofs(use).consistency(stream, first, ask.query.get("second"))
    return json_answer({"stream": stream, "first": first, "second": second, "proof": _base64(proof)})


def _proofs(use: UseCases) -> LogProofs:
    if use.proofs is None:
        raise NotFound("This deployment has no signing key: nothing is sealed.")
    return use.proofs


def _document(found: SignedCheckpoint) -> dict[str, object]:
    (root,) = _base64([found.checkpoint.root])
    return {"stream": found.stream, "size": found.checkpoint.size, "root": root, "checkpoint": found.note}


def _base64(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(each).decode() for each in hashes]
