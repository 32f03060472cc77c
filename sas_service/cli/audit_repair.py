"""The command audit repair: give Redis back what it lost and the mirror has."""

import os
import sys
from collections.abc import Sequence

import click

from sas_service.bootstrap.mirror import repair_from
from sas_service.cli.failures import explained
from sas_service.services.repair import AuditRepair, Finding, Found

_SHOWN = 20
AWAY = 3
"""Exit code when some servers are away."""


@click.command("repair")
@click.option("--dry-run", is_flag=True, help="Only say what is lost and what would be done.")
@click.option("--fill-holes", is_flag=True, help="Put an event `eventLost` where neither Redis nor the mirror has one.")
@click.option("--keep-first", is_flag=True, help="Of two texts of one number keep the one that was written first.")
def repair(*, dry_run: bool, fill_holes: bool, keep_first: bool) -> None:
    """Restore what Redis lost from the mirror: exact events under their exact numbers, and what they led to.

    Run it where the settings are, after `sas-service migrate` if Redis is empty. Nothing is issued while something is
    lost; processes that run notice the end of the repair by themselves. Interrupted, it is begun anew and goes on.
    Exit code 1: something needs your word first, and nothing was written. 3: the servers of some accounts are away;
    what can be reached is repaired, repair the others when they are back.
    """
    with explained():
        work = repair_from(os.environ)
        found = work.plan()
        for finding in found.findings:
            _describe(finding)
        _refuse_without_word(found.findings, fill_holes=fill_holes, keep_first=keep_first)
        if not found.findings:
            which = ", as far as it can be reached" if found.away else ""
            click.echo(f"nothing is lost: Redis has all that the mirror has{which}")
        elif dry_run:
            click.echo("nothing was written (--dry-run)")
        else:
            found = _run(work, found, fill_holes=fill_holes, keep_first=keep_first)
            _show_end(found.findings)
    away = sorted({*found.away, *(each.loss.stream for each in found.findings if each.is_away)})
    if away:
        click.echo(f"could not be reached, and stay closed until they are repaired: {', '.join(away)}", err=True)
        sys.exit(AWAY)


def _describe(finding: Finding) -> None:
    loss = finding.loss
    click.echo(f"{loss.stream}: Redis ends at {loss.has.last}, the mirror at {loss.mirrored.last}")
    if loss.is_epoch_lost:
        click.echo(f"  its epoch is {loss.has.epoch} in Redis and {loss.mirrored.epoch} in the mirror")
    if finding.holes:
        click.echo(f"  {len(finding.holes)} numbers are in neither place: {_numbers(finding.holes)}")
    if finding.contradictions:
        click.echo(f"  {len(finding.contradictions)} numbers have two texts: {_numbers(finding.contradictions)}")


def _refuse_without_word(findings: Sequence[Finding], *, fill_holes: bool, keep_first: bool) -> None:
    missing = []
    if any(each.holes for each in findings) and not fill_holes:
        missing.append("--fill-holes marks them as lost; first put the mirrors of all machines into this one")
    if any(each.contradictions for each in findings) and not keep_first:
        missing.append("--keep-first keeps the first text; the other one stays in the mirror as evidence")
    if missing:
        raise click.ClickException("nothing was written. " + ". ".join(missing))


def _run(work: AuditRepair, found: Found, *, fill_holes: bool, keep_first: bool) -> Found:
    lost = sum(each.loss.events for each in found.findings)
    with click.progressbar(length=lost, label="repairing", file=sys.stderr) as bar:
        return work.run(
            fill_holes=fill_holes, keep_first=keep_first, progress=lambda _stream, events: bar.update(events)
        )


def _show_end(findings: Sequence[Finding]) -> None:
    for finding in findings:
        back = finding.restored
        click.echo(f"{finding.loss.stream}: {back.events} events and {back.tokens} records are back")
    left = [word for finding in findings for word in finding.restored.left]
    click.echo("\nYou may have to look after:")
    click.echo("\n".join(f"  - {word}" for word in [*left, *_ALWAYS]))


_ALWAYS = (
    "Idempotency-Keys of the last 24 hours: a request repeated with one gets a token of its own",
    "denials that were being counted, and the microseconds of the time at which a token was issued",
    "hand-outs of shared tokens that were being counted, a minute or so; the shared tokens themselves are made anew",
    "plans that nobody had started: plan anew. Canaries of runs and lockdowns: proofs that need them are done without",
    "what the drift watch knew: the first look takes what is there for right",
)


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    return shown if len(numbers) <= _SHOWN else f"{shown} ..."
