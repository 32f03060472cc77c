"""What the demo says at the terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


def say(text: str, *, error: bool = False) -> None:
    """Print a line at once, also into a pipe."""
    click.echo(text, err=error)


def banner(contract: Mapping[str, Any], directory: Path, seconds: float) -> str:
    """Return the ready message with three commands to copy; the secret is read from demo.json, not shown."""
    api_url, emulator_url, demo_json = contract["apiUrl"], contract["emulatorUrl"], directory / "demo.json"
    form = (
        f"import json,urllib.parse as u; d=json.load(open('{demo_json}')); c=d['clients']['storefront'];"
        " print(u.urlencode({'grant_type':'client_credentials','client_id':c['clientId'],"
        "'client_secret':c['clientSecret'],'scope':d['scope']}))"
    )
    return f"""
ready after {seconds:.1f} s

  API             {api_url}        documents: {api_url}/docs
  emulated Azure  {emulator_url}        its state:  {emulator_url}/_emulator/
  logs            {directory / "log"}
  clients         {demo_json}

Copy these three, one after the other:

# 1. a caller token from Entra, as the storefront team's backend
BEARER=$(python3 -c "{form}" | curl -s --data @- {contract["tokenUrl"]} | \
  python3 -c "import json,sys; print(json.load(sys.stdin)['access_token'])")

# 2. a SAS token from this service
SAS=$(curl -s {api_url}/v1/tokens -H "Authorization: Bearer $BEARER" -H "Accept: text/plain" \
  -H "Content-Type: application/json" -d '{{"profile": "storefront-web", "lifetime": "PT15M"}}')

# 3. an answer from the map
curl -si "{emulator_url}/route/directions/json?api-version=1.0&query=52.50931,13.42936:52.50274,13.43872" \
  -H "Authorization: jwt-sas $SAS"

Ctrl-C stops everything; the state stays in {directory}.
"""
