"""The examples of the interface document: a leaked token, and the run that takes it back."""

from sas_service.api.examples import CALLER, Example
from sas_service.domain.revocations import Lever
from sas_service.playbooks import PLAYBOOKS

_CONSUMER = "storefront/5d2c4a10-8a0e-4c39-8c0e-0f6b1d9f7e02/storefront-web"

REVOCATION_BODY: Example = {
    "reason": "tokenLeak",
    "target": {"team": "storefront"},
    "lever": "role",
    "mode": "expedited",
    "deadline": "PT30M",
    "comment": "INC-4711",
}
EXCUSE_BODY: Example = {"consumer": _CONSUMER}


def _radius(tokens: int, team: str) -> Example:
    by = [{"team": team, "profile": f"{team}-web", "tokens": tokens}] if tokens else []
    return {"total": tokens, "by": by, "lastExpiry": "2026-11-21T09:00:00Z" if tokens else None}


def _lever(lever: Lever, collateral: int) -> Example:
    calls = {"listSas": 1}
    calls |= {"regenerateKey": 1} if lever.cuts_key else {}
    calls |= {"detachIdentity": 1, "removeRole": 1} if lever.cuts_role else {}
    return {
        "lever": lever.value,
        "available": True,
        "intended": _radius(3, "storefront"),
        "collateral": _radius(collateral, "logistics"),
        "missed": _radius(0, "storefront"),
        "reversible": not lever.cuts_key,
        "azureWrites": sum(calls.values()),
        "azureCalls": calls,
        "expectedTime": "PT17M",
        "cuts": {
            "signingKey": "primaryKey" if lever.cuts_key else None,
            "identities": ["storefront-web-a"] if lever.cuts_role else [],
        },
        "movesTo": {
            "signingKey": "secondaryKey" if lever.cuts_key else "primaryKey",
            "identities": {"storefront-web": "storefront-web-b"} if lever.cuts_role else {},
        },
        "obstacles": [],
    }


def _steps(done: int) -> list[Example]:
    begun, seen = "2026-11-21T08:00:05Z", "2026-11-21T08:01:10Z"
    return [
        {
            "name": step.name,
            "state": "done" if number < done else "running" if number == done and done else "pending",
            "purpose": step.purpose,
            "begun": begun if number < done or (number == done and done) else None,
            "done": seen if number < done else None,
            "missing": f"1 of 3 have not moved: {_CONSUMER}" if number == done and done else None,
        }
        for number, step in enumerate(PLAYBOOKS[Lever.ROLE])
    ]


REVOCATION: Example = {
    "id": "01K9Z6V7Q0M4T1C8N5R2X3Y6ZB",
    "account": "maps-demo",
    "state": "planned",
    "reason": "tokenLeak",
    "target": {"team": "storefront"},
    "lever": "role",
    "mode": "expedited",
    "onDeadline": "hold",
    "comment": "INC-4711",
    "planHash": "9f2c" * 16,
    "levers": [_lever(Lever.BOTH, 2), _lever(Lever.KEY, 2), _lever(Lever.ROLE, 0)],
    "recommended": "role",
    "why": "no token of others dies",
    "warnings": ["suspend team storefront first: whoever can ask again is not stopped by a revocation"],
    "offers": [
        {
            "method": "PUT",
            "path": "/v1/suspensions/team/storefront",
            "body": {"reason": "revocation planned: tokenLeak"},
            "why": "Whoever can ask again is not stopped by a revocation.",
        }
    ],
    "obstacles": [],
    "earliestStart": None,
    "wouldExpireBy": "2026-11-21T09:00:00Z",
    "plannedAt": "2026-11-21T08:00:00Z",
    "expiresAt": "2026-11-21T09:00:00Z",
    "deadline": "2026-11-21T08:30:00Z",
    "steps": _steps(0),
    "consumers": {"total": 3, "moved": 0, "late": [_CONSUMER]},
    "allowedActions": ["abort", "start"],
    "waitingFor": None,
    "waitingCode": None,
    "remedy": None,
    "plannedBy": CALLER,
    "approvalsNeeded": 0,
    "approvalsToForce": 0,
    "approvals": [],
    "startedBy": None,
    "forcedBy": None,
    "abortedBy": None,
    "startedAt": None,
    "endedAt": None,
    "preemptedBy": None,
    "excused": [],
    "casualties": 0,
}
RUNNING: Example = {
    **REVOCATION,
    "state": "running",
    "steps": _steps(5),
    "consumers": {"total": 3, "moved": 2, "late": [_CONSUMER]},
    "allowedActions": ["abort", "commit", "excuse", "extend", "pause"],
    "startedBy": CALLER,
    "startedAt": "2026-11-21T08:00:05Z",
}
REVOCATION_LIST: Example = {"items": [RUNNING], "next": None}
CONSUMERS: Example = {
    "items": [
        {
            "name": _CONSUMER,
            "team": "storefront",
            "application": "5d2c4a10-8a0e-4c39-8c0e-0f6b1d9f7e02",
            "profile": "storefront-web",
            "moved": False,
            "since": "2026-11-21T08:01:10Z",
            "excused": False,
            "liveTokens": 2,
            "lastExpiry": "2026-11-21T09:00:00Z",
        }
    ],
    "next": None,
}
EVIDENCE: Example = {
    "revocation": REVOCATION["id"],
    "account": "maps-demo",
    "report": {"version": 1, "state": "completed"},
    "signature": "sas-service evidence of a revocation, version 1",
    "verifyingKey": "sas-service+0d3c5a1e+AQ==",
}
