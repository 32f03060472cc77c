"""`sas-service revoke` as a program uses it: the plan, the start, the watching, and every way to end."""

import json
import re
from collections import deque
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sas_service.cli import main
from sas_service.cli.revocation.exits import MEANINGS, Exit
from sas_service.cli.revocation.plan_page import cost_line
from sas_service.client.documents import RevocationShown
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_service import COMPLETED, HASH, RUN, TOKEN, Call, FakeService, frame, plan, problem

ASKED = ("revoke", "--profile", "storefront-web", "--reason", "tokenLeak")
SURE = ("--yes", "--account", "maps-demo")


def words(result: Result) -> str:
    """What was printed, as words: where a table folds its cells is its own business."""
    return " ".join(result.output.split())


def test_a_plan_is_shown_lever_by_lever_and_changes_nothing(run: Run, service: FakeService) -> None:
    result = run(*ASKED, "--plan-only")
    assert result.exit_code == Exit.DONE
    assert [(call.method, call.path) for call in service.calls] == [("POST", "/v1/revocations")]
    assert service.calls[0].body == {
        "reason": "tokenLeak",
        "target": {"profile": "storefront-web"},
        "mode": "expedited",
    }
    shown = words(result)
    for told in ("both (chosen, recommended)", "logistics/logistics-batch", "Recommended: both: fewest", "shared key"):
        assert told in shown


def test_what_the_service_says_of_calls_time_and_expiry_is_shown(run: Run, service: FakeService) -> None:
    document = plan()
    document["levers"][0] |= {"azureCalls": {"regenerateKey": 1, "removeRole": 2}, "expectedTime": "PT12M"}
    service.frames = deque([document])
    shown = words(run(*ASKED, "--plan-only"))
    assert "1 regenerateKey" in shown
    assert "12 min" in shown
    assert "2999-01-01 00:00:00Z" in shown


def test_a_start_names_the_plan_that_was_shown_and_is_watched_to_its_end(run: Run, service: FakeService) -> None:
    service.after_start = [
        frame("running", "replace", 1, consumers={"total": 3, "moved": 1, "late": ["a/b/c"]}),
        COMPLETED,
    ]
    result = run(*ASKED, *SURE)
    assert result.exit_code == Exit.DONE, result.output
    started = service.made("POST")[1]
    assert started.path == f"/v1/revocations/{RUN}/start"
    assert started.headers["If-Match"] == f'"{HASH}"'
    shown = words(result)
    assert "3 of 3 consumers have moved" in shown
    assert f"{RUN}: completed" in shown
    assert f"sas-service revoke evidence {RUN}" in shown


def test_who_has_not_moved_is_named(run: Run, service: FakeService) -> None:
    late = frame("running", "replace", 2, consumers={"total": 3, "moved": 2, "late": [{"name": "shop/app-1/web"}]})
    service.frames = deque([late, late, COMPLETED])
    assert "2 of 3 consumers have moved; not moved: shop/app-1/web" in words(run("revoke", "watch", RUN))


def test_another_latecomer_is_named_although_their_number_is_the_same(run: Run, service: FakeService) -> None:
    late = [
        frame("running", "replace", consumers={"total": 2, "moved": 1, "late": [name]}) for name in ("a/b/c", "x/y/z")
    ]
    service.frames = deque([late[0], *late, COMPLETED])
    shown = run("revoke", "watch", RUN).output
    assert "not moved: a/b/c" in shown
    assert "not moved: x/y/z" in shown


def test_who_has_not_moved_is_asked_for_where_the_run_names_nobody(run: Run, service: FakeService) -> None:
    items = [{"team": "shop", "application": "app-1", "profile": "web", "moved": False}, {"name": "x", "moved": True}]
    service.answers["GET", f"/v1/revocations/{RUN}/consumers"] = (200, {"items": items, "next": None})
    service.frames = deque([frame("running", "replace", 2)] * 3 + [COMPLETED])
    assert "not moved: shop/app-1/web" in words(run("revoke", "watch", RUN))
    assert len([call for call in service.calls if call.path.endswith("/consumers")]) == 1


@pytest.mark.parametrize("given", [("--yes",), ("--yes", "--account", "other"), ()])
def test_nothing_is_started_unless_the_accounts_name_is_given(
    run: Run, service: FakeService, given: tuple[str, ...]
) -> None:
    result = run(*ASKED, *given)
    assert result.exit_code == (Exit.REFUSED if "other" in given else Exit.USAGE)
    assert bool(service.calls) == (given != ("--yes",))
    assert not [call for call in service.calls if call.path.endswith("/start")]


def test_a_blocked_plan_shows_the_ways_out_and_has_its_own_exit_code(run: Run, service: FakeService) -> None:
    obstacle = {"what": "primaryKey is in quarantine", "waysOut": ["wait until then"], "until": "2999-01-01T00:00:00Z"}
    service.frames = deque(
        [plan(state="blocked", obstacles=[obstacle], earliestStart="2999-01-01T00:00:00Z", allowedActions=["abort"])]
    )
    result = run(*ASKED, *SURE)
    assert result.exit_code == Exit.BLOCKED
    for told in ("primaryKey is in quarantine", "ways out: wait until then", "Earliest start: 2999-01-01"):
        assert told in words(result)
    assert run(*ASKED, "--plan-only").exit_code == Exit.BLOCKED


def test_the_recommended_lever_is_taken_where_that_is_asked_for(run: Run, service: FakeService) -> None:
    service.frames = deque([plan(recommended="role")])
    run(*ASKED, "--lever", "recommended", "--plan-only")
    assert [call.body.get("lever") for call in service.calls] == [None, "role"]


def test_a_lever_that_was_named_is_kept(run: Run, service: FakeService) -> None:
    service.frames = deque([plan(recommended="role")])
    run(*ASKED, "--lever", "key", "--plan-only")
    assert [call.body.get("lever") for call in service.calls] == ["key"]


def test_a_waiting_run_says_for_what_and_what_helps(run: Run, service: FakeService) -> None:
    waits = frame(
        "waiting",
        "replace",
        1,
        waitingFor="2 consumers are late",
        waitingCode="consumers-late",
        remedy="`extend`, or wait",
    )
    service.answers["GET", f"/v1/revocations/{RUN}/consumers"] = (200, {"items": []})
    service.frames = deque([waits, waits, {**COMPLETED, "state": "aborted"}])
    result = run("revoke", "watch", RUN)
    assert result.exit_code == Exit.NOT_COMPLETED
    for told in ("Waiting for you: 2 consumers are late", "What helps: `extend`", f"sas-service revoke commit {RUN}"):
        assert told in words(result)


@pytest.mark.parametrize("missing", [True, False])
def test_who_may_not_leave_anybody_behind_alone_is_told_what_the_other_types(
    run: Run, service: FakeService, *, missing: bool
) -> None:
    actions = ["abort", "approve", "extend"] if missing else ["abort", "commit", "excuse", "extend"]
    waits = frame("waiting", "replace", 1, waitingFor="late", waitingCode="consumers-late", allowedActions=actions)
    service.answers["GET", f"/v1/revocations/{RUN}/consumers"] = (200, {"items": []})
    service.frames = deque([waits, waits, {**COMPLETED, "state": "aborted"}])
    said = words(run("revoke", "watch", RUN))
    assert (f"sas-service revoke approve {RUN}" in said) is missing
    assert (f"sas-service revoke excuse {RUN}" in said) is not missing


@pytest.mark.parametrize("fault", ["drop", 503, 502])
def test_a_failure_while_watching_is_noted_and_ends_nothing(run: Run, service: FakeService, fault: int | str) -> None:
    service.frames = deque([frame("running", "settle"), frame("running", "settle"), COMPLETED])
    shots = iter([None, None, None, fault])
    service.answers["GET", f"/v1/revocations/{RUN}/consumers"] = (200, {"items": []})

    def now_and_then(call: Call) -> None:
        shot = next(shots, None)
        if shot is not None:
            service.faults.append(shot)

    service.before = now_and_then
    result = run("revoke", "watch", RUN)
    assert result.exit_code == Exit.DONE, result.output
    assert "trying again" in result.output


def test_a_run_that_does_not_exist_is_not_asked_for_again_and_again(run: Run, service: FakeService) -> None:
    result = run("revoke", "watch", "rev_other")
    assert result.exit_code == Exit.REFUSED
    assert "not-found" in result.output


def test_a_token_that_expires_meanwhile_is_read_anew(run: Run, service: FakeService, token_file: Path) -> None:
    service.frames = deque([frame("running", "settle", 3), frame("running", "settle", 3), COMPLETED])

    def expires(call: Call) -> None:
        service.tokens = {"another.token.now"}
        token_file.write_text("another.token.now")

    service.before = expires
    assert run("revoke", "watch", RUN).exit_code == Exit.DONE


def test_a_start_whose_answer_was_lost_is_judged_by_what_the_run_shows(run: Run, service: FakeService) -> None:
    def lose(call: Call) -> None:
        if call.path.endswith("/start"):
            service.frames = deque([COMPLETED])
            service.faults.append("drop")

    service.before = lose
    result = run(*ASKED, *SURE)
    assert result.exit_code == Exit.DONE, result.output
    assert f"{RUN}: completed" in words(result)


def test_a_start_that_did_not_arrive_is_told(run: Run, service: FakeService) -> None:
    def lose(call: Call) -> None:
        if call.path.endswith("/start"):
            service.faults.append("drop")

    service.before = lose
    result = run(*ASKED, *SURE)
    assert result.exit_code == Exit.REFUSED
    assert "look before you repeat it" in words(result)


@pytest.mark.parametrize(
    ("slug", "told"),
    [("replan-required", "plan anew"), ("run-in-progress", "the account's run: rev_00")],
)
def test_a_refused_start_says_what_to_do(run: Run, service: FakeService, slug: str, told: str) -> None:
    refusal = problem(409, slug, "Not now", running="rev_00")
    service.answers["POST", f"/v1/revocations/{RUN}/start"] = (409, refusal)
    result = run(*ASKED, *SURE)
    assert result.exit_code == Exit.REFUSED
    assert told in words(result)


def test_a_plan_that_needs_an_approval_waits_for_it(run: Run, service: FakeService) -> None:
    waits = plan(allowedActions=["abort", "approve"], approvalsNeeded=1, approvals=[])
    service.frames = deque([waits, waits, plan()])
    result = run(*ASKED, *SURE)
    assert result.exit_code == Exit.DONE, result.output
    assert f"sas-service revoke approve {RUN}" in words(result)


def test_an_approval_names_the_plan_and_wants_the_account(run: Run, service: FakeService) -> None:
    service.frames = deque([plan(allowedActions=["abort", "approve"])])
    assert run("revoke", "approve", RUN).exit_code == Exit.USAGE
    assert not service.made("POST")
    assert run("revoke", "approve", RUN, *SURE).exit_code == Exit.DONE
    assert service.made("POST")[0].headers["If-Match"] == f'"{HASH}"'


@pytest.mark.parametrize(
    ("typed", "path", "body"),
    [
        (("pause", RUN), "pause", None),
        (("resume", RUN), "resume", None),
        (("abort", RUN), "abort", None),
        (("excuse", RUN, "shop/app-1/web"), "excuse", {"consumer": "shop/app-1/web"}),
        (("extend", RUN, "--deadline", "2999-01-01T00:00:00Z"), "extend", {"deadline": "2999-01-01T00:00:00Z"}),
        (("commit", RUN, *SURE), "commit", None),
    ],
)
def test_every_action_goes_out_with_the_plans_hash(
    run: Run, service: FakeService, typed: tuple[str, ...], path: str, body: object
) -> None:
    service.frames = deque([frame("running", "replace", 3)])
    assert run("revoke", *typed).exit_code == Exit.DONE
    sent = service.made("POST")[-1]
    assert (sent.path, sent.body) == (f"/v1/revocations/{RUN}/{path}", body)
    assert sent.headers["If-Match"] == f'"{HASH}"'


def test_a_commit_wants_the_accounts_name(run: Run, service: FakeService) -> None:
    service.frames = deque([frame("running", "replace", 3)])
    assert run("revoke", "commit", RUN).exit_code == Exit.USAGE
    assert not service.made("POST")


def test_an_action_that_is_not_allowed_says_what_is(run: Run, service: FakeService) -> None:
    refusal = problem(409, "action-not-allowed", "Not in this state", allowedActions=["pause", "resume"])
    service.answers["POST", f"/v1/revocations/{RUN}/abort"] = (409, refusal)
    result = run("revoke", "abort", RUN)
    assert result.exit_code == Exit.REFUSED
    assert "allowed now: pause, resume" in words(result)


def test_lists_are_read_page_by_page(run: Run, service: FakeService) -> None:
    service.answers["GET", "/v1/revocations"] = (200, {"items": [plan()], "next": "/v1/revocations?cursor=2"})
    service.answers["GET", "/v1/revocations?cursor=2"] = (200, {"items": [plan(id="rev_00")], "next": None})
    shown = words(run("revoke", "list"))
    assert RUN in shown
    assert "rev_00" in shown


def test_evidence_is_written_byte_for_byte_and_over_nothing(run: Run, service: FakeService, tmp_path: Path) -> None:
    service.answers["GET", f"/v1/revocations/{RUN}/evidence"] = (200, b'{"signed":  true}\n')
    file = tmp_path / "evidence.json"
    assert run("revoke", "evidence", RUN, "--output", str(file)).exit_code == Exit.DONE
    assert file.read_bytes() == b'{"signed":  true}\n'
    assert run("revoke", "evidence", RUN, "--output", str(file)).exit_code == Exit.REFUSED


def test_programs_get_one_document_a_line(run: Run, service: FakeService) -> None:
    result = run(*ASKED, *SURE, "--json")
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert [document["state"] for document in documents] == ["planned", "completed"]


def test_the_thief_is_suspended_before_the_start(run: Run, service: FakeService) -> None:
    service.answers["PUT", "/v1/suspensions/team/storefront"] = (201, {"kind": "team", "id": "storefront"})
    assert run(*ASKED, *SURE, "--suspend", "team/storefront").exit_code == Exit.DONE
    sent = [call.path for call in service.calls if call.method != "GET"]
    assert sent.index("/v1/suspensions/team/storefront") < sent.index(f"/v1/revocations/{RUN}/start")


@pytest.mark.parametrize(
    "asked",
    [
        ("--reason", "drill"),
        ("--profile", "a", "--team", "b", "--reason", "drill"),
        ("--whole-account", "--reason", "drill"),
        ("--signing-key", "primaryKey", "--reason", "drill"),
        ("--signing-key", "primaryKey", "--whole-account", "--account", "a", "--reason", "drill"),
        ("--profile", "a", "--reason", "keyCompromise"),
        ("--profile", "a", "--reason", "drill", "--deadline", "soon"),
        ("--profile", "a", "--reason", "drill", "--suspend", "storefront"),
        ("--account", "maps-demo", "--yes", "--reason", "drill"),
    ],
)
def test_a_wrong_command_line_sends_nothing(run: Run, service: FakeService, asked: tuple[str, ...]) -> None:
    assert run("revoke", *asked).exit_code == Exit.USAGE
    assert not service.calls


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        (("--token", "a", "--token", "b"), {"tokens": ["a", "b"]}),
        (("--signing-key", "primaryKey", "--account", "m"), {"signingKey": "primaryKey", "account": "m"}),
        (("--whole-account", "--account", "m"), {"account": "m"}),
        (("--identity", "web-a"), {"identity": "web-a"}),
    ],
)
def test_targets_are_those_of_the_service(
    run: Run, service: FakeService, typed: tuple[str, ...], target: object
) -> None:
    run("revoke", *typed, "--reason", "drill", "--plan-only")
    assert service.calls[0].body["target"] == target


def test_what_the_service_says_cannot_steer_the_terminal(run: Run, service: FakeService) -> None:
    service.frames = deque([plan(why="\x1b[2J[bold]gone\x07", warnings=["\x1b]0;title\x07"])])
    result = run(*ASKED, "--plan-only")
    assert "\x1b" not in result.output
    assert "\x07" not in result.output
    assert "[bold]gone" in result.output


@pytest.mark.parametrize("address", ["http://sas.example.com", "https://user:word@sas.example.com", "sas.example.com"])
def test_a_token_never_travels_in_the_clear(token_file: Path, address: str) -> None:
    words = ["revoke", "list", "--api", address, "--token-file", str(token_file)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == Exit.USAGE


def test_a_redirect_gets_no_token(run: Run, service: FakeService) -> None:
    service.answers["GET", "/v1/revocations"] = (302, {})
    service.answers["GET", "/elsewhere"] = (200, {"items": []})
    assert run("revoke", "list").exit_code == Exit.REFUSED
    assert len(service.calls) == 1


def test_a_netrc_does_not_take_the_place_of_the_token(
    run: Run, service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    service.answers["GET", "/v1/revocations"] = (200, {"items": [], "next": None})
    assert run("revoke", "list").exit_code == Exit.DONE


def test_a_refused_token_is_told_without_the_token(service: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "old"
    file.write_text("old.token.here")
    result = CliRunner().invoke(main, ["revoke", "list", "--api", service.url, "--token-file", str(file)])
    assert result.exit_code == Exit.REFUSED
    assert "unauthenticated" in result.output
    assert "old.token.here" not in result.output


def test_a_token_can_come_through_standard_input(service: FakeService) -> None:
    service.answers["GET", "/v1/revocations"] = (200, {"items": [], "next": None})
    words = ["revoke", "list", "--api", service.url, "--token-file", "-"]
    assert CliRunner().invoke(main, words, input=TOKEN).exit_code == Exit.DONE


def test_exit_codes_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "revocation.md").read_text()
    rows = dict(re.findall(r"^\| (\d) \| (.+?) \|$", page, re.MULTILINE))
    assert rows == {str(int(code)): meaning for code, meaning in MEANINGS.items()}
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize(
    ("mode", "on_deadline", "told"),
    [
        ("graceful", "proceed", "they expire by themselves first."),
        ("expedited", "hold", "they are replaced by their applications first."),
        ("expedited", "abort", "they are replaced by their applications first."),
        ("expedited", "proceed", "applications first, and what is not by the deadline dies all the same."),
    ],
)
def test_what_a_start_costs_is_true_of_what_happens_at_the_deadline(mode: str, on_deadline: str, told: str) -> None:
    assert told in cost_line(RevocationShown.of(plan(mode=mode, onDeadline=on_deadline)))
