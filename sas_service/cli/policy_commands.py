"""The commands about the policy document: check it, explain it, publish its schema."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from sas_service.adapters.policy_file import json_schema, load_policy
from sas_service.domain.errors import PolicyRefused, Violation
from sas_service.domain.explanation import Row, explain
from sas_service.domain.policy import Policy, profiles_nobody_may_use
from sas_service.domain.suggestions import did_you_mean

_FILE = click.Path(path_type=Path)


@click.group("policy")
def policy() -> None:
    """Look at the policy: the one YAML file that says who may have which SAS tokens.

    \b
    docs/policy.md               every key, every rule
    deploy/policy.example.yaml   a place to start
    docs/policy.schema.json      for editors: they complete and check while you type
    """  # noqa: D301  click wants the backspace character itself


@policy.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list instead, for other programs.")
@click.pass_context
def check(context: click.Context, files: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001 -- click calls it by name
    """Check policy documents exactly as the service would at its start.

    Prints every fault as FILE:LINE: where: why, and leaves with 1 if there is any, so that it can guard a merge.
    It does not look at live tokens: a running service also refuses a file that drops an identity they hang on.

    \b
    sas-service policy check deploy/policy.example.yaml
    sas-service policy check --json old.yaml new.yaml
    """  # noqa: D301  click wants the backspace character itself
    reports = [_report(file) for file in files]
    if as_json:
        click.echo(json.dumps([report.document() for report in reports], indent=2))
    else:
        for report in reports:
            for line in report.lines():
                click.echo(line)
    if any(report.faults for report in reports):
        context.exit(1)


@policy.command("explain")
@click.option(
    "--policy",
    "file",
    envvar="SAS_POLICY_FILE",
    show_envvar=True,
    required=True,
    type=_FILE,
    help="The policy document.",
)
@click.option("--team", required=True, help="A team, as named under teams.")
@click.option("--profile", required=True, help="A profile, as named under profiles.")
@click.pass_context
def explain_command(context: click.Context, file: Path, team: str, profile: str) -> None:
    """Say what a team may have of a profile, and which rule of the document says so.

    The last row is what one token can cost at worst: rate x regions x seconds, as Azure counts them.

    \b
    sas-service policy explain --policy deploy/policy.example.yaml --team storefront --profile storefront-web
    """  # noqa: D301  click wants the backspace character itself
    try:
        document = load_policy(file)
    except PolicyRefused as error:
        for fault in error.violations:
            click.echo(_line(fault), err=True)
        context.exit(1)
    _known(team, document.teams, "--team", "team")
    _known(profile, document.profiles, "--profile", "profile")
    allowed = document.teams[team].profiles
    if profile not in allowed:
        where = f"{document.source}:{document.line(f'teams.{team}.profiles')}"
        click.echo(f"{where}: team {team} may not use {profile}; it may use {', '.join(allowed)}", err=True)
        context.exit(1)
    click.echo(f"What team {team} may have of profile {profile} ({document.source}, sha256 {document.digest[:12]}):\n")
    click.echo(
        _table([("what", "value", "rule"), *(_cells(document, row) for row in explain(document, team, profile))])
    )


@policy.command("schema")
def schema() -> None:
    """Print the JSON Schema for editors: docs/policy.schema.json."""
    click.echo(schema_text(), nl=False)


def schema_text() -> str:
    """Return the published JSON Schema, byte for byte."""
    return json.dumps(json_schema(), indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class _Report:
    """What the check of one file found; ``good`` is None if it was refused."""

    file: Path
    good: Policy | None
    faults: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()

    def lines(self) -> Iterator[str]:
        """Say it to a person, in the form that editors and build servers turn into links."""
        yield from (_line(fault) for fault in self.faults)
        yield from (_line(warning, "warning: ") for warning in self.warnings)
        if self.good:
            kinds = ("accounts", "profiles", "teams")
            counts = ", ".join(f"{kind} {len(getattr(self.good, kind))}" for kind in kinds)
            yield f"{self.file}: good: {counts}, sha256 {self.good.digest}"

    def document(self) -> dict[str, object]:
        """Say it to a program."""
        return {
            "file": str(self.file),
            "good": self.good is not None,
            "digest": self.good.digest if self.good else None,
            "faults": [_members(fault) for fault in self.faults],
            "warnings": [_members(warning) for warning in self.warnings],
        }


def _report(file: Path) -> _Report:
    try:
        document = load_policy(file)
    except PolicyRefused as error:
        return _Report(file, None, faults=error.violations)
    warnings = (
        Violation(f"/profiles/{name}", None, "no team may use it", f"{file}:{document.line(f'profiles.{name}')}")
        for name in profiles_nobody_may_use(document)
    )
    return _Report(file, document, warnings=tuple(warnings))


def _line(found: Violation, kind: str = "") -> str:
    pointer = f"{found.pointer}: " if found.pointer else ""
    return f"{found.rule}: {kind}{pointer}{found.allowed}"


def _members(found: Violation) -> dict[str, object]:
    return {"at": found.rule, "pointer": found.pointer, "asked": found.asked, "reason": found.allowed}


def _known(word: str, known: Iterable[str], option: str, what: str) -> None:
    if word not in known:
        raise click.BadParameter(f"{word!r} is no {what}{did_you_mean(word, known)}", param_hint=option)


def _cells(document: Policy, row: Row) -> tuple[str, str, str]:
    """Add to the rule where it was written; one that was not is our default."""
    if row.rule in document.lines:
        return row.what, row.value, f"{row.rule} (line {document.lines[row.rule]})"
    written_by_us = row.rule.startswith("service.") or " " in row.rule
    return row.what, row.value, row.rule if written_by_us else f"{row.rule} (default)"


def _table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Set the rows in columns; a value too wide for its column pushes only its own row."""
    widths = [min(max(len(row[column]) for row in rows), 60) for column in range(2)]
    return "\n".join(f"{what:<{widths[0]}}  {value:<{widths[1]}}  {rule}" for what, value, rule in rows)
