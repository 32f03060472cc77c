"""`make demo` as its user meets it: the printed commands, a second run, a taken port, a clean end."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.e2e.running_demo import ROOT, RunningDemo, commands_of


def test_printed_commands_end_with_an_answer_from_the_map(demo: RunningDemo) -> None:
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands_of(demo.output)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.startswith("HTTP/1.1 200"), ran.stdout + ran.stderr
    assert '"routes"' in ran.stdout


def test_contract_file_is_what_the_design_says(demo: RunningDemo) -> None:
    contract = demo.contract
    assert contract["apiUrl"] == f"http://127.0.0.1:{demo.port}"
    assert contract["tokenUrl"] == f"{contract['emulatorUrl']}/{contract['tenantId']}/oauth2/v2.0/token"
    assert contract["scope"] == "api://sas-service/.default"
    assert set(contract["clients"]) == {"storefront", "logistics", "auditor", "admin", "approver"}
    assert set(contract["profiles"]) == {"storefront-web", "storefront-shared", "logistics-batch"}
    assert contract["account"] == "maps-demo"
    assert (demo.directory / "demo.json").stat().st_mode & 0o077 == 0


def test_wrong_region_and_tampered_tokens_are_refused_by_the_map(demo: RunningDemo) -> None:
    elsewhere = demo.issue(regions=["westus2"])
    assert elsewhere.status_code == 201, elsewhere.text
    assert demo.ask_map(elsewhere.json()["token"]).status_code in {401, 403}
    good = demo.issue().json()["token"]
    assert demo.ask_map(good).status_code == 200
    head, payload, signature = good.split(".")
    assert demo.ask_map(f"{head}.{payload}.{signature[:-2]}AA").status_code == 401


def test_expired_token_is_refused_by_the_map(fresh_demo: RunningDemo) -> None:
    token = fresh_demo.issue(lifetime="PT10M").json()["token"]
    assert fresh_demo.ask_map(token).status_code == 200
    requests.post(fresh_demo.emulator + "/_emulator/clock", json={"advance": "PT11M"}, timeout=10)
    assert fresh_demo.ask_map(token).status_code == 401


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_a_second_run_finds_the_tokens_and_keys_of_the_first(tmp_path: Path, number: int) -> None:
    demo = RunningDemo(tmp_path / "var")
    issued = demo.issue(lifetime="PT2H").json()
    assert "stopped" in demo.stop(number)
    demo.start()
    assert demo.ask_map(issued["token"]).status_code == 200
    record = demo.call("GET", f"/v1/tokens/{issued['id']}")
    assert record.json()["fingerprint"] == issued["fingerprint"]
    assert record.json()["state"] == "live"
    demo.stop(number)


def test_taken_port_is_told_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [
            sys.executable,
            "-m",
            "sas_service.cli",
            "demo",
            "--directory",
            str(tmp_path / "var"),
            "--port",
            str(taken.getsockname()[1]),
        ]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 1
    assert "is taken" in ran.stderr
    assert "PORT=" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_second_demo_in_the_same_directory_is_refused(demo: RunningDemo) -> None:
    command = [sys.executable, "-m", "sas_service.cli", "demo", "--directory", str(demo.directory)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 1
    assert "another demo is running" in ran.stderr
