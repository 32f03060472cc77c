"""The operations of Microsoft.Maps: which path, which permission, which answer."""

from collections.abc import Callable

from werkzeug import Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.arm.errors import invalid_content
from sas_service.emulator.arm.gate import Call, Operation
from sas_service.emulator.arm.list_sas import ListSas
from sas_service.emulator.arm.maps_accounts import MapsAccounts
from sas_service.emulator.durations import azure_timestamp
from sas_service.emulator.index import MAPS
from sas_service.emulator.seeding import new_key
from sas_service.emulator.store import Store
from sas_service.emulator.world import MapsAccount, RetiredKey

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_ACCOUNT = _GROUP + "/providers/Microsoft.Maps/accounts/{account}"
_OLD_VERSIONS = frozenset(
    {"2017-01-01-preview", "2018-05-01", "2020-02-01-preview", "2021-02-01", "2021-07-01-preview"}
)
_SAS_VERSIONS = frozenset(
    {
        "2021-12-01-preview",
        "2023-06-01",
        "2023-08-01-preview",
        "2023-12-01-preview",
        "2024-01-01-preview",
        "2024-07-01-preview",
        "2025-10-01-preview",
        "2026-12-01",
    }
)
_VERSIONS = _OLD_VERSIONS | _SAS_VERSIONS


class MapsOperations:
    """Microsoft.Maps/accounts."""

    def __init__(self, store: Store, accounts: MapsAccounts, list_sas: ListSas) -> None:
        self._store = store
        self._accounts = accounts
        self._list_sas = list_sas

    def operations(self) -> list[Operation]:
        """Return the table of operations."""
        accounts = self._accounts
        return [
            _operation("getAccount", "GET", _ACCOUNT, "read", accounts.get),
            _operation("createAccount", "PUT", _ACCOUNT, "write", accounts.put),
            _operation("updateAccount", "PATCH", _ACCOUNT, "write", accounts.patch),
            _operation("deleteAccount", "DELETE", _ACCOUNT, "delete", accounts.delete),
            _operation("listKeys", "POST", _ACCOUNT + "/listKeys", "listKeys/action", self.list_keys),
            _operation("regenerateKey", "POST", _ACCOUNT + "/regenerateKey", "regenerateKey/action", self.regenerate),
            Operation(
                "listSas",
                "POST",
                _ACCOUNT + "/listSas",
                f"{MAPS}/listSas/action",
                _SAS_VERSIONS,
                self.list_sas,
                _ACCOUNT,
            ),
            _listing("listAccountsByGroup", _GROUP, accounts.list),
            _listing("listAccounts", "/subscriptions/{subscription}", accounts.list),
        ]

    def list_sas(self, call: Call) -> Response:
        """Sign a SAS token."""
        return self._list_sas.answer(call, self._accounts.find(call).item)

    def list_keys(self, call: Call) -> Response:
        """Return both keys."""
        return json_answer(self._keys(call, self._accounts.find(call).item))

    def regenerate(self, call: Call) -> Response:
        """Replace one key; whatever it signed dies as soon as the data plane has heard of it."""
        slot = call.body().get("keyType")
        if slot not in {"primary", "secondary"}:
            raise invalid_content(f"Unknown keyType '{slot}': it must be primary or secondary")
        account = self._accounts.find(call).item
        with self._store.change():
            self._replace(account, str(slot))
        return json_answer(self._keys(call, account))

    def _replace(self, account: MapsAccount, slot: str) -> None:
        now = self._store.clock.now()
        until = now + self._store.settings.propagation.key_regenerate.draw()
        account.retired_keys = [old for old in account.retired_keys if old.until > now]
        if until > now:
            old = account.primary_key if slot == "primary" else account.secondary_key
            account.retired_keys.append(RetiredKey(old, f"{slot}Key", until))
        if slot == "primary":
            account.primary_key, account.primary_key_last_updated = new_key(), azure_timestamp(now)
        else:
            account.secondary_key, account.secondary_key_last_updated = new_key(), azure_timestamp(now)

    @staticmethod
    def _keys(call: Call, account: MapsAccount) -> dict[str, str]:
        keys = {
            "primaryKey": account.primary_key,
            "secondaryKey": account.secondary_key,
            "primaryKeyLastUpdated": account.primary_key_last_updated,
            "secondaryKeyLastUpdated": account.secondary_key_last_updated,
        }
        # The published example of this version shows an id; recorded traffic and newer versions do not.
        if call.request.args["api-version"] == "2023-06-01":
            keys = {"id": call.scope} | keys
        return keys


def _operation(name: str, method: str, path: str, action: str, answer: Callable[[Call], Response]) -> Operation:
    return Operation(name, method, path, f"{MAPS}/{action}", _VERSIONS, answer, _ACCOUNT)


def _listing(name: str, scope: str, answer: Callable[[Call], Response]) -> Operation:
    return Operation(
        name, "GET", scope + "/providers/Microsoft.Maps/accounts", f"{MAPS}/read", _VERSIONS, answer, scope
    )
