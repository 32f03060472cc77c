"""The audit mirror in Azure Blob Storage: one append blob at a time per process, whole lines in every block."""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.exceptions import AzureError, HttpResponseError, ResourceModifiedError

from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.audit import AuditEvent
from sas_service.domain.errors import MirrorUnavailable, SasServiceError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

MOST_BLOCKS = 49_000
"""An append blob has 50,000 blocks at most."""

LARGEST_BLOCK = 4 * 1024 * 1024
"""Bytes that every service version accepts in one block."""

LARGEST_BLOB = 1024 * 1024 * 1024
"""Bytes after which a new blob is begun: whoever looks for some events reads no more than the blobs they are in."""

_LOG = logging.getLogger(__name__)

STORAGE_SCOPE = "https://storage.azure.com/.default"
API_VERSION = "2024-11-04"
_RETRY_AFTER = timedelta(seconds=5)
T = TypeVar("T")


@dataclass(slots=True)
class _Batch:
    """The lines that leave in one block, and everybody who waits for them."""

    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    stored: Future[None] = field(default_factory=Future)


def blob_container(url: str, credential: PrefetchedCredential, outbound: Outbound) -> "ContainerClient":
    """Return the container at ``url``, over our own way out; the SDK's retries are off: a block is sent once."""
    from azure.storage.blob import ContainerClient

    return ContainerClient.from_container_url(
        url, credential, transport=outbound.transport(), api_version=API_VERSION, retry_total=0
    )


class AppendBlobMirror:
    """The port ``AuditMirror`` for deployments of several replicas: what is appended is in the blob, or nothing is.

    One thread of its own sends; whatever came in while a block was under way leaves together in the next one. A block
    names the place it belongs to, so a repeated one cannot be stored twice. After an outcome that cannot be told the
    blob is never used again, as a file is after a failed fsync.
    """

    def __init__(self, container: "ContainerClient", *, deadline: timedelta = timedelta(seconds=5)) -> None:
        self._container = container
        self._deadline = deadline.total_seconds()
        self._guard = Lock()
        self._waiting: list[_Batch] = []
        self._is_sending = False
        self._executor: ThreadPoolExecutor | None = None
        self._blob: BlobClient | None = None
        self._length = self._blocks = self._number = 0

    def append(self, events: Sequence[AuditEvent], *, sync: bool = True) -> None:
        """Write events; with ``sync`` return only when they are stored. Raises MirrorUnavailable."""
        if not events:
            return
        batch = self._join("".join(f"{event.text}\n" for event in events).encode())
        if not sync:
            return
        try:
            # Shared by all who wait: whoever gives up must not take the others' answer away.
            batch.stored.result(self._deadline)
        except TooSlow:
            raise _unavailable("is slower than its deadline") from None

    def check(self) -> None:
        """Raise MirrorUnavailable if nothing can be written now: makes an empty blob, over and over the same."""
        probe = self._container.get_blob_client(f".probe-{socket.gethostname()}-{os.getpid()}")
        quietly(lambda: probe.create_append_blob(**self._timeouts()))

    def close(self) -> None:
        """Send what is waiting and end the thread."""
        with self._guard:
            executor, self._executor = self._executor, None
        if executor:
            executor.shutdown(wait=True)
        self._container.close()

    def _join(self, data: bytes) -> _Batch:
        with self._guard:
            if not self._waiting or self._waiting[-1].size + len(data) > LARGEST_BLOCK:
                self._waiting.append(_Batch())
            batch = self._waiting[-1]
            batch.lines.append(data)
            batch.size += len(data)
            if not self._is_sending:
                self._is_sending = True
                self._executor = self._executor or ThreadPoolExecutor(1, thread_name_prefix="audit-mirror")
                self._executor.submit(self._send_all)
            return batch

    def _send_all(self) -> None:
        """Send batch after batch until none waits."""
        while True:
            with self._guard:
                if not self._waiting:
                    self._is_sending = False
                    return
                batch = self._waiting.pop(0)
            try:
                self._store(b"".join(batch.lines))
            except SasServiceError as error:
                batch.stored.set_exception(error)
            except Exception as bug:  # noqa: BLE001  the thread must outlive a bug; its text may quote what was sent
                _LOG.error("the blob mirror failed by a bug: %s", type(bug).__name__)
                self._blob = None
                batch.stored.set_exception(_unavailable("cannot be written"))
            else:
                batch.stored.set_result(None)

    def _store(self, data: bytes) -> None:
        blob = self._current()
        try:
            quietly(lambda: blob.append_block(data, appendpos_condition=self._length, **self._timeouts()))
        except MirrorUnavailable:
            if not self._is_stored(blob, len(data)):
                self._blob = None
                raise
        self._length += len(data)
        self._blocks += 1

    def _is_stored(self, blob: "BlobClient", size: int) -> bool:
        """Tell whether a block whose answer was lost is there all the same: nobody else writes to this blob."""
        try:
            shown = quietly(lambda: blob.get_blob_properties(**self._timeouts()))
        except MirrorUnavailable:
            return False
        return bool(shown.size == self._length + size)

    def _current(self) -> "BlobClient":
        if self._blob is not None and self._blocks < MOST_BLOCKS and self._length < LARGEST_BLOB:
            return self._blob
        self._number += 1
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = f"{started}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}-{self._number}.ndjson"
        blob = self._container.get_blob_client(name)
        quietly(lambda: blob.create_append_blob(**self._timeouts()))
        self._blob, self._length, self._blocks = blob, 0, 0
        return blob

    def _timeouts(self) -> dict[str, Any]:
        return {"connection_timeout": min(3.0, self._deadline), "read_timeout": self._deadline}


def read_lines(container: "ContainerClient") -> list[str]:
    """Return every line of every blob, blob by blob in the order in which they were begun."""
    names = sorted(name for name in container.list_blob_names() if name.endswith(".ndjson"))
    texts = (container.download_blob(name).readall().decode() for name in names)
    return [line for text in texts for line in text.splitlines()]


def quietly(send: Callable[[], T]) -> T:
    """Send once; no text of Azure's passes. Raises MirrorUnavailable."""
    try:
        return send()
    except SasServiceError:
        raise _unavailable("cannot be reached: the service's own credential failed") from None
    except ResourceModifiedError:
        raise _unavailable("was written to by somebody else") from None
    except HttpResponseError as error:
        raise _unavailable(f"answered {error.status_code}" if error.status_code else "cannot be reached") from None
    except AzureError:
        raise _unavailable("cannot be reached") from None


def _unavailable(what: str) -> MirrorUnavailable:
    return MirrorUnavailable(f"The audit mirror {what}.", retry_after=_RETRY_AFTER)
