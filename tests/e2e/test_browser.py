"""The real azure-maps-control, in a real browser, takes its token from the service and its tiles from the emulator."""

import base64
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.e2e.running_demo import RunningDemo
from tests.node import packages
from tests.node.shop import open_shop


@pytest.fixture(autouse=True, scope="session")
def browser() -> str:
    """Of the session and by itself, so that it comes before the demo: without a browser none is started."""
    packages.require_packages()
    return packages.chromium()


def browse(demo: RunningDemo, shop: str, browser: str, tmp_path: Path, **how: Any) -> dict[str, Any]:
    told = {
        "executable": browser,
        "profile": str(tmp_path / "profile"),
        "screenshot": str(tmp_path / "map.png"),
        # With its protocol: to a bare host name the SDK would speak https, which the demo's emulator does not.
        "url": f"{shop}/?{urlencode({'domain': demo.emulator})}",
        **how,
    }
    seen: dict[str, Any] = packages.run_script("browse.mjs", told)
    return seen


def statuses(demo: RunningDemo) -> Counter[str]:
    return Counter(demo.counters()["dataPlane"])


def test_a_map_is_drawn_with_our_token(demo: RunningDemo, browser: str, tmp_path: Path) -> None:
    issued: list[str] = []

    def new_token() -> str:
        # The shortest lifetime of the profile: were it too short for the SDK, it would ask again and again.
        issued.append(demo.issue(lifetime="PT10M").json()["token"])
        return issued[-1]

    before = statuses(demo)
    with open_shop(new_token) as shop:
        seen = browse(demo, shop, browser, tmp_path, waitForMap=True, watchSeconds=3)

    assert (seen["problems"], seen["told"]["errors"]) == ([], [])
    assert (seen["told"]["getTokenCalls"], len(issued)) == (1, 1)
    assert_nothing_left_the_machine(seen)
    tiles = [each for each in seen["requests"] if urlsplit(each["url"]).path == "/map/tile"]
    assert {tileset for each in tiles for tileset in each["url"].split("&") if tileset.startswith("tilesetId")} == {
        "tilesetId=microsoft.base.road",
        "tilesetId=microsoft.weather.radar.main",
    }
    assert {(each["status"], each["authorization"]) for each in tiles} == {(200, f"jwt-sas {issued[0]}")}
    answered = statuses(demo) - before
    assert set(answered) == {"200"}
    assert answered["200"] >= len(tiles)
    assert_canvas_shows(seen["colours"], {tile_colour(each["url"], issued[0]) for each in tiles})
    assert (tmp_path / "map.png").stat().st_size > 0


def assert_nothing_left_the_machine(seen: dict[str, Any]) -> None:
    # Blobs (the SDK's workers) and data addresses have no host.
    assert {each["host"] for each in seen["requests"]} - {""} == {"127.0.0.1"}


def tile_colour(url: str, token: str) -> tuple[int, ...]:
    """Return the colour that the emulator fills a tile with: the first of its palette."""
    png = requests.get(url, headers={"Authorization": f"jwt-sas {token}"}, timeout=10).content
    at = png.index(b"PLTE") + 4
    return tuple(png[at : at + 3])


def assert_canvas_shows(colours: dict[str, int], tiles: set[tuple[int, ...]]) -> None:
    """Assert that large areas have the tiles' colours, and no other; blending may round by one."""
    area = sum(colours.values())
    large = [tuple(map(int, colour.split(","))) for colour, pixels in colours.items() if pixels > area / 50]
    assert len(large) >= 3
    for colour in large:
        assert any(max(abs(a - b) for a, b in zip(colour, tile, strict=True)) <= 1 for tile in tiles), colour


def test_tokens_shorter_than_the_sdk_can_bear_are_refused(demo: RunningDemo, browser: str, tmp_path: Path) -> None:
    """The SDK renews 300 s before the end: with less it asks without end, which is why profiles have a floor."""
    refusal = demo.issue(lifetime="PT4M").json()
    assert [each["rule"] for each in refusal["violations"]] == ["profiles.storefront-web.lifetime.min"]
    with open_shop(lambda: short_lived_token(240)) as shop:
        seen = browse(demo, shop, browser, tmp_path, waitForMap=False, watchSeconds=2)
    assert seen["told"]["getTokenCalls"] > 10


def short_lived_token(seconds: int) -> str:
    """Return what the SDK takes for a token; nobody signed it."""
    claims = json.dumps({"exp": int(time.time()) + seconds}).encode()
    return f"eyJ0eXAiOiJKV1QifQ.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"
