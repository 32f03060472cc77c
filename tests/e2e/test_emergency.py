"""An emergency with a warm standby, in the demo: ten seconds from the start to the key being gone."""

from datetime import datetime, timedelta

from tests.e2e.applications import REFUSED
from tests.e2e.revoking import act, plan, shown, wait_for_end
from tests.e2e.running_demo import RunningDemo, eventually

LIMIT = timedelta(seconds=10)


def test_an_emergency_takes_the_key_away_within_ten_seconds(fresh_demo: RunningDemo) -> None:
    demo = fresh_demo
    stolen = demo.issue(lifetime="PT1H").json()["token"]
    assert demo.ask_map(stolen).status_code == 200
    eventually(lambda: any(each["kind"] == "standbyProven" for each in demo.events()), within=60)
    planned = plan(demo, mode="emergency", reason="keyCompromise")
    started = act(demo, planned, "start")
    eventually(lambda: demo.ask_map(stolen).status_code in REFUSED, within=LIMIT.total_seconds())
    ended = wait_for_end(demo, started, within=60)
    assert ended["state"] == "completed", ended
    steps = {each["name"]: each for each in shown(demo, planned)["steps"]}
    taken = datetime.fromisoformat(steps["regenerate-key"]["done"]) - datetime.fromisoformat(ended["startedAt"])
    print(f"start to key gone: {taken.total_seconds():.1f} s")
    assert taken < LIMIT
    assert demo.counters()["operations"]["regenerateKey"] == 1
