"""The command `sas-service emulator`: starts a local Azure for Azure Maps."""

from pathlib import Path

import click
import yaml

from sas_service.emulator import shapes
from sas_service.emulator.server import PortTakenError, ServerOptions, serve
from sas_service.emulator.store import SAMPLE_WORLD, Store, open_store
from sas_service.emulator.world import World


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8081, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--tls", is_flag=True, help="Serve HTTPS with a generated certificate.")
@click.option(
    "--tls-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/emulator-tls"),
    show_default=True,
    help="Folder of the generated certificate; clients trust emulator.pem in it.",
)
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="Keep keys and changes in this file.")
@click.option(
    "--world",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="World file (YAML or JSON); without it a small sample world is shown.",
)
@click.option("--print-world", is_flag=True, help="Print the sample world file, to start your own from, and leave.")
def emulator(
    host: str, port: int, *, tls: bool, tls_dir: Path, state: Path | None, world: Path | None, print_world: bool
) -> None:
    """Start a local Azure for Azure Maps: Entra ID, identity endpoints, ARM, the maps data plane and Key Vault.

    It holds the world in memory and, with --state, on disk: keys, roles and identities survive a restart.
    See docs/emulator.md for the world file and for GET /_emulator/, the control endpoint.
    """
    if print_world:
        click.echo(SAMPLE_WORLD.read_text(), nl=False)
        return
    options = ServerOptions(host, port, world, state, tls_dir if tls else None)
    try:
        # Opened here once to refuse a wrong world in plain words; the serving process opens it for itself.
        found = state is not None and state.exists()
        introduction = _introduction(options, open_store(world, state), found=found)
        serve(options, lambda: click.echo(introduction))
    except (shapes.ShapeError, PortTakenError) as error:
        raise click.ClickException(str(error)) from None


def _introduction(options: ServerOptions, store: Store, *, found: bool) -> str:
    lines = [f"The Azure Maps emulator listens on {options.url} (page for people: {options.url}/_emulator/)."]
    if options.tls_folder:
        lines.append(f"Clients must trust {options.tls_folder / 'emulator.pem'}.")
    if found:
        lines.append(f"The world is that of {options.state}; delete that file to begin anew.")
    elif options.world is None:
        lines += ["No --world was given; this is the sample world:", yaml.safe_dump(_ids(store.world), sort_keys=False)]
    return "\n".join(lines)


def _ids(world: World) -> dict[str, object]:
    return {
        "tenants": [tenant.id for tenant in world.tenants],
        "applications": {each.display_name: each.client_id for tenant in world.tenants for each in tenant.applications},
        "subscriptions": [subscription.id for subscription in world.subscriptions],
        "mapsAccounts": {
            account.name: account.unique_id
            for subscription in world.subscriptions
            for group in subscription.resource_groups
            for account in group.maps_accounts
        },
    }
