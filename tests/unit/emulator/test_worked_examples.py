"""The worked examples of the authentication document, on a clock that stands still between seconds."""

from collections import Counter

import pytest
from werkzeug.test import Client

from sas_service.emulator import shapes
from sas_service.emulator.application import build
from sas_service.emulator.clock import Clock
from sas_service.emulator.durations import azure_timestamp
from sas_service.emulator.seeding import complete
from sas_service.emulator.store import Store
from sas_service.emulator.world import World

TENANT = "11111111-0000-4000-8000-000000000001"
SUBSCRIPTION = "22222222-0000-4000-8000-000000000001"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
ACCOUNT_ID = f"{GROUP_ID}/providers/Microsoft.Maps/accounts/maps"
PRINCIPAL = "55555555-0000-4000-8000-000000000001"
REVERSE = "/search/address/reverse/json?api-version=1.0&query=47.6,-122.3"
SEARCH = "/search/address/json?api-version=1.0&query=Redmond"


class Emulated:
    """An emulator without a network, whose time stands still."""

    def __init__(self) -> None:
        identity = {"name": "web", "clientId": "44444444-0000-4000-8000-000000000001", "principalId": PRINCIPAL}
        group = {
            "name": "rg",
            "identities": [identity],
            "mapsAccounts": [{"name": "maps", "identities": ["web"]}],
        }
        document = {
            "tenants": [
                {
                    "id": TENANT,
                    "applications": [{"clientId": "owner", "objectId": "owner-object", "secrets": ["secret"]}],
                }
            ],
            "subscriptions": [{"id": SUBSCRIPTION, "tenant": TENANT, "resourceGroups": [group]}],
            "roleAssignments": [
                {"scope": ACCOUNT_ID, "principalId": PRINCIPAL, "role": "Azure Maps Data Reader"},
                {"scope": "/", "principalId": "owner-object", "role": "Owner"},
            ],
        }
        self.clock = Clock()
        self.clock.freeze()
        self.store = Store(complete(shapes.read(World, document), self.clock.now()), self.clock)
        self.client = Client(build(self.store))

    def sas(self, rate: int) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": "owner",
            "client_secret": "secret",
            "scope": "https://management.azure.com/.default",
        }
        bearer = self.client.post(f"/{TENANT}/oauth2/v2.0/token", data=form).get_json()["access_token"]
        body = {
            "signingKey": "primaryKey",
            "principalId": PRINCIPAL,
            "maxRatePerSecond": rate,
            "start": azure_timestamp(self.clock.now()),
            "expiry": azure_timestamp(self.clock.now() + 3600),
        }
        answer = self.client.post(
            f"{ACCOUNT_ID}/listSas?api-version=2023-06-01", json=body, headers={"Authorization": f"Bearer {bearer}"}
        )
        return str(answer.get_json()["accountSasToken"])

    def use(self, seconds: int, *calls: tuple[str, str, int, str]) -> list[Counter[int]]:
        """Let each (path, token, times a second, location) call for some seconds, turn by turn."""
        results: list[Counter[int]] = [Counter() for _ in calls]
        for _ in range(seconds):
            waiting = [times for _, _, times, _ in calls]
            while any(waiting):
                for place, (path, token, _, location) in enumerate(calls):
                    if waiting[place]:
                        waiting[place] -= 1
                        results[place][self.call(path, token, location)] += 1
            self.clock.advance(1)
        return results

    def call(self, path: str, token: str, location: str = "eastus") -> int:
        headers = {"Authorization": f"jwt-sas {token}", "x-emulator-location": location}
        return self.client.get(path, headers=headers).status_code

    def billable(self) -> int:
        return int(self.client.get("/_emulator/counters").get_json()["billable"])


@pytest.fixture
def emulated() -> Emulated:
    return Emulated()


# The document's own durations take long; a tenth of them shows the same rates in the ordinary run.
MINUTE = pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.full)])


@pytest.mark.parametrize("seconds", [60, pytest.param(600, marks=pytest.mark.full)])
def test_a_rate_of_10_used_at_20_a_second_is_billed_at_10(emulated: Emulated, seconds: int) -> None:
    (found,) = emulated.use(seconds, (SEARCH, emulated.sas(10), 20, "eastus"))
    assert found == {200: 10 * seconds, 429: 10 * seconds}
    assert emulated.billable() == 10 * seconds


@MINUTE
def test_500_a_second_against_a_service_of_250_succeed_250_times(emulated: Emulated, seconds: int) -> None:
    (found,) = emulated.use(seconds, (REVERSE, emulated.sas(500), 500, "eastus"))
    assert found == {200: 250 * seconds, 429: 250 * seconds}
    assert emulated.billable() == 250 * seconds


@MINUTE
def test_two_tokens_share_the_service_evenly(emulated: Emulated, seconds: int) -> None:
    tokens = emulated.sas(250), emulated.sas(250)
    first, second = emulated.use(seconds, *((REVERSE, token, 250, "eastus") for token in tokens))
    assert first == second == {200: 125 * seconds, 429: 125 * seconds}
    assert emulated.billable() == 250 * seconds


def test_the_same_token_has_a_counter_in_each_location(emulated: Emulated) -> None:
    token = emulated.sas(10)
    east, west = emulated.use(20, (SEARCH, token, 20, "eastus"), (SEARCH, token, 20, "westus2"))
    assert east == west == {200: 200, 429: 200}
    assert emulated.billable() == 400


def test_without_a_rate_limit_setting_everything_passes(emulated: Emulated) -> None:
    token = emulated.sas(1)
    emulated.client.patch("/_emulator/settings", json={"rateLimits": False})
    assert emulated.use(1, (SEARCH, token, 5, "eastus")) == [{200: 5}]
