"""Who is at the terminal, and how they are spoken to: pages for people, JSON for programs, a secret for neither."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import click
from rich.console import Console, RenderableType

from sas_service.cli.revocation.exits import Exit
from sas_service.client.documents import RevocationShown
from sas_service.client.failures import NotSignedIn, Refused, Unreachable
from sas_service.client.revocations import Revocations

_WIDE = 160
"""Columns where nobody's window says how many there are."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a command speaks; ``has_person``: somebody can be asked, ``every``: seconds between two looks."""

    revocations: Revocations
    out: Console
    as_json: bool
    has_person: bool
    every: float = 1.0

    @property
    def may_ask(self) -> bool:
        """Whether questions are welcome: a person is there, and no program reads along."""
        return self.has_person and not self.as_json

    def say(self, what: RenderableType = "") -> None:
        """Tell a person; programs hear nothing of it."""
        if not self.as_json:
            self.out.print(what)

    def note(self, what: str) -> None:
        """Tell what is beside the matter: to standard error, so that no pipe takes it for an answer."""
        click.echo(what, err=True)

    def late(self, run: RevocationShown) -> tuple[str, ...]:
        """Return who has not moved: as the run names them, else asked for."""
        if run.late is not None or run.moved >= run.total:
            return run.late or ()
        return self.revocations.late(run.id)

    def document(self, document: Mapping[str, Any]) -> None:
        """Tell a program: one document a line."""
        if self.as_json:
            click.echo(json.dumps(document, ensure_ascii=True))

    def stop(self, code: Exit, *lines: str) -> NoReturn:
        """End the command, and say why."""
        for line in lines:
            self.note(line)
        raise SystemExit(int(code))


def console() -> Console:
    """Return the console of standard output: the service's words are text to it, never markup."""
    terminal = sys.stdout.isatty()
    return Console(markup=False, emoji=False, highlight=False, width=None if terminal else _WIDE, soft_wrap=False)


def has_person() -> bool:
    """Tell whether there is somebody to ask: a terminal on both sides."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def refusals_explained() -> Iterator[None]:
    """Turn what the client cannot do into readable lines and exit code 1."""
    try:
        yield
    except Refused as error:
        heading = f"refused: {error.title} ({error.slug}, {error.status})"
        _leave([heading, *([f"  {error.detail}"] if error.detail else []), *(f"  - {each}" for each in error.reasons)])
    except Unreachable as error:
        _leave([str(error), "  whether the request had an effect is not known: look before you repeat it"])
    except NotSignedIn as error:
        _leave([f"not signed in: {error}"])


def _leave(lines: list[str]) -> NoReturn:
    click.echo("\n".join(lines), err=True)
    raise SystemExit(int(Exit.REFUSED))
