"""Who has slept past a lease sends nothing: no byte leaves after the permit ends, and a timer sees to the rest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sas_service.adapters.azure.transport import Outbound
from sas_service.adapters.fenced_ports import FencedIdentities, FencedKeys, FencedRoles
from sas_service.adapters.memory import (
    MemoryAccountIdentities,
    MemoryAccountKeys,
    MemoryAzure,
    MemoryClock,
    MemoryIdentityRoles,
    MemoryLeases,
)
from sas_service.adapters.self_fencing import FencedLeases, SelfFence
from sas_service.domain.errors import LeaseLost
from sas_service.domain.slots import SigningKey
from sas_service.ports import Lease
from tests.unit.adapters_azure.loopback_server import LoopbackServer, Reply

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
LEASE, MARGIN = timedelta(seconds=90), timedelta(seconds=30)
MAPS = "maps-demo"


@dataclass
class Time:
    """A clock that only the test moves, and the timer that would end the process."""

    at: float = 1000.0
    armed: list[float] = field(default_factory=list)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def fence(time: Time) -> SelfFence:
    return SelfFence(now=lambda: time.at, arm=time.armed.append)


@pytest.fixture
def leases(fence: SelfFence) -> FencedLeases:
    return FencedLeases(MemoryLeases(), fence, margin=MARGIN)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(lambda _asked: Reply()) as running:
        yield running


def take(leases: FencedLeases, holder: str = "a", now: datetime = NOW) -> bool:
    return leases.take(MAPS, holder, until=now + LEASE, now=now) is not None


def put(server: LoopbackServer, fence: SelfFence, asleep: Callable[[], None] = lambda: None) -> None:
    session = Outbound(sending=fence.sending).session()
    with fence.writing(MAPS):
        asleep()
        session.put(f"{server.url}/a", data=b"body", timeout=5)


def test_within_the_permit_the_change_goes_out_and_the_timer_runs_only_meanwhile(
    time: Time, fence: SelfFence, leases: FencedLeases, server: LoopbackServer
) -> None:
    take(leases)
    put(server, fence)
    assert server.paths() == ["/a"]
    assert time.armed[0] == 60
    assert time.armed[-1] == 0


def test_the_permit_ends_one_call_before_the_lease(
    time: Time, fence: SelfFence, leases: FencedLeases, server: LoopbackServer
) -> None:
    take(leases)
    time.at += 59
    put(server, fence)
    time.at += 1
    with pytest.raises(LeaseLost) as caught:
        put(server, fence)
    assert caught.value.extra["effect"] == "none"
    assert server.paths() == ["/a"]


def test_a_sleep_after_the_last_look_of_the_caller_is_noticed_at_the_socket(
    time: Time, fence: SelfFence, leases: FencedLeases, server: LoopbackServer
) -> None:
    take(leases)
    with pytest.raises(LeaseLost):
        put(server, fence, asleep=lambda: setattr(time, "at", time.at + 61))
    assert server.paths() == []


def test_a_sleep_while_the_timer_is_set_is_noticed_as_well(
    time: Time, leases: FencedLeases, server: LoopbackServer
) -> None:
    def arm(seconds: float) -> None:
        time.at += 61 if seconds else 0

    fence = SelfFence(now=lambda: time.at, arm=arm)
    take(FencedLeases(MemoryLeases(), fence, margin=MARGIN))
    with pytest.raises(LeaseLost):
        put(server, fence)
    assert server.paths() == []


def test_a_prolonged_lease_prolongs_the_permit(
    time: Time, fence: SelfFence, leases: FencedLeases, server: LoopbackServer
) -> None:
    take(leases)
    time.at += 50
    take(leases, now=NOW + timedelta(seconds=50))
    time.at += 50
    put(server, fence)
    assert server.paths() == ["/a"]


def test_the_permit_counts_from_before_the_lease_was_asked_for(time: Time, fence: SelfFence) -> None:
    class Slow(MemoryLeases):
        def take(self, account: str, holder: str, *, until: datetime, now: datetime) -> Lease | None:
            time.at += 45
            return super().take(account, holder, until=until, now=now)

    take(FencedLeases(Slow(), fence, margin=MARGIN))
    time.at += 15
    with pytest.raises(LeaseLost), fence.writing(MAPS):
        pass


def test_without_a_lease_or_after_giving_it_back_there_is_no_permit(fence: SelfFence, leases: FencedLeases) -> None:
    with pytest.raises(LeaseLost), fence.writing(MAPS):
        pass
    lease = leases.take(MAPS, "a", until=NOW + LEASE, now=NOW)
    assert lease is not None
    leases.release(lease)
    with pytest.raises(LeaseLost), fence.writing(MAPS):
        pass


def test_a_lease_that_somebody_else_has_is_no_permit(fence: SelfFence) -> None:
    shared = MemoryLeases()
    shared.take(MAPS, "b", until=NOW + LEASE, now=NOW)
    assert not take(FencedLeases(shared, fence, margin=MARGIN))
    with pytest.raises(LeaseLost), fence.writing(MAPS):
        pass


def test_what_is_sent_under_no_lease_is_not_held_up(time: Time, fence: SelfFence, server: LoopbackServer) -> None:
    Outbound(sending=fence.sending).session().get(server.url, timeout=5)
    assert len(server.paths()) == 1
    assert time.armed == []


def test_of_two_moments_the_earlier_end_decides(time: Time, fence: SelfFence) -> None:
    fence.permit("one", time.at + 40)
    fence.permit("two", time.at + 20)
    with fence.writing("one"), fence.sending():
        with fence.writing("two"), fence.sending():
            pass
        assert time.armed == [40, 20, 40]
    assert time.armed[-1] == 0


CHANGES: dict[str, Callable[[FencedKeys, FencedIdentities, FencedRoles], object]] = {
    "regenerate": lambda keys, _identities, _roles: keys.regenerate(MAPS, SigningKey.PRIMARY, request_id="r"),
    "attach": lambda _keys, identities, _roles: identities.attach(MAPS, "web-a", request_id="r"),
    "detach": lambda _keys, identities, _roles: identities.detach(MAPS, "web-a", request_id="r"),
    "assign": lambda _keys, _identities, roles: roles.assign(MAPS, "principal-web-a", "role", request_id="r"),
    "remove": lambda _keys, _identities, roles: roles.remove(MAPS, "principal-web-a/role", request_id="r"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_needs_the_permit_and_no_reading_does(time: Time, fence: SelfFence, name: str) -> None:
    azure = MemoryAzure(MemoryClock(NOW), MAPS, ("web-a",))
    keys = FencedKeys(MemoryAccountKeys(azure), fence)
    identities = FencedIdentities(MemoryAccountIdentities(azure), fence)
    roles = FencedRoles(MemoryIdentityRoles(azure), fence)
    keys.read(MAPS), identities.read(MAPS), roles.effective(MAPS, "principal-web-a")
    with pytest.raises(LeaseLost):
        CHANGES[name](keys, identities, roles)
    assert azure.sent == []
    fence.permit(MAPS, time.at + 1)
    CHANGES[name](keys, identities, roles)
    assert [each.operation for each in azure.sent] == [name]
