from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.emulator import worlds
from tests.contract.emulator.clients import Clients, claims
from tests.contract.emulator.test_roles import assign, remove
from tests.emulator_process import RunningEmulator

ROUTE = "/route/directions/json?api-version=1.0&query=52.50931,13.42936:52.50274,13.43872"
SEARCH = "/search/address/json?api-version=1.0&query=Redmond"
REVERSE = "/search/address/reverse/json?api-version=1.0&query=47.6,-122.3"
TILE = "/map/tile?api-version=2024-04-01&tilesetId=microsoft.base.road&zoom=3&x=1&y=2"
STATIC = "/map/static?api-version=2024-04-01&center=-122,47&zoom=10"
GEOLOCATION = "/geolocation/ip/json?api-version=1.0&ip=8.8.8.8"
TIMEZONE = "/timezone/byCoordinates/json?api-version=1.0&query=47.6,-122.3"
BATCH = "/route/directions/batch/sync/json?api-version=1.0"
ROLES = "/providers/Microsoft.Authorization/roleDefinitions/"


def test_the_answers_are_real(clients: Clients) -> None:
    token = clients.sas()
    route = clients.get(ROUTE, token).json()["routes"][0]
    assert 900 < route["summary"]["lengthInMeters"] < 1100
    assert len(route["legs"][0]["points"]) > 2
    (place,) = clients.get(SEARCH, token).json()["results"]
    assert place["position"] == {"lat": 47.674, "lon": -122.1215}
    reverse = clients.get(REVERSE, token).json()["addresses"][0]["address"]
    assert (reverse["municipality"], reverse["countryCode"]) == ("Seattle", "US")
    zone = clients.get(TIMEZONE, token).json()["TimeZones"][0]
    assert (zone["Id"], zone["ReferenceTime"]["StandardOffset"]) == ("America/Los_Angeles", "-08:00:00")
    country = clients.get(GEOLOCATION, token).json()
    assert len(country["countryRegion"]["isoCode"]) == 2
    features = clients.get("/geocode?api-version=2023-06-01&query=Paris", token).json()["features"]
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [2.3522, 48.8566]}


@pytest.mark.parametrize("path", [TILE, STATIC])
def test_images_are_png(clients: Clients, path: str) -> None:
    answer = clients.get(path, clients.sas())
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert answer.content.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize(
    "path",
    [
        "/route/directions/json?api-version=1.0&query=52.5,13.4",
        "/route/directions/json?query=52.50931,13.42936:52.50274,13.43872",
        "/search/address/json?api-version=1.0",
        "/map/tile?api-version=2024-04-01&tilesetId=microsoft.base.road&zoom=3&x=8&y=2",
        "/map/tile?api-version=2024-04-01&tilesetId=mine&zoom=3&x=1&y=2",
        "/geolocation/ip/json?api-version=1.0&ip=300.1.1.1",
        "/timezone/byId/json?api-version=1.0&query=Europe/Nowhere",
    ],
)
def test_wrong_questions(clients: Clients, path: str) -> None:
    assert clients.get(path, clients.sas()).status_code == 400


def test_subscription_keys_in_query_and_header(clients: Clients) -> None:
    keys = clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT)
    for key in (keys.primary_key, keys.secondary_key):
        assert clients.get(f"{TILE}&subscription-key={key}").status_code == 200
        assert clients.get(TILE, headers={"subscription-key": key}).status_code == 200
    assert clients.get(f"{TILE}&subscription-key=nonsense").status_code == 401


def bearer(clients: Clients, client_id: str, account: str = worlds.ACCOUNT_CLIENT_ID) -> dict[str, str]:
    token = clients.credential(client_id).get_token("https://atlas.microsoft.com/.default").token
    return {"Authorization": f"Bearer {token}", "x-ms-client-id": account}


def test_entra_tokens_with_the_client_id(clients: Clients) -> None:
    assert clients.get(TILE, headers=bearer(clients, worlds.NOBODY)).status_code == 403
    assignment = assign(clients, worlds.principal(6), ROLES + worlds.SEARCH_AND_RENDER)
    assert clients.get(TILE, headers=bearer(clients, worlds.NOBODY)).status_code == 200
    assert clients.get(SEARCH, headers=bearer(clients, worlds.NOBODY)).status_code == 200
    assert clients.get(ROUTE, headers=bearer(clients, worlds.NOBODY)).status_code == 403
    wrong_account = clients.get(TILE, headers=bearer(clients, worlds.NOBODY, worlds.API))
    assert wrong_account.status_code == 401
    assert 'error="InvalidClientId"' in wrong_account.headers["WWW-Authenticate"]
    remove(clients, assignment)


def test_an_arm_token_opens_no_map(clients: Clients) -> None:
    token = clients.credential().get_token("https://management.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}", "x-ms-client-id": worlds.ACCOUNT_CLIENT_ID}
    assert clients.get(TILE, headers=headers).status_code == 401


def test_401_says_why_in_the_challenge_only(clients: Clients) -> None:
    answer = clients.get(TILE, "eyJ0eXAiOiJKV1QifQ.e30.c2ln")
    assert answer.json() == {
        "error": {
            "code": "Unauthorized",
            "message": "Access denied, please inspect WWW-Authenticate header.",
            "target": None,
            "details": [],
        }
    }
    assert answer.headers["WWW-Authenticate"].startswith('jwt-sas realm="https://atlas.microsoft.com/", error="')


def tampered(token: str) -> list[str]:
    header, payload, signature = token.split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    return [
        f"{header}.{payload}.{flipped}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}=",
        f"{header}.{payload}.{signature}A",
        f"eyJhbGciOiJub25lIn0.{payload}.",
        f"{header}.{payload[:-2]}.{signature}",
        "",
    ]


def test_tampered_tokens(clients: Clients) -> None:
    token = clients.sas()
    assert clients.locate(token) == 200
    assert [clients.locate(each) for each in tampered(token)] == [401] * 8


def test_times(clients: Clients, emulator: RunningEmulator) -> None:
    now = clients.now()
    token = clients.sas(start=stamp(now + 60), expiry=stamp(now + 120))
    assert clients.locate(token) == 401
    emulator.control("POST", "clock", {"advance": "PT61S"})
    assert clients.locate(token) == 200
    emulator.control("POST", "clock", {"advance": "PT60S"})
    assert clients.locate(token) == 401
    emulator.control("PATCH", "settings", {"clockSkew": "PT5M"})
    assert clients.locate(token) == 200


def stamp(instant: float) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_regions_and_hosts(clients: Clients) -> None:
    token = clients.sas(regions=["eastus", "westus2"])
    assert clients.locate(token) == 200
    assert clients.locate(token, headers={"x-emulator-location": "westus2"}) == 200
    assert clients.locate(token, headers={"x-emulator-location": "westeurope"}) == 403
    assert clients.locate(token, headers={"Host": "us.atlas.microsoft.com"}) == 200
    assert clients.locate(token, headers={"Host": "eu.atlas.microsoft.com"}) == 403
    assert clients.locate(clients.sas(), headers={"Host": "eu.atlas.microsoft.com"}) == 200


def test_the_status_of_a_foreign_region_is_a_setting(clients: Clients, emulator: RunningEmulator) -> None:
    emulator.control("PATCH", "settings", {"sasRegionRefusedStatus": 401})
    assert clients.locate(clients.sas(regions=["westeurope"])) == 401


def test_a_key_dies_with_all_its_tokens_and_the_other_lives(clients: Clients) -> None:
    first, second = clients.sas(), clients.sas(signingKey="secondaryKey")
    clients.maps().accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": "primary"})
    assert (clients.locate(first), clients.locate(second)) == (401, 200)
    assert clients.locate(clients.sas()) == 200


def test_a_managed_identity_key_survives_regeneration(clients: Clients) -> None:
    token = clients.sas(signingKey="managedIdentity")
    for slot in ("primary", "secondary"):
        clients.maps().accounts.regenerate_keys(worlds.GROUP, worlds.ACCOUNT, {"keyType": slot})
    assert clients.locate(token) == 200


def test_a_custom_role_opens_exactly_its_data_actions(clients: Clients) -> None:
    body = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {worlds.identity_id("spare"): {}}}}
    clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, body)
    token = clients.sas(principalId=worlds.SPARE_PRINCIPAL)
    assert clients.get(TILE, token).status_code == 403
    assignment = assign(clients, worlds.SPARE_PRINCIPAL, ROLES + worlds.RENDER_ROLE)
    statuses = {path: clients.get(path, token).status_code for path in (TILE, STATIC, SEARCH, ROUTE, GEOLOCATION)}
    assert statuses == {TILE: 200, STATIC: 200, SEARCH: 403, ROUTE: 403, GEOLOCATION: 403}
    remove(clients, assignment)
    assert clients.get(TILE, token).status_code == 403


def test_batch_needs_the_contributor_or_batch_role(clients: Clients) -> None:
    items = {"batchItems": [{"query": "?query=52.5,13.4:52.6,13.5"}, {"query": "?query=nowhere"}]}
    token = clients.sas()
    assert clients.get(BATCH, token, method="POST", json=items).status_code == 403
    assignment = assign(clients, worlds.WEB_A_PRINCIPAL, ROLES + "d6470a16-71bd-43ab-86b3-6f3a73f4e787")
    answer = clients.get(BATCH, token, method="POST", json=items)
    assert answer.json()["summary"] == {"successfulRequests": 1, "totalRequests": 2}
    remove(clients, assignment)


def test_a_detached_identity_and_disabled_local_authentication(clients: Clients, emulator: RunningEmulator) -> None:
    token = clients.sas(principalId=worlds.WEB_B_PRINCIPAL)
    own = worlds.identity_id("web-b")

    def patch(body: dict[str, Any]) -> None:
        clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, body)

    patch({"identity": {"type": "UserAssigned", "userAssignedIdentities": {own: None}}})
    assert clients.locate(token) == 401
    emulator.control("PATCH", "settings", {"identityDetachedStatus": 403})
    assert clients.locate(token) == 403
    patch({"identity": {"type": "UserAssigned", "userAssignedIdentities": {own: {}}}})
    assert clients.locate(token) == 200
    patch({"properties": {"disableLocalAuth": True}})
    assert clients.locate(token) == 401
    key = clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT).primary_key
    assert clients.get(TILE, headers={"subscription-key": key}).status_code == 401
    patch({"properties": {"disableLocalAuth": False}})
    assert clients.locate(token) == 200


def test_a_sas_in_the_query_is_refused_unless_the_setting_allows_it(
    clients: Clients, emulator: RunningEmulator
) -> None:
    token = clients.sas()
    assert clients.get(f"{TILE}&{token}").status_code == 401
    emulator.control("PATCH", "settings", {"sasInQuery": "accept"})
    assert clients.get(f"{TILE}&{token}").status_code == 200
    assert token not in str(emulator.control("GET", "requests?limit=1000"))


def test_rates_per_token_and_location(clients: Clients, emulator: RunningEmulator) -> None:
    token = clients.sas(maxRatePerSecond=3)
    emulator.control("POST", "clock", {"freeze": True})
    try:
        assert [clients.locate(token) for _ in range(5)] == [200, 200, 200, 429, 429]
        west = {"headers": {"x-emulator-location": "westus2"}}
        assert [clients.locate(token, **west) for _ in range(4)] == [200, 200, 200, 429]
        refused = clients.get(GEOLOCATION, token)
        assert refused.headers["Retry-After"] == "1"
        emulator.control("POST", "clock", {"advance": "PT1S"})
        assert clients.locate(token) == 200
    finally:
        emulator.control("POST", "clock", {"freeze": False})


def preflight(clients: Clients, path: str = TILE, **headers: str) -> Any:
    return clients.get(path, method="OPTIONS", headers=headers)


SHOP, THIEF = "https://shop.example", "https://thief.example"


def test_cors_by_default_every_origin(clients: Clients) -> None:
    answer = preflight(
        clients,
        Origin=SHOP,
        **{"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"},
    )
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
    actual = clients.get(TILE, clients.sas(), headers={"Origin": SHOP})
    assert (actual.status_code, actual.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert preflight(clients, Origin=SHOP).status_code == 400
    assert preflight(clients, **{"Access-Control-Request-Method": "GET"}).status_code == 400


def test_cors_with_a_rule(clients: Clients, emulator: RunningEmulator) -> None:
    def patch(rules: list[Any]) -> None:
        clients.maps().accounts.update(worlds.GROUP, worlds.ACCOUNT, {"properties": {"cors": {"corsRules": rules}}})

    patch([{"allowedOrigins": [SHOP]}])
    token, method = clients.sas(), {"Access-Control-Request-Method": "GET"}
    key = clients.maps().accounts.list_keys(worlds.GROUP, worlds.ACCOUNT).primary_key
    # Without credentials the preflight cannot know the account; with a key in the query it can.
    assert preflight(clients, Origin=THIEF, **method).status_code == 200
    assert preflight(clients, f"{TILE}&subscription-key={key}", Origin=THIEF, **method).status_code == 403
    assert preflight(clients, f"{TILE}&subscription-key={key}", Origin=SHOP, **method).status_code == 200
    refused = clients.get(TILE, token, headers={"Origin": THIEF})
    assert refused.status_code == 403
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert clients.get(TILE, token, headers={"Origin": SHOP}).status_code == 200
    assert clients.get(TILE, token).status_code == 200
    patch([])
    assert clients.get(TILE, token, headers={"Origin": THIEF}).status_code == 200


def test_what_is_billed(clients: Clients, emulator: RunningEmulator) -> None:
    token, foreign = clients.sas(), clients.sas(regions=["westeurope"])
    slow = clients.sas(maxRatePerSecond=1)
    emulator.control("DELETE", "counters")
    emulator.control("POST", "clock", {"freeze": True})
    emulator.control("POST", "faults", {"operation": "timezone", "kind": "status", "status": 503})
    for path, credential in [
        (TILE, token),
        (ROUTE, token),
        ("/search/address/json?api-version=1.0", token),
        (TILE, foreign),
        (TILE, "broken"),
        (TIMEZONE, token),
        (TILE, slow),
        (TILE, slow),
    ]:
        clients.get(path, credential)
    preflight(clients, Origin=SHOP, **{"Access-Control-Request-Method": "GET"})
    emulator.control("POST", "clock", {"freeze": False})
    counters = emulator.control("GET", "counters")
    assert counters["dataPlane"] == {"200": 3, "400": 1, "403": 1, "401": 1, "503": 1, "429": 1}
    assert counters["billable"] == 4


def test_the_sas_token_names_no_key_by_default(clients: Clients) -> None:
    assert "signingKey" not in claims(clients.sas())
