"""Lists of tokens: against a brute-force oracle, with ties, cursors and writers in between."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import InvalidRequest
from sas_service.domain.tokens import TokenRecord, account_of
from sas_service.ports import TokenQuery
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, record

START = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
_numbers = count()

accounts = st.sampled_from([ACCOUNT, OTHER_ACCOUNT])
teams = st.sampled_from(["logistics", "storefront", "web"])
profiles = st.sampled_from(["batch", "web"])
rows = st.lists(st.tuples(accounts, teams, profiles, st.integers(0, 3), st.booleans()), max_size=30)
queries = st.builds(
    TokenQuery,
    st.lists(accounts, unique=True),
    teams=st.none() | st.frozensets(teams),
    profile=st.none() | profiles,
)


def walk(world: World, query: TokenQuery, limit: int) -> list[TokenRecord]:
    found: list[TokenRecord] = []
    cursor = None
    for _ in range(200):
        page = world.audit_log.tokens(query, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += page.items
        if page.next is None:
            return found
        cursor = page.next
    pytest.fail("the list never ends")


def expected(issued: Iterable[TokenRecord], query: TokenQuery) -> list[TokenRecord]:
    matching = [
        each
        for each in issued
        if each.grant.account in query.accounts
        and (query.teams is None or each.grant.team in query.teams)
        and (query.profile is None or each.grant.profile == query.profile)
    ]
    return sorted(
        matching, key=lambda each: (each.issued_at, each.id.rpartition(".")[2], account_of(each.id)), reverse=True
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, queries=st.lists(queries, min_size=1, max_size=4), limit=st.integers(1, 7))
def test_pages_are_what_a_plain_search_finds(
    timeless: World,
    rows: list[tuple[str, str, str, int, bool]],
    queries: list[TokenQuery],
    limit: int,
) -> None:
    # One world serves all examples, so each has accounts of its own.
    own = {name: f"{name}-{next(_numbers)}" for name in (ACCOUNT, OTHER_ACCOUNT)}
    for name in own.values():
        timeless.slots.initialise(name, {})
    issued = []
    for account, team, profile, millisecond, shares_suffix in rows:
        at, suffix = START + millisecond * timedelta(milliseconds=1), f"{next(_numbers):026d}"
        # The same suffix on both accounts at the same instant: only the account's name breaks the tie.
        for name in own.values() if shares_suffix else [own[account]]:
            wanted = record(at, account=name, team=team, profile=profile, token_id=f"{name}.{suffix}")
            issued.append(timeless.issue(wanted))
    for query in queries:
        own_query = replace(query, accounts=[own[name] for name in query.accounts])
        assert walk(timeless, own_query, limit) == expected(issued, own_query)


def test_many_tokens_of_one_millisecond_are_paged_without_gap_or_repeat(timeless: World) -> None:
    issued = [timeless.issue(record(START)) for _ in range(120)]
    query = TokenQuery([ACCOUNT])
    assert walk(timeless, query, 7) == expected(issued, query)


def test_a_cursor_stays_true_while_newer_tokens_arrive(timeless: World) -> None:
    query = TokenQuery([ACCOUNT, OTHER_ACCOUNT])
    old = [timeless.issue(record(START + n * timedelta(milliseconds=1))) for n in range(6)]
    first = timeless.audit_log.tokens(query, cursor=None, limit=2)
    for n in range(3):
        timeless.issue(record(START + timedelta(seconds=1 + n)))
    rest = timeless.audit_log.tokens(query, cursor=first.next, limit=10)
    assert [*first.items, *rest.items] == old[::-1]
    assert rest.next is None


def test_team_and_profile_together_find_the_rare_ones(timeless: World) -> None:
    rare = []
    for n in range(300):
        profile = "rare" if n % 100 == 0 else "web"
        live = timeless.issue(record(START + n * timedelta(milliseconds=1), profile=profile))
        rare += [live] if profile == "rare" else []
    query = TokenQuery([ACCOUNT], teams=frozenset({"storefront"}), profile="rare")
    assert timeless.audit_log.tokens(query, cursor=None, limit=3).items == tuple(rare[::-1])
    assert walk(timeless, query, 2) == rare[::-1]


def test_no_account_or_no_team_is_nothing(world: World) -> None:
    world.issue(record(world.now))
    for query in (TokenQuery([]), TokenQuery([ACCOUNT], teams=frozenset())):
        page = world.audit_log.tokens(query, cursor=None, limit=5)
        assert (page.items, page.next) == ((), None)


def test_a_list_shows_the_record_as_it_is_now(world: World) -> None:
    live = world.issue(record(world.now))
    changed = replace(live, fingerprints=(*live.fingerprints, "cd" * 32))
    world.audit_log.redeliver(live, "cd" * 32, event(live, EventKind.REDELIVERED))
    assert world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=5).items == (changed,)


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_holds_1_to_500(world: World, limit: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=limit)
    assert [violation.pointer for violation in refusal.value.violations] == ["/limit"]
    world.audit_log.tokens(TokenQuery([ACCOUNT]), cursor=None, limit=500)
