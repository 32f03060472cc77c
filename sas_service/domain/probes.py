"""Probes of a run: every answer with its time, kept small by folding equal answers, and what they show."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from sas_service.domain.iso8601 import format_instant, parse_instant

STANDBY, OLD_KEY, OLD_IDENTITY = "standby:", "old-key:", "old-identity:"
"""How the canaries' names begin: of the new slot, of a key that is cut, of an identity that is cut."""

ACCEPTED = 200
MOST_TIMES = 2_000
"""How many equal answers in a row make one entry."""

KEPT = 400
"""How many entries a run keeps; a run has about as many as answers have changed."""

Probes = tuple[Mapping[str, object], ...]


def with_probe(probes: Probes, *, at: datetime, canary: str, host: str, status: int) -> Probes:
    """Add an answer: to the newest entry of this canary and host if it is the same, as milliseconds after its first."""
    for index in range(len(probes) - 1, -1, -1):
        entry = probes[index]
        if (entry["canary"], entry["host"]) != (canary, host):
            continue
        later = _later(entry)
        if entry["status"] == status and len(later) < MOST_TIMES:
            since = (at - parse_instant(str(entry["at"]))) // timedelta(milliseconds=1)
            return (*probes[:index], {**entry, "later": [*later, since]}, *probes[index + 1 :])
        break
    fresh: Mapping[str, object] = {"at": format_instant(at), "canary": canary, "host": host, "status": status}
    return (*probes, fresh)[-KEPT:]


def with_probes(probes: Probes, notes: Probes) -> Probes:
    """Add answers as they were noted: ``at``, ``canary``, ``host``, ``status``."""
    for note in notes:
        said = {name: str(note[name]) for name in ("canary", "host")}
        probes = with_probe(probes, at=parse_instant(str(note["at"])), status=int(str(note["status"])), **said)
    return probes


def times_of(entry: Mapping[str, object]) -> tuple[datetime, ...]:
    """Return when the answer was given."""
    first = parse_instant(str(entry["at"]))
    return (first, *(first + timedelta(milliseconds=each) for each in _later(entry)))


def gaps(probes: Probes) -> dict[str, object]:
    """Return for each host how often the new slot was accepted, and the longest time between two such answers.

    The longest of all is that of the host whose service was unproven for longest; null with fewer than two answers.
    """
    accepted: dict[str, list[datetime]] = {}
    for entry in probes:
        if entry["status"] == ACCEPTED and str(entry["canary"]).startswith(STANDBY):
            accepted.setdefault(str(entry["host"]), []).extend(times_of(entry))
    hosts = {host: _gap(sorted(times)) for host, times in sorted(accepted.items())}
    known = [each["longestGapMs"] for each in hosts.values() if isinstance(each["longestGapMs"], int)]
    return {"longestGapMs": max(known, default=None), "hosts": hosts}


def _gap(times: list[datetime]) -> dict[str, object]:
    longest = max(pairwise(times), key=lambda pair: pair[1] - pair[0], default=None)
    return {
        "accepted": len(times),
        "first": format_instant(times[0]),
        "last": format_instant(times[-1]),
        "longestGapMs": (longest[1] - longest[0]) // timedelta(milliseconds=1) if longest else None,
        "longestGapFrom": format_instant(longest[0]) if longest else None,
    }


def _later(entry: Mapping[str, object]) -> list[int]:
    later = entry.get("later", [])
    return [each for each in later if isinstance(each, int)] if isinstance(later, Iterable) else []
