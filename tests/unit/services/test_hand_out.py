"""Shared tokens over the twins: one signature for all, never one that is over, everything on record."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Barrier
from time import sleep

import pytest

from sas_service.adapters.memory import MemoryArmBudget, MemoryLeases, MemoryLockdowns, MemorySealing, MemoryTokenIds
from sas_service.adapters.system_clock import SystemClock
from sas_service.domain.arm_budget import Purpose
from sas_service.domain.callers import Caller
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    MirrorUnavailable,
    NotFound,
    OriginNotAllowed,
    ProfileNotAllowed,
    SasServiceError,
    SharedTokenNotReady,
    Suspended,
)
from sas_service.domain.lockdowns import Lockdown
from sas_service.domain.policy import LEAST_LEFT, Policy
from sas_service.domain.revocations import Reason
from sas_service.domain.tokens import SasToken, TokenRecord, TokenState
from sas_service.ports import (
    Allotted,
    Demand,
    EventQuery,
    Flight,
    NotNow,
    QuotaSpent,
    SharedName,
    Suspension,
    TokenQuery,
)
from sas_service.services.active_slots import ActiveSlots
from sas_service.services.deny import Deciding
from sas_service.services.fold_hand_outs import WITHOUT_WORKER, Folding
from sas_service.services.hand_out import HandingOut, Patience, SharedToken
from sas_service.services.issue import Issuing
from sas_service.services.make_shared import Making
from sas_service.services.refresh_shared import RefreshingShared
from sas_service.services.spend import Spending
from tests.unit.api.world import CALLERS, DEPOT, SHARING_POLICY, SHOP, KnownPolicy, World
from tests.unit.budgets import UNHURRIED, plenty

MINUTE = timedelta(minutes=1)
STOREFRONT = CALLERS["storefront"]
PAGE = replace(STOREFRONT, object_id="a-page")


class Keyring(MemorySealing):
    """A sealing that may lose its keys."""

    lost = False

    def open(self, sealed: str, *, about: str) -> SasToken:
        if self.lost:
            raise NotFound("This was not sealed here.")
        return super().open(sealed, about=about)


@dataclass
class Shop:
    """A world, and any number of processes that hand out its tokens."""

    world: World = field(default_factory=lambda: World(policies=KnownPolicy(SHARING_POLICY)))
    sealing: Keyring = field(default_factory=Keyring)
    aside: list[Callable[[], None]] = field(default_factory=list)
    pause: Callable[[timedelta], object] | None = None
    spending: Spending | None = None
    token_ids: MemoryTokenIds = field(default_factory=MemoryTokenIds)

    def __post_init__(self) -> None:
        self.lockdowns = MemoryLockdowns(self.world.slots, MemoryLeases())
        self.here = self.process()

    def process(self, name: str = "here") -> HandingOut:
        world = self.world
        deciding = Deciding(policies=world.policies, audit_log=world.audit_log, mirror=world.mirror)
        issuing = Issuing(
            deciding=deciding,
            active_slots=ActiveSlots(slots=world.slots, maps_account=world.maps_account),
            audit_log=world.audit_log,
            mirror=world.mirror,
            maps_account=world.maps_account,
            clock=world.clock,
            token_ids=self.token_ids,
            reservation_time=timedelta(seconds=30),
            spending=self.spending or plenty(),
        )
        making = Making(
            policies=world.policies,
            issuing=issuing,
            shared=world.shared_tokens,
            sealing=self.sealing,
            clock=world.clock,
            holder=name,
            flight_time=timedelta(seconds=20),
        )
        return HandingOut(
            policies=world.policies,
            deciding=deciding,
            making=making,
            shared=world.shared_tokens,
            sealing=self.sealing,
            clock=world.clock,
            patience=Patience(pause=self.pause or world.clock.advance, jitter=lambda: 0.5),
            spending=self.spending or plenty(),
            aside=self.aside.append,
        )

    def worker(self) -> RefreshingShared:
        world = self.world
        return RefreshingShared(
            policies=world.policies,
            making=self.process("worker")._making,
            shared=world.shared_tokens,
            suspensions=world.suspensions,
            lockdowns=self.lockdowns,
            clock=world.clock,
        )

    def lock(self) -> None:
        self.lockdowns.begin(Lockdown("l", "maps-demo", Reason.KEY_COMPROMISE, {}, self.world.clock.now()))

    def get(
        self, caller: Caller = STOREFRONT, *, of: HandingOut | None = None, after: str | None = None
    ) -> SharedToken:
        return (of or self.here).current("shared", caller, request_id="r", after=after)

    def run_aside(self) -> None:
        while self.aside:
            self.aside.pop(0)()

    @property
    def signed(self) -> int:
        return len(self.world.maps_account.signed)

    def kinds(self) -> list[str]:
        page = self.world.audit_log.events(EventQuery(["maps-demo", "service"]), cursor=None, limit=100)
        return [json.loads(event.text)["kind"] for event in reversed(page.items)]

    def handed_out(self) -> list[tuple[object, object]]:
        """Fold, and tell caller and count."""
        self.world.clock.advance(2 * MINUTE)
        folding = Folding(
            accounts=lambda: ("maps-demo",),
            shared=self.world.shared_tokens,
            mirror=self.world.mirror,
            clock=self.world.clock,
        )
        before = len(self.world.mirror.lines())
        assert folding.run() == len(self.world.mirror.lines()) - before
        found = [json.loads(line) for line in self.world.mirror.lines()[before:]]
        return sorted((each["caller"]["objectId"], each["count"]) for each in found)

    def records(self) -> list[TokenRecord]:
        return list(self.world.audit_log.tokens(TokenQuery(["maps-demo"]), cursor=None, limit=100).items)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_making_one_spends_the_shared_share_of_the_budget_and_handing_it_out_nothing() -> None:
    asked: list[Demand] = []

    class Noted(MemoryArmBudget):
        def ask(self, demand: Demand) -> Allotted | NotNow | QuotaSpent:
            asked.append(demand)
            return super().ask(demand)

    shop = Shop(spending=Spending(budget=Noted(lambda: 0.0), pause=lambda _: None, patience=UNHURRIED))
    shop.get()
    shop.get(PAGE)
    assert [(each.purpose, each.team, each.quota) for each in asked] == [(Purpose.SHARED, "storefront", None)]


def test_no_write_left_is_said_and_leaves_no_record() -> None:
    empty = MemoryArmBudget(lambda: 0.0)
    empty.sent("s", 1000)
    shop = Shop(spending=Spending(budget=empty, pause=lambda _: None, patience=UNHURRIED))
    with pytest.raises(BudgetExhausted):
        shop.get()
    assert shop.kinds() == []


def id_of(token: SharedToken) -> str:
    return token.issued.record.id


def test_all_callers_of_a_team_get_the_same_token_in_every_process(shop: Shop) -> None:
    there = shop.process("there")
    tokens = [shop.get(), shop.get(PAGE), shop.get(of=there), shop.get(PAGE, of=there), shop.get()]
    assert len({each.issued.token.reveal() for each in tokens}) == 1
    assert shop.signed == 1
    assert tokens[0] is tokens[1] is tokens[4]


def test_it_is_on_record_for_the_team_and_for_no_caller_and_came_the_usual_way(shop: Shop) -> None:
    token = shop.get()
    (record,) = shop.records()
    assert record == token.issued.record
    assert (record.grant.team, record.is_shared, record.state) == ("storefront", True, TokenState.LIVE)
    assert record.grant.regions == ("eastus", "westus2")
    assert record.fingerprints == (token.issued.token.fingerprint,)
    assert shop.kinds() == ["reserved", "issued"]
    assert [json.loads(line)["kind"] for line in shop.world.mirror.lines()] == ["reserved", "issued"]


def test_each_team_has_its_own_so_that_each_can_be_stopped_alone(shop: Shop) -> None:
    storefront, logistics = shop.get(), shop.get(CALLERS["logistics"])
    assert id_of(storefront) != id_of(logistics)
    assert logistics.issued.record.grant.team == "logistics"
    shop.world.suspensions.put(Suspension("team", "logistics", None, {}, shop.world.clock.now()), ["maps-demo"])
    with pytest.raises(Suspended):
        shop.get(CALLERS["logistics"])
    assert id_of(shop.get()) == id_of(storefront)
    assert shop.kinds()[-1] == "denied"


def test_every_hand_out_is_counted_by_caller(shop: Shop) -> None:
    there = shop.process("there")
    for caller, of in ((STOREFRONT, None), (STOREFRONT, there), (PAGE, there), (STOREFRONT, None)):
        shop.get(caller, of=of)
    assert shop.handed_out() == [("a-page", 1), ("storefront-object", 3)]
    assert shop.handed_out() == []


def test_nothing_that_is_printed_shows_the_token(shop: Shop) -> None:
    token = shop.get()
    assert token.issued.token.reveal() not in f"{token!r} {token}" + "".join(shop.world.mirror.lines())


def test_from_its_refresh_on_one_makes_the_next_while_all_go_on_with_the_current(shop: Shop) -> None:
    first = shop.get()
    shop.world.clock.set(first.refresh)
    others = [shop.process(f"process-{number}") for number in range(3)]
    for process in (shop.here, *others) * 5:
        assert id_of(shop.get(of=process)) == id_of(first)
    assert len(shop.aside) == 4, "each process tries once a second"
    shop.run_aside()
    assert shop.signed == 2
    second = shop.get()
    assert id_of(second) > id_of(first)
    assert {id_of(shop.get(of=process)) for process in others} == {id_of(second)}


def test_nobody_is_handed_a_token_with_less_than_ten_minutes_at_any_time(shop: Shop) -> None:
    """A caller each 20 seconds for a day, with an Azure that is away for eleven minutes of each hour."""
    clock, account = shop.world.clock, shop.world.maps_account
    begun, left, refused = clock.now(), [], 0

    def sometimes_away(_grant: object) -> None:
        if (clock.now() - begun).total_seconds() % 3600 >= 49 * 60:
            raise AzureUnavailable("away", effect="none")

    account.before_signing = sometimes_away
    while clock.now() < begun + timedelta(days=1):
        try:
            token = shop.get()
        except SasServiceError:
            refused += 1
        else:
            left.append(token.issued.record.grant.expiry - clock.now())
        shop.run_aside()
        clock.advance(timedelta(seconds=20))
    assert min(left) >= LEAST_LEFT
    assert refused == 0
    assert shop.signed < 24 * 60 / 30


def test_an_ahead_refresh_that_fails_costs_nobody_his_token(shop: Shop) -> None:
    first = shop.get()
    shop.world.clock.set(first.refresh)
    shop.world.maps_account.fail_with(AzureThrottled("slow", retry_after=timedelta(seconds=10)), times=2)
    assert id_of(shop.get()) == id_of(first)
    shop.run_aside()
    assert id_of(shop.get()) == id_of(first)
    assert shop.world.shared_tokens.take_flight(name_of(shop), "x", seen=id_of(first), lasts=MINUTE)


def name_of(shop: Shop) -> SharedName:
    return shop.here._counters[1]["shared", "storefront"].offer.name


def test_who_comes_when_it_could_not_be_made_is_told_when_to_come_again(shop: Shop) -> None:
    shop.world.maps_account.fail_with(AzureThrottled("slow", retry_after=timedelta(seconds=10)), times=5)
    with pytest.raises(AzureThrottled):
        shop.get()
    for _ in range(20):
        with pytest.raises(SharedTokenNotReady) as caught:
            shop.get()
        assert caught.value.retry_after == timedelta(seconds=10)
    shop.world.clock.advance(timedelta(seconds=10))
    shop.world.maps_account._errors.clear()
    assert shop.get().issued.record.state is TokenState.LIVE
    assert shop.kinds().count("reserved") == 1


@pytest.mark.parametrize("error", [AuditLogUnavailable("away"), AuditLogUnavailable("full")])
def test_without_redis_nothing_is_handed_out_although_there_is_a_copy(shop: Shop, error: SasServiceError) -> None:
    shop.get()
    shop.world.shared_tokens.fail_with(error)
    with pytest.raises(AuditLogUnavailable):
        shop.get()


def test_without_the_mirror_none_is_made(shop: Shop) -> None:
    shop.world.mirror.fail_with(MirrorUnavailable("full"))
    with pytest.raises(MirrorUnavailable):
        shop.get()
    assert [each.state for each in shop.records()] == [TokenState.ABANDONED]


def test_a_switch_takes_effect_at_once(shop: Shop) -> None:
    first = shop.get()
    shop.world.slots.move("maps-demo", epoch=2)
    second = shop.get()
    assert second.issued.record.grant.epoch == 2
    assert second.issued.token.reveal() != first.issued.token.reveal()
    assert shop.signed == 2


def test_a_switch_between_signature_and_putting_leaves_no_token_of_the_old_slot(shop: Shop) -> None:
    put = shop.world.shared_tokens.put

    def switch_first(flight: Flight, shared: object) -> None:
        shop.world.shared_tokens.put = put  # type: ignore[method-assign]
        shop.world.slots.move("maps-demo", epoch=2)
        put(flight, shared)  # type: ignore[arg-type]

    shop.world.shared_tokens.put = switch_first  # type: ignore[method-assign]
    assert shop.get().issued.record.grant.epoch == 2
    assert sorted((each.grant.epoch, each.state) for each in shop.records()) == [
        (1, TokenState.ABANDONED),
        (2, TokenState.LIVE),
    ]


def test_a_maker_that_died_is_waited_for_and_then_replaced(shop: Shop) -> None:
    shop.get(CALLERS["logistics"])  # so that only the flight of the storefront is in the way
    name = replace(shop.here._counters[1]["shared", "logistics"].offer.name, team="storefront")
    assert isinstance(shop.world.shared_tokens.take_flight(name, "dead", seen="", lasts=timedelta(seconds=8)), Flight)
    started = shop.world.clock.now()
    with pytest.raises(SharedTokenNotReady) as caught:
        shop.get()
    assert caught.value.retry_after
    assert timedelta(seconds=5) <= shop.world.clock.now() - started < timedelta(seconds=6)
    assert shop.get().issued.record.grant.team == "storefront"


def test_a_narrower_policy_counts_from_the_next_hand_out_on(shop: Shop) -> None:
    first = shop.get()
    narrow = replace(SHARING_POLICY.profiles["shared"], regions=("eastus",))
    shop.world.policies.policy = replace(SHARING_POLICY, profiles={**SHARING_POLICY.profiles, "shared": narrow})
    second = shop.get()
    assert second.issued.record.grant.regions == ("eastus",)
    shop.world.policies.policy = SHARING_POLICY
    assert id_of(shop.get()) == id_of(first), "processes with the old policy take no turns with those of the new"


def test_a_newer_one_is_made_for_who_insists_but_not_as_fast_as_he_asks(shop: Shop) -> None:
    first = shop.get()
    with pytest.raises(SharedTokenNotReady) as caught:
        shop.get(after=id_of(first))
    wait = caught.value.retry_after
    assert wait is not None
    shop.world.clock.advance(wait)
    second = shop.get(after=id_of(first))
    assert id_of(second) > id_of(first)
    assert id_of(shop.get(after=id_of(first))) == id_of(second)
    assert shop.signed == 2


def test_an_id_from_the_future_makes_nothing(shop: Shop) -> None:
    shop.get()
    shop.world.clock.advance(timedelta(minutes=20))
    for _ in range(5):
        with pytest.raises(SharedTokenNotReady):
            shop.get(after="maps-demo." + "Z" * 26)
    assert shop.signed == 1


def test_who_may_not_have_it_is_refused_and_that_is_on_record(shop: Shop) -> None:
    for caller, profile, origin, refusal in (
        (CALLERS["admin"], "shared", None, ProfileNotAllowed),
        (STOREFRONT, "unknown", None, ProfileNotAllowed),
        (STOREFRONT, "logistics-batch", None, ProfileNotAllowed),
        (STOREFRONT, "shared", DEPOT, OriginNotAllowed),
        (STOREFRONT, "storefront-web", None, NotFound),
    ):
        with pytest.raises(refusal):
            shop.here.current(profile, caller, request_id="r", origin=origin)
    assert shop.kinds() == ["denied"] * 4
    shop.here.current("shared", STOREFRONT, request_id="r", origin=SHOP)


def test_a_key_that_was_taken_away_costs_a_signature_and_nothing_else(shop: Shop) -> None:
    first = shop.get()
    there = shop.process("there")
    shop.sealing.lost = True

    def find_it(_grant: object) -> None:
        shop.sealing.lost = False

    shop.world.maps_account.before_signing = find_it
    assert id_of(shop.get(of=there)) > id_of(first)
    assert shop.signed == 2


def test_the_worker_renews_what_is_in_use_and_nothing_else(shop: Shop) -> None:
    first = shop.get()
    worker = shop.worker()
    assert worker.run() == 0
    assert shop.signed == 1
    shop.world.clock.set(first.refresh)
    assert worker.run() == 1
    assert shop.signed == 2
    shop.world.clock.advance(timedelta(hours=1))
    assert worker.run() == 0
    assert shop.signed == 2, "nobody has asked for the second one"


def test_who_comes_back_after_a_pause_finds_a_token_although_azure_is_away(shop: Shop) -> None:
    first = shop.get()
    shop.world.clock.set(first.refresh)
    shop.worker().run()
    shop.world.clock.set(first.issued.record.grant.expiry - LEAST_LEFT + timedelta(seconds=1))
    shop.world.maps_account.fail_with(AzureUnavailable("away"))
    assert id_of(shop.get()) > id_of(first)
    assert shop.signed == 2


@pytest.mark.parametrize(("kind", "name"), [("team", "storefront"), ("profile", "shared"), ("lockdown", "")])
def test_for_whom_is_stopped_nothing_is_made_ahead_and_nothing_denied(shop: Shop, kind: str, name: str) -> None:
    first = shop.get()
    shop.world.clock.set(first.refresh)
    if kind == "lockdown":
        shop.lock()
    else:
        shop.world.suspensions.put(Suspension(kind, name, "a leak", {}, shop.world.clock.now()), ["maps-demo"])
    assert shop.worker().run() == 0
    assert "denied" not in shop.kinds()


def test_a_failure_ahead_is_raised_for_the_log_after_all_others_were_tried(shop: Shop) -> None:
    tokens = [shop.get(), shop.get(CALLERS["logistics"])]
    shop.world.clock.set(max(each.refresh for each in tokens))
    shop.world.maps_account.fail_with(AzureUnavailable("away"))
    with pytest.raises(AzureUnavailable):
        shop.worker().run()
    assert shop.signed == 3


@pytest.mark.parametrize("processes", [1, 4])
def test_at_the_instant_of_expiry_sixty_four_threads_cost_one_signature(processes: int) -> None:
    clock = SystemClock()
    shop = Shop(pause=lambda length: sleep(length.total_seconds()))
    shop.world.clock.set(clock.now())
    first = shop.get()
    shop.world.clock.set(first.issued.record.grant.expiry - LEAST_LEFT + timedelta(milliseconds=1))
    shop.world.maps_account.before_signing = lambda _grant: sleep(0.05)
    all_of_them = [shop.process(f"process-{number}") for number in range(processes)]
    barrier = Barrier(64)

    def come(number: int) -> str:
        barrier.wait(10)
        return id_of(shop.get(of=all_of_them[number % processes]))

    with ThreadPoolExecutor(64) as pool:
        ids = set(pool.map(come, range(64)))
    assert len(ids) == 1
    assert ids != {id_of(first)}
    assert shop.signed == 2
    assert shop.handed_out() == [("storefront-object", 1), ("storefront-object", 64)]


def test_the_policy_is_read_anew_with_each_request(shop: Shop) -> None:
    shop.get()
    bare: Policy = replace(SHARING_POLICY, teams={})
    shop.world.policies.policy = bare
    with pytest.raises(ProfileNotAllowed):
        shop.get()


def test_times_are_those_of_the_record(shop: Shop) -> None:
    token = shop.get()
    now: datetime = shop.world.clock.now()
    assert now < token.refresh < token.issued.record.grant.expiry - LEAST_LEFT


def test_without_a_worker_every_process_folds_minutes_that_are_long_over(shop: Shop) -> None:
    """What is counted neither grows for ever nor is lost; a worker that is there has been faster."""
    shop.get()
    folding = Folding(
        accounts=lambda: ("maps-demo",),
        shared=shop.world.shared_tokens,
        mirror=shop.world.mirror,
        clock=shop.world.clock,
    )
    shop.world.clock.advance(WITHOUT_WORKER - MINUTE)
    assert folding.run(late=WITHOUT_WORKER) == 0
    shop.world.clock.advance(3 * MINUTE)
    assert folding.run(late=WITHOUT_WORKER) == 1
    assert folding.run() == 0
