"""A process that hands out shared tokens over a real server, signed by the twin: the service without HTTP and Azure.

Run as a program it waits for a sign, lets many threads ask at once, and prints what each of them got.
"""

import base64
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import random
from threading import Event
from typing import Any

from sas_service.adapters.memory import MemoryAuditMirror, MemoryMapsAccount
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.connection import Limits, connect
from sas_service.adapters.redis.server import Durability, Server
from sas_service.adapters.redis.shared_tokens import RedisSharedTokens
from sas_service.adapters.redis.slots import RedisSlots
from sas_service.adapters.sealing import AesGcmSealing
from sas_service.adapters.system_clock import SystemClock
from sas_service.adapters.token_ids import RandomTokenIds
from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import SasServiceError
from sas_service.domain.policy import Account, Policy, Profile, Sharing, Team
from sas_service.domain.tokens import Grant
from sas_service.ports import AccountFacts
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Deciding
from sas_service.services.hand_out import HandingOut, Patience
from sas_service.services.issue import Issuing
from sas_service.services.make_shared import Making
from tests.unit.budgets import plenty

PROFILE = Profile(
    name="shared",
    account="maps-demo",
    data_role="Azure Maps Data Reader",
    identities=("blue", "green"),
    regions=("eastus", "westus2"),
    max_rate_per_second=50,
    minimum_lifetime=timedelta(minutes=10),
    maximum_lifetime=timedelta(hours=2),
    default_lifetime=timedelta(hours=1),
    start_ahead=timedelta(hours=1),
    sharing=Sharing.SHARED,
)
TEAMS = ("storefront", "logistics")
POLICY = Policy(
    accounts={
        "maps-demo": Account(
            name="maps-demo",
            subscription="s",
            resource_group="g",
            resource_name="maps-demo",
            hosts=("https://atlas.microsoft.com",),
            platform_ceiling=timedelta(days=1),
            identities={"blue": "/id/blue", "green": "/id/green"},
        )
    },
    profiles={"shared": PROFILE},
    teams={name: Team(name, frozenset({name}), frozenset(), frozenset(), ("shared",)) for name in TEAMS},
    digest="d1" * 32,
    source="policy.yaml",
)
FACTS = AccountFacts("client-id", "eastus", False, "Succeeded", {"blue": "principal-blue"})
CALLERS = {
    name: Caller("tenant", f"{name}-object", name, "application", frozenset({Role.TOKENS_ISSUE})) for name in TEAMS
}


class OnePolicy:
    """The port ``Policies`` with one policy."""

    def current(self) -> Policy:
        return POLICY

    def status(self) -> dict[str, object]:
        return {}


LIMITS = Limits(connect=timedelta(seconds=5), read=timedelta(seconds=15), connections=300)


class SharedService:
    """The parts of one process; ``signing_time`` is how long its Azure takes.

    It waits longer than the service does: who is refused here is refused, and not merely on a machine that stood still.
    """

    def __init__(
        self,
        url: str,
        keys: dict[str, bytes],
        *,
        signing_time: float = 0.0,
        flight_time: timedelta = timedelta(seconds=20),
        patience: timedelta = timedelta(seconds=20),
    ) -> None:
        redis = connect(url, limits=LIMITS)
        self.redis: Any = redis
        server = Server(redis, durability=Durability(timeout=timedelta(seconds=12)))
        self.audit_log = RedisAuditLog(server)
        self.shared_tokens = RedisSharedTokens(server)
        self.slots = RedisSlots(server)
        self.slots.initialise("maps-demo", {"shared": "blue"})
        self.maps_account = MemoryMapsAccount({"maps-demo": FACTS})
        self.before_signing = lambda: time.sleep(signing_time)
        self.maps_account.before_signing = self._sign
        self.policies = OnePolicy()
        mirror, clock = MemoryAuditMirror(), SystemClock()
        deciding = Deciding(policies=self.policies, audit_log=self.audit_log, mirror=mirror)
        issuing = Issuing(
            deciding=deciding,
            active_slots=ActiveSlots(slots=self.slots, maps_account=self.maps_account),
            audit_log=self.audit_log,
            mirror=mirror,
            maps_account=self.maps_account,
            clock=clock,
            token_ids=RandomTokenIds(),
            reservation_time=timedelta(seconds=30),
            spending=plenty(),
        )
        sealing = AesGcmSealing(keys, current=next(iter(keys)))
        making = Making(
            policies=self.policies,
            issuing=issuing,
            shared=self.shared_tokens,
            sealing=sealing,
            clock=clock,
            holder=f"process-{os.getpid()}-{id(self)}",
            flight_time=flight_time,
        )
        self.handing_out = HandingOut(
            policies=self.policies,
            deciding=deciding,
            making=making,
            shared=self.shared_tokens,
            sealing=sealing,
            clock=clock,
            patience=Patience(pause=lambda length: time.sleep(length.total_seconds()), jitter=random, longest=patience),
            spending=plenty(),
            aside=lambda work: work(),
        )

    def get(self, after: str = "") -> tuple[str, str]:
        """Return id and fingerprint."""
        issued = self.handing_out.current("shared", CALLERS["storefront"], request_id="r", after=after).issued
        return issued.record.id, issued.token.fingerprint

    def signatures(self) -> int:
        """Return how often any process called Azure."""
        return int(self.redis.get("test:signatures") or 0)

    def _sign(self, _grant: Grant) -> None:
        self.redis.incr("test:signatures")
        self.before_signing()  # type: ignore[no-untyped-call]


def main(url: str, directory: str, threads: str, signing_time: str) -> None:
    """Ask with many threads as soon as the test says so in ``test:go``, and print the answers."""
    key = base64.b64decode(Path(directory, "key").read_bytes())
    service = SharedService(url, {"k1": key}, signing_time=float(signing_time))

    go = Event()

    def ask(_number: int) -> list[str]:
        go.wait(60)
        try:
            return list(service.get())
        except SasServiceError as error:
            return [type(error).__name__]

    with ThreadPoolExecutor(int(threads)) as pool:
        asking = pool.map(ask, range(int(threads)))
        service.redis.incr("test:ready")
        while not service.redis.get("test:go"):
            time.sleep(0.005)
        go.set()
        answers = list(asking)
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
