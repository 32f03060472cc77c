"""A process that cannot serve does not start, and says everything that is wrong, without a traceback or a secret."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sas_service.cli import main
from sas_service.demo import world
from sas_service.demo.environment import service_environment
from tests.e2e.running_demo import ROOT
from tests.emulator_process import free_port
from tests.valkey_process import start_valkey


def settings_of(tmp_path: Path, **others: str) -> dict[str, str]:
    made = world.DemoSecrets.fresh()
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(world.policy("http://127.0.0.1:1"), sort_keys=False))
    settings = service_environment(
        made, directory=str(tmp_path), redis_url="redis://127.0.0.1:1/0", emulator_url="http://127.0.0.1:1", port=1
    )
    return {"PATH": "/usr/bin:/bin", **settings, **others}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sas_service.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_all_wrong_settings_are_told_at_once(tmp_path: Path) -> None:
    environment = settings_of(tmp_path, SAS_THREADS="none", SAS_TENANT_ID="contoso", SAS_WORKER="2")
    for command in ("serve", "worker", "migrate", "doctor"):
        ran = run(environment, command)
        assert ran.returncode == 1
        for name in ("SAS_THREADS", "SAS_TENANT_ID", "SAS_WORKER"):
            assert f"- {name}:" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_everything_that_is_not_ready_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        environment = settings_of(tmp_path, SAS_BIND=address, SAS_REDIS_URL="redis://:hush-hush@127.0.0.1:1/0")
        document = yaml.safe_load((tmp_path / "policy.yaml").read_text())
        document["profiles"]["storefront-web"]["identities"] = ["storefront-web-a"]
        document["profils"] = {}
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        ran = run(environment, "serve")
    assert ran.returncode == 1
    assert f"{tmp_path}/policy.yaml:" in ran.stderr
    assert "profils" in ran.stderr
    assert address in ran.stderr
    assert "audit log" in ran.stderr
    assert "hush" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_redis_that_evicts_or_forgets_is_refused_unless_told_to(tmp_path: Path) -> None:
    redis = start_valkey(tmp_path / "redis", appendonly="no", maxmemory="50mb", maxmemory_policy="allkeys-lru")
    try:
        environment = settings_of(tmp_path, SAS_REDIS_URL=redis.url)
        assert run(environment, "migrate").returncode == 1
        refused = run(environment, "worker")
        assert refused.returncode == 1
        assert "evicts" in refused.stderr
        assert "persist" in refused.stderr
        accepted = run({**environment, "SAS_REDIS_ALLOW_VOLATILE": "true"}, "migrate")
        assert (accepted.returncode, accepted.stderr) == (0, "")
    finally:
        redis.stop()


def test_an_unmigrated_redis_is_named(tmp_path: Path) -> None:
    redis = start_valkey(tmp_path / "redis")
    try:
        environment = settings_of(tmp_path, SAS_REDIS_URL=redis.url)
        refused = run(environment, "worker")
        assert refused.returncode == 1
        assert "sas-service migrate" in refused.stderr
        applied = run(environment, "migrate")
        assert "applied 0001_first_schema" in applied.stdout
        assert "applied 0001_first_schema\n" not in run(environment, "migrate").stdout
    finally:
        redis.stop()


def test_help_teaches(tmp_path: Path) -> None:
    assert "worker" in run(settings_of(tmp_path), "--help").stdout
    for command in ("demo", "serve", "worker", "emulator", "migrate", "policy", "doctor", "openapi"):
        said = CliRunner().invoke(main, [command, "--help"])
        assert said.exit_code == 0
        assert len(said.stdout) > 200, command
    policy = CliRunner().invoke(main, ["policy", "--help"]).stdout
    assert "check" in policy
    assert "explain" in policy


_STOPPED_AT_BIRTH = """
from sas_service import gunicorn_conf
from sas_service.gunicorn_conf import *
import os, signal, time

def post_fork(server, worker):
    os.kill(os.getppid(), signal.SIGNAL)
    time.sleep(1)  # the master's signal to us comes before we listen to any
    gunicorn_conf.post_fork(server, worker)
"""


@pytest.mark.parametrize("number", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.full)])
def test_a_stop_while_workers_are_being_born_does_not_last_until_the_graceful_timeout(
    tmp_path: Path, number: str
) -> None:
    (tmp_path / "conf.py").write_text(_STOPPED_AT_BIRTH.replace("SIGNAL", number))
    environment = settings_of(tmp_path, SAS_BIND=f"127.0.0.1:{free_port()}")
    command = [sys.executable, "-m", "gunicorn", "-c", str(tmp_path / "conf.py"), "sas_service.wsgi:application()"]
    running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert running.wait(25) == 0
    finally:
        running.kill()
        running.wait()
