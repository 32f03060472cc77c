"""Which accounts may be asked about by name: those of the policy, and those that have left it with their records."""

from sas_service.domain.errors import InvalidRequest, NotFound, Violation
from sas_service.ports import Accounts, Slots


class NamedAccounts:
    """Tells a mistyped account from one that has nothing to show."""

    def __init__(self, *, accounts: Accounts, slots: Slots) -> None:
        self._accounts = accounts
        self._slots = slots

    def has(self, account: str | None) -> bool:
        """Tell whether the policy has ``account``, or had it: slots stay. Raises AuditLogUnavailable."""
        if account is None:
            return False
        if account in self._accounts():
            return True
        try:
            self._slots.read(account)
        except NotFound:
            return False
        return True

    def chosen(self, account: str | None) -> tuple[str, ...]:
        """Return the one that a list is of, or all, by name; raises InvalidRequest for an unknown one.

        All of them, not those of the policy: who asks what a team held a year ago does not know what was renamed since.
        """
        if account is None:
            return self._accounts()
        if not self.has(account):
            allowed = "an account of the policy, or one that has records"
            violation = Violation("query:account", account, allowed, "query.account")
            raise InvalidRequest("There is no such account.", violations=(violation,))
        return (account,)
