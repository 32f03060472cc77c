"""The segments of a mirror in Azure Blob Storage: the append blobs of every process that ever wrote there."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from sas_service.adapters.azure.append_blob_mirror import quietly

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

_INDEX = ".index"
_NOTHING_THERE = 416


class SegmentBlobs:
    """The port ``Segments`` of a container; the index of ``x.ndjson`` is the block blob ``x.ndjson.index``."""

    def __init__(self, container: "ContainerClient", *, deadline: timedelta = timedelta(seconds=30)) -> None:
        self._container = container
        self._deadline = deadline.total_seconds()

    def sizes(self) -> Mapping[str, int]:
        """Return every segment and its size."""
        return quietly(
            lambda: {
                str(each.name): int(each.size or 0)
                for each in self._container.list_blobs(read_timeout=self._deadline)
                if str(each.name).endswith(".ndjson")
            }
        )

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes of a segment."""

        def look() -> bytes:
            try:
                stream = self._container.download_blob(name, offset, length, read_timeout=self._deadline)
                return bytes(stream.readall())
            except ResourceNotFoundError:
                return b""
            except HttpResponseError as error:
                if error.status_code == _NOTHING_THERE:
                    return b""
                raise

        return quietly(look)

    def read_index(self, name: str) -> str | None:
        """Return the index beside a segment."""

        def look() -> str | None:
            try:
                stream = self._container.download_blob(name + _INDEX, read_timeout=self._deadline)
                return bytes(stream.readall()).decode(errors="replace")
            except ResourceNotFoundError:
                return None

        return quietly(look)

    def write_index(self, name: str, text: str) -> None:
        """Put an index in the place of an older one."""
        data = text.encode()

        def write() -> None:
            self._container.upload_blob(name + _INDEX, data, overwrite=True, read_timeout=self._deadline)

        quietly(write)
