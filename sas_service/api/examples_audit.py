"""The examples of the audit log's operations, in the demo world."""

from sas_service.api.examples import CALLER, TOKEN_ON_RECORD, Example
from sas_service.api.examples_revocations import REVOCATION

EVENTS: Example = {
    "items": [
        {
            "stream": "maps-demo",
            "seq": 4711,
            "kind": "issued",
            "at": "2026-11-21T08:00:00Z",
            "account": "maps-demo",
            "team": "storefront",
            "token": TOKEN_ON_RECORD["id"],
            "caller": CALLER,
            "fingerprint": "5e88" * 16,
        }
    ],
    "next": None,
}
IDENTIFY_BODY: Example = {"token": "<the token that was found>"}
IDENTIFIED: Example = {
    "known": True,
    "fingerprint": "5e88" * 16,
    "works": True,
    "because": "By record it works until 2026-11-21T09:00:00Z; it was not tried.",
    "token": TOKEN_ON_RECORD,
    "levers": REVOCATION["levers"],
    "recommended": "role",
    "why": "no token of others dies",
    "target": {"tokens": [TOKEN_ON_RECORD["id"]]},
}
_ROW: Example = {"tokens": 3, "requestsPerSecond": 60, "worstCaseTransactions": 216_000, "unconstrained": 0}
EXPOSURE: Example = {
    "at": "2026-11-21T08:00:00Z",
    "total": _ROW,
    "teams": [{"team": "storefront", **_ROW}],
    "profiles": [{"profile": "storefront-web", **_ROW}],
    "locations": [{"location": "eastus", **_ROW}],
    "slots": [{"account": "maps-demo", "signingKey": "primaryKey", "identity": "storefront-a", **_ROW}],
}
