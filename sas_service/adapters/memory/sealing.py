"""Sealing that keeps the secret in the process: what is returned says nothing."""

from itertools import count

from sas_service.domain.errors import NotFound
from sas_service.domain.tokens import SasToken


class MemorySealing:
    """The port ``Sealing``."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._kept: dict[tuple[str, str], SasToken] = {}

    def seal(self, token: SasToken, *, about: str) -> str:
        """Return a number that stands for the token."""
        sealed = f"sealed-{next(self._numbers)}"
        self._kept[sealed, about] = token
        return sealed

    def open(self, sealed: str, *, about: str) -> SasToken:
        """Return it again, if ``about`` is the same."""
        if (sealed, about) not in self._kept:
            raise NotFound("This was not sealed here, or about something else.")
        return self._kept[sealed, about]
