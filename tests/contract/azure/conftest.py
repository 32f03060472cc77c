"""The demo world's emulated Azure, once per module, and back as it was after each test."""

from collections.abc import Iterator

import pytest

from sas_service.demo import world as demo_world
from tests.contract.azure.levers import GROUP, A, Levers, real, restore, twins
from tests.demo_azure import DemoAzure, demo_azure


@pytest.fixture(scope="module")
def running_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoAzure]:
    group = {"objectId": GROUP, "displayName": "Map readers", "members": [demo_world.guid(f"principal/{A}")]}
    with demo_azure(tmp_path_factory.mktemp("azure"), groups=[group]) as running:
        yield running


@pytest.fixture
def azure(running_azure: DemoAzure) -> Iterator[DemoAzure]:
    before = running_azure.emulator.control("GET", "settings")
    yield running_azure
    running_azure.emulator.control("DELETE", "faults")
    running_azure.emulator.control("PATCH", "settings", before)
    running_azure.patch({"tags": {}, "properties": {"disableLocalAuth": False, "cors": {"corsRules": []}}})


@pytest.fixture
def revocable(azure: DemoAzure) -> Iterator[DemoAzure]:
    """The same, with identities and roles put back as well."""
    before = azure.emulator.control("GET", "settings")
    yield azure
    azure.emulator.control("DELETE", "faults")
    azure.emulator.control("PATCH", "settings", before)
    restore(azure)


@pytest.fixture(params=["memory", "azure"])
def levers(request: pytest.FixtureRequest) -> Levers:
    return twins() if request.param == "memory" else real(request.getfixturevalue("revocable"))
