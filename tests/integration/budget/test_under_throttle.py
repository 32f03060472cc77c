"""The budget in front of an emulator that throttles for real: small buckets, so that it takes seconds."""

from pathlib import Path

from tests.bench.reference.offered import offer
from tests.bench.reference.stage import server, stage

LIMITS = {"SAS_ARM_WRITES_BURST": "20", "SAS_ARM_WRITES_PER_SECOND": "5", "SAS_ARM_WRITES_WAIT": "PT1S"}


def test_what_is_over_the_limit_is_refused_by_us_and_never_by_azure(tmp_path: Path) -> None:
    buckets = {"throttling": True, "throttlingBuckets": {"writes": {"size": 20, "refillPerSecond": 5}}}
    with stage(tmp_path, recorded=False, settings=LIMITS) as staged:
        staged.emulator.control("PATCH", "settings", buckets)
        with server(staged, "sas_service.wsgi:application()") as (port, _):
            offered = offer(port, staged.bearer(), rate=12, seconds=7, obey_until=14)
    # 503 would be Azure's own refusal passed on; nobody got one, so ours came first each time.
    assert set(offered.statuses) == {201, 429}
    # At the least interactive's own share; the first and the last second may be cut by half.
    assert 14 + 3 * 6 <= offered.statuses[201] <= 20 + 5 * 7
    assert offered.came_back[201] >= 5
    assert offered.came_back[201] >= 0.9 * offered.came_back.total()
