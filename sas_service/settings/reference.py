"""docs/configuration.md, out of the settings themselves."""

from dataclasses import fields
from datetime import timedelta

from sas_service.domain.iso8601 import format_duration
from sas_service.settings import PREFIX, Settings


def reference() -> str:
    """Return docs/configuration.md: every setting, its default and its meaning."""
    rows = []
    # What every deployment needs first, then what single capabilities add.
    for each in sorted(fields(Settings), key=lambda each: each.name not in Settings.__annotations__):
        default = each.metadata["default"]
        shown = f"`{default}`" if default is not None else ("-" if each.metadata["optional"] else "**required**")
        rows.append(f"| `{PREFIX}{each.name.upper()}` | {shown} | {each.metadata['meaning']} |")
    return "\n".join(
        [
            "# Configuration",
            "",
            "Generated from `sas_service/settings/` by `make docs`; do not edit.",
            "",
            "Everything is set in the environment. A process that starts with wrong settings names all of them and",
            f"exits. Durations are ISO 8601 (`{format_duration(timedelta(minutes=2))}`), flags are `true` or `false`,",
            "lists are comma-separated. Secrets are masked wherever settings are shown.",
            "",
            "The host's managed identity endpoint (`IDENTITY_ENDPOINT`, `IDENTITY_HEADER`) and, for workload identity,",
            "`AZURE_FEDERATED_TOKEN_FILE` are set by the platform and read as they are. No other variable counts, not",
            "even `HTTPS_PROXY`.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )
