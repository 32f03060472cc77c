"""However slow Azure is, a call ends with its deadline; the clock is the test's."""

import pytest
from azure.core.exceptions import ServiceResponseTimeoutError

from sas_service.adapters.azure.attempts import Attempts, Patience, Timeouts
from sas_service.domain.errors import AzureUnavailable


class SlowAzure:
    """Takes all the time that it is given, each time, and never answers."""

    def __init__(self) -> None:
        self.now = 100.0
        self.given: list[Timeouts] = []

    def __call__(self, timeouts: Timeouts) -> str:
        self.given.append(timeouts)
        self.now += timeouts.read_timeout
        raise ServiceResponseTimeoutError("no answer")

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def attempts(self, patience: Patience) -> Attempts:
        return Attempts(patience, jitter=lambda: 0.5, pause=self.wait, monotonic=lambda: self.now)


def test_the_last_attempt_gets_what_is_left_of_the_deadline() -> None:
    azure = SlowAzure()
    with pytest.raises(AzureUnavailable):
        azure.attempts(Patience(deadline=12, connect=3, read=8)).run("List SAS", azure)
    assert azure.now == pytest.approx(112)
    assert [given.read_timeout for given in azure.given] == [8, pytest.approx(3.8)]
    assert [given.connection_timeout for given in azure.given] == [3, 3]


def test_no_attempt_begins_that_could_not_end() -> None:
    azure = SlowAzure()
    with pytest.raises(AzureUnavailable) as away:
        azure.attempts(Patience(deadline=8.5, read=8)).run("List SAS", azure)
    assert away.value.extra == {"attempts": "1", "effect": "unknown"}
    assert azure.now <= 108.5


def test_three_sends_are_the_most() -> None:
    azure = SlowAzure()
    with pytest.raises(AzureUnavailable):
        azure.attempts(Patience(deadline=1000, read=1)).run("List SAS", azure)
    assert len(azure.given) == 3
    assert azure.now == pytest.approx(100 + 3 + 0.2 + 0.4)
