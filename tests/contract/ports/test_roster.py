"""The roster of accounts: what was met once is known for ever; the twin and a real server."""

import pytest

from sas_service.adapters.memory import MemoryRoster
from sas_service.adapters.redis.keys import STREAMS
from sas_service.adapters.redis.roster import RedisRoster
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import SERVICE_STREAM
from sas_service.domain.errors import AuditLogUnavailable, MirrorUnavailable
from sas_service.ports import Head, Roster
from sas_service.services.known_accounts import KnownAccounts
from tests.contract.ports.world import redis_world
from tests.valkey_process import RunningValkey


@pytest.fixture(params=["memory", "redis"])
def roster(request: pytest.FixtureRequest) -> Roster:
    if request.param == "memory":
        return MemoryRoster()
    valkey: RunningValkey = request.getfixturevalue("valkey")
    server: Server = request.getfixturevalue("server")
    redis_world(valkey, server)
    with valkey.client() as client:
        client.sadd(STREAMS, SERVICE_STREAM)  # of denials; it is no account
    return RedisRoster(server)


class Mirror:
    """As much of a mirror as is asked; ``streams`` None is one that is away."""

    streams: tuple[str, ...] | None = ()

    def heads(self) -> dict[str, Head]:
        if self.streams is None:
            raise MirrorUnavailable("away")
        return dict.fromkeys(self.streams, Head(1))


class Away:
    """A roster whose server is away."""

    def read(self) -> frozenset[str]:
        raise AuditLogUnavailable("away")

    def add(self, accounts: object) -> None:
        raise AuditLogUnavailable("away")


def known(roster: Roster, mirror: Mirror, *named: str) -> KnownAccounts:
    return KnownAccounts(named=lambda: named, roster=roster, reading=mirror)  # type: ignore[arg-type]


def test_who_could_ask_nobody_does_not_say_that_the_policy_is_all(roster: Roster) -> None:
    roster.add(["left"])
    mirror = Mirror()
    mirror.streams = None
    blind = known(Away(), mirror, "named")
    with pytest.raises(AuditLogUnavailable):
        blind.met()
    assert blind() == ("named",), "what has to be looked after is looked after all the same"
    mirror.streams = ("written",)
    assert blind.met() == ("named", "written")
    assert known(roster, mirror, "named").met() == ("left", "named", "written")


def test_what_is_added_is_read(roster: Roster) -> None:
    assert roster.read() == frozenset()
    roster.add(["b", "a"])
    roster.add([])
    roster.add(["a"])
    assert roster.read() == {"a", "b"}


def test_an_account_that_the_policy_has_no_more_is_known_to_every_later_process(roster: Roster) -> None:
    mirror = Mirror()
    assert known(roster, mirror, "kept", "removed")() == ("kept", "removed")
    assert known(roster, mirror, "kept")() == ("kept", "removed")
    mirror.streams = ("before-there-was-a-roster", SERVICE_STREAM)
    assert known(roster, mirror)() == ("before-there-was-a-roster", "kept", "removed")


def test_what_is_away_takes_no_account_away() -> None:
    mirror = Mirror()
    accounts = known(Away(), mirror, "kept")
    mirror.streams = None
    assert accounts() == ("kept",)
    mirror.streams = ("mirrored",)
    assert accounts() == ("kept", "mirrored")
    mirror.streams = None
    assert accounts() == ("kept", "mirrored")
