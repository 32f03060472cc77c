"""The commands policy check, explain and schema."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sas_service.cli.policy_commands import policy
from tests.unit.policy.documents import GOOD, varied

RATE_LINE = GOOD.splitlines().index("    maxRatePerSecond: 50") + 1


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return written(tmp_path / "good.yaml", GOOD)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def run(*words: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(policy, [str(word) for word in words], env=env)


def test_check_says_good_and_leaves_with_0(good: Path) -> None:
    result = run("check", good)
    assert result.exit_code == 0
    assert result.output.startswith(f"{good}: good: accounts 2, profiles 3, teams 2, sha256 ")


def test_check_prints_every_fault_of_every_file_by_line_and_leaves_with_1(good: Path, tmp_path: Path) -> None:
    bad = written(
        tmp_path / "bad.yaml",
        varied(("maxRatePerSecond: 50\n", "maxRatePerSecond: 501\n"), ("cors: [https://shop", "corss: [https://shop")),
    )
    missing = tmp_path / "missing.yaml"
    result = run("check", bad, good, missing)
    assert result.exit_code == 1
    first, second, third, fourth = result.output.splitlines()
    assert first == (
        f"{bad}:{RATE_LINE}: /profiles/storefront-web/maxRatePerSecond: 501 can never apply: it must be 1 to 500"
    )
    assert second == f"{bad}:{RATE_LINE + 5}: /profiles/storefront-web/corss: is unknown; did you mean 'cors'?"
    assert third.startswith(f"{good}: good")
    assert fourth == f"{missing}:1: cannot be read: No such file or directory"


def test_check_warns_of_a_profile_that_nobody_may_use_and_leaves_with_0(tmp_path: Path) -> None:
    lonely = written(tmp_path / "lonely.yaml", varied((", world]", "]")))
    result = run("check", lonely)
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == f"{lonely}:39: warning: /profiles/world: no team may use it"


def test_check_answers_programs_in_json(good: Path, tmp_path: Path) -> None:
    bad = written(tmp_path / "bad.yaml", varied(("maxRatePerSecond: 50\n", "maxRatePerSecond: 501\n")))
    result = run("check", "--json", good, bad)
    assert result.exit_code == 1
    first, second = json.loads(result.output)
    assert (first["file"], first["good"], first["faults"], first["warnings"]) == (str(good), True, [], [])
    assert len(first["digest"]) == 64
    assert second == {
        "file": str(bad),
        "good": False,
        "digest": None,
        "faults": [
            {
                "at": f"{bad}:{RATE_LINE}",
                "pointer": "/profiles/storefront-web/maxRatePerSecond",
                "asked": 501,
                "reason": "501 can never apply: it must be 1 to 500",
            }
        ],
        "warnings": [],
    }


def test_explain_says_what_the_team_may_have_and_which_rule_says_so(good: Path) -> None:
    result = run("explain", "--policy", good, "--team", "storefront", "--profile", "storefront-web")
    assert result.exit_code == 0
    rows = {" ".join(line.split()) for line in result.output.splitlines()}
    worst = "profiles.storefront-web.maxRatePerSecond x regions x profiles.storefront-web.lifetime.max"
    assert {
        "what value rule",
        "who: applications a0000000-0000-4000-8000-000000000002 teams.storefront.members.applications (line 51)",
        "may use storefront-web, world teams.storefront.profiles (line 53)",
        "regions eastus, westus2, westcentralus profiles.storefront-web.regions (line 25)",
        "rate at most 50 per second and region profiles.storefront-web.maxRatePerSecond (line 26)",
        "lives at least PT10M profiles.storefront-web.lifetime.min (line 28)",
        "lives at most PT2H profiles.storefront-web.lifetime.max (line 29)",
        "lives if not asked PT1H profiles.storefront-web.lifetime.default (line 30)",
        "starts ahead at most PT1H profiles.storefront-web.startAhead (default)",
        f"billable transactions of one token at worst 1,080,000 = 50 per second x 3 regions x 7200 s {worst}",
    } <= rows


def test_explain_takes_the_file_from_the_environment_and_names_foreign_limits(good: Path) -> None:
    result = run("explain", "--team", "storefront", "--profile", "world", env={"SAS_POLICY_FILE": str(good)})
    rows = {" ".join(line.split()) for line in result.output.splitlines()}
    assert "lives at most P1D accounts.maps-day.platformCeiling (default)" in rows
    assert "billable transactions of one token at worst unconstrained profiles.world.regions (line 43)" in rows
    result = run("explain", "--policy", good, "--team", "logistics", "--profile", "logistics-batch")
    rows = {" ".join(line.split()) for line in result.output.splitlines()}
    assert "lives at most P365D service.policyCeiling" in rows
    assert "rate at most 500 per second and region service.maximumRate" in rows


@pytest.mark.parametrize(
    ("team", "profile", "code", "told"),
    [
        ("storefrnt", "world", 2, "'storefrnt' is no team; did you mean 'storefront'?"),
        ("storefront", "wrold", 2, "'wrold' is no profile; did you mean 'world'?"),
        ("storefront", "zzz", 2, "'zzz' is no profile; known: logistics-batch, storefront-web, world"),
        (
            "storefront",
            "logistics-batch",
            1,
            ":53: team storefront may not use logistics-batch; it may use storefront-web",
        ),
    ],
)
def test_explain_helps_with_names_that_do_not_fit(good: Path, team: str, profile: str, code: int, told: str) -> None:
    result = run("explain", "--policy", good, "--team", team, "--profile", profile)
    assert result.exit_code == code
    assert told in result.output


def test_explain_of_a_bad_document_prints_its_faults(tmp_path: Path) -> None:
    bad = written(tmp_path / "bad.yaml", varied(("version: 1\n", "version: 2\n")))
    result = run("explain", "--policy", bad, "--team", "a", "--profile", "b")
    assert result.exit_code == 1
    assert result.output == f"{bad}:1: /version: 2 can never apply: it must be 1\n"


@pytest.mark.parametrize("words", [[], ["check"], ["explain"], ["schema"]])
def test_every_command_has_help_that_teaches(words: list[str]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "policy" in result.output


def test_schema_prints_json() -> None:
    assert json.loads(run("schema").output)["title"] == "sas_service policy"
