"""A copy of the document accepted last, for processes that are born while the file on disk is refused."""

import os
from pathlib import Path

from sas_service.adapters.policy_file.document import load_policy
from sas_service.domain.errors import PolicyRefused
from sas_service.domain.policy import Policy


class LastAccepted:
    """The copy at ``path``; written as a whole, by any number of processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, document: bytes) -> str | None:
        """Replace the copy; returns why it could not be written, for a full disk must not stop a takeover."""
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        try:
            draft.write_bytes(document)
            draft.replace(self._path)
        except OSError as error:
            return error.strerror or type(error).__name__
        return None

    def load(self) -> Policy | None:
        """Return the policy of the copy, None if there is no usable one."""
        try:
            return load_policy(self._path)
        except PolicyRefused:
            return None
