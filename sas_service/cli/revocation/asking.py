"""What an admin asks for, as options: exactly one target, a reason, a mode; and the body that the service wants."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from sas_service.cli.revocation.words import deadline
from sas_service.domain.errors import InvalidRequest
from sas_service.domain.revocations import Lever, Mode, OnDeadline, Reason, Target
from sas_service.domain.slots import SigningKey

RECOMMENDED = "recommended"

MODE_OF = {
    Reason.SCHEDULED: Mode.GRACEFUL,
    Reason.SUPERSEDED: Mode.GRACEFUL,
    Reason.DRILL: Mode.GRACEFUL,
    Reason.TOKEN_LEAK: Mode.EXPEDITED,
    Reason.OFFBOARDING: Mode.EXPEDITED,
}
"""design.md section 5, "for"; a compromised key has no default: cutting at once is said, never assumed."""

_OPTIONS = (
    click.option("--token", "tokens", multiple=True, metavar="ID", help="Target: this token; may be repeated."),
    click.option("--fingerprint", "fingerprints", multiple=True, help="Target: the token of this fingerprint."),
    click.option("--team", help="Target: all tokens of a team."),
    click.option("--profile", help="Target: all tokens of a profile."),
    click.option("--identity", help="Target: all tokens behind a managed identity, by its name in the policy."),
    click.option(
        "--signing-key",
        type=click.Choice([key.value for key in SigningKey]),
        help="Target: all tokens that this key of --account signed.",
    ),
    click.option("--whole-account", is_flag=True, help="Target: every token of --account."),
    click.option("--reason", type=click.Choice([each.value for each in Reason]), required=True, help="Why."),
    click.option(
        "--mode",
        type=click.Choice([each.value for each in Mode]),
        help="What happens to applications. By default graceful if scheduled, superseded or a drill, expedited for"
        " tokenLeak and offboarding; a keyCompromise must say.",
    ),
    click.option(
        "--lever",
        type=click.Choice([*(each.value for each in Lever), RECOMMENDED]),
        help="What is taken away; by default the plan's own choice, and you are asked if another is recommended.",
    ),
    click.option("--deadline", metavar="PT1H|INSTANT", help="How long applications have to move, or until when."),
    click.option(
        "--on-deadline",
        type=click.Choice([each.value for each in OnDeadline]),
        help="What happens then to those who have not; hold, and ask you, is the default.",
    ),
    click.option("--comment", help="For the audit log."),
)


def asked_for(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options above."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def body(*, account: str | None, given: Mapping[str, Any]) -> dict[str, object]:
    """Return the body of POST /v1/revocations; raises UsageError."""
    members: dict[str, object] = {
        "reason": given["reason"],
        "target": target(account=account, given=given),
        "mode": given["mode"] or default_mode(given["reason"]),
        "lever": None if given["lever"] == RECOMMENDED else given["lever"],
        "deadline": _deadline(given["deadline"]),
        "onDeadline": given["on_deadline"],
        "comment": given["comment"],
    }
    return {name: value for name, value in members.items() if value is not None}


def target(*, account: str | None, given: Mapping[str, Any]) -> dict[str, object]:
    """Return the one target; --account is its own target only if --whole-account says so."""
    kinds = ("tokens", "fingerprints", "team", "profile", "identity")
    named: dict[str, object] = {kind: _listed(given[kind]) for kind in kinds if given[kind]}
    if given["signing_key"]:
        named["signingKey"] = given["signing_key"]
    if (given["whole_account"] or given["signing_key"]) and not account:
        raise click.UsageError("which account? --account NAME")
    if given["whole_account"] or given["signing_key"]:
        named["account"] = account
    if len(named) - bool(given["signing_key"]) != 1 or (given["whole_account"] and given["signing_key"]):
        raise click.UsageError(
            "name exactly one target: --token, --fingerprint, --team, --profile, --identity, --signing-key or"
            " --whole-account"
        )
    try:
        return Target.of(named).document()
    except InvalidRequest as error:
        raise click.UsageError(error.detail) from None


def default_mode(reason: str) -> str:
    """Return the mode for a reason; raises UsageError where it must be said."""
    try:
        return MODE_OF[Reason(reason)].value
    except KeyError:
        raise click.UsageError(
            "--mode emergency cuts at once and whoever has not moved fails; --mode expedited lets applications move"
            " first, while the key stays usable for whoever has it: say which"
        ) from None


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _deadline(text: str | None) -> str | None:
    try:
        return deadline(text) if text else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--deadline") from None
