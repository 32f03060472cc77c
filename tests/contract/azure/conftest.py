"""The demo world's emulated Azure, once per module, and back as it was after each test."""

from collections.abc import Iterator

import pytest

from tests.demo_azure import DemoAzure, demo_azure


@pytest.fixture(scope="module")
def running_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoAzure]:
    with demo_azure(tmp_path_factory.mktemp("azure")) as running:
        yield running


@pytest.fixture
def azure(running_azure: DemoAzure) -> Iterator[DemoAzure]:
    before = running_azure.emulator.control("GET", "settings")
    yield running_azure
    running_azure.emulator.control("DELETE", "faults")
    running_azure.emulator.control("PATCH", "settings", before)
    running_azure.patch({"tags": {}, "properties": {"disableLocalAuth": False, "cors": {"corsRules": []}}})
