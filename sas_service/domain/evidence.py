"""The evidence report of a revocation (design.md section 5): what was decided, done, answered, and who was left behind.

A report is JSON without anything that is not on record elsewhere; it is signed as a C2SP note over its digest.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

from sas_service.domain.audit import AuditEvent
from sas_service.domain.consumers import Acknowledgement
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.merkle import leaf_hash
from sas_service.domain.probes import KEPT, gaps, times_of
from sas_service.domain.runs import Intent, Revocation, StepRecord
from sas_service.domain.signed_notes import Verify, VerifyingKey, open_note

VERSION = 1
_TITLE = "evidence of a revocation, version 1"


def canonical(document: object) -> str:
    """Return JSON with sorted names and without spaces, in ASCII: equal documents give equal texts (like RFC 8785)."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def signed_text(key: VerifyingKey, report: Mapping[str, object]) -> str:
    """Return what is signed of a report: its kind, whose it is, and its digest; never mistaken for a checkpoint."""
    digest = b64encode(sha256(canonical(report).encode()).digest()).decode()
    return f"{key.name} {_TITLE}\n{report.get('revocation')}\n{digest}\n"


def check_evidence(document: Mapping[str, object], key: VerifyingKey, verify: Verify) -> Mapping[str, object]:
    """Return the report of signed evidence; raises ValueError if ``key`` has not signed it just as it is."""
    report = document.get("report")
    if not isinstance(report, Mapping):
        raise ValueError("not evidence: it has no report")  # noqa: TRY004  the content is wrong, not a caller's type
    if open_note(str(document.get("signature")), key, verify) != signed_text(key, report):
        raise ValueError("the report is not the one that was signed")
    return report


def evidence_report(
    run: Revocation,
    acknowledgements: Iterable[Acknowledgement],
    events: Iterable[AuditEvent],
    *,
    has_all_events: bool,
    now: datetime,
) -> dict[str, object]:
    """Put the report of an ended run together; ``events`` are the stream's that speak of it, the oldest first."""
    told = [(event, json.loads(event.text)) for event in events]
    return {
        "version": VERSION,
        "revocation": run.id,
        "account": run.account,
        "preparedAt": format_instant(now),
        "state": run.state.value,
        "asked": _asked(run),
        "plan": _plan(run),
        "times": _times(run),
        "decisions": [_decision(event, members) for event, members in told if members["kind"] in _DECISIONS],
        "steps": [_step(step) for step in run.steps],
        "azure": [_intent(intent) for intent in run.intents],
        "cuts": [
            {"kind": cut.kind, "name": cut.name, "epoch": cut.epoch, "at": format_instant(cut.at)} for cut in run.cuts
        ],
        "slotsBefore": _slots(run),
        "consumers": _consumers(run, acknowledgements),
        "leftBehind": {
            "excused": sorted(run.excused),
            "tokens": sorted(run.casualties),
            "accepted": sorted(run.accepted),
        },
        "gaps": gaps(run.probes),
        "probes": [_probe(entry) for entry in run.probes],
        "hasAllProbes": len(run.probes) < KEPT,
        "events": [
            {"seq": event.seq, "kind": members["kind"], "leafHash": b64encode(leaf_hash(event.text)).decode()}
            for event, members in told
        ],
        "hasAllEvents": has_all_events,
    }


_DECISIONS = frozenset({"revocationPlanned", "revocationDecided"})


def _asked(run: Revocation) -> dict[str, object]:
    asked = run.plan.asked
    return {
        "reason": asked.reason.value,
        "target": asked.target.document(),
        "mode": asked.mode.value,
        "lever": asked.lever.value if asked.lever else None,
        "deadline": _instant(asked.deadline),
        "within": asked.within,
        "onDeadline": asked.on_deadline.value,
        "comment": asked.comment,
    }


def _plan(run: Revocation) -> dict[str, object]:
    plan = run.plan
    return {
        "hash": plan.hash,
        "lever": plan.lever.value,
        "recommended": plan.recommended,
        "why": plan.why,
        "warnings": list(plan.warnings),
        "epoch": plan.epoch,
        "madeAt": format_instant(plan.made_at),
        "intended": plan.chosen.radius.intended.total,
        "collateral": plan.chosen.radius.collateral.total,
    }


def _times(run: Revocation) -> dict[str, object]:
    return {
        "plannedBy": dict(run.planned_by),
        "approvedBy": list(run.approved_by),
        "startedBy": dict(run.started_by) if run.started_by else None,
        "startedAt": _instant(run.started_at),
        "deadline": _instant(run.until),
        "endedAt": _instant(run.ended_at),
        "forcedBy": run.forced_by,
        "abortedBy": run.aborting,
        "preemptedBy": run.preempted_by,
    }


def _decision(event: AuditEvent, members: Mapping[str, object]) -> dict[str, object]:
    said = {
        name: value
        for name, value in members.items()
        if name not in {"stream", "account", "revocation", "seq", "entry"}
    }
    return {"seq": event.seq, **said}


def _step(step: StepRecord) -> dict[str, object]:
    return {
        "name": step.name,
        "state": step.state,
        "begun": _instant(step.begun),
        "done": _instant(step.done),
        "rounds": step.streak.rounds,
        "since": _instant(step.streak.since),
        "evidence": dict(step.evidence),
    }


def _intent(intent: Intent) -> dict[str, object]:
    return {
        "intent": intent.id,
        "step": intent.step,
        "operation": intent.operation,
        "name": intent.name,
        "sent": [format_instant(at) for at in intent.sent],
        "outcome": intent.outcome,
        "azureRequestId": intent.azure_request_id,
    }


def _slots(run: Revocation) -> dict[str, object] | None:
    before = run.before
    if before is None:
        return None
    identities = dict(sorted(before.identities.items()))
    return {"epoch": before.epoch, "signingKey": before.signing_key.value, "identities": identities}


def _consumers(run: Revocation, acknowledgements: Iterable[Acknowledgement]) -> dict[str, object]:
    """Tell when each consumer had loaded its last replacement; the counts are those of the step ``replace``."""
    moved: dict[str, list[Acknowledgement]] = {}
    for each in sorted(acknowledgements, key=lambda each: (each.at, each.replaced)):
        moved.setdefault(each.consumer.name, []).append(each)
    counted = next((step.evidence for step in run.steps if step.name == "replace"), {})
    return {
        **{name: counted.get(name) for name in ("consumers", "moved", "late")},
        "acknowledged": {
            name: {
                "movedAt": format_instant(words[-1].at),
                "acknowledgements": [
                    {"replaced": each.replaced, "token": each.token, "at": format_instant(each.at)} for each in words
                ],
            }
            for name, words in sorted(moved.items())
        },
    }


def _probe(entry: Mapping[str, object]) -> dict[str, object]:
    times = [format_instant(at) for at in times_of(entry)]
    return {"canary": entry["canary"], "host": entry["host"], "status": entry["status"], "at": times}


def _instant(at: datetime | None) -> str | None:
    return format_instant(at) if at else None
