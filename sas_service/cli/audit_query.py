"""The commands audit query and audit identify: what an auditor asks the running service, with a token of their own."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import click
from rich import box
from rich.table import Table
from rich.text import Text

from sas_service.cli.revocation.signing_in import connected
from sas_service.cli.revocation.terminal import console
from sas_service.client.audit import AuditReader
from sas_service.client.connection import Connection
from sas_service.client.reading import mapping, mappings, number, text
from sas_service.domain.audit import EventKind

_LONGEST = 60_000

_FILTERS = (
    ("account", "Only this account's; `service`: of no account."),
    ("team", "Only this team's."),
    ("token", "Only this token's, by its id."),
    ("fingerprint", "Only of the token with this SHA-256."),
    ("application-id", "Only what this client application did."),
    ("object-id", "Only what this user or service principal did."),
    ("revocation", "Only this revocation's."),
    ("after", "Only of then or later, such as 2026-11-21T08:00:00Z."),
    ("before", "Only of before."),
    ("text", "Only with this anywhere in the event's JSON."),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for name, meaning in reversed(_FILTERS):
        command = click.option(f"--{name}", help=meaning)(command)
    return command


@click.command("query")
@_filtered
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in EventKind]), metavar="KIND",
    help="Only this kind, such as issued or denied; may be repeated.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many events.")
@click.option("--json", "form", flag_value="json", help="Print one JSON array.")
@click.option("--ndjson", "form", flag_value="ndjson", help="Print an event a line, as it comes.")
@connected("auditor")
def query(
    connection: Connection, *, kinds: tuple[str, ...], limit: int, form: str | None, **filters: str | None
) -> None:
    """Ask the running service for events, the newest first. Needs Audit.Read; that you ask is on record.

    A copy to verify is made by `audit export`, where the settings are.
    """
    said = {_camel(name): value for name, value in filters.items() if value}
    if kinds:
        said["kind"] = ",".join(dict.fromkeys(kinds))
    found = AuditReader(connection).events(said, limit)
    if form == "ndjson":
        for event in found:
            click.echo(json.dumps(event, ensure_ascii=True))
    elif form == "json":
        click.echo(json.dumps(list(found), ensure_ascii=True))
    else:
        _show(list(found), limit)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _show(events: list[Mapping[str, Any]], limit: int) -> None:
    table = Table("at", "number", "kind", "team", "by", "about", box=box.SIMPLE_HEAD)
    for event in events:
        table.add_row(*map(Text, _row(event)))
    console().print(table)
    more = " (as many as --limit says)" if len(events) == limit else ""
    click.echo(f"{len(events)} events{more}", err=True)


def _row(event: Mapping[str, Any]) -> tuple[str, ...]:
    caller = mapping(event.get("caller"))
    times = f" x {number(event['count'])}" if number(event.get("count")) > 1 else ""
    about = next((told for name in ("token", "revocation", "about", "operation") if (told := text(event, name))), "")
    return (
        text(event, "at"),
        f"{text(event, 'stream')} {text(event, 'seq')}",
        text(event, "kind") + times,
        text(event, "team"),
        text(caller, "applicationId") or text(caller, "objectId"),
        about,
    )


@click.command("identify")
@click.argument("found", metavar="[FILE]", type=click.File("r", encoding="utf-8"), default="-")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@connected("auditor")
def identify(connection: Connection, *, found: TextIO, as_json: bool) -> None:
    """Say whose a found token is, whether it works by record, and what it would cost to take it back.

    The token, or its SHA-256, is read from FILE or from standard input, never from the command line, which others on
    this machine can see. It is sent to the service, which neither keeps nor tries it.
    """
    if found is sys.stdin and found.isatty():
        click.echo("Paste the token, then press Enter and Ctrl-D.", err=True)
    token = found.read(_LONGEST + 1).strip()
    if not token or len(token) > _LONGEST:
        raise click.UsageError(f"FILE must hold one token, of at most {_LONGEST} characters.")
    answer = AuditReader(connection).identify(token)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=True))
    else:
        _tell(answer)


def _tell(answer: Mapping[str, Any]) -> None:
    out, record = console(), mapping(answer.get("token"))
    if answer.get("known") is not True:
        out.print(Text(f"not known: no record has the fingerprint {text(answer, 'fingerprint')}"))
        return
    caller = mapping(record.get("caller"))
    works = {True: "yes", False: "no"}.get(answer.get("works"), "nobody can tell")  # type: ignore[arg-type]  # None is a key that is not there
    table = Table(box=None, show_header=False)
    for name, said in (
        ("token", text(record, "id")),
        ("works", f"{works}: {text(answer, 'because')}"),
        ("state", text(record, "state")),
        ("team", f"{text(record, 'team')}, profile {text(record, 'profile')}, account {text(record, 'account')}"),
        ("issued", f"{text(record, 'issuedAt')} to {text(caller, 'applicationId')}"),
        ("expires", text(record, "expiry")),
    ):
        table.add_row(Text(name), Text(said))
    out.print(table)
    _levers(answer)


def _levers(answer: Mapping[str, Any]) -> None:
    levers = mappings(answer.get("levers"))
    if levers:
        table = Table("lever", "kills of these", "kills of others", "can be undone", box=box.SIMPLE_HEAD)
        for each in levers:
            counts = (str(number(mapping(each.get(name)).get("total"))) for name in ("intended", "collateral"))
            table.add_row(*map(Text, (text(each, "lever"), *counts, "yes" if each.get("reversible") else "no")))
        console().print(table)
    why = f"{text(answer, 'recommended')}: {text(answer, 'why')}" if levers else text(answer, "why")
    console().print(Text(why))
