"""CORS rules of accounts in a dictionary."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.errors import AzureRefused
from sas_service.ports import CorsReading

CorsWrite = tuple[str, tuple[str, ...] | None]


class MemoryAccountCors(Failing):
    """The port ``AccountCors``.

    ``fail_with`` lets the next calls raise; ``lose_answer`` is raised by the next ``write`` after it took effect;
    ``effect`` makes of the written reading what Azure makes of it.
    """

    def __init__(self, accounts: Mapping[str, CorsReading]) -> None:
        super().__init__()
        self.accounts = dict(accounts)
        self.written: list[CorsWrite] = []
        self.lose_answer: Exception | None = None
        self.effect: Callable[[CorsReading], CorsReading] = lambda reading: reading

    def read(self, account: str) -> CorsReading:
        """Return the rule as it is now."""
        self._fail_if_told()
        if account not in self.accounts:
            raise AzureRefused("The account does not exist.", effect="none")
        return self.accounts[account]

    def write(self, account: str, origins: tuple[str, ...] | None, *, request_id: str) -> str | None:
        """Set the one rule, or remove it (None)."""
        before = self.read(account)
        if not before.settled:
            raise AzureRefused("The account is being changed.", effect="none", code="Conflict")
        self.written.append((account, origins))
        self.accounts[account] = self.effect(replace(before, origins=origins))
        lost, self.lose_answer = self.lose_answer, None
        if lost is not None:
            raise lost
        return f"azure-{request_id}"

    def confirm(self, account: str, origins: tuple[str, ...] | None) -> CorsReading:  # noqa: ARG002  nothing to wait for
        """Return the rule as it is now."""
        return self.read(account)
