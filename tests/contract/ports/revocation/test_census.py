"""The census: every unexpired token that exists or may exist, against a count by hand; quickly, also for many."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sas_service.adapters.redis.census import RedisTokenCensus
from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import write_record
from sas_service.adapters.redis.server import Server
from sas_service.domain.audit import EventKind
from sas_service.domain.tokens import TokenRecord, TokenState
from tests.contract.ports.revocation.world import Revoking, memory_revoking, redis_revoking
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT, World, event, record
from tests.valkey_process import RunningValkey

ENDS = ("reserved", "live", "abandoned", "refused", "abandonedLive")


@dataclass(frozen=True)
class Wanted:
    """What becomes of one token; its expiry is ``seconds`` after the moment of the census."""

    seconds: int
    identity: str
    end: str
    account: str


wanted_tokens = st.lists(
    st.builds(
        Wanted,
        seconds=st.integers(-3, 3),
        identity=st.sampled_from(["web-a", "web-b"]),
        end=st.sampled_from(ENDS),
        account=st.sampled_from([ACCOUNT, OTHER_ACCOUNT]),
    ),
    max_size=12,
)


def live_through(tokens: World, wanted: Wanted) -> TokenRecord:
    """Bring a token to its end, and return what is to be found of it."""
    lifetime = timedelta(seconds=3600 + wanted.seconds)
    new = record(tokens.now, account=wanted.account, identity=wanted.identity, lifetime=lifetime)
    if wanted.end in {"live", "abandonedLive"}:
        tokens.issue(new)
    else:
        tokens.reserve(new)
    if wanted.end not in {"reserved", "live"}:
        known = tokens.audit_log.token(new.id) or new
        state = TokenState.REFUSED if wanted.end == "refused" else TokenState.ABANDONED
        tokens.audit_log.settle(known, state, event(new, EventKind.ABANDONED))
    stored = tokens.audit_log.token(new.id)
    assert stored is not None
    return stored


def check_census(revoking: Revoking, wanted: list[Wanted], microseconds: int) -> None:
    tokens = revoking.tokens
    now = tokens.now.replace(microsecond=0) + timedelta(hours=1, microseconds=microseconds)
    stored = [live_through(tokens, each) for each in wanted]
    for account in (ACCOUNT, OTHER_ACCOUNT):
        by_hand = [
            each
            for each in stored
            if each.grant.account == account and each.grant.expiry > now and each.state is not TokenState.REFUSED
        ]
        found = revoking.census.unexpired(account, now)
        assert sorted(found, key=lambda each: each.id) == sorted(by_hand, key=lambda each: each.id)


@given(wanted=wanted_tokens, microseconds=st.sampled_from([0, 1, 999, 1_000, 999_999, -1, -1_000]))
@settings(max_examples=60, deadline=None)
def test_the_twin_counts_as_one_would_by_hand(wanted: list[Wanted], microseconds: int) -> None:
    check_census(memory_revoking(), wanted, microseconds)


@given(wanted=wanted_tokens, microseconds=st.sampled_from([0, 1, 999, 1_000, 999_999, -1, -1_000]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_server_counts_as_one_would_by_hand(
    valkey: RunningValkey, server: Server, wanted: list[Wanted], microseconds: int
) -> None:
    check_census(redis_revoking(valkey, server), wanted, microseconds)


def test_an_empty_account_has_none(revoking: Revoking) -> None:
    assert revoking.census.unexpired(ACCOUNT, revoking.tokens.now) == ()


def test_a_token_that_is_refused_while_the_census_reads_is_left_out(valkey: RunningValkey, server: Server) -> None:
    revoking = redis_revoking(valkey, server)
    refused = live_through(revoking.tokens, Wanted(0, "web-a", "refused", ACCOUNT))
    with valkey.client() as client:
        suffix = refused.id.rpartition(".")[2]
        client.zadd(Keys(ACCOUNT).slot("primaryKey|web-a"), {suffix: refused.grant.expiry.timestamp() * 1000})
    assert revoking.census.unexpired(ACCOUNT, revoking.tokens.now) == ()


class Watched(Server):
    """Notes how many reads there were, and how long the longest command was."""

    longest = 0
    reads = 0

    def read(self, *commands: Sequence[str | int]) -> list[Any]:
        self.longest = max(self.longest, *map(len, commands), 0)
        self.reads += 1
        return super().read(*commands)


def test_ten_thousand_tokens_take_under_a_second_in_bounded_chunks(valkey: RunningValkey) -> None:
    with valkey.client() as client:
        client.flushall()
        base = record(redis_revoking(valkey, Server(client), empty=False).tokens.now)
        keys, text = Keys(ACCOUNT), write_record(base)
        expiry = int(base.grant.expiry.timestamp() * 1000)
        names = [f"{number:026d}" for number in range(10_000)]
        # Half of another 10,000 have expired: the index leaves them out without reading them.
        pipeline = client.pipeline(transaction=False)
        pipeline.sadd(keys.slots_used, "primaryKey|web-a")
        pipeline.mset({keys.token(name): text for name in names})
        pipeline.zadd(keys.slot("primaryKey|web-a"), dict.fromkeys(names, expiry))
        pipeline.zadd(keys.slot("primaryKey|web-a"), {f"gone{name}": expiry - 3_600_001 for name in names})
        pipeline.execute()
        watched = Watched(client)
        begin = time.process_time()
        found = RedisTokenCensus(watched).unexpired(ACCOUNT, base.grant.start)
        took = time.process_time() - begin
    assert len({each.id for each in found}) == 10_000
    assert watched.longest <= 501
    assert watched.reads == 22
    # Of this process, so that a busy machine does not count: 0.4 s.
    assert took < 1, f"{took:.2f} s"
