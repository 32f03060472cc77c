"""Writes the generated pages of docs/ anew: ``python -m tests.regenerate_docs``, run by ``make docs``."""

from collections.abc import Callable, Mapping
from pathlib import Path

from sas_service.api.problem_pages import render_markdown
from sas_service.cli.policy_commands import schema_text
from sas_service.settings.reference import reference
from tests.contract.emulator.least_privilege_page import render

DOCS = Path(__file__).parents[1] / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": reference,
    "least-privilege.md": render,
    "policy.schema.json": schema_text,
    "problems.md": render_markdown,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")
