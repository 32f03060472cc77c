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
        """Remember it, and forget what is over; returns whether it is new."""
        with self._guard:
            words = self._accounts.get(account, {}).values()
            needed = [word for word in words if word.until is None or word.until > acknowledgement.at]
            known = self._accounts[account] = {word.replaced: word for word in needed}
            is_new = acknowledgement.replaced not in known
            known.setdefault(acknowledgement.replaced, acknowledgement)
            return is_new

    def get(self, account: str, replaced: str) -> Acknowledgement | None:
        """Return the word for one replaced token."""
        with self._guard:
            return self._accounts.get(account, {}).get(replaced)

    def of(self, account: str) -> Mapping[str, Acknowledgement]:
        """Return replaced token id -> acknowledgement."""
        with self._guard:
            return dict(self._accounts.get(account, {}))
