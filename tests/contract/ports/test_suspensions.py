"""Suspensions: in force on every account at once, and never lost to a race or a new account."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sas_service.domain.errors import Suspended
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, record, suspension

ACCOUNTS = [ACCOUNT, OTHER_ACCOUNT]


def is_suspended(world: World, account: str = ACCOUNT, team: str = "storefront") -> bool:
    try:
        world.reserve(record(world.now, account=account, team=team))
    except Suspended:
        return True
    return False


def test_put_and_delete_say_whether_something_changed(world: World) -> None:
    wanted = suspension("team", "storefront")
    assert world.suspensions.put(wanted, ACCOUNTS)
    assert not world.suspensions.put(wanted, ACCOUNTS)
    assert world.suspensions.delete("team", "storefront", ACCOUNTS)
    assert not world.suspensions.delete("team", "storefront", ACCOUNTS)
    assert not world.suspensions.delete("team", "nobody", ACCOUNTS)


def test_all_accounts_are_reached(world: World) -> None:
    world.suspensions.put(suspension("team", "storefront"), ACCOUNTS)
    assert [is_suspended(world, account) for account in ACCOUNTS] == [True, True]
    world.suspensions.delete("team", "storefront", ACCOUNTS)
    assert [is_suspended(world, account) for account in ACCOUNTS] == [False, False]


def test_the_list_is_ordered_and_whole(world: World) -> None:
    given = [suspension("team", "b:c"), suspension("team", "a"), suspension("client", "z")]
    for each in given:
        world.suspensions.put(each, ACCOUNTS)
    changed = replace(given[1], reason=None)
    world.suspensions.put(changed, ACCOUNTS)
    assert world.suspensions.list() == (given[2], changed, given[0])


def test_nothing_is_an_empty_list(world: World) -> None:
    assert world.suspensions.list() == ()
    world.suspensions.put(suspension("team", "a"), ACCOUNTS)
    world.suspensions.delete("team", "a", ACCOUNTS)
    assert world.suspensions.list() == ()


def test_sync_reaches_accounts_that_are_new(world: World) -> None:
    world.suspensions.put(suspension("team", "storefront"), [ACCOUNT])
    assert not is_suspended(world, OTHER_ACCOUNT)
    world.suspensions.sync(ACCOUNTS)
    assert is_suspended(world, OTHER_ACCOUNT)
    world.suspensions.sync(ACCOUNTS)
    assert world.suspensions.put(suspension("team", "storefront"), ACCOUNTS) is False


def test_sync_lifts_what_was_lifted_while_an_account_was_away(world: World) -> None:
    world.suspensions.put(suspension("team", "storefront"), ACCOUNTS)
    world.suspensions.delete("team", "storefront", [ACCOUNT])
    assert is_suspended(world, OTHER_ACCOUNT)
    world.suspensions.sync(ACCOUNTS)
    assert not is_suspended(world, OTHER_ACCOUNT)


def test_a_put_that_reached_only_some_accounts_counts_as_new_when_it_is_repeated(world: World) -> None:
    world.suspensions.put(suspension("team", "storefront"), [ACCOUNT])
    assert world.suspensions.put(suspension("team", "storefront"), ACCOUNTS)


@pytest.mark.parametrize("last", ["put", "delete"])
def test_concurrent_changes_leave_the_accounts_as_the_list_says(world: World, last: str) -> None:
    def change(number: int) -> Callable[[], object]:
        team = f"team-{number % 4}"
        if number % 3 == 0:
            return lambda: world.suspensions.delete("team", team, ACCOUNTS)
        if number % 7 == 0:
            return lambda: world.suspensions.sync(ACCOUNTS)
        return lambda: world.suspensions.put(suspension("team", team), ACCOUNTS)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda number: change(number)(), range(60)))
    listed = {each.id for each in world.suspensions.list()}
    for account in ACCOUNTS:
        assert {f"team-{n}" for n in range(4) if is_suspended(world, account, f"team-{n}")} == listed
