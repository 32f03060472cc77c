"""Change which web pages Azure Maps itself lets in, per account, and prove that nothing else of the account changed."""

from dataclasses import dataclass
from datetime import datetime

from sas_service.domain.audit import EventDraft, EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.errors import AzureUnavailable, NotFound, OperatorMissing, SasServiceError, WriteUnconfirmed
from sas_service.ports import AccountCors, AuditLog, AuditMirror, Clock, CorsReading, Policies

Origins = tuple[str, ...] | None
"""The allowed origins; None is no rule, by which every origin is allowed."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of a rule, for the record."""

    account: str
    origins: Origins
    previous: Origins
    caller: Caller
    request_id: str

    def event(self, kind: EventKind, at: datetime, **details: object) -> EventDraft:
        return EventDraft(
            kind=kind,
            at=at,
            account=self.account,
            caller=self.caller.document(),
            request_id=self.request_id,
            details={"allowedOrigins": _shown(self.origins), "previous": _shown(self.previous), **details},
        )


class AccountOrigins:
    """An account's own CORS rule (seed 004, "Enable CORS policy"); our own API's pages are the profiles' ``cors``.

    ``account_cors`` is None where no operating identity is set: everything is refused then.
    """

    def __init__(
        self,
        *,
        policies: Policies,
        account_cors: AccountCors | None,
        audit_log: AuditLog,
        mirror: AuditMirror,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._account_cors = account_cors
        self._audit_log = audit_log
        self._mirror = mirror
        self._clock = clock

    def read(self, account: str) -> Origins:
        """Return the allowed origins. Raises NotFound, OperatorMissing, AzureUnavailable and its kin."""
        return self._of(account).read(account).origins

    def put(self, account: str, origins: tuple[str, ...], caller: Caller, *, request_id: str) -> Origins:
        """Make ``origins`` the one rule; raises what ``delete`` raises."""
        self._change(account, origins, caller, request_id)
        return origins

    def delete(self, account: str, caller: Caller, *, request_id: str) -> None:
        """Remove the rule.

        Raises NotFound, OperatorMissing, AuditLogUnavailable, MirrorUnavailable, AzureUnavailable and its kin;
        WriteUnconfirmed when the account does not show the change afterwards, or shows more than it.
        """
        self._change(account, None, caller, request_id)

    def _of(self, account: str) -> AccountCors:
        if account not in self._policies.current().accounts:
            raise NotFound("there is no such account")
        if self._account_cors is None:
            raise OperatorMissing("This deployment has no operating identity: it cannot look after accounts.")
        return self._account_cors

    def _change(self, account: str, origins: Origins, caller: Caller, request_id: str) -> None:
        cors = self._of(account)
        before = cors.read(account)
        if not before.settled:
            raise AzureUnavailable("Azure is still carrying out another change of this account; nothing was sent.")
        change = _Change(account, origins, before.origins, caller, request_id)
        self._record(change, EventKind.CORS_CHANGING)
        try:
            azure_request_id = _carry_out(cors, change, before)
        except SasServiceError as error:
            said = {"cause": type(error).__name__, "reason": error.detail, **error.extra}
            self._record(change, EventKind.CORS_CHANGE_FAILED, **said)
            raise
        self._record(change, EventKind.CORS_CHANGED, azureRequestId=azure_request_id)

    def _record(self, change: _Change, kind: EventKind, **details: object) -> None:
        self._mirror.append(self._audit_log.append(change.event(kind, self._clock.now(), **details)))


def _carry_out(cors: AccountCors, change: _Change, before: CorsReading) -> str | None:
    """Send the change once, then look: the account says what became of it, also when the answer got lost."""
    try:
        azure_request_id = cors.write(change.account, change.origins, request_id=change.request_id)
    except SasServiceError as error:
        if error.extra.get("effect") != "unknown":
            raise
        azure_request_id = error.extra.get("azureRequestId")
    try:
        after = cors.confirm(change.account, change.origins)
    except SasServiceError as error:
        raise WriteUnconfirmed("The account cannot be read after the change was sent.") from error
    _prove(change, before, after)
    return azure_request_id


def _prove(change: _Change, before: CorsReading, after: CorsReading) -> None:
    if not after.settled or after.origins != change.origins:
        raise WriteUnconfirmed("The account does not show the change.")
    names = before.others.keys() | after.others.keys()
    changed = sorted(name for name in names if before.others.get(name) != after.others.get(name))
    if changed:
        raise WriteUnconfirmed(f"The rule was changed, but so was, at the same time: {', '.join(changed)}.")


def _shown(origins: Origins) -> object:
    """An event leaves out what is None; "any" is the policy's own word for no restriction."""
    return "any" if origins is None else list(origins)
