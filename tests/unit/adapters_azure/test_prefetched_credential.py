"""One request for a token, however many threads want it; good tokens outlive a failing identity endpoint."""

import logging
import threading
import time
from collections.abc import Callable

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from sas_service.adapters.azure.prefetched_credential import ARM_SCOPE, PrefetchedCredential
from sas_service.domain.errors import IdentityUnavailable
from tests.unit.adapters_azure.azure_world import BEARER, SECRETS, StubCredential, all_text_of
from tests.unit.adapters_azure.crowd import in_threads


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def token(clock: Time, lifetime: float, text: str = BEARER) -> Callable[[], AccessToken]:
    return lambda: AccessToken(text, int(clock() + lifetime))


def slowly(answer: Callable[[], AccessToken]) -> Callable[[], AccessToken]:
    def run() -> AccessToken:
        time.sleep(0.8)
        return answer()

    return run


def failing(error: Exception) -> Callable[[], AccessToken]:
    def run() -> AccessToken:
        raise error

    return run


def test_32_threads_on_a_cold_cache_make_one_request() -> None:
    clock = Time()
    source = StubCredential(slowly(token(clock, 3600)))
    credential = PrefetchedCredential(lambda: source, clock=clock)
    assert in_threads(32, credential.bearer) == [BEARER] * 32
    assert source.calls == 1


def test_32_threads_share_a_failure_and_a_later_one_asks_again() -> None:
    clock = Time()
    source = StubCredential(slowly(failing(CredentialUnavailableError("x"))))
    credential = PrefetchedCredential(lambda: source, clock=clock)
    assert {type(outcome) for outcome in in_threads(32, credential.bearer)} == {IdentityUnavailable}
    assert source.calls == 1
    clock.now += 2
    source._answer = token(clock, 3600)
    assert credential.bearer() == BEARER
    assert source.calls == 2


def test_a_token_is_renewed_ahead_by_one_thread_while_others_use_the_old_one() -> None:
    clock = Time()
    source = StubCredential(token(clock, 600, "old"))
    credential = PrefetchedCredential(lambda: source, clock=clock)
    assert credential.bearer() == "old"
    clock.now += 310
    begun, go_on = threading.Event(), threading.Event()

    def renewed() -> AccessToken:
        begun.set()
        go_on.wait(5)
        return AccessToken("new", int(clock() + 3600))

    source._answer = renewed
    renewer = threading.Thread(target=credential.bearer)
    renewer.start()
    begun.wait(5)
    assert in_threads(16, credential.bearer) == ["old"] * 16
    go_on.set()
    renewer.join()
    assert credential.bearer() == "new"
    assert source.calls == 2


def test_a_thread_that_comes_late_to_a_renewal_does_not_renew_again() -> None:
    clock = Time()
    source = StubCredential(token(clock, 600))
    credential = PrefetchedCredential(lambda: source, clock=clock)
    credential.bearer()
    seen_before = credential._token
    clock.now += 310
    credential.bearer()
    assert seen_before is not None
    credential._renew(seen_before)
    assert source.calls == 2


def test_refresh_on_decides_when_entra_names_it() -> None:
    clock = Time()

    class Informed(StubCredential):
        def get_token_info(self, *_scopes: str, options: object = None) -> AccessTokenInfo:
            self.calls += 1
            return AccessTokenInfo(str(self.calls), int(clock() + 86_400), refresh_on=int(clock() + 43_200))

    source = Informed()
    credential = PrefetchedCredential(lambda: source, clock=clock)
    assert credential.bearer() == "1"
    clock.now += 43_000
    assert credential.bearer() == "1"
    clock.now += 300
    credential.bearer()
    assert credential.bearer() == "2"


def test_a_failing_renewal_is_tried_every_half_minute_and_hurts_nobody() -> None:
    clock = Time()
    source = StubCredential(token(clock, 600))
    credential = PrefetchedCredential(lambda: source, clock=clock)
    credential.bearer()
    source._answer = failing(ClientAuthenticationError("down"))
    clock.now += 310
    for _ in range(100):
        assert credential.bearer() == BEARER
    assert source.calls == 2
    clock.now += 31
    credential.bearer()
    assert source.calls == 3
    clock.now = 1_000_000.0 + 541
    with pytest.raises(IdentityUnavailable):
        credential.bearer()


def test_a_token_about_to_expire_is_not_used() -> None:
    clock = Time()
    source = StubCredential(token(clock, 59))
    with pytest.raises(IdentityUnavailable):
        PrefetchedCredential(lambda: source, clock=clock).bearer()


@pytest.mark.parametrize(
    "error",
    [
        CredentialUnavailableError(f"Azure's own words {BEARER}"),
        ClientAuthenticationError(f"Azure's own words {BEARER}"),
        ValueError(f"Azure's own words {BEARER}"),
        KeyError(BEARER),
        OSError(BEARER),
    ],
)
def test_no_failure_quotes_the_sdk(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    source = StubCredential(failing(error))
    with caplog.at_level(logging.DEBUG), pytest.raises(IdentityUnavailable) as failure:
        PrefetchedCredential(lambda: source).prefetch()
    everywhere = all_text_of(failure.value) + caplog.text
    assert not [secret for secret in SECRETS if secret in everywhere]
    assert type(error).__name__ in caplog.text
    assert failure.value.retry_after is not None


def test_a_credential_that_cannot_be_built_is_the_same_failure() -> None:
    def broken() -> StubCredential:
        raise ValueError("no such certificate file")

    with pytest.raises(IdentityUnavailable) as failure:
        PrefetchedCredential(broken).bearer()
    assert failure.value.__context__ is None


def test_a_refused_token_is_forgotten_at_most_once_a_minute() -> None:
    clock = Time()
    built: list[StubCredential] = []

    def build() -> StubCredential:
        number = len(built)
        built.append(StubCredential(lambda: AccessToken(f"token-{number}", int(clock() + 3600))))
        return built[-1]

    credential = PrefetchedCredential(build, clock=clock)
    first = credential.bearer()
    credential.forget("another token")
    assert credential.bearer() == first
    credential.forget(first)
    second = credential.bearer()
    assert second == "token-1"
    credential.forget(second)
    assert credential.bearer() == second
    clock.now += 61
    credential.forget(second)
    assert credential.bearer() == "token-2"


def test_waiting_for_another_thread_has_an_end() -> None:
    source = StubCredential(slowly(lambda: AccessToken(BEARER, int(time.time()) + 3600)))
    credential = PrefetchedCredential(lambda: source, patience=0.05)
    outcomes = in_threads(4, credential.bearer)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["IdentityUnavailable"] * 3 + ["str"]


def test_sdk_clients_get_the_same_token_for_the_same_scope_only() -> None:
    source = StubCredential()
    credential = PrefetchedCredential(lambda: source)
    assert credential.get_token(ARM_SCOPE).token == BEARER
    assert credential.get_token_info(ARM_SCOPE).token == BEARER
    assert source.calls == 1
    with pytest.raises(ValueError, match="scope"):
        credential.get_token("https://vault.azure.net/.default")
