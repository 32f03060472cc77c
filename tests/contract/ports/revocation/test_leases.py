"""Leases: one holder at a time, fences that only grow, and a holder of yesterday who can do no harm."""

from datetime import timedelta

from sas_service.adapters.redis.server import Server
from tests.contract.ports.revocation.world import Revoking, redis_revoking
from tests.contract.ports.test_races import at_once
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT
from tests.valkey_process import RunningValkey

SHORT = timedelta(milliseconds=150)


def test_a_lease_is_exclusive_and_its_holder_may_prolong_it(revoking: Revoking) -> None:
    first = revoking.lease("a")
    assert revoking.take("b") is None
    again = revoking.lease("a", timedelta(seconds=90))
    assert again.fence == first.fence
    assert again.until > first.until
    assert (again.account, again.holder) == (ACCOUNT, "a")


def test_accounts_know_nothing_of_each_other(revoking: Revoking) -> None:
    revoking.lease("a")
    assert revoking.take("b", account=OTHER_ACCOUNT) is not None


def test_after_its_time_anybody_may_take_it_with_a_larger_fence(revoking: Revoking) -> None:
    first = revoking.lease("a", SHORT)
    revoking.wait(SHORT * 1.2)
    second = revoking.lease("b", SHORT)
    revoking.wait(SHORT * 1.2)
    third = revoking.lease("b")
    assert first.fence < second.fence < third.fence
    assert revoking.take("a") is None


def test_a_prolonged_lease_lives_on(revoking: Revoking) -> None:
    first = revoking.lease("a", SHORT)
    revoking.lease("a")
    revoking.wait(SHORT * 1.2)
    assert revoking.take("b") is None
    assert revoking.lease("a").fence == first.fence


def test_released_it_is_free_at_once_and_the_fence_stays_used(revoking: Revoking) -> None:
    first = revoking.lease("a")
    revoking.leases.release(first)
    assert revoking.lease("b").fence > first.fence


def test_release_by_an_old_holder_is_harmless(revoking: Revoking) -> None:
    old = revoking.lease("a", SHORT)
    revoking.wait(SHORT * 1.2)
    current = revoking.lease("b")
    revoking.leases.release(old)
    assert revoking.take("a") is None
    revoking.leases.release(current)
    revoking.leases.release(current)
    assert revoking.lease("a").fence > current.fence


def test_one_of_many_runners_gets_it_and_no_fence_is_given_twice(revoking: Revoking) -> None:
    fences = []
    for _ in range(10):
        taken = [each for each in at_once(lambda number: revoking.take(f"runner-{number}"), 16) if each]
        (lease,) = taken
        fences.append(lease.fence)  # type: ignore[attr-defined]  # at_once returns objects
        revoking.leases.release(lease)  # type: ignore[arg-type]  # the same
    assert fences == sorted(set(fences))


def test_no_process_clock_decides(valkey: RunningValkey, server: Server) -> None:
    """A process whose clock is years ahead, or behind, takes no lease from anybody and keeps none for longer."""
    right = redis_revoking(valkey, server)
    ahead = redis_revoking(valkey, server, empty=False, ahead=timedelta(days=3650))
    behind = redis_revoking(valkey, server, empty=False, ahead=timedelta(days=-3650))
    first = behind.lease("behind", SHORT)
    assert ahead.take("ahead") is None
    assert right.take("right") is None
    right.wait(SHORT * 1.2)
    second = ahead.lease("ahead", SHORT)
    assert second.until - ahead.now() <= SHORT
    ahead.wait(SHORT * 1.2)
    assert right.lease("right").fence > second.fence > first.fence


def test_a_fence_that_a_failover_lost_is_not_given_again(valkey: RunningValkey, server: Server) -> None:
    revoking = redis_revoking(valkey, server)
    fences = [revoking.lease("a").fence]
    with valkey.client() as client:
        before = client.hgetall("{maps-demo}:lease")
        for _ in range(3):
            revoking.leases.release(revoking.lease("a"))
            fences.append(revoking.lease("a").fence)
            client.delete("{maps-demo}:lease")
            client.hset("{maps-demo}:lease", mapping={"fence": before["fence"]})
            revoking.wait(timedelta(milliseconds=5))
    fences.append(revoking.lease("b").fence)
    assert fences == sorted(set(fences))


def test_fences_grow_also_when_the_server_clock_went_back(valkey: RunningValkey, server: Server) -> None:
    revoking = redis_revoking(valkey, server)
    future = revoking.lease("a").fence + 10**10
    with valkey.client() as client:
        client.delete("{maps-demo}:lease")
        client.hset("{maps-demo}:lease", "fence", str(future))
    first = revoking.lease("a")
    revoking.leases.release(first)
    assert (first.fence, revoking.lease("b").fence) == (future + 1, future + 2)


def test_another_server_gives_the_lease_to_nobody_before_its_time_is_over(
    valkey: RunningValkey, server: Server
) -> None:
    """Somebody may hold one that a failover lost (reliability.md, B4)."""
    revoking = redis_revoking(valkey, server)
    first = revoking.lease("a", SHORT)
    revoking.leases.release(first)
    with valkey.client() as client:
        client.hset("{" + ACCOUNT + "}:lease", "server", "of before the failover")
    assert revoking.take("a", SHORT) is None
    assert revoking.take("b", SHORT) is None
    revoking.wait(SHORT * 1.2)
    assert revoking.lease("b").fence > first.fence
