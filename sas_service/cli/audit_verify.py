"""The command audit verify: needs no service and no settings, only files and the verifying key."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

import click

from sas_service.adapters.ed25519_signing import verify_ed25519
from sas_service.domain.evidence import check_evidence
from sas_service.domain.log_check import StreamReport, check_log
from sas_service.domain.signed_notes import VerifyingKey

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
UNPROVEN = 3
"""Exit code under --strict when nothing is wrong, but something is not vouched for."""


class _Key(click.ParamType[VerifyingKey]):
    """A verifying key, or the file that has it."""

    name = "key"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> VerifyingKey:
        text = str(value)
        try:
            return VerifyingKey.read(text if "+" in text else Path(text).read_text("utf-8"))
        except (OSError, ValueError) as error:
            self.fail(str(error), param, ctx)


@click.command("verify")
@click.argument("exports", metavar="[EXPORT]...", nargs=-1, type=click.File("r", encoding="utf-8"))
@click.option("--key", required=True, type=_Key(), help="The verifying key, NAME+ID+BASE64, or a file that has it.")
@click.option(
    "--checkpoints", multiple=True, type=_FILE, help="Checkpoints that you have kept: notes, or answers of the API."
)
@click.option("--mirror", type=_FOLDER, help="A copy of the mirror's directory, taken before the export.")
@click.option("--evidence", multiple=True, type=_FILE, help="Evidence of a revocation, as the API answered it.")
@click.option("--strict", is_flag=True, help=f"Leave with {UNPROVEN} if any event is not vouched for.")
@click.option("--json", "as_json", is_flag=True, help="Say it to a program.")
@click.pass_context
def verify(
    context: click.Context,
    exports: tuple[TextIO, ...],
    key: VerifyingKey,
    checkpoints: tuple[Path, ...],
    mirror: Path | None,
    evidence: tuple[Path, ...],
    *,
    strict: bool,
    as_json: bool,
) -> None:
    """Check an exported audit log without asking the service.

    Leaves with 0 if nothing is wrong, 1 if anything is. docs/audit.md says what cannot be known.

    \b
    sas-service audit export --output log.ndjson
    sas-service audit verify log.ndjson --key key.txt --mirror /copy/of/mirror --checkpoints kept-last-month.txt
    """  # noqa: D301  click wants the backspace character itself
    if not exports and not evidence:
        raise click.UsageError("name an export, or evidence")
    notes = [note for path in checkpoints for note in _notes(path)]
    lines = (line.rstrip("\n") for line in chain.from_iterable(exports))
    reports, strays = check_log(lines, notes, _mirror_lines(mirror), key, verify_ed25519)
    proofs = {str(path): _evidence_problem(path, key) for path in evidence}
    is_wrong = bool(strays) or any(each.problems for each in reports) or any(proofs.values())
    is_open = any(each.unproven for each in reports)
    if as_json:
        said = {
            "good": not is_wrong,
            "streams": [each.document() for each in reports],
            "problems": list(strays),
            "evidence": [{"file": name, "problem": problem} for name, problem in proofs.items()],
        }
        click.echo(json.dumps(said, indent=2))
    else:
        for line in chain(_told(reports), strays, (f"{name}: {what or 'good'}" for name, what in proofs.items())):
            click.echo(line)
        click.echo("PROBLEMS FOUND" if is_wrong else "nothing is wrong" + (", but see what is unproven" * is_open))
    context.exit(1 if is_wrong else UNPROVEN if strict and is_open else 0)


def _told(reports: tuple[StreamReport, ...]) -> Iterator[str]:
    for each in reports:
        yield f"{each.stream}: {each.events} events, {each.checkpoints} checkpoints"
        if each.hashed:
            yield f"  1 to {each.hashed}: removed for their age, their hashes are part of what was signed"
        if each.proven:
            yield f"  1 to {each.proven}: are what was signed"
        if each.mirrored > each.proven:
            yield f"  {each.proven + 1} to {each.mirrored}: newer than the last checkpoint, equal to the mirror"
        if each.unproven:
            first = max(each.proven, each.mirrored) + 1
            yield f"  {first} to {each.events}: UNPROVEN, no checkpoint and no mirror vouches for them"
        for problem in each.problems:
            yield f"  PROBLEM: {problem}"


def _notes(path: Path) -> list[str]:
    """Return the notes of a file: one note, an answer of the API, or lines of the mirror."""
    text = path.read_text("utf-8")
    try:
        documents = [json.loads(text)] if text.startswith("{\n") else [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return [text]
    # Members of what is no object are none of ours.
    objects = [each for each in documents if isinstance(each, dict)]
    items = [each for document in objects for each in document.get("items", [document])]
    notes = [str(each["checkpoint"]) for each in items if "checkpoint" in each]
    if not notes:
        # Who means to compare with what he kept must not hear that all is well when nothing was compared.
        raise click.UsageError(f"{path} has no checkpoint in it")
    return notes


def _mirror_lines(directory: Path | None) -> Iterator[str]:
    for path in sorted(directory.glob("*.ndjson")) if directory else ():
        with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            yield from (line.rstrip("\n") for line in lines)


def _evidence_problem(path: Path, key: VerifyingKey) -> str | None:
    try:
        document = json.loads(path.read_text("utf-8"))
        check_evidence(document, key, verify_ed25519)
    except (AttributeError, ValueError) as error:
        return str(error)
    return None
