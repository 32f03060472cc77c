"""Microsoft.Authorization/locks: ReadOnly blocks writes and POST actions below it, CanNotDelete blocks deletes."""

from collections.abc import Callable
from typing import Any

from werkzeug import Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.arm.errors import invalid_content, refuse
from sas_service.emulator.arm.gate import Call, Operation
from sas_service.emulator.scopes import ancestors, canonical
from sas_service.emulator.store import Store
from sas_service.emulator.world import Lock

_TYPE = "Microsoft.Authorization/locks"
_VERSIONS = frozenset({"2016-09-01", "2017-04-01", "2020-05-01"})


class Locks:
    """The management locks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> list[Operation]:
        """Return the table of operations."""
        table: list[tuple[str, str, str, str, Callable[[Call], Response]]] = [
            ("getLock", "GET", "/{name}", "read", self.get),
            ("putLock", "PUT", "/{name}", "write", self.put),
            ("deleteLock", "DELETE", "/{name}", "delete", self.delete),
            ("listLocks", "GET", "", "read", self.list),
        ]
        return [
            Operation(
                name,
                method,
                "/{scope:path}/providers/" + _TYPE + tail,
                f"{_TYPE}/{verb}",
                _VERSIONS,
                answer,
                "/{scope}",
            )
            for name, method, tail, verb, answer in table
        ]

    def get(self, call: Call) -> Response:
        """Return one lock."""
        found = self._find(call)
        if found is None:
            raise refuse(404, "LockNotFound", f"The lock '{call.parts['name']}' could not be found.")
        return json_answer(_document(found))

    def list(self, call: Call) -> Response:
        """Return the locks at, above and below a scope."""
        scope = canonical(call.scope)
        chain = ancestors(scope, call.index.subscriptions, call.index.management_groups)
        found = [
            lock
            for lock in self._store.world.locks
            if canonical(lock.scope) in chain or canonical(lock.scope).startswith(scope + "/")
        ]
        return json_answer({"value": [_document(lock) for lock in found]})

    def put(self, call: Call) -> Response:
        """Create or change a lock."""
        properties = call.body().get("properties")
        if not isinstance(properties, dict) or properties.get("level") not in {"ReadOnly", "CanNotDelete"}:
            raise invalid_content("The property level must be ReadOnly or CanNotDelete")
        known = self._find(call)
        lock = Lock(call.parts["name"], call.scope, properties["level"], properties.get("notes"))
        with self._store.change() as world:
            world.locks = [*(each for each in world.locks if each is not known), lock]
        return json_answer(_document(lock), 200 if known else 201)

    def delete(self, call: Call) -> Response:
        """Remove a lock."""
        known = self._find(call)
        if known is None:
            return Response(status=204)
        with self._store.change() as world:
            world.locks.remove(known)
        return Response(status=200)

    def _find(self, call: Call) -> Lock | None:
        return next(
            (
                lock
                for lock in self._store.world.locks
                if canonical(lock.scope) == canonical(call.scope) and lock.name.lower() == call.parts["name"].lower()
            ),
            None,
        )


def _document(lock: Lock) -> dict[str, Any]:
    properties = {"level": lock.level} | ({"notes": lock.notes} if lock.notes else {})
    own_id = f"/{lock.scope.strip('/')}/providers/{_TYPE}/{lock.name}"
    return {"properties": properties, "id": own_id, "type": _TYPE, "name": lock.name}
