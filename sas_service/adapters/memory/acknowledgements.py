"""Acknowledgements in a dictionary."""

from collections.abc import Mapping
from threading import Lock

from sas_service.domain.consumers import Acknowledgement


class MemoryAcknowledgements:
    """The port ``Acknowledgements``: the first word for a token stands."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, Acknowledgement]] = {}
        self._guard = Lock()

    def put(self, account: str, acknowledgement: Acknowledgement) -> bool:
        """Remember it; returns whether it is new."""
        with self._guard:
            known = self._accounts.setdefault(account, {})
            is_new = acknowledgement.replaced not in known
            known.setdefault(acknowledgement.replaced, acknowledgement)
            return is_new

    def of(self, account: str) -> Mapping[str, Acknowledgement]:
        """Return replaced token id -> acknowledgement."""
        with self._guard:
            return dict(self._accounts.get(account, {}))
