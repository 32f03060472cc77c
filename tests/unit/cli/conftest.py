"""A fake service per test, and the command run against it as a program would run it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sas_service.cli import main
from tests.unit.cli.fake_service import TOKEN, FakeService

Run = Callable[..., Result]


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService()
    yield fake
    fake.stop()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    return file


@pytest.fixture
def run(service: FakeService, token_file: Path) -> Run:
    """Runs `sas-service <words>` with the address and the token; the token must appear nowhere."""

    def call(*words: str) -> Result:
        result = CliRunner().invoke(
            main, [*words, "--api", service.url, "--token-file", str(token_file), "--every", "0.05"]
        )
        assert TOKEN not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return call
