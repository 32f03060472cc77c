"""audit query and audit identify against a fake service: filters, pages, tables, and a token that nobody repeats."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner, Result

from sas_service.cli import main
from tests.unit.cli.fake_service import TOKEN, Call, FakeService

FOUND = "eyJ0eXAiOiJKV1QifQ.eyJleHAiOjF9.c2lnbmF0dXJl"
KNOWN = {
    "known": True,
    "fingerprint": "5e88" * 16,
    "works": True,
    "because": "By record it works.",
    "token": {"id": "maps-demo.1", "state": "live", "team": "storefront\x1b[31m", "profile": "storefront-web"},
    "levers": [
        {"lever": "role", "intended": {"total": 1}, "collateral": {"total": 7}, "reversible": True},
    ],
    "recommended": "role",
    "why": "fewest die",
}


class Auditable(FakeService):
    """1,200 events in pages of at most what is asked, the second one empty."""

    def answer(self, call: Call) -> tuple[int, object]:
        self.calls.append(call)
        address = urlsplit(call.path)
        if address.path != "/v1/audit/events":
            return self.answers.get((call.method, call.path), (404, {"type": "about:blank", "status": 404}))
        said = dict(parse_qsl(address.query))
        begin, size = int(said.get("cursor", "1200")), int(said["limit"])
        if begin == 700 and "empty" not in said:
            return 200, {"items": [], "next": f"{call.path}&empty=1"}
        items = [
            {"stream": "maps-demo", "seq": seq, "kind": "denied", "count": 3, "at": "2026-11-21T08:00:00Z"}
            for seq in range(begin, max(begin - size, 0), -1)
        ]
        rest = begin - len(items)
        following = f"/v1/audit/events?limit={size}&cursor={rest}" if rest else None
        return 200, {"items": items, "next": following}


@pytest.fixture
def audited() -> Iterator[Auditable]:
    fake = Auditable()
    yield fake
    fake.stop()


def run(audited: Auditable, tmp_path: Path, *words: str, given: str = "") -> Result:
    file = tmp_path / "bearer"
    file.write_text(TOKEN)
    signed_in = ("--api", audited.url, "--token-file", str(file))
    result = CliRunner().invoke(main, ["audit", *words, *signed_in], input=given)
    assert TOKEN not in result.output
    return result


def test_filters_are_sent_as_the_service_calls_them(audited: Auditable, tmp_path: Path) -> None:
    words = ("--application-id", "a b", "--kind", "denied", "--kind", "issued", "--text", "x&y", "--limit", "7")
    assert run(audited, tmp_path, "query", *words).exit_code == 0
    (call,) = audited.calls
    wanted = {"applicationId": "a b", "kind": "denied,issued", "text": "x&y", "limit": "7"}
    assert dict(parse_qsl(urlsplit(call.path).query)) == wanted


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("500", 500), ("501", 501), ("5000", 1200)])
def test_cursors_are_followed_up_to_the_limit(audited: Auditable, tmp_path: Path, limit: str, count: int) -> None:
    result = run(audited, tmp_path, "query", "--ndjson", "--limit", limit)
    numbers = [json.loads(line)["seq"] for line in result.stdout.splitlines()]
    assert numbers == list(range(1200, 1200 - count, -1))


def test_people_get_a_table_and_programs_an_array(audited: Auditable, tmp_path: Path) -> None:
    shown = run(audited, tmp_path, "query", "--limit", "2")
    assert ("maps-demo 1200" in shown.stdout, "denied x 3" in shown.stdout) == (True, True)
    assert "2 events" in shown.stderr
    assert len(json.loads(run(audited, tmp_path, "query", "--json", "--limit", "2").stdout)) == 2


def test_a_refusal_is_explained(audited: Auditable, tmp_path: Path) -> None:
    result = run(audited, tmp_path, "identify", given=FOUND)
    assert result.exit_code == 1
    assert FOUND not in result.output


def test_a_found_token_comes_from_a_file_or_standard_input_only(audited: Auditable, tmp_path: Path) -> None:
    audited.answers["POST", "/v1/audit/identify"] = (200, KNOWN)
    (tmp_path / "found").write_text(f"{FOUND}\n")
    for words, given in ((("identify", str(tmp_path / "found")), ""), (("identify",), f" {FOUND} \n")):
        result = run(audited, tmp_path, *words, given=given)
        assert result.exit_code == 0, result.output
        assert audited.calls[-1].body == {"token": FOUND}
        assert all(word in result.stdout for word in ("maps-demo.1", "storefront", "role", "7", "fewest die"))
        assert "\x1b" not in result.output
        assert FOUND not in result.output
    run(audited, tmp_path, "identify", given="5e88" * 16)
    assert audited.calls[-1].body == {"fingerprint": "5e88" * 16}
    assert json.loads(run(audited, tmp_path, "identify", "--json", given=FOUND).stdout) == KNOWN
    assert run(audited, tmp_path, "identify", given=" ").exit_code == 2


def test_an_unknown_token_is_said_to_be(audited: Auditable, tmp_path: Path) -> None:
    audited.answers["POST", "/v1/audit/identify"] = (200, {"known": False, "fingerprint": "0" * 64})
    assert "not known" in run(audited, tmp_path, "identify", given=FOUND).stdout
