"""What a PUT or PATCH of an account may say, and what it does, identities apart."""

from typing import Any

from sas_service.emulator.answers import RefusalError
from sas_service.emulator.arm.errors import invalid_content, refuse
from sas_service.emulator.settings import Settings
from sas_service.emulator.store import Store
from sas_service.emulator.world import MapsAccount

_SKU_OF_KIND = {"Gen1": {"S0", "S1"}, "Gen2": {"G2"}}
_READ_ONLY = {"id", "name", "type", "systemData"}
_MEMBERS = {"location", "tags", "kind", "sku", "identity", "properties"}


def checked(body: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """Return the body if its shape is right."""
    unknown = sorted(set(body) - _MEMBERS - _READ_ONLY)
    if unknown:
        raise invalid_content(f"Could not find member '{unknown[0]}' on object of type 'ResourceDefinition'")
    for name, kind in (("tags", dict), ("sku", dict), ("identity", dict), ("properties", dict), ("kind", str)):
        if body.get(name) is not None and not isinstance(body[name], kind):
            raise invalid_content(f"The member '{name}' has the wrong type")
    if creating and not body.get("location"):
        raise refuse(400, "LocationRequired", "The location property is required for this definition.")
    sku = (body.get("sku") or {}).get("name")
    if creating and not sku:
        raise _bad("The sku is required.")
    if body.get("kind") not in {None, *_SKU_OF_KIND}:
        raise _bad(f"The kind '{body['kind']}' must be Gen1 or Gen2.")
    if sku not in {None, "S0", "S1", "G2"}:
        raise _bad(f"The sku '{sku}' is not valid.")
    _check_properties(body.get("properties") or {})
    return body


def _check_properties(properties: dict[str, Any]) -> None:
    if not isinstance(properties.get("disableLocalAuth", False), bool):
        raise invalid_content("The property 'disableLocalAuth' must be a boolean")
    cors = properties.get("cors")
    if cors is None:
        return
    rules = cors.get("corsRules") if isinstance(cors, dict) else None
    if not isinstance(rules, list):
        raise invalid_content("The property 'cors' must have a list 'corsRules'")
    if len(rules) > 1:
        raise _bad("Only one CORS rule with its list of allowed origins can be specified.")
    for rule in rules:
        origins = rule.get("allowedOrigins") if isinstance(rule, dict) else None
        if not isinstance(origins, list) or not all(isinstance(origin, str) and origin for origin in origins):
            raise _bad("A CORS rule needs a list 'allowedOrigins' of origins.")


def check_kind(account: MapsAccount, body: dict[str, Any], settings: Settings) -> None:
    """Refuse what would move an account back to Gen1, if the setting says so; real behaviour is unconfirmed."""
    back = account.kind == "Gen2" and body.get("kind") == "Gen1"
    if back and settings.kind_downgrade == "refuse":
        raise _bad("A Gen2 account cannot be changed to Gen1.")


def merge(account: MapsAccount, body: dict[str, Any], store: Store) -> None:
    """Change the named members."""
    if body.get("tags") is not None:
        account.tags = dict(body["tags"])
    _take_kind(account, body, store.settings)
    properties = body.get("properties") or {}
    for name, attribute in (("linkedResources", "linked_resources"), ("cors", "cors"), ("encryption", "encryption")):
        if name in properties:
            setattr(account, attribute, properties[name])
    if properties.get("disableLocalAuth") is not None:
        set_local_auth(account, store, disabled=properties["disableLocalAuth"])


def replace(account: MapsAccount, body: dict[str, Any], store: Store) -> None:
    """Set every member; what a PUT leaves out falls back to its default."""
    account.tags = dict(body["tags"]) if body.get("tags") is not None else None
    _take_kind(account, {"kind": body.get("kind") or _kind_of(body["sku"]["name"]), **body}, store.settings)
    properties = body.get("properties") or {}
    account.linked_resources = properties.get("linkedResources")
    account.cors, account.encryption = properties.get("cors"), properties.get("encryption")
    set_local_auth(account, store, disabled=bool(properties.get("disableLocalAuth", False)))


def set_local_auth(account: MapsAccount, store: Store, *, disabled: bool) -> None:
    """Switch local authentication; the data plane keeps doing what it does now until the change has propagated."""
    if disabled == account.disable_local_auth:
        return
    now = store.clock.now()
    in_effect = store.index().live_accounts.get(account.unique_id.lower())
    account.local_auth_before = in_effect.local_auth_disabled if in_effect else account.disable_local_auth
    account.local_auth_settles_at = now + store.settings.propagation.disable_local_auth.draw()
    account.disable_local_auth = disabled


def plain_location(location: Any) -> str:
    """Return "East US" as eastus."""
    return str(location).replace(" ", "").lower()


def _take_kind(account: MapsAccount, body: dict[str, Any], settings: Settings) -> None:
    kind, sku = body.get("kind"), (body.get("sku") or {}).get("name")
    if kind == "Gen1" and account.kind == "Gen2" and settings.kind_downgrade == "ignore":
        return
    if kind:
        account.kind = kind
    if sku:
        account.sku = sku


def _kind_of(sku: str) -> str:
    return "Gen2" if sku == "G2" else "Gen1"


def _bad(message: str) -> RefusalError:
    return refuse(400, "BadRequest", message)
