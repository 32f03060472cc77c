"""Says in rows what a team may have of a profile, and which rule says so."""

from dataclasses import dataclass
from datetime import timedelta

from sas_service.domain.exposure import worst_case
from sas_service.domain.iso8601 import format_duration
from sas_service.domain.limits import Bound, Limits, limits_of
from sas_service.domain.policy import Account, Policy, Profile, Team


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is allowed: what it is, how much of it, and the rule that says so."""

    what: str
    value: str
    rule: str


def explain(policy: Policy, team: str, profile: str) -> tuple[Row, ...]:
    """Return everything ``team`` may have of ``profile``; both must be known, and the team must name the profile."""
    chosen = policy.profiles[profile]
    account = policy.accounts[chosen.account]
    limits = limits_of(policy, chosen)
    return (
        *_who(policy.teams[team]),
        *_where(chosen, account),
        *_how_much(chosen, limits),
        *_for_how_long(limits),
        _worst_case(chosen, limits),
    )


def _who(team: Team) -> tuple[Row, ...]:
    path = f"teams.{team.name}"
    members = (("applications", team.applications), ("objects", team.objects), ("groups", team.groups))
    rows = (Row(f"who: {kind}", ", ".join(sorted(ids)), f"{path}.members.{kind}") for kind, ids in members if ids)
    return (*rows, Row("may use", ", ".join(team.profiles), f"{path}.profiles"))


def _where(profile: Profile, account: Account) -> tuple[Row, ...]:
    path = f"profiles.{profile.name}"
    return (
        Row("account", account.name, f"{path}.account"),
        Row("hosts", ", ".join(account.hosts), f"accounts.{account.name}.hosts"),
        Row("data role", profile.data_role, f"{path}.dataRole"),
        Row("identities", ", ".join(profile.identities), f"{path}.identities"),
        Row("sharing", profile.sharing.value, f"{path}.sharing"),
        Row("browser origins", ", ".join(profile.cors_origins) or "none", f"{path}.cors"),
    )


def _how_much(profile: Profile, limits: Limits) -> tuple[Row, ...]:
    regions = "any (unconstrained)" if profile.regions is None else ", ".join(profile.regions)
    return (
        Row("regions", regions, f"profiles.{profile.name}.regions"),
        Row("rate at most", f"{limits.rate.value} per second and region", limits.rate.rule),
    )


def _for_how_long(limits: Limits) -> tuple[Row, ...]:
    named: tuple[tuple[str, Bound[timedelta] | None], ...] = (
        ("lives at least", limits.minimum),
        ("lives at most", limits.ceiling),
        ("lives if not asked", limits.default),
        ("starts ahead at most", limits.start_ahead),
    )
    return tuple(Row(what, format_duration(bound.value), bound.rule) for what, bound in named if bound is not None)


def _worst_case(profile: Profile, limits: Limits) -> Row:
    what = "billable transactions of one token at worst"
    most = worst_case(limits.rate.value, profile.regions, limits.ceiling.value)
    if most is None or profile.regions is None:
        return Row(what, "unconstrained", f"profiles.{profile.name}.regions")
    seconds = int(limits.ceiling.value.total_seconds())
    sum_of = f"{limits.rate.value} per second x {len(profile.regions)} regions x {seconds} s"
    return Row(what, f"{most:,} = {sum_of}", f"{limits.rate.rule} x regions x {limits.ceiling.rule}")
