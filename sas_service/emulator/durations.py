"""ISO 8601 durations and the timestamps of Azure, to and from seconds."""

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
)


def parse_duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration without years and months, whose length is not fixed."""
    match = _DURATION.fullmatch(text)
    if not match or text in {"P", "PT"} or text.endswith("T"):
        raise ValueError(f"{text!r} is not an ISO 8601 duration such as PT10S or P1D")
    parts = {unit: float(amount) for unit, amount in match.groupdict().items() if amount}
    return timedelta(**parts).total_seconds()


def format_duration(seconds: float) -> str:
    """Return seconds as the ISO 8601 duration that parse_duration reads."""
    return f"PT{seconds:.6f}".rstrip("0").rstrip(".") + "S"


@dataclass(frozen=True)
class Duration:
    """A length of time that is written in ISO 8601."""

    seconds: float

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read "PT1H"."""
        return cls(parse_duration(str(value)))

    def to_json(self) -> str:
        """Write what from_json reads."""
        return format_duration(self.seconds)


@dataclass(frozen=True)
class Delay:
    """A fixed delay, or a random one between two bounds."""

    shortest: float = 0.0
    longest: float = 0.0

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read "PT10S" or {"min": "PT1S", "max": "PT10M"}."""
        if isinstance(value, str):
            return cls(parse_duration(value), parse_duration(value))
        if isinstance(value, dict) and set(value) == {"min", "max"}:
            shortest, longest = parse_duration(str(value["min"])), parse_duration(str(value["max"]))
            if shortest > longest:
                raise ValueError("min must not be larger than max")
            return cls(shortest, longest)
        raise ValueError('a delay is an ISO 8601 duration or {"min": duration, "max": duration}')

    def to_json(self) -> object:
        """Write what from_json reads."""
        if self.shortest == self.longest:
            return format_duration(self.shortest)
        return {"min": format_duration(self.shortest), "max": format_duration(self.longest)}

    def draw(self) -> float:
        """Return this time's delay in seconds."""
        return random.uniform(self.shortest, self.longest)  # noqa: S311 - a delay is no secret


def azure_timestamp(instant: float) -> str:
    """Return an instant as ARM writes it: seven digits of fraction and Z."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"


def parse_timestamp(text: str) -> float:
    """Read an instant leniently, as Azure does: any fraction or offset, a blank instead of T; no zone means UTC."""
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?(Z)?", text.strip()
    )
    if not match:
        raise ValueError(f"{text!r} is not a date and time")
    day, time, fraction, zone, _ = match.groups()
    moment = datetime.fromisoformat(f"{day}T{time}{'+00:00' if zone in {None, 'Z'} else zone}")
    return moment.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)
