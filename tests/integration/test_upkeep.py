"""What a process's upkeep sees to, with the real wiring on a Valkey."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from redis import Redis

from sas_service.bootstrap.processes import build_service
from sas_service.demo import world as demo_world
from sas_service.demo.environment import service_environment
from sas_service.domain.audit import SERVICE_STREAM, EventDraft, EventKind
from sas_service.domain.errors import AuditLogUnavailable
from tests.valkey_process import start_valkey


def test_after_one_round_a_flushed_redis_is_told_from_a_new_one(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(demo_world.policy(nowhere)))
    secrets = demo_world.DemoSecrets.fresh()
    valkey = start_valkey(tmp_path / "valkey")
    try:
        environ = service_environment(
            secrets, directory=str(tmp_path), redis_url=valkey.url, emulator_url=nowhere, port=1
        )
        service = build_service(environ)
        service.stores.migrations.upgrade()
        service.upkeep()
        with Redis.from_url(valkey.url) as redis:
            redis.flushall()
        for account in (demo_world.ACCOUNT, None):
            draft = EventDraft(kind=EventKind.CORS_CHANGED, at=datetime.now(UTC), account=account)
            with pytest.raises(AuditLogUnavailable, match="lost events that the mirror has"):
                service.stores.audit_log.append(draft)
        service.close()
        assert set(service.stores.server.floors.known) == {demo_world.ACCOUNT, SERVICE_STREAM}
    finally:
        valkey.stop()
