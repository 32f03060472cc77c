"""The examples of the interface document: one token's story in the demo world (design.md section 8)."""

Example = dict[str, object]

_ID = "maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB"
_SECRET = "<the SAS token>"  # noqa: S105 - stands for one

TOKEN_REQUEST: Example = {
    "profile": "storefront-web",
    "lifetime": "PT1H",
    "regions": ["eastus"],
    "maxRatePerSecond": 20,
    "reason": "release 42",
}
GRANTED: Example = {
    "account": "maps-demo",
    "profile": "storefront-web",
    "team": "storefront",
    "clientId": "3f8c0f1e-5a55-4f0e-9f3b-0d8e2f6a7b11",
    "hosts": ["https://atlas.microsoft.com"],
    "signingKey": "primaryKey",
    "principalId": "8a2c7d0b-6c1e-4b57-9a3f-5d1c0e9b7f21",
    "epoch": 1,
    "regions": ["eastus"],
    "maxRatePerSecond": 20,
    "start": "2026-11-21T07:59:00Z",
    "expiry": "2026-11-21T09:00:00Z",
    "lifetime": "PT1H1M",
    "worstCaseTransactions": 73_200,
    "policyDigest": "9f2c" * 16,
}
_KNOWN: Example = {
    "fingerprint": "5e88" * 16,
    "replaces": None,
    "renewal": f"/v1/tokens/{_ID}/renewal",
    "reason": "release 42",
    "labels": {},
}
TOKEN: Example = {"id": _ID, "token": _SECRET, "authorization": f"jwt-sas {_SECRET}", **_KNOWN, **GRANTED}
CALLER: Example = {
    "tenantId": "0c7e1d52-3d0b-4d6f-8a57-7b1a52f3f0aa",
    "objectId": "b3a1d2c4-0f43-4b5c-9a55-2f0f3a0d6c01",
    "applicationId": "5d2c4a10-8a0e-4c39-8c0e-0f6b1d9f7e02",
    "kind": "application",
}
TOKEN_ON_RECORD: Example = {
    "id": _ID,
    "state": "live",
    "caller": CALLER,
    "issuedAt": "2026-11-21T08:00:00Z",
    "requestId": "6f1d5c1e-6f0b-4c0e-8f0a-1f6a7f0c9d11",
    "azureRequestId": "1c9be3b5-3f0e-4f1c-a7a0-5a1e0f2d3c44",
    "replacedBy": None,
    **_KNOWN,
    **GRANTED,
}
TOKEN_LIST: Example = {"items": [TOKEN_ON_RECORD], "next": "/v1/tokens?limit=50&cursor=MTc2Mzcx"}
RENEWAL: Example = {
    "suggestedWindow": {"start": "2026-11-21T08:39:40Z", "end": "2026-11-21T08:55:00Z"},
    "reason": None,
    "explanation": None,
    "replacement": None,
}
ACKNOWLEDGEMENT: Example = {
    "id": _ID,
    "replaces": "maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZA",
    "acknowledged": True,
    "fingerprint": "5e88" * 16,
}
PROFILES: Example = {
    "items": [
        {
            "name": "storefront-web",
            "team": "storefront",
            "account": "maps-demo",
            "dataRole": "Azure Maps Search and Render Data Reader",
            "regions": ["eastus", "westus2", "westcentralus"],
            "maxRatePerSecond": 50,
            "lifetime": {"min": "PT10M", "max": "PT2H", "default": "PT1H"},
            "startAhead": "P1D",
            "sharing": "exclusive",
            "corsOrigins": ["https://shop.example"],
        }
    ],
    "next": None,
}
ACCOUNT: Example = {
    "name": "maps-demo",
    "clientId": "3f8c0f1e-5a55-4f0e-9f3b-0d8e2f6a7b11",
    "hosts": ["https://atlas.microsoft.com"],
    "location": "eastus",
    "slots": None,
    "localAuthDisabled": None,
    "lockdown": None,
    "drift": [],
}
LOCKDOWN_BODY: Example = {"reason": "keyCompromise", "comment": "keys found in a log"}
LOCKDOWN: Example = {
    "id": "0JC9W7X5M1ZQ8K3T6R2Y4B5N7D",
    "account": "maps-demo",
    "state": "locking",
    **LOCKDOWN_BODY,
    "by": CALLER,
    "since": "2026-11-21T08:00:00Z",
    "missing": "not regenerated yet: primaryKey",
    "breachedAt": None,
    "steps": [
        {"name": "end-revocation", "state": "done"},
        {"name": "see-keys", "state": "done"},
        {"name": "sign-canaries", "state": "done"},
        {"name": "disable-local-auth", "state": "done"},
        {"name": "prove-refused", "state": "done"},
        {"name": "regenerate-keys", "state": "running"},
    ],
}
CORS_BODY: Example = {"allowedOrigins": ["https://shop.example"]}
CORS: Example = {"account": "maps-demo", **CORS_BODY}
ACCOUNTS: Example = {"items": [ACCOUNT], "next": None}
SUSPENSION_BODY: Example = {"reason": "token found in a public repository"}
SUSPENSION: Example = {
    "kind": "team",
    "id": "storefront",
    "reason": "token found in a public repository",
    "by": CALLER,
    "at": "2026-11-21T08:00:00Z",
}
SUSPENSIONS: Example = {"items": [SUSPENSION], "next": None}
_HASH = "Xdnaeacaa1mthVnLcB5wmjq6uCOq0vSWDP43Du/0YyI="
CHECKPOINTS: Example = {
    "items": [
        {
            "stream": "maps-demo",
            "size": 4711,
            "root": _HASH,
            "checkpoint": f"sas-service.example/maps-demo\n4711\n{_HASH}\n\n\u2014 sas-service.example jOM8dk...\n",
        }
    ],
    "verifyingKey": "sas-service.example+8ce33c76+AfOBHc...",
    "next": None,
}
INCLUSION: Example = {"stream": "maps-demo", "seq": 17, "size": 4711, "leafHash": _HASH, "proof": [_HASH]}
CONSISTENCY: Example = {"stream": "maps-demo", "first": 16, "second": 4711, "proof": [_HASH]}
