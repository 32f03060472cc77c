"""What the keys of the document must be to each other; works on whatever could be read of a faulty one, too."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sas_service.adapters.policy_file.nodes import Path, Written
from sas_service.domain.iso8601 import format_duration
from sas_service.domain.policy import (
    DEFAULT_PLATFORM_CEILING,
    LEAST_LEFT,
    MINIMUM_LIFETIME,
    SHORTEST_SHARED,
    Sharing,
    usual_lifetime,
)
from sas_service.domain.suggestions import did_you_mean
from sas_service.domain.windows import MARGIN

Contradiction = tuple[Path, str]


def contradictions(document: Mapping[str, Any], written: Written) -> Iterator[Contradiction]:
    """Yield every contradiction: where, and why.

    ``document`` is what the shape made of it, with gaps; names count as known if they were written at all, so that one
    fault is not reported as two.
    """
    yield from _accounts(document)
    yield from _references(document, written)
    yield from _lifetimes(document)
    yield from _windows(document)
    yield from _budgets(document)
    yield from _mixed_roles(document)
    yield from _sinks(document)


def _accounts(document: Mapping[str, Any]) -> Iterator[Contradiction]:
    resources: dict[tuple[str, ...], str] = {}
    for name, account in _items(document, "accounts"):
        if account.get("subscription") and account.get("resource_group"):
            resource_name = account.get("resource_name", name)
            resource = (account["subscription"], account["resource_group"].lower(), resource_name.lower())
            first = resources.setdefault(resource, name)
            if first != name:
                yield ("accounts", name), f"is the same Azure resource as account {first!r}"
        yield from _repeated_identities(name, account)


def _repeated_identities(name: str, account: Mapping[str, Any]) -> Iterator[Contradiction]:
    seen: dict[str, str] = {}
    for identity, arm_id in account.get("identities", {}).items():
        first = seen.setdefault(arm_id.lower(), identity)
        if first != identity:
            yield ("accounts", name, "identities", identity), f"is the same Azure resource as identity {first!r}"


def _references(document: Mapping[str, Any], written: Written) -> Iterator[Contradiction]:
    accounts = _names(written, "accounts")
    for name, profile in _items(document, "profiles"):
        account = profile.get("account")
        if account is not None and account not in accounts:
            yield ("profiles", name, "account"), f"{account!r} is no account{did_you_mean(account, accounts)}"
        identities = _names(written, "accounts", account or "", "identities")
        if identities:
            path = ("profiles", name, "identities")
            yield from _unknown(path, profile, identities, f"identity of account {account!r}")
    profiles = _names(written, "profiles")
    for name, team in _items(document, "teams"):
        yield from _unknown(("teams", name, "profiles"), team, profiles, "profile")


def _unknown(
    path: tuple[str, ...], part: Mapping[str, Any], known: frozenset[str], what: str
) -> Iterator[Contradiction]:
    for index, name in enumerate(part.get(path[-1], ())):
        if name is not None and name not in known:
            yield (*path, index), f"{name!r} is no {what}{did_you_mean(name, known)}"


def _lifetimes(document: Mapping[str, Any]) -> Iterator[Contradiction]:
    accounts = document.get("accounts", {})
    for name, profile in _items(document, "profiles"):
        lifetime = profile.get("lifetime", {})
        path = ("profiles", name, "lifetime")
        longest, shortest = lifetime.get("max"), lifetime.get("min")
        yield from _order(path, shortest, lifetime.get("default"), longest)
        ceiling = accounts.get(profile.get("account"), {}).get("platform_ceiling")
        if longest is not None and ceiling is not None and longest > ceiling:
            by_default = " (what Azure documents, unless the account says more)" * (ceiling == DEFAULT_PLATFORM_CEILING)
            limit = f"accounts.{profile['account']}.platformCeiling is {format_duration(ceiling)}{by_default}"
            yield (*path, "max"), f"{format_duration(longest)} can never apply: {limit}"


def _windows(document: Mapping[str, Any]) -> Iterator[Contradiction]:
    """A shared token needs time to be handed out in, before its last PT10M, and time to be renewed in."""
    for name, profile in _items(document, "profiles"):
        lifetime, window = profile.get("lifetime", {}), profile.get("window")
        if profile.get("sharing") != Sharing.SHARED:
            if window is not None and "sharing" in profile:
                yield ("profiles", name, "window"), "means nothing where sharing is exclusive"
            continue
        if lifetime.get("max") is None or lifetime.get("min") is None:
            continue
        lives = lifetime.get("default") or usual_lifetime(lifetime["min"], lifetime["max"])
        longest = lives - LEAST_LEFT - MARGIN
        if lives < SHORTEST_SHARED:
            limit = f"lifetime.default must be at least {format_duration(SHORTEST_SHARED)}"
            yield ("profiles", name, "sharing"), f"{limit} where tokens are shared; it is {format_duration(lives)}"
        elif window is not None and window > longest:
            limit = f"lifetime.default is {format_duration(lives)}, so it must be at most {format_duration(longest)}"
            yield ("profiles", name, "window"), f"{format_duration(window)} can never apply: {limit}"


def _budgets(document: Mapping[str, Any]) -> Iterator[Contradiction]:
    for name, profile in _items(document, "profiles"):
        budget, path = profile.get("budget"), ("profiles", name, "budget")
        if budget is None:
            continue
        if profile.get("sharing") == Sharing.SHARED:
            # It would stop a team's next token while the last one is still handed out, and then everybody at once.
            yield path, "cannot be kept where sharing is shared: window and lifetime bound how many tokens there are"
        if "requests_per_second" in budget and "regions" in profile and profile["regions"] is None:
            reason = "cannot be kept where regions is any: nobody knows at how many locations a token is used"
            yield (*path, "requestsPerSecond"), reason


def _order(
    path: Path, shortest: timedelta | None, default: timedelta | None, longest: timedelta | None
) -> Iterator[Contradiction]:
    if longest is not None and shortest is not None and longest < shortest:
        by_default = " (the default)" * (shortest == MINIMUM_LIFETIME)
        limit = f"lifetime.min is {format_duration(shortest)}{by_default}"
        yield (*path, "max"), f"{format_duration(longest)} can never apply: {limit}"
    if default is not None and longest is not None and default > longest:
        yield (*path, "default"), f"{format_duration(default)} is longer than lifetime.max, {format_duration(longest)}"
    if default is not None and shortest is not None and default < shortest:
        yield (
            (*path, "default"),
            f"{format_duration(default)} is shorter than lifetime.min, {format_duration(shortest)}",
        )


def _mixed_roles(document: Mapping[str, Any]) -> Iterator[Contradiction]:
    """Refuse one identity under two data roles: in Azure it would have both, and so would every token of either."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for name, profile in _items(document, "profiles"):
        account, role = profile.get("account"), profile.get("data_role")
        if account is None or role is None:
            continue
        for index, identity in enumerate(profile.get("identities", ())):
            other, other_role = first.setdefault((account, identity), (name, role)) if identity else (name, role)
            if other_role.lower() != role.lower():
                reason = f"{identity!r} has another data role in profile {other!r}; its tokens would have both roles"
                yield ("profiles", name, "identities", index), reason


def _sinks(document: Mapping[str, Any]) -> Iterator[Contradiction]:
    """Refuse a secret with two writers, and a shared token in one: an application could not tell whose it reads."""
    writers: dict[tuple[str, str], str] = {}
    for name, account in _items(document, "accounts"):
        for index, place in enumerate(account.get("shared_key_secrets", ())):
            yield from _one_writer(writers, place, ("accounts", name, "sharedKeySecrets", index))
    for name, profile in _items(document, "profiles"):
        place = profile.get("key_vault_secret")
        path = ("profiles", name, "keyVaultSecret")
        yield from _one_writer(writers, place, path)
        if place and profile.get("sharing") == Sharing.SHARED:
            yield path, "is for tokens of one holder; a profile with sharing: shared cannot fill a secret"


def _one_writer(
    writers: dict[tuple[str, str], str], place: Mapping[str, Any] | None, path: Path
) -> Iterator[Contradiction]:
    if not place or not place.get("vault") or not place.get("secret"):
        return
    # Key Vault knows names of secrets without regard to case.
    written = ".".join(map(str, path))
    first = writers.setdefault((place["vault"], place["secret"].lower()), written)
    if first != written:
        yield path, f"is the same secret as {first}: it would be overwritten in turn"


def _items(document: Mapping[str, Any], kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    return list(document.get(kind, {}).items())


def _names(written: Written, *path: str) -> frozenset[str]:
    value = written.at(path)
    return frozenset(value) if isinstance(value, dict) else frozenset()
