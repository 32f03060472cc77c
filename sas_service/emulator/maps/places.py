"""A small atlas: enough cities to search, to look up time zones and countries, and to route between."""

import math
from dataclasses import dataclass

_EARTH_RADIUS = 6_371_000.0


@dataclass(frozen=True)
class Place:
    """A city."""

    name: str
    region: str
    country: str
    country_name: str
    latitude: float
    longitude: float
    time_zone: str


@dataclass(frozen=True)
class Point:
    """A position in degrees."""

    latitude: float
    longitude: float


PLACES = tuple(
    Place(*row)
    for row in (
        ("Redmond", "WA", "US", "United States", 47.674, -122.1215, "America/Los_Angeles"),
        ("Seattle", "WA", "US", "United States", 47.6062, -122.3321, "America/Los_Angeles"),
        ("San Francisco", "CA", "US", "United States", 37.7749, -122.4194, "America/Los_Angeles"),
        ("Los Angeles", "CA", "US", "United States", 34.0522, -118.2437, "America/Los_Angeles"),
        ("Denver", "CO", "US", "United States", 39.7392, -104.9903, "America/Denver"),
        ("Chicago", "IL", "US", "United States", 41.8781, -87.6298, "America/Chicago"),
        ("New York", "NY", "US", "United States", 40.7128, -74.006, "America/New_York"),
        ("Toronto", "ON", "CA", "Canada", 43.6532, -79.3832, "America/Toronto"),
        ("Mexico City", "CDMX", "MX", "Mexico", 19.4326, -99.1332, "America/Mexico_City"),
        ("Sao Paulo", "SP", "BR", "Brazil", -23.5505, -46.6333, "America/Sao_Paulo"),
        ("London", "England", "GB", "United Kingdom", 51.5074, -0.1278, "Europe/London"),
        ("Dublin", "Leinster", "IE", "Ireland", 53.3498, -6.2603, "Europe/Dublin"),
        ("Paris", "Ile-de-France", "FR", "France", 48.8566, 2.3522, "Europe/Paris"),
        ("Amsterdam", "North Holland", "NL", "Netherlands", 52.3676, 4.9041, "Europe/Amsterdam"),
        ("Berlin", "Berlin", "DE", "Germany", 52.52, 13.405, "Europe/Berlin"),
        ("Munich", "Bavaria", "DE", "Germany", 48.1351, 11.582, "Europe/Berlin"),
        ("Zurich", "Zurich", "CH", "Switzerland", 47.3769, 8.5417, "Europe/Zurich"),
        ("Madrid", "Madrid", "ES", "Spain", 40.4168, -3.7038, "Europe/Madrid"),
        ("Rome", "Lazio", "IT", "Italy", 41.9028, 12.4964, "Europe/Rome"),
        ("Stockholm", "Stockholm", "SE", "Sweden", 59.3293, 18.0686, "Europe/Stockholm"),
        ("Warsaw", "Mazovia", "PL", "Poland", 52.2297, 21.0122, "Europe/Warsaw"),
        ("Cairo", "Cairo", "EG", "Egypt", 30.0444, 31.2357, "Africa/Cairo"),
        ("Johannesburg", "Gauteng", "ZA", "South Africa", -26.2041, 28.0473, "Africa/Johannesburg"),
        ("Dubai", "Dubai", "AE", "United Arab Emirates", 25.2048, 55.2708, "Asia/Dubai"),
        ("Mumbai", "MH", "IN", "India", 19.076, 72.8777, "Asia/Kolkata"),
        ("Singapore", "Singapore", "SG", "Singapore", 1.3521, 103.8198, "Asia/Singapore"),
        ("Tokyo", "Tokyo", "JP", "Japan", 35.6762, 139.6503, "Asia/Tokyo"),
        ("Seoul", "Seoul", "KR", "Korea", 37.5665, 126.978, "Asia/Seoul"),
        ("Sydney", "NSW", "AU", "Australia", -33.8688, 151.2093, "Australia/Sydney"),
        ("Auckland", "Auckland", "NZ", "New Zealand", -36.8509, 174.7645, "Pacific/Auckland"),
    )
)


def distance(first: Point | Place, second: Point | Place) -> float:
    """Return the great-circle distance in metres."""
    latitudes = math.radians(first.latitude), math.radians(second.latitude)
    across = math.radians(second.longitude - first.longitude)
    up = latitudes[1] - latitudes[0]
    chord = math.sin(up / 2) ** 2 + math.cos(latitudes[0]) * math.cos(latitudes[1]) * math.sin(across / 2) ** 2
    return 2 * _EARTH_RADIUS * math.asin(math.sqrt(chord))


def nearest(point: Point) -> Place:
    """Return the city that is closest to a position."""
    return min(PLACES, key=lambda place: distance(place, point))


def find(text: str) -> list[Place]:
    """Return the cities that a free text names, best first."""
    wanted = {word.strip(",.") for word in text.lower().split()}
    scored = [(len(wanted & _words(place)), place) for place in PLACES]
    return [place for score, place in sorted(scored, key=lambda pair: -pair[0]) if score]


def read_point(text: str) -> Point:
    """Read "latitude,longitude"; a ValueError says what is wrong."""
    latitude, longitude = (float(part) for part in text.split(","))
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - degrees
        raise ValueError("latitude must be within 90 and longitude within 180 degrees")
    return Point(latitude, longitude)


def _words(place: Place) -> set[str]:
    text = f"{place.name} {place.region} {place.country} {place.country_name}"
    return set(text.lower().split())
