"""Azure Maps accounts as ARM resources: get, put, patch (with its merge rules), delete, list."""

from typing import Any

from werkzeug import Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.arm import account_changes
from sas_service.emulator.arm.account_documents import account_document
from sas_service.emulator.arm.account_identities import IdentityChange, identity_change
from sas_service.emulator.arm.errors import refuse
from sas_service.emulator.arm.gate import Call
from sas_service.emulator.durations import azure_timestamp
from sas_service.emulator.index import MAPS
from sas_service.emulator.permissions import allowed
from sas_service.emulator.scopes import Placed, canonical, resource_id
from sas_service.emulator.seeding import complete_account
from sas_service.emulator.store import Store
from sas_service.emulator.world import MapsAccount

ASSIGN = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"


class MapsAccounts:
    """The account resource."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, call: Call) -> Placed[MapsAccount]:
        """Return the account of the path, or refuse with 404."""
        call.place  # noqa: B018 - refuses an unknown resource group first, as ARM does
        found = call.index.accounts.get(canonical(call.scope))
        if found is None:
            message = (
                f"The Resource 'Microsoft.Maps/accounts/{call.parts['account']}' under resource group "
                f"'{call.parts['group']}' was not found. For more details please go to "
                "https://aka.ms/ARMResourceNotFoundFix"
            )
            raise refuse(404, "ResourceNotFound", message)
        return found

    def get(self, call: Call) -> Response:
        """Return one account."""
        return self._document(self.find(call))

    def list(self, call: Call) -> Response:
        """Return the accounts of a subscription or a resource group."""
        if "group" in call.parts:
            call.place  # noqa: B018 - refuses an unknown resource group
        inside = canonical(call.scope) + "/"
        found = [each for own_id, each in call.index.accounts.items() if own_id.startswith(inside)]
        return json_answer({"value": [account_document(each, call.index, self._store.clock.now()) for each in found]})

    def put(self, call: Call) -> Response:
        """Create an account, or replace everything about it that a PUT names."""
        body = account_changes.checked(call.body(), creating=True)
        subscription, group = call.place
        existing = call.index.accounts.get(canonical(call.scope))
        account = existing.item if existing else MapsAccount(call.parts["account"], str(body["location"]))
        if existing and existing.item.location != account_changes.plain_location(body["location"]):
            message = (
                f"The resource '{account.name}' already exists in location '{account.location}' in resource group "
                f"'{group.name}'. A resource with the same name cannot be created in location '{body['location']}'."
            )
            raise refuse(409, "InvalidResourceLocation", message)
        if existing:
            self._check_provisioned(account)
        identity = self._identity_change(call, account, body, replacing=True)
        with self._store.change():
            if existing is None:
                account.location = account_changes.plain_location(body["location"])
                complete_account(account, self._store.clock.now())
                group.maps_accounts.append(account)
            account_changes.replace(account, body, self._store)
            self._apply(call, account, identity, created=existing is None)
        own_id = resource_id(subscription, group, MAPS, account.name)
        return self._document(Placed(own_id, subscription, group, account), 200 if existing else 201)

    def patch(self, call: Call) -> Response:
        """Change what is named and nothing else."""
        placed = self.find(call)
        body = account_changes.checked(call.body(), creating=False)
        self._check_provisioned(placed.item)
        identity = self._identity_change(call, placed.item, body, replacing=False)
        account_changes.check_kind(placed.item, body, self._store.settings)
        with self._store.change():
            account_changes.merge(placed.item, body, self._store)
            self._apply(call, placed.item, identity, created=False)
        return self._document(placed)

    def delete(self, call: Call) -> Response:
        """Delete an account; deleting it again is answered with 204."""
        _, group = call.place
        found = call.index.accounts.get(canonical(call.scope))
        if found is None:
            return Response(status=204)
        with self._store.change() as world:
            group.maps_accounts.remove(found.item)
            own = canonical(found.id)
            world.role_assignments = [each for each in world.role_assignments if canonical(each.scope) != own]
        return Response(status=200)

    def _identity_change(
        self, call: Call, account: MapsAccount, body: dict[str, Any], *, replacing: bool
    ) -> IdentityChange | None:
        change = identity_change(account, body, call.index, self._store.settings, replacing=replacing)
        if change is None:
            return None
        for identity in change.added:
            if not allowed(call.index, call.caller.object_id, ASSIGN, identity):
                raise _linked(call, identity)
        return change

    def _check_provisioned(self, account: MapsAccount) -> None:
        if account.provisioned_at > self._store.clock.now():
            message = "Account updates can only be performed on terminal states: 'Succeeded' and 'Failed'."
            raise refuse(409, "Conflict", message)

    def _apply(self, call: Call, account: MapsAccount, identity: IdentityChange | None, *, created: bool) -> None:
        now = self._store.clock.now()
        if identity is not None:
            identity.apply(account, now, self._store.settings.propagation)
        account.provisioned_at = now + self._store.settings.provisioning_delay.seconds
        kind = "User" if call.caller.is_user else "Application"
        stamp = azure_timestamp(now)
        data = {"lastModifiedBy": call.caller.name, "lastModifiedByType": kind, "lastModifiedAt": stamp}
        if created:
            data |= {"createdBy": call.caller.name, "createdByType": kind, "createdAt": stamp}
        account.system_data = {**account.system_data, **data}

    def _document(self, placed: Placed[MapsAccount], status: int = 200) -> Response:
        return json_answer(account_document(placed, self._store.index(), self._store.clock.now()), status)


def _linked(call: Call, identity: str) -> Exception:
    """Return ARM's refusal of a caller who may write the account but not use the identity."""
    message = (
        f"The client '{call.caller.name}' with object id '{call.caller.object_id}' has permission to perform action "
        f"'Microsoft.Maps/accounts/write' on scope '{call.scope}'; however, it does not have permission to perform "
        f"action(s) '{ASSIGN}' on the linked scope(s) "
        f"'{identity}' (respectively) or the linked scope(s) are invalid."
    )
    return refuse(403, "LinkedAuthorizationFailed", message)
