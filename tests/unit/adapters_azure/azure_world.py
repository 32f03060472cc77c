"""The account, the grant and the secrets that these tests speak of, and a stub of the management API."""

import base64
import json
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from azure.core.credentials import AccessToken

from sas_service.adapters.azure.arm_writes import ArmWrites
from sas_service.adapters.azure.attempts import Attempts, Patience
from sas_service.adapters.azure.maps_account import AzureMapsAccount
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.policy import Account
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import Grant
from tests.unit.adapters_azure.loopback_server import Asked, LoopbackServer, Reply, json_reply

SUBSCRIPTION = "d0000000-0000-4000-8000-000000000001"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/maps-rg"
ACCOUNT_ID = f"{GROUP_ID}/providers/Microsoft.Maps/accounts/maps-sample"
IDENTITIES = f"{GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
PRINCIPAL_A = "e0000000-0000-4000-8000-0000000000a2"
PRINCIPAL_B = "e0000000-0000-4000-8000-0000000000a3"
START = datetime(2026, 11, 21, 11, 59, tzinfo=UTC)
EXPIRY = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)

BEARER = "eyJ0eXAiOiJKV1QifQ.c2VjcmV0LWJlYXJlcg.bm8tb25lLW1heS1zZWUtdGhpcw"
SAS = "eyJ0eXAiOiJKV1QifQ.c2VjcmV0LXNhcw.bm9ib2R5LW1heS1zZWUtdGhhdA"
SECRETS = (BEARER, SAS, "c2VjcmV0LWJlYXJlcg", "c2VjcmV0LXNhcw", "Azure's own words")

ACCOUNT = Account(
    name="maps-demo",
    subscription=SUBSCRIPTION,
    resource_group="maps-rg",
    resource_name="maps-sample",
    hosts=("us.atlas.microsoft.com",),
    platform_ceiling=timedelta(days=1),
    identities={"a": f"{IDENTITIES}/maps-web-a", "b": f"{IDENTITIES}/maps-web-b"},
)


def grant(**changes: Any) -> Grant:
    members: dict[str, Any] = {
        "account": "maps-demo",
        "profile": "storefront-web",
        "team": "storefront",
        "epoch": 1,
        "signing_key": SigningKey.PRIMARY,
        "identity": "a",
        "principal_id": PRINCIPAL_A,
        "regions": ("eastus", "westus2"),
        "max_rate_per_second": 50,
        "start": START,
        "expiry": EXPIRY,
        "policy_digest": "0" * 64,
    }
    return Grant(**{**members, **changes})


def sas_token(**claims: object) -> str:
    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{part({'typ': 'JWT', 'alg': 'HS256'})}.{part(claims)}.c2lnbmF0dXJl"


class StubCredential:
    """A TokenCredential that counts; ``answer`` may sleep or raise."""

    def __init__(self, answer: Callable[[], AccessToken] | None = None) -> None:
        self.calls = 0
        self._answer = answer or (lambda: AccessToken(BEARER, int(time.time()) + 3600))

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        self.calls += 1
        return self._answer()


def accounts(name: str) -> Account:
    assert name == "maps-demo"
    return ACCOUNT


def azure_error(code: str = "SomeCode") -> bytes:
    return json.dumps({"error": {"code": code, "message": f"Azure's own words {SAS} {BEARER}"}}).encode()


def account_document(**identities: str) -> dict[str, Any]:
    """An account as ARM shows it, ids in another case than the policy's."""
    return {
        "id": ACCOUNT_ID.lower(),
        "name": "maps-sample",
        "location": "eastus",
        "kind": "Gen2",
        "sku": {"name": "G2", "tier": "Standard"},
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {
                f"{IDENTITIES}/{name.replace('_', '-')}".replace("resourceGroups", "resourcegroups").upper(): {
                    "principalId": principal,
                    "clientId": "c",
                }
                for name, principal in identities.items()
            },
        },
        "properties": {"uniqueId": "unique", "disableLocalAuth": False, "provisioningState": "Succeeded"},
    }


class StubArm:
    """Replies of the test's choice, one per request; the last one stays."""

    def __init__(self, *replies: Reply, patience: Patience | None = None) -> None:
        self.replies = list(replies)
        self.server = LoopbackServer(self._answer)
        self.outbound = Outbound(pool_size=8, connect_timeout=5, read_timeout=5)
        self.credential = StubCredential()
        self.pauses: list[float] = []
        self.writes: ArmWrites | None = None
        self.patience = patience or Patience(deadline=20.0, connect=5.0, read=5.0)

    def _answer(self, _asked: Asked) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def attempts(self) -> Attempts:
        """Retries without waiting; the pauses are noted."""
        return Attempts(self.patience, jitter=lambda: 0.5, pause=self.pauses.append)

    def prefetched(self) -> PrefetchedCredential:
        return PrefetchedCredential(lambda: self.credential, writes=self.writes)

    def account(self, base_url: str | None = None) -> AzureMapsAccount:
        return AzureMapsAccount(
            accounts=accounts,
            credential=self.prefetched(),
            outbound=self.outbound,
            base_url=base_url or self.server.url,
            patience=self.patience,
            attempts=self.attempts(),
        )

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        self.outbound.close()
        self.server.__exit__(None, None, None)


SIGNED = json_reply({"accountSasToken": SAS}, x_ms_request_id="11111111-2222-3333-4444-555555555555")


def all_text_of(error: BaseException) -> str:
    """Everything that a logger or an error tracker could print of an error, its hidden context included."""
    seen: list[str] = []
    current: BaseException | None = error
    while current is not None:
        members = getattr(current, "__dict__", {})
        seen += [str(current), repr(current), repr(members), "".join(traceback.format_exception(current))]
        current = current.__cause__ or current.__context__
    return "\n".join(seen)
