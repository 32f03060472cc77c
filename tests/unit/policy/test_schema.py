"""The published JSON Schema: it is what the loader reads by, and says yes and no to the same documents."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sas_service.adapters.policy_file import json_schema, load_policy
from sas_service.adapters.policy_file.keys import DURATION_PATTERN
from sas_service.adapters.policy_file.nodes import read
from sas_service.cli.policy_commands import schema_text
from sas_service.domain.iso8601 import parse_duration
from sas_service.domain.policy import profiles_nobody_may_use
from tests.unit.policy.documents import GOOD, varied
from tests.unit.policy.faulty_documents import FAULTS

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "deploy" / "policy.example.yaml"
SCHEMA = Draft202012Validator(json_schema())

BEYOND_JSON_SCHEMA = {
    "a member twice",
    "a team with an unknown profile",
    "a shared token in a secret",
    "a list on lines of its own",
    "budget of a shared profile",
    "budget where no location is named",
    "ceiling above ours",
    "default above the maximum",
    "default below the minimum",
    "duplicate key",
    "duplicate profile",
    "maximum above the account's ceiling",
    "maximum below the minimum",
    "minimum for which the web control loops",
    "one identity under two roles",
    "shared token that lives too short",
    "two accounts for one resource",
    "two names for one identity",
    "window of an exclusive profile",
    "window without time to renew in",
    "unknown account",
    "unknown identity",
}
"""What one key says about another, how long a duration is, and what YAML says twice."""


def accepts(text: str) -> bool:
    return not list(SCHEMA.iter_errors(read(text.encode()).value))


def test_the_schema_is_a_valid_schema_of_its_draft() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_the_published_file_is_generated() -> None:
    published = (ROOT / "docs" / "policy.schema.json").read_bytes()
    assert published == schema_text().encode(), "run: sas-service policy schema > docs/policy.schema.json"


def test_the_example_is_accepted_by_both_without_a_warning() -> None:
    assert accepts(EXAMPLE.read_text())
    assert profiles_nobody_may_use(load_policy(EXAMPLE)) == ()


GOOD_CHANGES = {
    "as it is": ("", ""),
    "least": ("maxRatePerSecond: 50\n", "maxRatePerSecond: 1\n"),
    "upper-case GUID": ("d0000000-0000-4000-8000-000000000001", "D0000000-0000-4000-8000-000000000001"),
    "loopback": ("cors: [https://shop.example]", 'cors: ["http://localhost:3000", "http://[::1]:8080"]'),
    "role as a GUID": ("dataRole: Azure Maps Data Reader", "dataRole: 423170ca-a8f6-4b0f-8487-9e4eb8f49bfa"),
    "resource name": (
        "    resourceGroup: maps-rg\n",
        "    resourceGroup: Maps_rg.(1)\n    resourceName: Contoso-Maps\n",
    ),
    "budget": ("    cors: [https://shop.example]\n", "    budget: {liveTokens: 2}\n"),
    "window": ("    sharing: shared\n", "    sharing: shared\n    window: PT49M\n"),
    "weeks": ("lifetime: {max: P365D}", "lifetime: {max: P52W, min: PT5M1S}"),
}


@pytest.mark.parametrize("change", GOOD_CHANGES.values(), ids=GOOD_CHANGES)
def test_what_the_loader_reads_the_schema_accepts(change: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(varied(change))
    load_policy(tmp_path / "policy.yaml")
    assert accepts(varied(change))


@pytest.mark.parametrize("kind", FAULTS)
def test_what_the_loader_refuses_for_its_shape_the_schema_refuses_too(kind: str) -> None:
    assert accepts(varied(FAULTS[kind][0])) == (kind in BEYOND_JSON_SCHEMA)


@given(st.text(alphabet="PTWDHMS0127", max_size=14) | st.from_regex(DURATION_PATTERN.replace("$", r"\Z")))
def test_schema_and_service_read_the_same_durations(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        readable = False
    else:
        readable = True
    assert readable == bool(re.fullmatch(DURATION_PATTERN, text, re.ASCII))


def keys(schema: Any, path: str = "") -> dict[str, dict[str, Any]]:
    """Every key of the document by its dotted path, names as in ``accounts.*.hosts``."""
    found = {}
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        found[here] = inner
        found.update(keys(inner, here))
        if isinstance(inner.get("additionalProperties"), dict):
            found.update(keys(inner["additionalProperties"], f"{here}.*"))
    return found


def test_every_key_says_what_it_means() -> None:
    found = keys(json_schema())
    assert len(found) == 43
    assert [path for path, schema in found.items() if not schema.get("description")] == []


def test_the_reference_has_every_key_with_its_default() -> None:
    page = (ROOT / "docs" / "policy.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if line.startswith("| `")]
    for path, schema in keys(json_schema()).items():
        defaults = [row[2] for row in rows if row[1] == f"`{path.split('.*.')[-1]}`"]
        assert defaults, f"docs/policy.md does not explain {path}"
        if "default" in schema:
            assert f"`{schema['default']}`" in defaults, f"docs/policy.md has another default of {path}"


def test_the_reference_names_every_rule_that_can_refuse_a_request() -> None:
    page = (ROOT / "docs" / "policy.md").read_text()
    rules = {"teams"}
    for module in ("rules", "limits", "grants"):
        source = (ROOT / "sas_service" / "domain" / f"{module}.py").read_text()
        rules |= set(re.findall(r'"(service\.\w+)"', source))
        rules |= {f"profiles.NAME.{key}" for key in re.findall(r'f"\{path\}\.([\w.]+)"', source)}
    assert {"service.policyCeiling", "service.regions", "profiles.NAME.lifetime.max"} <= rules
    for rule in sorted((rules | {"accounts.NAME.platformCeiling"}) - {"profiles.NAME.lifetime.default"}):
        assert f"| `{rule}` |" in page, f"docs/policy.md does not explain the rule {rule}"


def test_the_examples_in_the_documents_are_good_policies(tmp_path: Path) -> None:
    for page in ("README.md", "docs/policy.md"):
        blocks = re.findall(r"```yaml\n(version: 1\n.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
        assert blocks, page
        for block in blocks:
            (tmp_path / "policy.yaml").write_text(block)
            load_policy(tmp_path / "policy.yaml")
            assert accepts(block)


def test_the_good_document_of_these_tests_is_good() -> None:
    assert accepts(GOOD)
