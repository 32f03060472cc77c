"""The twins that only tests use behave as the ports say."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from sas_service.adapters.memory import (
    MemoryAuditLog,
    MemoryAuditMirror,
    MemoryCallerTokens,
    MemoryClock,
    MemoryMapsAccount,
    MemorySlots,
    MemorySuspensions,
    MemoryTokenIds,
)
from sas_service.domain.audit import AuditEvent
from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    MirrorUnavailable,
    Unauthenticated,
)
from sas_service.domain.token_check import check_token
from sas_service.ports import (
    AccountFacts,
    AuditLog,
    AuditMirror,
    CallerTokens,
    Clock,
    MapsAccount,
    Slots,
    Suspensions,
    TokenIds,
)
from tests.contract.ports.world import record

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
FACTS = AccountFacts("client", "global", local_auth_disabled=False, provisioning_state="Succeeded", principals={})
CALLER = Caller("tenant", "object", "app", "application", frozenset({Role.TOKENS_ISSUE}))


def test_every_twin_is_its_port() -> None:
    clock: Clock = MemoryClock()
    slots, suspensions = MemorySlots(), MemorySuspensions()
    ports: tuple[AuditLog, AuditMirror, Slots, Suspensions, TokenIds, MapsAccount, CallerTokens] = (
        MemoryAuditLog(clock=clock, slots=slots, suspensions=suspensions),
        MemoryAuditMirror(),
        slots,
        suspensions,
        MemoryTokenIds(),
        MemoryMapsAccount({}),
        MemoryCallerTokens({}),
    )
    assert len(ports) == 7


def test_the_clock_moves_only_when_told() -> None:
    clock = MemoryClock(NOW)
    assert clock.now() == clock.now() == NOW
    assert clock.advance(timedelta(seconds=5)) == clock.now() == NOW + timedelta(seconds=5)
    clock.set(NOW)
    assert clock.now() == NOW


def test_a_signed_token_is_what_was_granted_and_never_the_same() -> None:
    account = MemoryMapsAccount({"maps-demo": FACTS})
    grant = record(NOW).grant
    first, second = (account.sign(grant, request_id="r").token for _ in range(2))
    assert first.fingerprint != second.fingerprint
    assert check_token(grant, first) == []
    payload = first.reveal().split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] == grant.expiry.timestamp()
    assert account.signed == [grant, grant]


def test_a_test_can_make_azure_lie() -> None:
    account = MemoryMapsAccount({})
    account.claims["exp"] = 1
    assert check_token(record(NOW).grant, account.sign(record(NOW).grant, request_id="r").token) == ["exp"]


def test_failures_come_as_often_as_ordered() -> None:
    account = MemoryMapsAccount({"maps-demo": FACTS})
    account.fail_with(AzureThrottled("slow down", retry_after=timedelta(seconds=7)), times=2)
    for _ in range(2):
        with pytest.raises(AzureThrottled):
            account.sign(record(NOW).grant, request_id="r")
    assert account.facts("maps-demo", max_age=timedelta()) == FACTS
    assert account.signed == []
    with pytest.raises(AzureRefused):
        account.facts("other", max_age=timedelta())


def test_the_log_and_the_mirror_fail_when_told() -> None:
    mirror = MemoryAuditMirror()
    mirror.fail_with(MirrorUnavailable("full"))
    with pytest.raises(MirrorUnavailable):
        mirror.append([AuditEvent("maps-demo", 1, "{}")])
    assert mirror.lines() == []
    mirror.check()
    log = MemoryAuditLog(clock=MemoryClock(), slots=MemorySlots(), suspensions=MemorySuspensions())
    log.fail_with(AuditLogUnavailable("away"))
    with pytest.raises(AuditLogUnavailable):
        log.settle(record(NOW), record(NOW).state, None)  # type: ignore[arg-type]


def test_a_known_string_is_its_caller() -> None:
    tokens = MemoryCallerTokens({"storefront": CALLER})
    assert tokens.verify("storefront", NOW) is CALLER
    with pytest.raises(Unauthenticated):
        tokens.verify("other", NOW)
