"""The command openapi."""

from pathlib import Path

import click

from sas_service.api.openapi import render

OPENAPI_FILE = Path("openapi.yaml")


@click.command()
@click.option("--check", is_flag=True, help="Compare with the file byte for byte and exit 1 if they differ.")
@click.option("--file", type=click.Path(path_type=Path), default=OPENAPI_FILE, show_default=True)
def openapi(*, check: bool, file: Path) -> None:
    """Write openapi.yaml from the views and their schemas, or check that it is true."""
    text = render()
    if check:
        if not file.exists() or file.read_text() != text:
            raise click.ClickException(f"{file} is not what the code says; run `sas-service openapi` and commit it")
        click.echo(f"{file} is true")
    else:
        file.write_text(text)
        click.echo(f"wrote {file}")
