"""Key Vault secrets: get, set, list and list versions, behind the bearer challenge that official clients expect."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug import Request, Response

from sas_service.emulator.answers import RefusalError, json_answer
from sas_service.emulator.edge import notes
from sas_service.emulator.entra.resources import VAULT_AUDIENCES
from sas_service.emulator.entra.token_endpoint import base_of
from sas_service.emulator.entra.tokens import BearerError, Caller, Verifier
from sas_service.emulator.permissions import allowed
from sas_service.emulator.routing import Route
from sas_service.emulator.store import Store
from sas_service.emulator.world import KeyVault, SecretVersion

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_ACTION = "Microsoft.KeyVault/vaults/secrets"
# Access policies name a permission; Key Vault roles name a data action.
_DATA_ACTIONS = {"get": "getSecret/action", "set": "setSecret/action", "list": "readMetadata/action"}
_Answer = Callable[[Request, KeyVault, Mapping[str, str]], Response]


class Vault:
    """The secrets of all vaults; {vault}.vault.* hosts arrive here as /{vault}.vault/..."""

    def __init__(self, store: Store, verifier: Verifier) -> None:
        self._store = store
        self._verifier = verifier

    def routes(self) -> list[Route]:
        """Return the endpoints; the fixed word "versions" comes before the variable version."""
        secret = "/{vault}.vault/secrets/{name}"  # noqa: S105 - a path
        table: list[tuple[str, str, str, str, _Answer]] = [
            ("listSecrets", "GET", "/{vault}.vault/secrets", "list", self.list_secrets),
            ("listSecretVersions", "GET", secret + "/versions", "list", self.list_versions),
            ("getSecret", "GET", secret, "get", self.get),
            ("getSecret", "GET", secret + "/{version}", "get", self.get),
            ("setSecret", "PUT", secret, "set", self.set),
        ]
        return [self._guarded(*row) for row in table]

    def get(self, request: Request, vault: KeyVault, parts: Mapping[str, str]) -> Response:
        """Return one version of a secret, by default the newest."""
        del request
        versions = self._versions(vault, parts["name"])
        wanted = parts.get("version")
        found = next((each for each in versions if each.version == wanted), None) if wanted else versions[-1]
        if found is None:
            raise _not_found(f"{parts['name']}/{wanted}")
        if not found.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise _refuse(403, "Forbidden", message, "SecretDisabled")
        return json_answer(_bundle(vault, parts["name"], found, value=True))

    def set(self, request: Request, vault: KeyVault, parts: Mapping[str, str]) -> Response:
        """Add a version to a secret."""
        name = parts["name"]
        body = _body(request)
        if not _NAME.fullmatch(name) or not isinstance(body.get("value"), str):
            raise _refuse(400, "BadParameter", "A secret needs a valid name and a value.")
        attributes = body.get("attributes") or {}
        now = int(self._store.clock.now())
        version = SecretVersion(
            uuid.uuid4().hex,
            body["value"],
            now,
            now,
            enabled=attributes.get("enabled", True),
            content_type=body.get("contentType"),
            tags=body.get("tags"),
            expires=attributes.get("exp"),
            not_before=attributes.get("nbf"),
        )
        with self._store.change():
            vault.versions.setdefault(name, []).append(version)
        return json_answer(_bundle(vault, name, version, value=True))

    def list_secrets(self, request: Request, vault: KeyVault, parts: Mapping[str, str]) -> Response:
        """Return the secrets without their values."""
        del request, parts
        items = [_bundle(vault, name, versions[-1], value=False) for name, versions in vault.versions.items()]
        for item in items:
            # The listing names a secret, not one of its versions.
            item["id"] = item["id"].rpartition("/")[0]
        return json_answer({"value": items, "nextLink": None})

    def list_versions(self, request: Request, vault: KeyVault, parts: Mapping[str, str]) -> Response:
        """Return the versions of a secret without their values."""
        del request
        name = parts["name"]
        items = [_bundle(vault, name, version, value=False) for version in vault.versions.get(name, ())]
        return json_answer({"value": items, "nextLink": None})

    def _guarded(self, operation: str, method: str, path: str, permission: str, answer: _Answer) -> Route:
        def guarded(request: Request, **parts: str) -> Response:
            headers = {"x-ms-request-id": str(uuid.uuid4()), "Cache-Control": "no-cache"}
            try:
                vault = self._vault(parts["vault"])
                caller = self._authenticate(request, vault)
                notes(request).update(caller=caller.object_id, vault=vault.name)
                self._authorize(caller, vault, permission)
                if not request.args.get("api-version"):
                    raise _refuse(400, "BadParameter", "api-version must be specified")
                response = answer(request, vault, parts)
            except RefusalError as refusal:
                response = refusal.answer()
            response.headers.extend(headers)
            return response

        return Route("vault", operation, (method,), path, guarded)

    def _vault(self, name: str) -> KeyVault:
        found = self._store.index().vaults.get(name.lower())
        if found is None:
            raise _refuse(
                404, "VaultNotFound", f"There is no key vault '{name}'; the real host name would not resolve."
            )
        return found

    def _authenticate(self, request: Request, vault: KeyVault) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._challenge(request, vault, "AKV10000: Request is missing a Bearer or PoP token.")
        try:
            return self._verifier.verify(token, VAULT_AUDIENCES)
        except BearerError as error:
            message = f"AKV10022: The access token is not accepted: {error.reason}."
            raise self._challenge(request, vault, message) from None

    def _challenge(self, request: Request, vault: KeyVault, message: str) -> RefusalError:
        subscription = self._store.index().subscriptions.get(vault.subscription.lower())
        tenant = subscription.tenant if subscription else self._store.world.tenants[0].id
        authority = f"{base_of(self._store, request)}/{tenant}"
        challenge = f'Bearer authorization="{authority}", resource="https://vault.azure.net"'
        body = {"error": {"code": "Unauthorized", "message": message}}
        return RefusalError(401, body, {"WWW-Authenticate": challenge})

    def _authorize(self, caller: Caller, vault: KeyVault, permission: str) -> None:
        index = self._store.index()
        if vault.rbac:
            scope = f"/subscriptions/{vault.subscription}/resourceGroups/{vault.resource_group}"
            scope += f"/providers/Microsoft.KeyVault/vaults/{vault.name}"
            action = f"{_ACTION}/{_DATA_ACTIONS[permission]}"
            if not allowed(index, caller.object_id, action, scope, data=True):
                message = f"Caller is not authorized to perform action on resource. Action: '{action}'"
                raise _refuse(403, "Forbidden", message, "ForbiddenByRbac")
            return
        holders = {caller.object_id, *index.groups_of.get(caller.object_id, ())}
        granted = {each for policy in vault.access_policies if policy.object_id in holders for each in policy.secrets}
        if permission not in granted:
            message = (
                f"The user, group or application 'appid={caller.app_id};oid={caller.object_id}' does not have secrets "
                f"{permission} permission on key vault '{vault.name};location={vault.location}'."
            )
            raise _refuse(403, "Forbidden", message, "AccessDenied")

    @staticmethod
    def _versions(vault: KeyVault, name: str) -> list[SecretVersion]:
        for known, versions in vault.versions.items():
            if known.lower() == name.lower() and versions:
                return versions
        raise _not_found(name)


def _bundle(vault: KeyVault, name: str, version: SecretVersion, *, value: bool) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "enabled": version.enabled,
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    }
    attributes |= {"exp": version.expires} if version.expires is not None else {}
    attributes |= {"nbf": version.not_before} if version.not_before is not None else {}
    # The id names the real host: clients read name and version out of it and allow no prefix in the path.
    document = {
        "id": f"https://{vault.name}.vault.azure.net/secrets/{name}/{version.version}",
        "attributes": attributes,
    }
    optional = {"contentType": version.content_type, "tags": version.tags, "value": version.value if value else None}
    return document | {key: part for key, part in optional.items() if part is not None}


def _body(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.get_data() or b"null")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _refuse(400, "BadParameter", "The request body must be a JSON object.")
    return document


def _refuse(status: int, code: str, message: str, inner: str | None = None) -> RefusalError:
    error: dict[str, Any] = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return RefusalError(status, {"error": error})


def _not_found(name: str) -> RefusalError:
    message = (
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command."
    )
    return _refuse(404, "SecretNotFound", message)
