"""What the pipeline asks of the budget, and what it tells it."""

from datetime import timedelta

import pytest

from sas_service.adapters.azure.account_keys import AzureAccountKeys
from sas_service.adapters.azure.arm_writes import ArmWrites, subscription_of
from sas_service.domain.errors import AzureThrottled, AzureUnavailable, BudgetExhausted
from sas_service.domain.quotas import Quota, QuotaLeft
from sas_service.domain.slots import SigningKey
from sas_service.ports import Allotted, Demand, QuotaSpent
from tests.unit.adapters_azure.azure_world import ACCOUNT_ID, SIGNED, SUBSCRIPTION, StubArm, accounts, grant
from tests.unit.adapters_azure.loopback_server import Reply, json_reply

OWN, ALL = "x-ms-ratelimit-remaining-subscription-writes", "x-ms-ratelimit-remaining-subscription-global-writes"


class NotedBudget:
    """The port ArmBudget; notes what it is told."""

    def __init__(self) -> None:
        self.learnt: list[tuple[str, int]] = []
        self.closed: list[tuple[str, timedelta, bool]] = []
        self.extra: list[tuple[str, int]] = []

    def ask(self, _demand: Demand) -> Allotted:
        return Allotted(timedelta())

    def count(self, _team: str, quota: Quota) -> QuotaLeft | QuotaSpent:
        return QuotaLeft(quota, 1, quota.per)

    def learn(self, subscription: str, remaining: int) -> None:
        self.learnt.append((subscription, remaining))

    def sent(self, subscription: str, writes: int) -> None:
        self.extra.append((subscription, writes))

    def close(self, subscription: str, wait: timedelta, *, empty: bool) -> None:
        self.closed.append((subscription, wait, empty))


def refused(status: int, **headers: str) -> Reply:
    return json_reply({"error": {"code": "No", "message": "no"}}, status, **headers)


def test_what_azure_says_is_left_is_passed_on() -> None:
    budget = NotedBudget()
    reply = Reply(200, SIGNED.body, {**SIGNED.headers, OWN: "187"})
    less = Reply(200, SIGNED.body, {**SIGNED.headers, OWN: "187", ALL: "12"})
    with StubArm(reply, less) as arm:
        arm.writes = ArmWrites(budget)
        account = arm.account()
        account.sign(grant(), request_id="r")
        account.sign(grant(), request_id="r")
    assert budget.learnt == [(SUBSCRIPTION, 187), (SUBSCRIPTION, 12)]
    assert (budget.closed, budget.extra) == ([], [])


@pytest.mark.parametrize(("status", "empty"), [(429, True), (503, False)])
def test_azures_wish_to_wait_closes_the_bucket(status: int, empty: bool) -> None:
    budget = NotedBudget()
    with StubArm(refused(status, Retry_After="17")) as arm:
        arm.writes = ArmWrites(budget)
        with pytest.raises((AzureThrottled, AzureUnavailable)):
            arm.account().sign(grant(), request_id="r")
    assert budget.closed[0] == (SUBSCRIPTION, timedelta(seconds=17), empty)


def test_further_attempts_are_told_to_the_budget() -> None:
    budget = NotedBudget()
    with StubArm(refused(503), refused(502), SIGNED) as arm:
        arm.writes = ArmWrites(budget)
        arm.account().sign(grant(), request_id="r")
    assert budget.extra == [(SUBSCRIPTION, 2)]


def test_an_operators_write_is_not_sent_without_a_place_in_the_budget() -> None:
    asked: list[str] = []

    def before(subscription: str) -> None:
        asked.append(subscription)
        raise BudgetExhausted("none left", retry_after=timedelta(seconds=3))

    with StubArm(json_reply({})) as arm:
        arm.writes = ArmWrites(NotedBudget(), before)
        keys = AzureAccountKeys(
            accounts=accounts, credential=arm.prefetched(), outbound=arm.outbound, pepper=bytes(16),
            base_url=arm.server.url, patience=arm.patience,
        )  # fmt: skip
        with pytest.raises(BudgetExhausted):
            keys.regenerate("maps-demo", SigningKey.PRIMARY, request_id="r")
        assert arm.server.paths() == []
    assert asked == [SUBSCRIPTION]


def test_what_a_worker_reads_all_the_time_takes_nothing_from_the_write_that_it_waits_for() -> None:
    spent: list[str] = []
    answer = json_reply({"primaryKey": "p" * 43, "secondaryKey": "s" * 43})
    with StubArm(answer, answer) as arm:
        arm.writes = ArmWrites(NotedBudget(), lambda _: spent.append("own"))
        keys = AzureAccountKeys(
            accounts=accounts, credential=arm.prefetched(), outbound=arm.outbound, pepper=bytes(16),
            base_url=arm.server.url, patience=arm.patience,
            reading=ArmWrites(NotedBudget(), lambda _: spent.append("watching")),
        )  # fmt: skip
        keys.read("maps-demo")
        keys.regenerate("maps-demo", SigningKey.PRIMARY, request_id="r")
    assert spent == ["watching", "own"]


def test_reading_asks_for_nothing() -> None:
    asked: list[str] = []
    with StubArm(json_reply({"properties": {"principalId": "p", "clientId": "c"}})) as arm:
        arm.writes = ArmWrites(NotedBudget(), asked.append)
        with pytest.raises(AzureUnavailable):
            arm.account().facts("maps-demo", max_age=timedelta())
    assert asked == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"https://management.azure.com{ACCOUNT_ID}/listSas?api-version=1", SUBSCRIPTION),
        (f"https://management.azure.com/subscriptions/{SUBSCRIPTION.upper()}?x=1", SUBSCRIPTION),
        ("https://management.azure.com/providers/x", "tenant"),
    ],
)
def test_the_subscription_stands_in_the_address(url: str, expected: str) -> None:
    assert subscription_of(url) == expected
