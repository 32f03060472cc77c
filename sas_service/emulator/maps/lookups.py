"""Geolocation of addresses and time zones of positions, from the atlas and the system's time zone data."""

import hashlib
import ipaddress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from werkzeug import Request, Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.maps.errors import bad_request
from sas_service.emulator.maps.gate import Service
from sas_service.emulator.maps.places import PLACES, Place, nearest, read_point
from sas_service.emulator.store import Store

_SERVICES = "Microsoft.Maps/accounts/services"


class Lookups:
    """GET /geolocation/ip/json and /timezone/..."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def services(self) -> list[Service]:
        """Return the table of APIs."""
        zone = f"{_SERVICES}/timezone/read"
        return [
            Service("geolocation", "/geolocation/ip/json", f"{_SERVICES}/geolocation/read", self.geolocation),
            Service("timezone", "/timezone/byCoordinates/json", zone, self.by_coordinates),
            Service("timezone", "/timezone/byId/json", zone, self.by_id),
            Service("timezone", "/timezone/enum/iana/json", zone, self.known_zones),
        ]

    def geolocation(self, request: Request) -> Response:
        """Return the country of an address; the emulator invents it, but always the same one for the same address."""
        text = request.args.get("ip", "")
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise bad_request(f"The ip '{text}' is not an IP address.") from None
        digest = hashlib.sha256(address.packed).digest()
        place = PLACES[int.from_bytes(digest[:4]) % len(PLACES)]
        return json_answer({"countryRegion": {"isoCode": place.country}, "ipAddress": text})

    def by_coordinates(self, request: Request) -> Response:
        """Return the time zone of the nearest city."""
        try:
            place = nearest(read_point(request.args.get("query", "")))
        except ValueError as error:
            raise bad_request(f"The query must be latitude,longitude: {error}") from None
        return self._answer(place.time_zone, place)

    def by_id(self, request: Request) -> Response:
        """Return a time zone by its IANA name."""
        name = request.args.get("query", "")
        place = next((each for each in PLACES if each.time_zone.lower() == name.lower()), None)
        return self._answer(place.time_zone if place else name, place)

    def known_zones(self, request: Request) -> Response:
        """Return the zones of the atlas."""
        del request
        return json_answer([{"Id": name} for name in sorted({place.time_zone for place in PLACES})])

    def _answer(self, name: str, place: Place | None) -> Response:
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise bad_request(f"The time zone '{name}' is not known.") from None
        now = datetime.fromtimestamp(self._store.clock.now(), UTC)
        local = now.astimezone(zone)
        standard = (local.utcoffset() or local - local) - (local.dst() or local - local)
        reference = {
            "Tag": local.tzname(),
            "StandardOffset": _offset(standard.total_seconds()),
            "DaylightSavings": _offset((local.dst() or local - local).total_seconds()),
            "WallTime": local.isoformat(),
            "PosixTzValidYear": local.year,
        }
        countries = [{"Name": place.country_name, "Code": place.country}] if place else []
        entry = {"Id": name, "Countries": countries, "ReferenceTime": reference}
        stamp = now.isoformat().replace("+00:00", "Z")
        return json_answer({"Version": "2024a", "ReferenceUtcTimestamp": stamp, "TimeZones": [entry]})


def _offset(seconds: float) -> str:
    sign = "-" if seconds < 0 else ""
    minutes = int(abs(seconds)) // 60
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:00"
