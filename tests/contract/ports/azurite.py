"""Azurite, the published emulator of Azure Storage, as a process."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import requests
from azure.storage.blob import ContainerClient

from tests.e2e.running_demo import eventually, free_ports
from tests.node.packages import require_packages

FOLDER = Path(__file__).parents[2] / "azurite"
ACCOUNT = "devstoreaccount1"
KNOWN_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Printed in Microsoft's documentation: every Azurite has it."""


@dataclass
class RunningAzurite:
    """A running Azurite; ``stop`` and ``start`` to see it gone and back."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def start(self) -> None:
        program = str(FOLDER / "node_modules/azurite/dist/src/blob/main.js")
        options = ["--silent", "--disableTelemetry", "--blobPort", str(self.port), "--location", str(self.directory)]
        self.process = subprocess.Popen(
            ["node", program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.directory
        )
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(re.match("Azurite", requests.get(self.url, timeout=2).headers.get("Server", "")))
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()  # it writes down what it holds
            self.process.wait(timeout=20)
            self.process = None

    def container(self, name: str) -> ContainerClient:
        """Return a client of a container, made if it is not there."""
        client = ContainerClient(
            self.url,
            name,
            credential={"account_name": ACCOUNT, "account_key": KNOWN_KEY},
            api_version="2024-11-04",
            retry_total=0,
        )
        if not client.exists():
            client.create_container()
        return client


def start_azurite(directory: Path) -> RunningAzurite:
    """Start one, or skip where Node or the package is missing."""
    require_packages(FOLDER)
    directory.mkdir(exist_ok=True)
    running = RunningAzurite(directory, free_ports(1)[0])
    running.start()
    return running
