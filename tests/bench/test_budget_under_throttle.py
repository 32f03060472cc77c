"""Three times what Azure lets through, with the emulator's throttle on (issue 6, "Shown by" 3)."""

from pathlib import Path

from tests.bench.reference.offered import offer
from tests.bench.reference.stage import server, stage

RATE, SECONDS = 30.0, 96.0


def test_thirty_requests_a_second(tmp_path: Path) -> None:
    with stage(tmp_path, recorded=False, settings={"SAS_WORKERS": "2"}) as staged:
        staged.emulator.control("PATCH", "settings", {"throttling": True})
        with server(staged, "sas_service.wsgi:application()") as (port, _):
            offered = offer(port, staged.bearer(), rate=RATE, seconds=SECONDS, obey_until=SECONDS + 60)
    steady = offered.within(32, SECONDS)
    print(f"\n{RATE:.0f} requests/s offered for {SECONDS:.0f} s: {dict(offered.statuses)}")
    print(f"  served: {steady:.2f}/s after the burst, {offered.within(0, SECONDS):.2f}/s in all")
    print(f"  who came back after Retry-After (up to {max(offered.told)} s): {dict(offered.came_back)}")
    assert steady >= 9.5
    assert set(offered.statuses) == {201, 429}
    assert set(offered.came_back) == {201}
