"""One running demo for the tests that do not break it, one each for those that do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running_demo import RunningDemo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("demo"))
    yield running
    running.stop()


@pytest.fixture
def fresh_demo(tmp_path: Path) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path / "var")
    yield running
    if running.process.poll() is None:
        running.stop()
