"""A rig per test, ended by process id whatever happens."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker.world import Rig, start_rig


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    started: list[Rig] = []

    def start_one(**options: Any) -> Rig:
        started.append(start_rig(tmp_path, **options))
        # The test's own process asks Azure too, and azure-identity looks there.
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
            monkeypatch.setenv(name, started[-1].environ[name])
        return started[-1]

    yield start_one
    for rig in started:
        rig.close()


@pytest.fixture
def rig(start: Callable[..., Rig]) -> Rig:
    return start()
