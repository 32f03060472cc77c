"""The blob mirror in trouble: what it has accepted is there, what it has not is refused, nothing is there twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient

from sas_service.adapters.azure.append_blob_mirror import AppendBlobMirror, read_lines
from sas_service.domain.audit import AuditEvent
from sas_service.domain.errors import MirrorUnavailable
from tests.contract.ports.azurite import ACCOUNT, KNOWN_KEY, RunningAzurite, start_azurite


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    running = start_azurite(tmp_path_factory.mktemp("azurite"))
    yield running
    running.stop()


@pytest.fixture
def container(azurite: RunningAzurite) -> ContainerClient:
    return azurite.container(f"audit-{token_hex(6)}")


def event(number: int) -> AuditEvent:
    return AuditEvent("maps-demo", number, f'{{"stream":"maps-demo","seq":{number}}}')


def mirror_of(container: ContainerClient, seconds: float = 20) -> AppendBlobMirror:
    return AppendBlobMirror(container, deadline=timedelta(seconds=seconds))


class LostAnswers(RequestsTransport):  # type: ignore[misc]  # the SDK's class is untyped here
    """Loses the answer of every block that is appended while ``armed``: the block is stored all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.armed = 0

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **options)
        if self.armed and "comp=appendblock" in request.url:
            self.armed -= 1
            raise ServiceResponseError("the line went dead")
        return answer


def test_a_lost_answer_is_looked_up_and_nothing_is_stored_twice(azurite: RunningAzurite) -> None:
    name = azurite.container(f"audit-{token_hex(6)}").container_name
    lost = LostAnswers()
    flaky = ContainerClient(
        azurite.url,
        name,
        credential={"account_name": ACCOUNT, "account_key": KNOWN_KEY},
        api_version="2024-11-04",
        retry_total=0,
        transport=lost,
    )
    mirror = mirror_of(flaky)
    mirror.append([event(1)])
    lost.armed = 1
    mirror.append([event(2)])
    mirror.append([event(3)])
    assert lost.armed == 0
    assert read_lines(flaky) == [event(number).text for number in (1, 2, 3)]
    mirror.close()


def test_away_is_refused_and_back_is_served_without_hands(azurite: RunningAzurite) -> None:
    container = azurite.container(f"audit-{token_hex(6)}")
    mirror = mirror_of(container, seconds=3)
    mirror.append([event(1)])
    azurite.stop()
    for number in (2, 3):
        with pytest.raises(MirrorUnavailable) as caught:
            mirror.append([event(number)])
        assert "127.0.0.1" not in str(caught.value)
    with pytest.raises(MirrorUnavailable):
        mirror.check()
    azurite.start()
    mirror.check()
    mirror.append([event(4)])
    assert {event(1).text, event(4).text} <= set(read_lines(container))
    mirror.close()


def test_a_blob_that_somebody_else_wrote_to_is_left_alone(container: ContainerClient) -> None:
    mirror = mirror_of(container)
    mirror.append([event(1)])
    (name,) = (name for name in container.list_blob_names() if name.endswith(".ndjson"))
    container.get_blob_client(name).append_block(b"intruder\n")
    with pytest.raises(MirrorUnavailable):
        mirror.append([event(2)])
    mirror.append([event(3)])
    assert read_lines(container) == [event(1).text, "intruder", event(3).text]
    mirror.close()


def test_many_threads_share_blocks(container: ContainerClient) -> None:
    mirror = mirror_of(container)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: mirror.append([event(number)]), range(200)))
    assert sorted(read_lines(container)) == sorted(event(number).text for number in range(200))
    (name,) = (name for name in container.list_blob_names() if name.endswith(".ndjson"))
    blocks = container.get_blob_client(name).get_blob_properties().append_blob_committed_block_count
    assert blocks
    assert blocks < 150
    mirror.close()


def test_a_container_that_is_not_there_is_a_clear_refusal(azurite: RunningAzurite, tmp_path: Path) -> None:
    missing = ContainerClient(
        azurite.url,
        "nowhere",
        credential={"account_name": ACCOUNT, "account_key": KNOWN_KEY},
        api_version="2024-11-04",
        retry_total=0,
    )
    mirror = mirror_of(missing)
    with pytest.raises(MirrorUnavailable, match="answered 404"):
        mirror.check()
    with pytest.raises(MirrorUnavailable, match="answered 404"):
        mirror.append([event(1)])
    mirror.close()
