"""The world that the conformance suite runs in."""

from typing import Any

TENANT = "11111111-0000-4000-8000-000000000001"
SUBSCRIPTION = "22222222-0000-4000-8000-000000000001"
GROUP = "maps-rg"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
ACCOUNT = "maps-one"
ACCOUNT_ID = f"{GROUP_ID}/providers/Microsoft.Maps/accounts/{ACCOUNT}"
ACCOUNT_CLIENT_ID = "33333333-0000-4000-8000-000000000001"
VERSION = "2023-06-01"


def identity_id(name: str) -> str:
    return f"{GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


def client(number: int) -> str:
    return f"44444444-0000-4000-8000-{number:012}"


def principal(number: int) -> str:
    return f"55555555-0000-4000-8000-{number:012}"


API, BACKEND, OWNER, CONSOLE, CI, NOBODY = (client(number) for number in range(1, 7))
ISSUER, WEB_A, WEB_B, SPARE = (client(number) for number in range(11, 15))
WEB_A_PRINCIPAL, WEB_B_PRINCIPAL, SPARE_PRINCIPAL = (principal(number) for number in range(12, 15))
USER = principal(21)
GROUP_OF_READERS, GROUP_OF_GROUPS = principal(31), principal(32)
SAS_ROLE = "66666666-0000-4000-8000-000000000001"
RENDER_ROLE = "66666666-0000-4000-8000-000000000002"
DATA_READER = "423170ca-a8f6-4b0f-8487-9e4eb8f49bfa"
SEARCH_AND_RENDER = "6be48352-4f82-47c9-ad5e-0acacefdb005"


def world(*, certificate: str = "", federated_key: str = "") -> dict[str, Any]:
    """Return a fresh copy of the world."""
    return {
        "tenants": [_tenant(certificate, federated_key)],
        "managementGroups": [{"name": "root-group"}, {"name": "maps-group", "parent": "root-group"}],
        "subscriptions": [
            {
                "id": SUBSCRIPTION,
                "tenant": TENANT,
                "managementGroup": "maps-group",
                "resourceGroups": [_group(), {"name": "myResourceGroup", "identities": [{"name": "identityName"}]}],
            }
        ],
        "roleDefinitions": [
            {
                "name": SAS_ROLE,
                "roleName": "SAS issuer",
                "actions": ["Microsoft.Maps/accounts/read", "Microsoft.Maps/accounts/listSas/action"],
                "assignableScopes": [f"/subscriptions/{SUBSCRIPTION}"],
            },
            {
                "name": RENDER_ROLE,
                "roleName": "Tiles only",
                "dataActions": ["Microsoft.Maps/accounts/services/render/read"],
                "assignableScopes": [f"/subscriptions/{SUBSCRIPTION}"],
            },
        ],
        "roleAssignments": [
            {"scope": f"/subscriptions/{SUBSCRIPTION}", "principalId": principal(3), "role": "Owner"},
            {"scope": ACCOUNT_ID, "principalId": principal(11), "role": "SAS issuer"},
            {"scope": ACCOUNT_ID, "principalId": WEB_A_PRINCIPAL, "role": "Azure Maps Data Reader"},
            {"scope": ACCOUNT_ID, "principalId": WEB_B_PRINCIPAL, "role": "Azure Maps Data Reader"},
        ],
        "keyVaults": [
            {
                "name": "maps-vault",
                "subscription": SUBSCRIPTION,
                "resourceGroup": GROUP,
                "accessPolicies": [
                    {"objectId": principal(3), "secrets": ["get", "set", "list"]},
                    {"objectId": principal(2), "secrets": ["get"]},
                ],
                "secrets": {"shared-key": "first value"},
            },
            {"name": "rbac-vault", "subscription": SUBSCRIPTION, "resourceGroup": GROUP, "rbac": True},
        ],
        "machines": [
            {"name": "service", "identityHeader": "service-header", "identities": ["issuer"]},
            {"name": "crowd", "identityHeader": "crowd-header", "identities": ["issuer", "web-a"]},
            {"name": "bare", "identityHeader": "bare-header"},
        ],
    }


def _tenant(certificate: str, federated_key: str) -> dict[str, Any]:
    federated = {
        "name": "ci",
        "issuer": "https://ci.example",
        "subject": "repo:maps:main",
        "publicKeys": [federated_key] if federated_key else [],
    }
    return {
        "id": TENANT,
        "displayName": "Contract tests",
        "applications": [
            {
                "clientId": API,
                "objectId": principal(1),
                "displayName": "API",
                "identifierUris": ["api://sas-service"],
                "requestedAccessTokenVersion": 2,
                "appRoles": ["Tokens.Issue", "Audit.Read"],
                "scopes": ["access_as_user"],
            },
            {
                "clientId": BACKEND,
                "objectId": principal(2),
                "displayName": "Backend",
                "secrets": ["backend-secret"],
                "certificates": [certificate] if certificate else [],
                "identifierUris": ["api://backend"],
                "redirectUris": ["https://backend.example/signed-in"],
            },
            {"clientId": OWNER, "objectId": principal(3), "displayName": "Owner", "secrets": ["owner-secret"]},
            {
                "clientId": CONSOLE,
                "objectId": principal(4),
                "displayName": "Console",
                "publicClient": True,
                "redirectUris": ["http://127.0.0.1:9/signed-in"],
            },
            {"clientId": CI, "objectId": principal(5), "displayName": "CI", "federatedCredentials": [federated]},
            {"clientId": NOBODY, "objectId": principal(6), "displayName": "Nobody", "secrets": ["nobody-secret"]},
        ],
        "users": [
            {
                "objectId": USER,
                "userPrincipalName": "alex@example.org",
                "displayName": "Alex",
                "password": "alex-password",
            }
        ],
        "groups": [
            {"objectId": GROUP_OF_READERS, "displayName": "Readers", "members": [USER, SPARE_PRINCIPAL]},
            {"objectId": GROUP_OF_GROUPS, "displayName": "All", "members": [GROUP_OF_READERS]},
        ],
        "appRoleAssignments": [
            {"principalId": principal(2), "resource": "api://sas-service", "roles": ["Tokens.Issue"]},
            {"principalId": principal(11), "resource": API, "roles": ["Audit.Read"]},
            {"principalId": GROUP_OF_READERS, "resource": API, "roles": ["Audit.Read"]},
        ],
    }


def _group() -> dict[str, Any]:
    names = ("issuer", "web-a", "web-b", "spare")
    return {
        "name": GROUP,
        "location": "eastus",
        "identities": [
            {"name": name, "clientId": client(number), "principalId": principal(number)}
            for number, name in enumerate(names, start=11)
        ],
        "mapsAccounts": [
            {"name": ACCOUNT, "uniqueId": ACCOUNT_CLIENT_ID, "identities": ["web-a", "web-b"], "linkedResources": []},
            {"name": "old-global", "location": "global", "kind": "Gen1", "sku": "S0"},
        ],
    }
