"""audit export and audit verify against a real server: sealed by real workers at once, copied, and edited in Redis."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from sas_service.adapters.audit_mirror import NdjsonMirror
from sas_service.adapters.memory import MemoryClock
from sas_service.adapters.redis.audit_log import RedisAuditLog
from sas_service.adapters.redis.event_streams import RedisEventStreams
from sas_service.adapters.redis.seals import RedisSeals
from sas_service.adapters.redis.server import Server
from sas_service.cli.main import main
from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.errors import SealBroken
from sas_service.services.seal import SEAL_EVERY, StreamSealing
from tests.integration.redis.conftest import PATIENT, Connect, Start
from tests.unit.seal.world import KEY, MAPS, NOW, SIGNING

SAMPLE = Path(__file__).parents[3] / "deploy" / "policy.example.yaml"


def test_what_several_workers_sealed_is_exported_and_verified(
    start: Start, connected: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = start()
    redis = connected(valkey, PATIENT)
    server, mirror = Server(redis), NdjsonMirror(tmp_path / "mirror")
    log = RedisAuditLog(server)

    clock = MemoryClock(NOW)

    def worker() -> StreamSealing:
        return StreamSealing(
            accounts=lambda: (MAPS,),
            streams=RedisEventStreams(server),
            seals=RedisSeals(server),
            signing=SIGNING,
            audit_log=log,
            mirror=mirror,
            clock=clock,
        )

    def write(number: int) -> None:
        mirror.append(log.append(EventDraft(EventKind.ISSUED, NOW, MAPS, team="caf\u00e9", details={"n": number})))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(80)))
        list(threads.map(lambda _: worker().run(), range(6)))
        list(threads.map(write, range(80)))
        list(threads.map(lambda _: worker().run(), range(6)))
    worker().run()
    sealed = RedisSeals(server).read(MAPS)
    assert (sealed.size, sealed.is_pending) == (160, False)

    policy = tmp_path / "policy.yaml"
    policy.write_text(SAMPLE.read_text().replace("maps-us", MAPS))
    for name, value in {
        "SAS_POLICY_FILE": str(policy),
        "SAS_REDIS_URL": valkey.url,
        "SAS_MIRROR_DIRECTORY": str(tmp_path / "mirror"),
        "SAS_TENANT_ID": "0a0b0c0d-0000-4000-8000-000000000002",
        "SAS_AUDIENCES": "api://sas-service",
        "SAS_ISSUER_CLIENT_ID": "0a0b0c0d-0000-4000-8000-000000000003",
    }.items():
        monkeypatch.setenv(name, value)
    copy = tmp_path / "log.ndjson"
    export = ["audit", "export", "--output", str(copy), "--stream"]
    result = CliRunner().invoke(main, [*export, MAPS])
    assert result.exit_code == 0, result.output
    assert len(copy.read_text().splitlines()) == 161
    assert CliRunner().invoke(main, [*export, "elsewhere"]).exit_code == 2
    words = ["audit", "verify", str(copy), "--key", KEY.text, "--mirror", str(tmp_path / "mirror"), "--strict"]
    good = CliRunner().invoke(main, words)
    assert good.exit_code == 0, good.output

    _edit(redis, 100)
    CliRunner().invoke(main, [*export, MAPS])
    assert CliRunner().invoke(main, words).exit_code == 1
    assert any(_is_refused(worker(), clock) for _ in range(3))
    mirror.close()


def _is_refused(worker: StreamSealing, clock: MemoryClock) -> bool:
    clock.advance(SEAL_EVERY)
    try:
        worker.run()
    except SealBroken:
        return True
    return False


def _edit(redis: object, seq: int) -> None:
    """What an administrator of Redis can do to a stream: take it apart and put it together again."""
    key = "{" + MAPS + "}:events"
    entries = redis.xrange(key)  # type: ignore[attr-defined]
    redis.delete(key)  # type: ignore[attr-defined]
    for entry, fields in entries:
        if entry == f"{seq}-0":
            fields["e"] = json.dumps({**json.loads(fields["e"]), "n": -1}, separators=(",", ":"))
        redis.xadd(key, fields, id=entry)  # type: ignore[attr-defined]
