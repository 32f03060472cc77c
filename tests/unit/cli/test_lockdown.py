"""`sas-service lockdown` and `rotate-shared-key`."""

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_service import FakeService, problem

_PATH = "/v1/accounts/maps-demo/lockdown"


def shown(state: str, step: str, missing: str | None = None) -> dict[str, object]:
    steps = [{"name": "regenerate-keys", "state": step}]
    return {"account": "maps-demo", "state": state, "missing": missing, "steps": steps}


def test_a_lockdown_wants_the_name_and_says_the_way_back(run: Run, service: FakeService) -> None:
    service.answers["POST", _PATH] = (202, shown("locking", "running", missing="Azure"))
    service.answers["GET", "/v1/accounts/maps-demo"] = (200, {"lockdown": shown("locked", "done")})
    assert run("lockdown", "maps-demo").exit_code == 2
    assert not service.calls
    result = run("lockdown", "maps-demo", "--comment", "stolen laptop", "--yes")
    assert result.exit_code == 0
    assert service.calls[0].body == {"reason": "keyCompromise", "comment": "stolen laptop"}
    assert result.output.index("waiting for: Azure") < result.output.index("regenerate-keys: done")
    assert "maps-demo: locked" in result.output
    assert "sas-service lockdown maps-demo --release" in result.output


def test_a_release_that_is_refused_says_why(run: Run, service: FakeService) -> None:
    refusal = problem(409, "lockdown-not-over", "Both keys must have changed")
    service.answers["DELETE", _PATH] = (409, refusal)
    result = run("lockdown", "maps-demo", "--release", "--yes")
    assert result.exit_code == 1
    assert "Both keys must have changed" in result.output


def test_a_release_needs_no_body(run: Run, service: FakeService) -> None:
    service.answers["DELETE", _PATH] = (202, shown("releasing", "done"))
    service.answers["GET", "/v1/accounts/maps-demo"] = (200, {"lockdown": None})
    assert "maps-demo: released" in run("lockdown", "maps-demo", "--release", "--yes").output


def test_a_shared_key_is_rotated_by_a_scheduled_revocation_of_the_key(run: Run, service: FakeService) -> None:
    result = run("rotate-shared-key", "maps-demo", "--yes")
    assert result.exit_code == 0, result.output
    asked = service.calls[0].body
    assert (asked["reason"], asked["target"], asked["lever"]) == ("scheduled", {"account": "maps-demo"}, "key")
