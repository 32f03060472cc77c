"""Every query, alone and with others, against a plain search over everything that was ever written."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sas_service.domain.audit import AuditEvent, EventDraft, EventKind
from sas_service.domain.cuts import KEY, Cut, Past
from sas_service.domain.errors import InvalidRequest
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.ports import EventQuery, TokenQuery
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, record, signed

START = datetime(2026, 11, 21, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIFETIMES = [timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), timedelta(days=365)]
_numbers = count()
instants = st.integers(-3, 12).map(lambda n: START + n * MINUTE + timedelta(microseconds=(n % 3) * 400))
maybe = st.none() | instants
ids = st.sampled_from(["a1", "a2", "a3"])
objects = st.sampled_from(["o1", "o2", "o3"])


@dataclass(frozen=True)
class Row:
    """A token to be written."""

    account: str
    team: str
    profile: str
    at: datetime
    lifetime: timedelta
    application: str
    object_id: str
    kind: str
    key: SigningKey
    identity: str
    region: str
    reason: str | None
    label: str
    end: str


rows = st.lists(
    st.builds(
        Row,
        account=st.sampled_from([ACCOUNT, OTHER_ACCOUNT]),
        team=st.sampled_from(["logistics", "storefront"]),
        profile=st.sampled_from(["batch", "web"]),
        at=instants,
        lifetime=st.sampled_from(LIFETIMES),
        application=ids,
        object_id=objects,
        kind=st.sampled_from(["application", "user"]),
        key=st.sampled_from(SigningKey),
        identity=st.sampled_from(["web-a", "web-b"]),
        region=st.sampled_from(["eastus", "westeurope"]),
        reason=st.none() | st.sampled_from(["Launch day", "night shift"]),
        label=st.sampled_from(["checkout", "home"]),
        end=st.sampled_from(["live", "live", "live", "abandoned", "refused", "lost", "reserved"]),
    ),
    max_size=25,
)
token_queries = st.fixed_dictionaries(
    {},
    optional={
        "teams": st.frozensets(st.sampled_from(["logistics", "storefront", "nobody"])),
        "profile": st.sampled_from(["batch", "web"]),
        "application": ids,
        "object_id": objects,
        "issued_after": maybe,
        "issued_before": maybe,
        "signing_key": st.none() | st.sampled_from(SigningKey),
        "identity": st.none() | st.sampled_from(["web-a", "web-c"]),
        "expires_after": maybe,
        "expires_before": maybe,
        "live_at": maybe,
        "states": st.none() | st.frozensets(st.sampled_from(TokenState)),
        "now": instants,
        "labels": st.sampled_from([{}, {"page": "home"}, {"page": "home", "no": "no"}]),
        "region": st.sampled_from(["eastus", "westeurope", "nowhere"]),
        "reason": st.sampled_from(["launch", "NIGHT"]),
        "text": st.sampled_from(["launch", "home", "azure-1", "A1", "nothing"]),
    },
).map(lambda told: told if told.get("states") is None or "now" in told else {**told, "now": START})


def walk(page: Callable[[str | None], Any], most: int = 400) -> list[Any]:
    found: list[Any] = []
    cursor = None
    for _ in range(most):
        got = page(cursor)
        found += got.items
        if got.next is None:
            return found
        cursor = got.next
    pytest.fail("the list never ends")


def wanted_of(row: Row, account: str) -> TokenRecord:
    plain = record(row.at, account=account, team=row.team, profile=row.profile, identity=row.identity)
    start = row.at.replace(microsecond=0)
    grant = replace(plain.grant, signing_key=row.key, regions=(row.region,), start=start, expiry=start + row.lifetime)
    caller = {"tenantId": "t", "objectId": row.object_id, "applicationId": row.application, "kind": row.kind}
    labels = {"page": row.label}
    return replace(
        plain, id=f"{account}.{next(_numbers):026d}", grant=grant, caller=caller, reason=row.reason, labels=labels
    )


def write(world: World, row: Row, account: str) -> tuple[TokenRecord, bool]:
    """Write a token as far as its row says; return it as it stands, and whether it was ever committed."""
    wanted = wanted_of(row, account)
    world.reserve(wanted)
    if row.end == "reserved":
        return wanted, False
    if row.end in {"lost", "refused"}:
        state = TokenState.ABANDONED if row.end == "lost" else TokenState.REFUSED
        world.audit_log.settle(wanted, state, event(wanted, EventKind.ABANDONED))
        return replace(wanted, state=state), False
    live = signed(wanted)
    world.audit_log.commit(live, event(live, EventKind.ISSUED))
    if row.end == "abandoned":
        world.audit_log.settle(live, TokenState.ABANDONED, event(live, EventKind.ABANDONED))
        live = replace(live, state=TokenState.ABANDONED)
    return live, True


def is_wanted(query: TokenQuery, each: TokenRecord) -> bool:
    """The oracle: each sentence of TokenQuery's docstring, said in the plainest way."""
    grant, caller = each.grant, each.caller
    said = [each.id, each.reason or "", each.request_id, each.azure_request_id or "", *caller.values()]
    said += [*each.labels, *each.labels.values()]
    never = {TokenState.RESERVED, TokenState.ABANDONED, TokenState.REFUSED}
    checks = [
        grant.account in query.accounts,
        query.teams is None or grant.team in query.teams,
        query.profile is None or grant.profile == query.profile,
        query.application is None or caller["applicationId"] == query.application,
        query.object_id is None or caller["objectId"] == query.object_id,
        query.issued_after is None or each.issued_at >= query.issued_after,
        query.issued_before is None or each.issued_at < query.issued_before,
        query.signing_key is None or grant.signing_key == query.signing_key,
        query.identity is None or grant.identity == query.identity,
        query.expires_after is None or grant.expiry >= query.expires_after,
        query.expires_before is None or grant.expiry < query.expires_before,
        query.region is None or query.region in (grant.regions or ()),
        all(each.labels.get(name) == label for name, label in query.labels.items()),
        query.reason is None or query.reason.lower() in (each.reason or "").lower(),
        query.text is None or any(query.text.lower() in word.lower() for word in said),
    ]
    if query.live_at is not None:
        checks += [each.issued_at <= query.live_at, grant.start <= query.live_at < grant.expiry]
        checks += [each.state not in never]
    if query.states is not None and query.now is not None:
        checks += [each.state_at(query.now) in query.states]
    return all(checks)


def expected(written: Iterable[tuple[TokenRecord, bool]], query: TokenQuery) -> list[TokenRecord]:
    by_expiry = query.by_expiry
    listed = [each for each, committed in written if (each.state is not TokenState.REFUSED if by_expiry else committed)]

    def place(each: TokenRecord) -> tuple[int, str, str]:
        at = each.grant.expiry if by_expiry else each.issued_at
        return int(at.timestamp() * 1000), each.id.rpartition(".")[2], each.grant.account

    return sorted((each for each in listed if is_wanted(query, each)), key=place, reverse=True)


def check_tokens(world: World, rows: list[Row], queries: list[dict[str, Any]], limit: int) -> None:
    own = {name: f"{name}-{next(_numbers)}" for name in (ACCOUNT, OTHER_ACCOUNT)}
    for name in own.values():
        world.slots.initialise(name, {})
    written = [write(world, row, own[row.account]) for row in rows]
    for told in queries:
        query = TokenQuery(list(own.values()), **told)
        found = walk(lambda cursor, query=query: world.audit_log.tokens(query, cursor=cursor, limit=limit))  # type: ignore[misc]
        assert found == expected(written, query), query


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, queries=st.lists(token_queries, min_size=1, max_size=6), limit=st.integers(1, 9))
def test_tokens_are_what_a_plain_search_finds(
    timeless: World, rows: list[Row], queries: list[dict[str, Any]], limit: int
) -> None:
    check_tokens(timeless, rows, queries, limit)


@pytest.mark.full
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, queries=st.lists(token_queries, min_size=1, max_size=12), limit=st.integers(1, 9))
def test_tokens_are_what_a_plain_search_finds_at_length(
    timeless: World, rows: list[Row], queries: list[dict[str, Any]], limit: int
) -> None:
    check_tokens(timeless, rows, queries, limit)


drafts = st.lists(
    st.builds(
        lambda account, team, token, caller, revocation, kind, at: EventDraft(
            kind,
            at,
            account=account,
            team=team,
            token=token,
            caller=None if caller is None else {"tenantId": "t", "objectId": caller[0], "applicationId": caller[1]},
            details={"revocation": revocation} if revocation else {},
        ),
        account=st.sampled_from([ACCOUNT, OTHER_ACCOUNT]),
        team=st.none() | st.sampled_from(["logistics", "storefront"]),
        token=st.none() | st.sampled_from([f"{ACCOUNT}.aaaa", f"{ACCOUNT}.bbbb"]),
        caller=st.none() | st.tuples(objects, ids),
        revocation=st.none() | st.sampled_from(["r1", "r2"]),
        kind=st.sampled_from([EventKind.ISSUED, EventKind.DENIED, EventKind.REVOCATION_STEP]),
        # Near the server's clock, minutes off it, and far away: all three are found in another way.
        at=st.tuples(st.sampled_from([timedelta(), -timedelta(days=3)]), st.integers(-6, 6)).map(
            lambda told: (datetime.now(UTC) + told[0] + told[1] * MINUTE).replace(microsecond=0)
        ),
    ),
    max_size=25,
)
spans = st.tuples(st.sampled_from([timedelta(), -timedelta(days=3)]), st.integers(-7, 7))
event_queries = st.fixed_dictionaries(
    {},
    optional={
        "team": st.sampled_from(["logistics", "nobody"]),
        "token": st.sampled_from([f"{ACCOUNT}.aaaa", f"{ACCOUNT}.cccc"]),
        "application": ids,
        "object_id": objects,
        "revocation": st.sampled_from(["r1", "r3"]),
        "kinds": st.frozensets(st.sampled_from([EventKind.ISSUED, EventKind.DENIED])),
        "after": spans,
        "before": spans,
        "text": st.sampled_from(["STOREFRONT", "r2", "nothing"]),
    },
)


def is_event_wanted(query: EventQuery, draft: EventDraft, text: str) -> bool:
    caller = draft.caller or {}
    return all(
        [
            query.team in {None, draft.team},
            query.token in {None, draft.token},
            query.application in {None, caller.get("applicationId")},
            query.object_id in {None, caller.get("objectId")},
            query.revocation in {None, draft.details.get("revocation")},
            query.kinds is None or draft.kind in query.kinds,
            query.after is None or draft.at >= query.after,
            query.before is None or draft.at < query.before,
            query.text is None or query.text.lower() in text.lower(),
        ]
    )


def expected_events(written: list[tuple[EventDraft, AuditEvent]], query: EventQuery) -> list[AuditEvent]:
    """Take, again and again, the newest event among the ends of all streams."""
    ends = {
        stream: [(d, e) for d, e in written if e.stream == stream and is_event_wanted(query, d, e.text)]
        for stream in query.streams
    }
    found = []
    while any(ends.values()):
        stream = max((name for name in ends if ends[name]), key=lambda name: (ends[name][-1][0].at, name))
        found.append(ends[stream].pop()[1])
    return found


def check_events(world: World, drafts: list[EventDraft], queries: list[dict[str, Any]], limit: int) -> None:
    number = next(_numbers)
    told = [replace(each, account=f"{each.account}-{number}") for each in drafts]
    written = [(each, one) for each in told for one in world.audit_log.append(each)]
    now = datetime.now(UTC)
    for asked in queries:
        spans: dict[str, datetime] = {
            name: now + asked[name][0] + asked[name][1] * MINUTE for name in ("after", "before") if name in asked
        }
        query = EventQuery([f"{ACCOUNT}-{number}", f"{OTHER_ACCOUNT}-{number}"], **{**asked, **spans})
        found = walk(lambda cursor, query=query: world.audit_log.events(query, cursor=cursor, limit=limit))  # type: ignore[misc]
        assert found == expected_events(written, query), query


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drafts=drafts, queries=st.lists(event_queries, min_size=1, max_size=6), limit=st.integers(1, 6))
def test_events_are_what_a_plain_search_finds(
    world: World, drafts: list[EventDraft], queries: list[dict[str, Any]], limit: int
) -> None:
    check_events(world, drafts, queries, limit)


@pytest.mark.full
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drafts=drafts, queries=st.lists(event_queries, min_size=1, max_size=12), limit=st.integers(1, 6))
def test_events_are_what_a_plain_search_finds_at_length(
    world: World, drafts: list[EventDraft], queries: list[dict[str, Any]], limit: int
) -> None:
    check_events(world, drafts, queries, limit)


def test_a_cursor_of_one_order_is_refused_by_the_other(world: World) -> None:
    for _ in range(3):
        world.issue(record(world.now))
    by_time, by_expiry = TokenQuery([ACCOUNT]), TokenQuery([ACCOUNT], identity="web-a")
    first = {
        query.by_expiry: world.audit_log.tokens(query, cursor=None, limit=1).next for query in (by_time, by_expiry)
    }
    for query in (by_time, by_expiry):
        with pytest.raises(InvalidRequest):
            world.audit_log.tokens(query, cursor=first[not query.by_expiry], limit=1)


def test_a_state_is_judged_with_what_was_cut(world: World) -> None:
    dead = world.issue(record(world.now))
    grant = dead.grant
    cut = Past((Cut(KEY, grant.signing_key.value, grant.epoch, world.now),))
    for pasts, state in (({}, TokenState.LIVE), ({ACCOUNT: cut}, TokenState.DEAD)):
        found = {
            each: world.audit_log.tokens(
                TokenQuery([ACCOUNT], states=frozenset({each}), now=world.now, pasts=pasts), cursor=None, limit=5
            ).items
            for each in TokenState
        }
        assert found == {each: (dead,) if each is state else () for each in TokenState}


def test_states_need_a_moment() -> None:
    with pytest.raises(ValueError, match="moment"):
        TokenQuery([ACCOUNT], states=frozenset({TokenState.LIVE}))


@pytest.mark.parametrize(
    "told", [{}, {"application": "app-1"}, {"identity": "web-a"}, {"teams": frozenset({"storefront"})}]
)
def test_a_cursor_stays_true_while_tokens_arrive(timeless: World, told: dict[str, Any]) -> None:
    query = TokenQuery([ACCOUNT], **told)
    old = [timeless.issue(record(START + n * MINUTE)) for n in range(6)]
    seen: list[TokenRecord] = []
    cursor = None
    for n in range(6):
        page = timeless.audit_log.tokens(query, cursor=cursor, limit=1)
        seen += page.items
        cursor = page.next
        timeless.issue(record(START + timedelta(hours=1 + n)))
    assert seen == old[::-1]


def test_a_rare_one_is_found_by_short_pages(timeless: World) -> None:
    """What no index has is looked for, a bounded number of records at a time."""
    rare = timeless.issue(replace(record(START), labels={"page": "rare"}))
    for n in range(260):
        timeless.issue(record(START + MINUTE + n * timedelta(milliseconds=1)))
    query = TokenQuery([ACCOUNT], labels={"page": "rare"})
    pages = [timeless.audit_log.tokens(query, cursor=None, limit=5)]
    while pages[-1].next:
        pages.append(timeless.audit_log.tokens(query, cursor=pages[-1].next, limit=5))
    assert [each.id for page in pages for each in page.items] == [rare.id]
    kinds = EventQuery([ACCOUNT], text=rare.id)
    found: list[AuditEvent] = walk(lambda cursor: timeless.audit_log.events(kinds, cursor=cursor, limit=5))
    assert [json.loads(each.text)["kind"] for each in found] == ["issued", "reserved"]


def test_events_of_a_time_long_ago_are_found_though_many_of_their_team_are_newer(world: World) -> None:
    def draft(minutes: int, team: str) -> EventDraft:
        at = world.now.replace(microsecond=0) + minutes * MINUTE
        return EventDraft(EventKind.ISSUED, at, account=ACCOUNT, team=team)

    wanted = [each for n in range(3) for each in world.audit_log.append(draft(-60 + n, "a"))]
    for n in range(700):
        world.audit_log.append(draft(0, "a" if n % 2 else "b"))
    query = EventQuery([ACCOUNT], team="a", before=world.now - 30 * MINUTE)
    found = walk(lambda cursor: world.audit_log.events(query, cursor=cursor, limit=2))
    assert found == wanted[::-1]


def test_a_time_is_found_though_clocks_differ_and_events_come_late(world: World) -> None:
    """Up to two minutes are within the margin of the search; what is later than that is listed by its own time."""
    now, offsets = world.now.replace(microsecond=0), [-90, 90, -60, 110, 0, 3_000, -9_000]
    drafts = [
        EventDraft(EventKind.ISSUED, now + timedelta(seconds=offsets[n % 7]), account=ACCOUNT, team=f"team-{n % 3}")
        for n in range(63)
    ]
    written = [(each, one) for each in drafts for one in world.audit_log.append(each)]
    moments = [now + timedelta(seconds=seconds) for seconds in (-9_000, -8_000, -89, 0, 91, 3_000)]
    for before in (None, *moments):
        for after in (None, *moments):
            for team in (None, "team-1"):
                query = EventQuery([ACCOUNT], before=before, after=after, team=team)
                found = walk(lambda cursor, query=query: world.audit_log.events(query, cursor=cursor, limit=20))  # type: ignore[misc]
                assert found == expected_events(written, query), query


@pytest.mark.parametrize("minutes", [1, 3, 5, 63, 64, 65, 1440, 365 * 1440])
def test_a_token_is_live_to_its_last_second(timeless: World, minutes: int) -> None:
    live = timeless.issue(record(START, lifetime=minutes * MINUTE))

    def live_at(moment: datetime) -> tuple[TokenRecord, ...]:
        found: tuple[TokenRecord, ...] = timeless.audit_log.tokens(
            TokenQuery([ACCOUNT], live_at=moment), cursor=None, limit=5
        ).items
        return found

    end = START + minutes * MINUTE
    assert live_at(START) == live_at(end - timedelta(seconds=1)) == (live,)
    assert live_at(START - timedelta(seconds=1)) == live_at(end) == ()


def test_an_object_id_of_two_applications_finds_the_tokens_of_both(timeless: World) -> None:
    issued = []
    for application in ("app-1", "app-2", "app-1"):
        plain = record(START, application=application)
        issued.append(timeless.issue(plain))
    (object_id,) = {each.caller["objectId"] for each in issued}
    found = timeless.audit_log.tokens(TokenQuery([ACCOUNT], object_id=object_id), cursor=None, limit=5).items
    assert {each.id for each in found} == {each.id for each in issued}
