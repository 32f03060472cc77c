"""No SAS token, key or bearer in Redis's files, the mirror, the logs or the output."""

from tests.e2e.running_demo import RunningDemo, secrets_in


def test_nothing_secret_is_written_anywhere(demo: RunningDemo) -> None:
    demo.issue()
    demo.issue(maxRatePerSecond=501, reason="eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJKV1Qi")
    demo.call("GET", "/v1/tokens", headers={"Authorization": "Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.x.y"})
    assert (demo.directory / "redis" / "appendonlydir").is_dir()
    assert list((demo.directory / "mirror").iterdir())
    assert secrets_in(demo.directory, demo.secrets(), demo.output) == []


def test_the_scan_would_find_one(demo: RunningDemo) -> None:
    token = demo.issue().json()["token"]
    planted = demo.directory / "log" / "planted.log"
    planted.write_text(f"oh no: {token}")
    try:
        assert secrets_in(demo.directory, set(), "") == [str(planted)]
    finally:
        planted.unlink()
    assert secrets_in(demo.directory, {"sesame"}, "open sesame") == ["output"]
