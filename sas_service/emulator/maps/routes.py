"""Route directions between points of the atlas: straight lines at an honest speed."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.maps.errors import bad_request
from sas_service.emulator.maps.gate import Service
from sas_service.emulator.maps.places import Point, distance, read_point
from sas_service.emulator.store import Store

_ACTION = "Microsoft.Maps/accounts/services/route/read"
_BATCH = "Microsoft.Maps/accounts/services/batch/action"
_SPEED = {"car": 22.0, "truck": 19.0, "pedestrian": 1.4, "bicycle": 5.0}
_STEPS = 8


class Routes:
    """GET and POST /route/directions/json, and its batch form."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def services(self) -> list[Service]:
        """Return the table of APIs."""
        batch = "/route/directions/batch/sync/json"
        return [
            Service("route", "/route/directions/json", _ACTION, self.directions, ("GET", "POST")),
            Service("routeBatch", batch, _BATCH, self.batch, ("POST",)),
        ]

    def directions(self, request: Request) -> Response:
        """Return one route."""
        return json_answer(self._route(request.args.get("query", ""), request.args.get("travelMode", "car")))

    def batch(self, request: Request) -> Response:
        """Return many routes; each item has its own status."""
        try:
            items = json.loads(request.get_data())["batchItems"]
        except (ValueError, KeyError, TypeError):
            raise bad_request("The body must be an object with batchItems.") from None
        answers = [self._batch_item(str(item.get("query", ""))) for item in items]
        good = sum(answer["statusCode"] == 200 for answer in answers)  # noqa: PLR2004 - HTTP 200
        summary = {"successfulRequests": good, "totalRequests": len(answers)}
        return json_answer({"summary": summary, "batchItems": answers})

    def _batch_item(self, query: str) -> dict[str, Any]:
        text = query.removeprefix("?").partition("query=")[2].partition("&")[0]
        try:
            return {"statusCode": 200, "response": self._route(text, "car")}
        except Exception as error:  # noqa: BLE001 - a refusal of one item is that item's answer
            return {"statusCode": 400, "response": getattr(error, "body", {})}

    def _route(self, query: str, mode: str) -> dict[str, Any]:
        try:
            points = [read_point(part) for part in query.split(":")]
        except ValueError as error:
            raise bad_request(f"The query must be latitude,longitude:latitude,longitude: {error}") from None
        if len(points) < 2:  # noqa: PLR2004 - from somewhere to somewhere
            raise bad_request("A route needs at least two points.")
        if mode not in _SPEED:
            raise bad_request(f"The travelMode {mode} is not known.")
        legs = [self._leg(start, end, mode) for start, end in pairwise(points)]
        summary = self._summary(
            sum(leg["summary"]["lengthInMeters"] for leg in legs),
            sum(leg["summary"]["travelTimeInSeconds"] for leg in legs),
        )
        section = {
            "startPointIndex": 0,
            "endPointIndex": sum(len(leg["points"]) for leg in legs) - 1,
            "sectionType": "TRAVEL_MODE",
            "travelMode": mode,
        }
        route = {"summary": summary, "legs": legs, "sections": [section]}
        return {"formatVersion": "0.0.12", "routes": [route]}

    def _leg(self, start: Point, end: Point, mode: str) -> dict[str, Any]:
        metres = round(distance(start, end))
        points = [
            {
                "latitude": round(start.latitude + (end.latitude - start.latitude) * step / _STEPS, 5),
                "longitude": round(start.longitude + (end.longitude - start.longitude) * step / _STEPS, 5),
            }
            for step in range(_STEPS + 1)
        ]
        return {"summary": self._summary(metres, round(metres / _SPEED[mode])), "points": points}

    def _summary(self, metres: int, seconds: int) -> dict[str, Any]:
        now = self._store.clock.now()
        return {
            "lengthInMeters": metres,
            "travelTimeInSeconds": seconds,
            "trafficDelayInSeconds": 0,
            "trafficLengthInMeters": 0,
            "departureTime": datetime.fromtimestamp(int(now), UTC).isoformat(),
            "arrivalTime": datetime.fromtimestamp(int(now) + seconds, UTC).isoformat(),
        }
