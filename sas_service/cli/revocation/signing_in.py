"""How a command finds the service and proves who the admin is; a token is never an argument, which `ps` would show."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click

from sas_service.cli.revocation.terminal import Terminal, console, has_person, refusals_explained
from sas_service.client.bearers import Bearers, Remembered, from_client_secret, from_file, from_text
from sas_service.client.connection import Connection, checked_address
from sas_service.client.failures import NotSignedIn
from sas_service.client.revocations import Revocations

DEMO_FILE = Path("var/demo.json")
KINDS = ("developer", "managedIdentity", "workloadIdentity", "clientSecret", "clientCertificate")

# Not SAS_...: the service's own processes refuse names of that prefix that they do not know.
ADDRESS_VARIABLE, SCOPE_VARIABLE = "SASSERVICE_API", "SASSERVICE_SCOPE"

_SIGN_IN = (
    click.option("--api", envvar=ADDRESS_VARIABLE, metavar="URL", help=f"The service (variable {ADDRESS_VARIABLE})."),
    click.option(
        "--scope",
        envvar=SCOPE_VARIABLE,
        help=f"What your token is for, such as api://sas-service/.default (variable {SCOPE_VARIABLE}).",
    ),
    click.option(
        "--credential",
        type=click.Choice(KINDS),
        default=KINDS[0],
        show_default=True,
        help="How you sign in to Entra: developer is `az login`; the others take AZURE_CLIENT_ID and its like.",
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path, allow_dash=True),
        help="Read your access token from this file instead; - is standard input.",
    ),
    click.option("--demo", is_flag=True, help="Use the demo on this machine, as its admin or auditor."),
    click.option("--as", "client", metavar="CLIENT", help="Be another client of the demo, such as approver."),
    click.option(
        "--demo-file",
        type=click.Path(path_type=Path),
        default=DEMO_FILE,
        show_default=True,
        help="What the demo wrote when it began.",
    ),
)
_OPTIONS = (
    *_SIGN_IN,
    click.option(
        "--every", type=click.FloatRange(min=0.02), default=1.0, show_default=True, help="Seconds between two looks."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON instead, one document a line."),
)


def signed_in(command: Callable[..., None]) -> Callable[..., None]:
    """Add all options above, and give the command a Terminal in their place; failures are explained."""

    @wraps(command)
    def run(*, as_json: bool, every: float, **given: Any) -> None:
        with refusals_explained():
            connection = _connection(**_signing_in(given))
            command(Terminal(Revocations(connection), console(), as_json, has_person(), every), **given)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def connected(client: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what adds only the options that sign in, and gives a Connection; of the demo as ``client``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            with refusals_explained():
                command(_connection(**_signing_in(given), otherwise=client), **given)

        for option in reversed(_SIGN_IN):
            run = option(run)
        return run

    return decorate


def _signing_in(given: dict[str, Any]) -> dict[str, Any]:
    names = ("api", "scope", "credential", "token_file", "demo", "client", "demo_file")
    return {name: given.pop(name) for name in names}


def _connection(
    *,
    api: str | None,
    scope: str | None,
    credential: str,
    token_file: Path | None,
    demo: bool,
    client: str | None,
    demo_file: Path,
    otherwise: str = "admin",
) -> Connection:
    contract = _contract(demo_file) if demo or client else {}
    address = str(contract["apiUrl"]) if contract else api
    if not address:
        raise click.UsageError(f"Which service? --api URL, the variable {ADDRESS_VARIABLE}, or --demo.")
    try:
        checked_address(address)
    except ValueError as error:
        raise click.UsageError(f"--api: {error}") from None
    if contract:
        return Connection(address, lambda: _demo_bearers(contract, client or otherwise))
    if token_file is not None:
        bearers = from_text(sys.stdin.read) if str(token_file) == "-" else from_file(token_file)
        return Connection(address, lambda: bearers)
    if not scope:
        raise click.UsageError(
            f"Your token is for which application? --scope, or the variable {SCOPE_VARIABLE}; for instance"
            " api://sas-service/.default. It is not asked of the service, so that no other can name it."
        )
    return Connection(address, lambda: _entra_bearers(credential, scope))


def _contract(demo_file: Path) -> Mapping[str, Any]:
    try:
        contract: Any = json.loads(demo_file.read_text(encoding="utf-8"))
        return {name: contract[name] for name in ("apiUrl", "tokenUrl", "scope", "clients")}
    except (OSError, ValueError, KeyError, TypeError):
        raise click.UsageError(f"{demo_file} cannot be read: is the demo running? (make demo)") from None


def _demo_bearers(contract: Mapping[str, Any], name: str) -> Bearers:
    if name not in contract["clients"]:
        raise click.UsageError(f"--as {name}: the demo has {', '.join(sorted(contract['clients']))}")
    known = contract["clients"][name]
    form = {"client_id": known["clientId"], "client_secret": known["clientSecret"], "scope": contract["scope"]}
    return from_client_secret(str(contract["tokenUrl"]), form)


def _entra_bearers(kind: str, scope: str) -> Bearers:
    from sas_service.adapters.azure.admin_sign_in import AdminSignIn  # noqa: PLC0415  a second of the SDK's imports

    try:
        sign_in = AdminSignIn(kind, scope, os.environ)
    except ValueError as error:
        raise click.UsageError(f"--credential {kind}: {error}") from None

    def ask() -> str:
        token = sign_in.token()
        if token is None:
            raise NotSignedIn(f"Entra gives no token for {scope} ({sign_in.failure}); with developer: `az login` first")
        return token

    return Remembered(ask)
