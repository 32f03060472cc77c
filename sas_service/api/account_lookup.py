"""The client id and hosts of the accounts that tokens name, without which a list of tokens must still be readable."""

from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Caller
from sas_service.domain.errors import (
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    IdentityUnavailable,
    NotFound,
)
from sas_service.domain.tokens import TokenRecord

Found = tuple[str | None, tuple[str, ...]]


class AccountLookup:
    """Asks once per account and answer; the services keep facts for a minute."""

    def __init__(self, use: UseCases, caller: Caller) -> None:
        self._use = use
        self._caller = caller
        self._found: dict[str, Found] = {}

    def of(self, record: TokenRecord) -> Found:
        """Return client id and hosts: None while Azure is away, no hosts when the account has left the policy."""
        name = record.grant.account
        if name not in self._found:
            self._found[name] = self._ask(name)
        return self._found[name]

    def _ask(self, name: str) -> Found:
        try:
            view = self._use.inspection.account(name, self._caller)
        except (NotFound, AzureUnavailable, AzureThrottled, AzureRefused, IdentityUnavailable):
            # An auditor reads on while Azure is away: the record is what was asked for.
            account = self._use.policies.current().accounts.get(name)
            return None, account.hosts if account else ()
        return view.facts.client_id, view.account.hosts
