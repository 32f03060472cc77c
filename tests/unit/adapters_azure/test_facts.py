"""Facts of an account: found whatever the case of ARM's ids, cached, fetched by one thread at a time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.azure.fresh_values import FreshValues
from sas_service.domain.errors import AzureRefused, AzureUnavailable, NotFound
from sas_service.domain.policy import Account
from sas_service.ports import AccountFacts
from tests.unit.adapters_azure.azure_world import (
    ACCOUNT,
    ACCOUNT_ID,
    PRINCIPAL_A,
    PRINCIPAL_B,
    StubArm,
    account_document,
    azure_error,
)
from tests.unit.adapters_azure.crowd import in_threads
from tests.unit.adapters_azure.loopback_server import Reply, json_reply

BOTH = json_reply(account_document(maps_web_a=PRINCIPAL_A, maps_web_b=PRINCIPAL_B))
ONE = json_reply(account_document(maps_web_a=PRINCIPAL_A))
MINUTE = timedelta(minutes=1)


def test_facts_are_in_the_policys_words() -> None:
    with StubArm(BOTH) as arm:
        assert arm.account().facts("maps-demo", max_age=MINUTE) == AccountFacts(
            client_id="unique",
            location="eastus",
            local_auth_disabled=False,
            provisioning_state="Succeeded",
            principals={"a": PRINCIPAL_A, "b": PRINCIPAL_B},
        )
        assert arm.server.paths() == [f"{ACCOUNT_ID}?api-version=2023-06-01"]


def test_facts_are_fetched_again_only_when_too_old() -> None:
    with StubArm(BOTH) as arm:
        account = arm.account()
        for _ in range(10):
            account.facts("maps-demo", max_age=MINUTE)
        assert len(arm.server.asked) == 1
        account.facts("maps-demo", max_age=timedelta(0))
        assert len(arm.server.asked) == 2


def test_a_new_policy_is_told_of_the_same_reading() -> None:
    a, b = ACCOUNT.identities["a"], ACCOUNT.identities["b"]
    definitions = [ACCOUNT, replace(ACCOUNT, identities={"a": b, "b": a})]
    with StubArm(BOTH) as arm:
        account = arm.account()
        account._accounts = lambda _name: definitions[0]
        assert account.facts("maps-demo", max_age=MINUTE).principals == {"a": PRINCIPAL_A, "b": PRINCIPAL_B}
        del definitions[0]
        assert account.facts("maps-demo", max_age=MINUTE).principals == {"a": PRINCIPAL_B, "b": PRINCIPAL_A}
        assert len(arm.server.asked) == 1


def test_32_threads_fetch_once() -> None:
    with StubArm(replace(BOTH, delay=0.2)) as arm:
        account = arm.account()
        outcomes = in_threads(32, lambda: account.facts("maps-demo", max_age=MINUTE).client_id)
        assert outcomes == ["unique"] * 32
        assert len(arm.server.asked) == 1
        assert arm.credential.calls == 1


def test_32_threads_share_a_failure() -> None:
    with StubArm(replace(Reply(403, azure_error()), delay=1.0)) as arm:
        account = arm.account()
        outcomes = in_threads(32, lambda: account.facts("maps-demo", max_age=MINUTE))
        assert {type(outcome) for outcome in outcomes} == {AzureRefused}
        assert len({id(outcome) for outcome in outcomes}) == 32
        assert len(arm.server.asked) == 1


def test_a_missing_identity_is_looked_for_again_but_not_at_every_call() -> None:
    now = [0.0]
    with StubArm(ONE, ONE, BOTH) as arm:
        account = arm.account()
        account._states = FreshValues(patience=3, monotonic=lambda: now[0])
        hour = timedelta(hours=1)
        assert set(account.facts("maps-demo", max_age=hour).principals) == {"a"}
        now[0] = 29
        account.facts("maps-demo", max_age=hour)
        assert len(arm.server.asked) == 1
        now[0] = 31
        account.facts("maps-demo", max_age=hour)
        assert len(arm.server.asked) == 2
        now[0] = 62
        assert set(account.facts("maps-demo", max_age=hour).principals) == {"a", "b"}
        now[0] = 3600
        account.facts("maps-demo", max_age=hour)
        assert len(arm.server.asked) == 3


def test_a_detached_identity_does_not_stop_the_others_when_azure_is_away() -> None:
    now = [0.0]
    with StubArm(ONE, Reply(403, azure_error())) as arm:
        account = arm.account()
        account._states = FreshValues(patience=3, monotonic=lambda: now[0])
        for now[0] in (0, 31, 40, 50, 60):
            assert account.facts("maps-demo", max_age=timedelta(hours=1)).principals == {"a": PRINCIPAL_A}
        assert len(arm.server.asked) == 2
        now[0] = 62
        account.facts("maps-demo", max_age=timedelta(hours=1))
        assert len(arm.server.asked) == 3


def test_a_failed_look_does_not_displace_what_is_known() -> None:
    with StubArm(BOTH, Reply(403, azure_error())) as arm:
        account = arm.account()
        known = account.facts("maps-demo", max_age=MINUTE)
        with pytest.raises(AzureRefused):
            account.facts("maps-demo", max_age=timedelta(0))
        assert account.facts("maps-demo", max_age=MINUTE) == known


@pytest.mark.parametrize("without", ["identity", "properties", "location"])
def test_an_account_without_identities_is_read_and_one_without_an_id_is_not(without: str) -> None:
    document = account_document(maps_web_a=PRINCIPAL_A)
    document[without] = None
    with StubArm(json_reply(document)) as arm:
        if without == "properties":
            with pytest.raises(AzureUnavailable):
                arm.account().facts("maps-demo", max_age=MINUTE)
        else:
            principals = arm.account().facts("maps-demo", max_age=MINUTE).principals
            assert principals == ({} if without == "identity" else {"a": PRINCIPAL_A})


def test_an_unknown_account_is_the_policys_error() -> None:
    def nothing(name: str) -> Account:
        raise NotFound(f"no account {name}")

    with StubArm(BOTH) as arm:
        account = arm.account()
        account._accounts = nothing
        with pytest.raises(NotFound):
            account.facts("other", max_age=MINUTE)


def test_a_renamed_identity_needs_no_fetch() -> None:
    renamed = replace(ACCOUNT, identities={"web": ACCOUNT.identities["a"] + "/"})
    with StubArm(BOTH) as arm:
        account = arm.account()
        account.facts("maps-demo", max_age=MINUTE)
        account._accounts = lambda _name: renamed
        assert account.facts("maps-demo", max_age=MINUTE).principals == {"web": PRINCIPAL_A}
        assert len(arm.server.asked) == 1
