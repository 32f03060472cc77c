"""Accounts: where tokens work, and for administrators what signs them."""

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.lockdown import lockdown_document
from sas_service.api.operations import Documented, Resource
from sas_service.api.schemas_directory import AccountList, AccountPath, AccountShown
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    NotFound,
)
from sas_service.domain.slots import AccountSlots
from sas_service.services.inspect import AccountView

accounts = Resource(
    "accounts", "Azure Maps accounts of the policy: client id and hosts for all, slots for administrators."
)

_AZURE = (AzureUnavailable, AzureThrottled, AzureRefused, AuditLogUnavailable)


@accounts.operation(
    "GET",
    "/v1/accounts",
    summary="List accounts",
    roles=(),
    answers={200: Documented("All accounts, by name.", AccountList(), examples.ACCOUNTS)},
    problems=_AZURE,
)
def list_accounts(use: UseCases, ask: Ask) -> Answer:
    """List the accounts; slots and local authentication are shown with the app role Revocations.Manage."""
    items = [account_document(use, view, ask.caller) for view in use.inspection.accounts(ask.caller)]
    return json_answer({"items": items, "next": None})


@accounts.operation(
    "GET",
    "/v1/accounts/{account}",
    summary="Look up an account",
    roles=(),
    parameters=AccountPath(),
    answers={200: Documented("The account.", AccountShown(), examples.ACCOUNT)},
    problems=(NotFound, *_AZURE),
)
def get_account(use: UseCases, ask: Ask) -> Answer:
    """Look up one account; slots and local authentication are shown with the app role Revocations.Manage."""
    return json_answer(account_document(use, use.inspection.account(ask.path["account"], ask.caller), ask.caller))


def account_document(use: UseCases, view: AccountView, caller: Caller) -> dict[str, object]:
    """An account as ``caller`` sees it."""
    administers = Role.REVOCATIONS_MANAGE in caller.roles
    locked = use.locking_down.shown(view.account.name) if administers and use.locking_down else None
    return {
        "name": view.account.name,
        "clientId": view.facts.client_id,
        "hosts": list(view.account.hosts),
        "location": view.facts.location,
        "slots": _slots(view.slots) if view.slots else None,
        "localAuthDisabled": view.facts.local_auth_disabled if administers else None,
        "lockdown": lockdown_document(locked) if locked else None,
        "drift": _drift(use, view.account.name) if administers else None,
    }


def _drift(use: UseCases, account: str) -> list[dict[str, object]] | None:
    """What others have changed; None where nobody looks, because there is no operating identity."""
    return [each.document() for each in use.drift.drifts(account)] if use.drift else None


def _slots(slots: AccountSlots) -> dict[str, object]:
    return {"epoch": slots.epoch, "signingKey": slots.signing_key.value, "identities": dict(slots.identities)}
