"""How a command that cannot go on says why: every reason, one a line, exit code 1, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from sas_service.bootstrap.preflight import NotReady
from sas_service.bootstrap.stores import SettingsError
from sas_service.domain.errors import SasServiceError


@contextmanager
def explained() -> Iterator[None]:
    """Turn wrong settings and the service's own errors into a readable refusal."""
    try:
        yield
    except SettingsError as error:
        _refuse("These settings are wrong (docs/configuration.md):", error.problems)
    except NotReady as error:
        _refuse("This cannot start:", error.problems)
    except SasServiceError as error:
        reasons = [f"{each.rule}: {each.allowed}" for each in error.violations]
        _refuse(f"{type(error).__name__}: {error.detail}", reasons)


def _refuse(title: str, reasons: list[str]) -> None:
    click.echo("\n".join([title, *(f"  - {reason}" for reason in reasons)]), err=True)
    raise SystemExit(1)
