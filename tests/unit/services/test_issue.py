"""The way of a token over the twins: what is on record after every possible break, and that no token leaves early."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from sas_service.adapters.memory import (
    MemoryAuditLog,
    MemoryAuditMirror,
    MemoryClock,
    MemoryMapsAccount,
    MemorySlots,
    MemorySuspensions,
    MemoryTokenIds,
)
from sas_service.domain.callers import Caller
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureUnavailable,
    EpochMoved,
    GrantMismatch,
    IdentityDetached,
    MirrorUnavailable,
    OriginNotAllowed,
    OutsidePolicy,
    SasServiceError,
    Suspended,
    TokenSuperseded,
)
from sas_service.domain.policy import Policy
from sas_service.domain.tokens import Grant, TokenRecord, TokenRequest, TokenState
from sas_service.ports import Allotted, Demand, EventQuery, NotNow, QuotaSpent, Suspension, TokenQuery
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Deciding
from sas_service.services.issue import TRIES, Issued, Issuing
from sas_service.services.reap import Reaping
from tests.unit.api.world import CALLERS, FACTS, POLICY, SHOP
from tests.unit.budgets import plenty

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
STOREFRONT: Caller = CALLERS["storefront"]


class OnePolicy:
    """The port ``Policies`` with one policy that a test may change."""

    def __init__(self) -> None:
        self.policy: Policy = POLICY

    def current(self) -> Policy:
        return self.policy

    def status(self) -> dict[str, object]:
        return {}


@dataclass
class World:
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOW))
    slots: MemorySlots = field(default_factory=MemorySlots)
    suspensions: MemorySuspensions = field(default_factory=MemorySuspensions)
    mirror: MemoryAuditMirror = field(default_factory=MemoryAuditMirror)
    account: MemoryMapsAccount = field(default_factory=lambda: MemoryMapsAccount({"maps-demo": FACTS}))
    policies: OnePolicy = field(default_factory=OnePolicy)

    def __post_init__(self) -> None:
        self.slots.initialise("maps-demo", {"storefront-web": "blue"})
        self.spending = plenty()
        self.log = MemoryAuditLog(clock=self.clock, slots=self.slots, suspensions=self.suspensions)
        self.issuing = Issuing(
            deciding=Deciding(policies=self.policies, audit_log=self.log, mirror=self.mirror),
            active_slots=ActiveSlots(slots=self.slots, maps_account=self.account),
            audit_log=self.log,
            mirror=self.mirror,
            maps_account=self.account,
            clock=self.clock,
            token_ids=MemoryTokenIds(),
            reservation_time=timedelta(minutes=2),
            spending=self.spending,
        )

    def issue(self, key: str | None = None, body: str = "b", **wanted: object) -> Issued:
        request = TokenRequest(profile="storefront-web", **wanted)  # type: ignore[arg-type]
        return self.issuing.issue(request, STOREFRONT, request_id="r-1", idempotency_key=key, body_hash=body)

    def kinds(self) -> list[str]:
        page = self.log.events(EventQuery(streams=("maps-demo", "service")), cursor=None, limit=500)
        return [json.loads(event.text)["kind"] for event in reversed(page.items)]

    def states(self) -> list[TokenState]:
        page = self.log.tokens(TokenQuery(accounts=("maps-demo",)), cursor=None, limit=500)
        return [record.state for record in reversed(page.items)]


@pytest.fixture
def world() -> World:
    return World()


def test_a_token_leaves_with_its_record_in_both_places(world: World) -> None:
    issued = world.issue(reason="release")
    record = world.log.token(issued.record.id)
    assert record is not None
    assert (record.state, record.fingerprint) == (TokenState.LIVE, issued.token.fingerprint)
    assert world.kinds() == ["reserved", "issued"]
    assert [json.loads(line)["kind"] for line in world.mirror.lines()] == ["reserved", "issued"]
    assert issued.token.reveal() not in "".join(world.mirror.lines())
    assert issued.token.reveal() not in repr(issued)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (AzureUnavailable("slow", effect="unknown"), "abandoned"),
        (AzureUnavailable("away", effect="none"), "refused"),
        (AzureRefused("no", effect="none"), "refused"),
        (AzureRefused("no, after a time-out", effect="unknown"), "abandoned"),
    ],
)
def test_azure_fails_and_the_reservation_is_settled(world: World, error: SasServiceError, state: str) -> None:
    def fail(_grant: object) -> None:
        raise error

    world.account.before_signing = fail
    with pytest.raises(type(error)):
        world.issue()
    assert world.kinds() == ["reserved", state]
    reserved = json.loads(world.mirror.lines()[-1])["token"]
    record = world.log.token(reserved)
    assert record is not None
    assert record.state.value == state


def test_a_token_that_differs_from_its_grant_is_dropped(world: World) -> None:
    world.account.claims = {"exp": int((NOW + timedelta(days=400)).timestamp())}
    with pytest.raises(GrantMismatch):
        world.issue()
    assert world.kinds() == ["reserved", "abandoned"]


def test_the_mirror_cannot_be_written_and_no_token_leaves(world: World) -> None:
    world.mirror.fail_with(MirrorUnavailable("disk full"))
    with pytest.raises(MirrorUnavailable):
        world.issue()
    assert world.kinds() == ["reserved", "issued", "abandoned"]
    assert world.states() == [TokenState.ABANDONED]


def test_the_epoch_moves_while_azure_signs_and_the_token_is_made_anew(world: World) -> None:
    moves = iter([2])

    def move(_grant: object) -> None:
        for epoch in moves:
            world.slots.move("maps-demo", epoch=epoch)

    world.account.before_signing = move
    issued = world.issue()
    assert issued.record.grant.epoch == 2
    assert world.kinds() == ["reserved", "abandoned", "reserved", "issued"]


def test_a_token_that_is_made_anew_takes_one_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, asked = world.spending.budget, list[Demand]()
    ask = budget.ask

    def noted(demand: Demand) -> Allotted | NotNow | QuotaSpent:
        asked.append(demand)
        return ask(demand)

    monkeypatch.setattr(budget, "ask", noted)
    test_the_epoch_moves_while_azure_signs_and_the_token_is_made_anew(world)
    assert len(asked) == 1


def test_an_epoch_that_never_rests_is_answered_with_try_again(world: World) -> None:
    epochs = iter(range(2, 100))
    world.account.before_signing = lambda _grant: world.slots.move("maps-demo", epoch=next(epochs))
    with pytest.raises(EpochMoved) as caught:
        world.issue()
    assert caught.value.retry_after
    assert world.kinds() == ["reserved", "abandoned"] * TRIES


def test_a_crash_between_reserve_and_commit_is_closed_by_the_reaper(world: World) -> None:
    class Crash(BaseException):
        """The process dies here."""

    def die(_grant: object) -> None:
        raise Crash

    world.account.before_signing = die
    with pytest.raises(Crash):
        world.issue()
    reaping = Reaping(accounts=lambda: ("maps-demo",), audit_log=world.log, mirror=world.mirror, clock=world.clock)
    assert reaping.run() == 0
    world.clock.advance(timedelta(minutes=3))
    assert reaping.run() == 1
    assert reaping.run() == 0
    assert world.kinds() == ["reserved", "abandoned"]


def test_idempotency_key_signs_the_recorded_grant_again(world: World) -> None:
    first = world.issue(key="k")
    world.clock.advance(timedelta(minutes=5))
    again = world.issue(key="k")
    assert again.redelivered
    assert again.record.id == first.record.id
    assert again.record.grant == first.record.grant
    assert again.token.fingerprint != first.token.fingerprint
    record = world.log.token(first.record.id)
    assert record is not None
    assert set(record.fingerprints) == {first.token.fingerprint, again.token.fingerprint}


def test_idempotency_key_after_a_switch_leads_to_the_replacement(world: World) -> None:
    world.issue(key="k")
    world.slots.move("maps-demo", epoch=2)
    with pytest.raises(TokenSuperseded):
        world.issue(key="k")


def test_idempotency_key_after_a_failure_tries_anew(world: World) -> None:
    world.mirror.fail_with(MirrorUnavailable("full"))
    with pytest.raises(MirrorUnavailable):
        world.issue(key="k")
    issued = world.issue(key="k")
    assert not issued.redelivered
    assert issued.record.state is TokenState.LIVE


@pytest.mark.parametrize(
    ("kind", "name"), [("team", "storefront"), ("client", "storefront-app"), ("profile", "storefront-web")]
)
def test_the_suspended_get_nothing_and_it_is_on_record(world: World, kind: str, name: str) -> None:
    world.suspensions.put(Suspension(kind, name, "thief", {}, NOW), ["maps-demo"])
    with pytest.raises(Suspended):
        world.issue()
    assert world.kinds() == ["denied"]
    assert world.account.signed == []


def test_a_refusal_that_cannot_be_recorded_is_not_told(world: World) -> None:
    class Away(MemoryAuditLog):
        def deny(self, denial: object) -> tuple[()]:
            raise AuditLogUnavailable("away")

    deciding = Deciding(
        policies=world.policies,
        audit_log=Away(clock=world.clock, slots=world.slots, suspensions=world.suspensions),
        mirror=world.mirror,
    )
    with pytest.raises(AuditLogUnavailable):
        deciding.decide(
            TokenRequest(profile="storefront-web", max_rate_per_second=501), STOREFRONT, now=NOW, request_id="r"
        )


def test_pages_of_foreign_origins_are_refused(world: World) -> None:
    request = TokenRequest(profile="storefront-web")
    with pytest.raises(OriginNotAllowed):
        world.issuing.issue(request, STOREFRONT, request_id="r", origin="https://evil.example")
    assert world.issuing.issue(request, STOREFRONT, request_id="r", origin=SHOP).record.state is TokenState.LIVE


def test_equal_refusals_fold_and_made_up_profiles_do_not_multiply(world: World) -> None:
    for number in range(50):
        with pytest.raises(SasServiceError):
            world.issuing.issue(TokenRequest(profile=f"guess-{number}"), STOREFRONT, request_id="r")
    with pytest.raises(OutsidePolicy):
        world.issue(max_rate_per_second=51)
    assert world.kinds() == ["denied", "denied"]


def test_sets_of_rules_do_not_multiply_what_is_recorded(world: World) -> None:
    wrong: list[dict[str, object]] = [
        {"lifetime": timedelta(days=400)},
        {"lifetime": timedelta(days=400), "max_rate_per_second": 501},
        {"lifetime": timedelta(days=400), "regions": ("marseast",)},
        {"lifetime": timedelta(days=400), "max_rate_per_second": 501, "regions": ("marseast",)},
        {"max_rate_per_second": 501},
        {"max_rate_per_second": 501, "regions": ("marseast",)},
        {"regions": ("marseast",)},
    ]
    for wanted in wrong * 5:
        with pytest.raises(OutsidePolicy):
            world.issue(**wanted)  # type: ignore[arg-type]
    # Seven sets of three rules, and at most one event for each rule.
    assert len(world.kinds()) <= 3


def test_an_identity_that_is_not_attached_is_our_fault_and_signs_nothing(world: World) -> None:
    world.account.accounts["maps-demo"] = replace(FACTS, principals={})
    with pytest.raises(IdentityDetached):
        world.issue()
    assert world.kinds() == []


@pytest.mark.parametrize("again", [False, True])
def test_a_refusal_for_want_of_an_identity_is_told_apart_although_our_facts_are_older(
    world: World, *, again: bool
) -> None:
    if again:
        world.issue(key="k")

    def detached(_grant: Grant) -> None:
        world.account.accounts["maps-demo"] = replace(FACTS, principals={})
        raise AzureRefused("Azure refused the call.", effect="none")

    world.account.before_signing = detached
    with pytest.raises(IdentityDetached):
        world.issue(key="k")


def test_what_azure_refuses_for_another_reason_stays_that_also_when_nobody_can_look(world: World) -> None:
    def refused(_grant: Grant) -> None:
        raise AzureRefused("Azure refused the call.", effect="none")

    world.account.before_signing = refused
    with pytest.raises(AzureRefused):
        world.issue()

    def refused_and_gone(_grant: Grant) -> None:
        world.account.fail_with(AzureUnavailable("away"))
        raise AzureRefused("Azure refused the call.", effect="none")

    world.account.before_signing = refused_and_gone
    with pytest.raises(AzureRefused):
        world.issue()


def test_a_commit_that_overtakes_the_reaper_stays(world: World) -> None:
    reaping = Reaping(accounts=lambda: ("maps-demo",), audit_log=world.log, mirror=world.mirror, clock=world.clock)
    stale: list[TokenRecord] = []
    world.account.before_signing = lambda _grant: stale.extend(
        world.log.overdue("maps-demo", NOW + timedelta(minutes=3))
    )
    world.issue()
    assert len(stale) == 1
    world.log.overdue = lambda _account, _now: tuple(stale)  # type: ignore[method-assign, assignment]
    assert reaping.run() == 0
    assert world.states() == [TokenState.LIVE]
