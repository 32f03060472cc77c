"""Render: map tiles and static maps as real PNG images, drawn from their coordinates."""

import struct
import zlib
from functools import lru_cache

from werkzeug import Request, Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.maps.errors import bad_request
from sas_service.emulator.maps.gate import Service

_ACTION = "Microsoft.Maps/accounts/services/render/read"
_MAX_ZOOM = 22
_SIZES = {"256": 256, "512": 512}
_MAX_STATIC = 2000
_LIMIT_OF_FAMILY = {
    "microsoft.imagery": "imageryTile",
    "microsoft.weather": "weatherTile",
    "microsoft.traffic": "trafficTile",
}
_TILESETS = (
    "microsoft.base.road",
    "microsoft.base.darkgrey",
    "microsoft.base.hybrid.road",
    "microsoft.base.hybrid.darkgrey",
    "microsoft.base.labels.road",
    "microsoft.base.labels.darkgrey",
    "microsoft.imagery",
    "microsoft.weather.infrared.main",
    "microsoft.weather.radar.main",
    "microsoft.traffic.absolute.main",
    "microsoft.traffic.relative.main",
    "microsoft.traffic.relative.dark",
    "microsoft.traffic.delay.main",
)


def services() -> list[Service]:
    """Return the table of APIs."""
    return [
        Service("tile", "/map/tile", _ACTION, tile, limit=_limit),
        Service("staticMap", "/map/static", _ACTION, static_map),
        Service("staticMap", "/map/static/png", _ACTION, static_map),
        Service("copyright", "/map/attribution", _ACTION, attribution),
        Service("copyright", "/map/copyright/caption/json", _ACTION, caption),
    ]


def tile(request: Request) -> Response:
    """Return the tile at zoom, x, y."""
    tileset = request.args.get("tilesetId", "")
    if tileset not in _TILESETS:
        raise bad_request(f"The tilesetId '{tileset}' is not one of {', '.join(_TILESETS)}.")
    zoom, x, y = (_number(request, name) for name in ("zoom", "x", "y"))
    if zoom > _MAX_ZOOM or x >= 2**zoom or y >= 2**zoom:
        raise bad_request(f"There is no tile {x},{y} at zoom {zoom}.")
    size = _SIZES.get(request.args.get("tileSize", "256"))
    if size is None:
        raise bad_request("The tileSize must be 256 or 512.")
    return _image(draw(size, size, (zoom * 31 + x * 7 + y * 13) % 256))


def static_map(request: Request) -> Response:
    """Return one picture of an area."""
    width, height = _number(request, "width", 512), _number(request, "height", 512)
    if not (1 <= width <= _MAX_STATIC and 1 <= height <= _MAX_STATIC):
        raise bad_request(f"width and height must be between 1 and {_MAX_STATIC}.")
    area = request.args.get("center") or request.args.get("bbox")
    if not area:
        raise bad_request("Either center or bbox is required.")
    return _image(draw(width, height, zlib.crc32(area.encode()) % 256))


def attribution(request: Request) -> Response:
    """Return who is to be named on the map."""
    del request
    return json_answer({"copyrights": ["The Azure Maps emulator: not a real map"]})


def caption(request: Request) -> Response:
    """Return the short copyright line."""
    del request
    return json_answer({"formatVersion": "0.0.1", "copyrightsCaption": "The Azure Maps emulator: not a real map"})


@lru_cache(maxsize=512)
def draw(width: int, height: int, shade: int) -> bytes:
    """Return a PNG: a tinted square with a border and a diagonal, so that people see tiles and their edges."""
    palette = bytes((200 + shade % 40, 215 + shade % 30, 205 + shade % 50, 120, 130, 140))
    rows = bytearray()
    for row in range(height):
        line = bytearray(width)
        line[0] = line[-1] = 1
        line[row * width // height] = 1
        rows += b"\0" + (b"\1" * width if row in {0, height - 1} else line)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _image(png: bytes) -> Response:
    return Response(png, content_type="image/png", headers={"Cache-Control": "max-age=86400"})


def _limit(request: Request) -> str:
    tileset = request.args.get("tilesetId", "")
    family = ".".join(tileset.split(".")[:2])
    return _LIMIT_OF_FAMILY.get(family, "tile")


def _number(request: Request, name: str, default: int | None = None) -> int:
    text = request.args.get(name, default)
    if text is None or not str(text).isdecimal():
        raise bad_request(f"The parameter {name} must be a whole number.")
    return int(text)
