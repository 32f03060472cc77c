"""The plain views: with the service's own SDK settings, with its waits as well, and as the public samples do it."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.mgmt.maps import AzureMapsManagementClient
from azure.mgmt.maps.models import AccountSasParameters
from flask import Flask

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.azure.maps_clients import maps_clients
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.adapters.redis.connection import connect
from sas_service.adapters.redis.wire import Wire
from sas_service.demo import world
from sas_service.domain.audit import AuditEvent


class RecordedCredential:
    """One access token for ever."""

    def get_token_info(self, *_scopes: str, **_options: object) -> AccessTokenInfo:
        return AccessTokenInfo("recorded." * 120, int(time.time()) + 3600)

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("recorded." * 120, int(time.time()) + 3600)


def parameters() -> AccountSasParameters:
    now = datetime.now(UTC)
    return AccountSasParameters(
        signing_key="primaryKey",
        principal_id=world.guid("principal/storefront-web-a"),
        max_rate_per_second=50,
        start=now.isoformat(),
        expiry=(now + timedelta(hours=1)).isoformat(),
        regions=world.REGIONS,
    )


def tuned_client(arm: str) -> AzureMapsManagementClient:
    """Return a client with the service's pipeline, transport and pool."""
    credential = PrefetchedCredential(RecordedCredential)
    return maps_clients(credential, Outbound(), arm).get(world.SUBSCRIPTION_ID)


def default_client(arm: str) -> AzureMapsManagementClient:
    """Return a client as the package makes it; only that plain HTTP is let pass."""
    return AzureMapsManagementClient(
        RecordedCredential(),
        world.SUBSCRIPTION_ID,
        base_url=arm,
        credential_scopes=["https://management.azure.com/.default"],
    )


def same_settings() -> Flask:
    """Return a view that makes the List SAS call with the service's SDK settings, and nothing else."""
    app, client = Flask(__name__), tuned_client(os.environ["BENCH_ARM"])

    @app.post("/v1/tokens")
    def issue() -> dict[str, str]:
        answer = client.accounts.list_sas(
            world.RESOURCE_GROUP, world.ACCOUNT, parameters(), connection_timeout=3.0, read_timeout=8.0
        )
        return {"token": str(answer.account_sas_token)}

    return app


def same_waits() -> Flask:
    """Return the same view with the waits that no issue can do without: two durable places, and an intent before.

    A write to Redis before the call, one that is waited for until it is durable after it, and lines in a mirror that
    are synced; what is written has about the size of an issue's, and is the same each time.
    """
    app, client = Flask(__name__), tuned_client(os.environ["BENCH_ARM"])
    wire, mirror = Wire(connect(os.environ["SAS_REDIS_URL"])), NdjsonMirror(Path(os.environ["BENCH_MIRROR"]))
    events, record = [AuditEvent("plain", 1, "x" * 900), AuditEvent("plain", 2, "x" * 500)], "x" * 900

    @app.post("/v1/tokens")
    def issue() -> dict[str, str]:
        wire.ask(("SET", "plain", record))
        answer = client.accounts.list_sas(
            world.RESOURCE_GROUP, world.ACCOUNT, parameters(), connection_timeout=3.0, read_timeout=8.0
        )
        wire.ask(("SET", "plain", record), ("WAITAOF", 1, 0, 2000))
        mirror.append(events)
        return {"token": str(answer.account_sas_token)}

    return app


def sample() -> Flask:
    """Return the naive sample: the default client, per request one call; no authentication, audit or budget."""
    app, client = Flask(__name__), default_client(os.environ["BENCH_ARM"])

    @app.post("/v1/tokens")
    def issue() -> dict[str, str]:
        answer = client.accounts.list_sas(world.RESOURCE_GROUP, world.ACCOUNT, parameters(), enforce_https=False)
        return {"token": str(answer.account_sas_token)}

    return app


def bare() -> Flask:
    """Return the reference of all: a view that answers a constant of a hand-out's size."""
    app = Flask(__name__)
    document = {"id": "maps-demo.01k7uht300e008000000000001", "token": "x" * 1100}

    @app.get("/v1/profiles/storefront-shared/token")
    def view() -> dict[str, str]:
        return document

    return app
