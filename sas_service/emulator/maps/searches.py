"""Search in the atlas: by text and by position, in the 1.0 form and in the GeoJSON form of 2023-06-01."""

import json
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.maps.errors import bad_request
from sas_service.emulator.maps.gate import Service
from sas_service.emulator.maps.places import Place, Point, distance, find, nearest, read_point

_ACTION = "Microsoft.Maps/accounts/services/search/read"
_BATCH = "Microsoft.Maps/accounts/services/batch/action"
_MAX_RESULTS = 100


def services() -> list[Service]:
    """Return the table of APIs."""
    return [
        *(Service("search", f"/search/{kind}/json", _ACTION, search) for kind in ("address", "fuzzy", "poi")),
        Service("searchReverse", "/search/address/reverse/json", _ACTION, reverse),
        Service("search", "/geocode", _ACTION, geocode),
        Service("searchReverse", "/reverseGeocode", _ACTION, reverse_geocode),
        Service("searchBatch", "/search/address/batch/sync/json", _BATCH, batch, ("POST",)),
        Service("searchBatch", "/geocode:batch", _BATCH, geocode_batch, ("POST",)),
    ]


def search(request: Request) -> Response:
    """Return the cities that a text names."""
    return json_answer(_results(_query(request), _limit(request, "limit")))


def reverse(request: Request) -> Response:
    """Return the city nearest to a position."""
    try:
        point = read_point(_query(request))
    except ValueError as error:
        raise bad_request(f"The query must be latitude,longitude: {error}") from None
    place = nearest(point)
    address = {"address": _address(place), "position": f"{place.latitude:.6f},{place.longitude:.6f}"}
    return json_answer({"summary": {"queryTime": 1, "numResults": 1}, "addresses": [address]})


def geocode(request: Request) -> Response:
    """Return the cities that a text names, as GeoJSON."""
    text = request.args.get("query") or request.args.get("addressLine") or request.args.get("locality")
    if not text:
        raise bad_request("The query parameter is required.")
    return json_answer(_collection(find(text)[: _limit(request, "top", 5)]))


def reverse_geocode(request: Request) -> Response:
    """Return the city nearest to a position, as GeoJSON; this API writes longitude first."""
    try:
        longitude, latitude = (float(part) for part in request.args.get("coordinates", "").split(","))
        point = read_point(f"{latitude},{longitude}")
    except ValueError as error:
        raise bad_request(f"The coordinates must be longitude,latitude: {error}") from None
    return json_answer(_collection([nearest(point)]))


def batch(request: Request) -> Response:
    """Return the results of many texts."""
    queries = [
        str(item.get("query", "")).partition("query=")[2].partition("&")[0].replace("%20", " ").replace("+", " ")
        for item in _batch_items(request)
    ]
    answers = [{"statusCode": 200, "response": _results(text, 10)} for text in queries]
    summary = {"successfulRequests": len(answers), "totalRequests": len(answers)}
    return json_answer({"summary": summary, "batchItems": answers})


def geocode_batch(request: Request) -> Response:
    """Return the results of many texts, as GeoJSON."""
    items = [_collection(find(str(item.get("query", "")))) for item in _batch_items(request)]
    return json_answer(
        {"summary": {"successfulRequests": len(items), "totalRequests": len(items)}, "batchItems": items}
    )


def _batch_items(request: Request) -> list[dict[str, Any]]:
    try:
        items: list[dict[str, Any]] = json.loads(request.get_data())["batchItems"]
    except (ValueError, KeyError, TypeError):
        raise bad_request("The body must be an object with batchItems.") from None
    return items


def _query(request: Request) -> str:
    text = request.args.get("query", "").strip()
    if not text:
        raise bad_request("The query parameter is required.")
    return text


def _limit(request: Request, name: str, default: int = 10) -> int:
    try:
        limit = int(request.args.get(name, default))
    except ValueError:
        limit = 0
    if not 1 <= limit <= _MAX_RESULTS:
        raise bad_request(f"The {name} must be between 1 and {_MAX_RESULTS}.")
    return limit


def _results(text: str, limit: int) -> dict[str, Any]:
    found = find(text)
    shown = found[:limit]
    summary = {
        "query": text.lower(),
        "queryType": "NON_NEAR",
        "queryTime": 1,
        "numResults": len(shown),
        "offset": 0,
        "totalResults": len(found),
        "fuzzyLevel": 1,
    }
    results = [
        {
            "type": "Geography",
            "id": f"{place.country}/{place.name}",
            "score": round(1.0 - 0.1 * rank, 3),
            "entityType": "Municipality",
            "address": _address(place),
            "position": {"lat": place.latitude, "lon": place.longitude},
            "viewport": _viewport(place),
        }
        for rank, place in enumerate(shown)
    ]
    return {"summary": summary, "results": results}


def _address(place: Place) -> dict[str, str]:
    return {
        "municipality": place.name,
        "countrySubdivision": place.region,
        "countryCode": place.country,
        "country": place.country_name,
        "freeformAddress": f"{place.name}, {place.region}",
    }


def _viewport(place: Place) -> dict[str, Any]:
    return {
        "topLeftPoint": {"lat": round(place.latitude + 0.1, 4), "lon": round(place.longitude - 0.1, 4)},
        "btmRightPoint": {"lat": round(place.latitude - 0.1, 4), "lon": round(place.longitude + 0.1, 4)},
    }


def _collection(places: list[Place]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [_feature(place) for place in places]}


def _feature(place: Place) -> dict[str, Any]:
    address = {
        "locality": place.name,
        "adminDistricts": [{"shortName": place.region}],
        "countryRegion": {"ISO": place.country, "name": place.country_name},
        "formattedAddress": f"{place.name}, {place.region}, {place.country_name}",
    }
    radius = distance(place, Point(place.latitude + 0.1, place.longitude + 0.1))
    half = radius / 111_000
    return {
        "type": "Feature",
        "properties": {"address": address, "type": "PopulatedPlace", "confidence": "High", "matchCodes": ["Good"]},
        "geometry": {"type": "Point", "coordinates": [place.longitude, place.latitude]},
        "bbox": [place.longitude - half, place.latitude - half, place.longitude + half, place.latitude + half],
    }
