"""The demo world as data: who is in it, what the emulated Azure holds, what the policy allows.

Ids are made from names and so are the same everywhere; secrets are random and made once per directory.
"""

import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ACCOUNT = "maps-demo"
RESOURCE_GROUP = "maps-demo-rg"
LOCATION = "eastus"
REGIONS = ["eastus", "westus2", "westcentralus"]
APPLICATION_ID_URI = "api://sas-service"
DATA_ROLE = "Azure Maps Data Reader"

CLIENT_ROLES: Mapping[str, tuple[str, ...]] = {
    "storefront": ("Tokens.Issue",),
    "logistics": ("Tokens.Issue",),
    "auditor": ("Audit.Read",),
    "admin": ("Revocations.Manage",),
    "approver": ("Revocations.Approve",),
}

TEAMS = ("storefront", "logistics")
_ONE_MORE_APPLICATION: tuple[str, ...] = ("Tokens.Issue",)

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "storefront-web": {
        "team": "storefront",
        "maxRatePerSecond": 50,
        "lifetime": {"min": "PT10M", "max": "PT2H"},
        "sharing": "exclusive",
    },
    "storefront-shared": {
        "team": "storefront",
        "maxRatePerSecond": 50,
        "lifetime": {"min": "PT10M", "max": "PT2H"},
        "sharing": "shared",
    },
    "logistics-batch": {
        "team": "logistics",
        "maxRatePerSecond": 500,
        "lifetime": {"min": "PT10M", "max": "P365D"},
        "sharing": "exclusive",
    },
}

ISSUER_ACTIONS = ["Microsoft.Maps/accounts/read", "Microsoft.Maps/accounts/listSas/action"]
"""What issuing needs and nothing more (azure-facts.md section 9)."""

OPERATOR_ACTIONS = [
    *ISSUER_ACTIONS,
    "Microsoft.Maps/accounts/write",
    "Microsoft.Maps/accounts/listKeys/action",
    "Microsoft.Maps/accounts/regenerateKey/action",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/roleDefinitions/read",
    "Microsoft.Authorization/locks/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
]


def guid(name: str) -> str:
    """Return the demo's GUID for ``name``, the same on every machine."""
    return str(uuid5(NAMESPACE_URL, f"https://sas-service.example/demo/{name}"))


TENANT_ID = guid("tenant")
SUBSCRIPTION_ID = guid("subscription")
API_CLIENT_ID = guid("api")
_GROUP_ID = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
_ACCOUNT_ID = f"{_GROUP_ID}/providers/Microsoft.Maps/accounts/{ACCOUNT}"


@dataclass(frozen=True, slots=True)
class DemoSecrets:
    """What is random in the demo: made once, kept in the directory with mode 0600."""

    clients: Mapping[str, str]
    identity_header: str
    redis_password: str
    key_pepper: str
    sealing_key: str
    signing_key: str

    @classmethod
    def fresh(cls) -> "DemoSecrets":
        """Make new ones."""
        return cls(
            clients={name: secrets.token_urlsafe(24) for name in CLIENT_ROLES},
            identity_header=secrets.token_urlsafe(24),
            redis_password=secrets.token_urlsafe(24),
            **{
                name: b64encode(secrets.token_bytes(32)).decode()
                for name in ("key_pepper", "sealing_key", "signing_key")
            },
        )

    def with_applications(self, number: int) -> "DemoSecrets":
        """Return them with ``number`` further applications, by turns of each team; known ones keep their secrets."""
        names = [f"{TEAMS[each % len(TEAMS)]}-app-{each + 1:02}" for each in range(number)]
        return replace(self, clients={**{name: secrets.token_urlsafe(24) for name in names}, **self.clients})


def identity_names() -> list[str]:
    """Each profile has its own two identities."""
    return [f"{profile}-{side}" for profile in PROFILES for side in "ab"]


def identity_resource_id(name: str) -> str:
    """Return the ARM id of an identity."""
    return f"{_GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


def world(made: DemoSecrets) -> dict[str, Any]:
    """Return the emulator's world file (docs/emulator.md)."""
    return {
        "tenants": [_tenant(made)],
        "subscriptions": [
            {
                "id": SUBSCRIPTION_ID,
                "tenant": TENANT_ID,
                "displayName": "Demo",
                "resourceGroups": [_resource_group()],
            }
        ],
        "roleDefinitions": [
            _role("Maps SAS Issuer", "Reads the account and lets it sign; nothing else.", ISSUER_ACTIONS),
            _role("Maps SAS Operator", "Runs the revocation playbook.", OPERATOR_ACTIONS),
        ],
        "roleAssignments": [
            _assignment(_ACCOUNT_ID, guid("principal/service-issuer"), "Maps SAS Issuer"),
            _assignment(_GROUP_ID, guid("principal/service-operator"), "Maps SAS Operator"),
            *(_assignment(_ACCOUNT_ID, guid(f"principal/{name}"), DATA_ROLE) for name in identity_names()),
        ],
        "machines": [
            {
                "name": "service",
                "identityHeader": made.identity_header,
                "identities": ["service-issuer", "service-operator"],
            }
        ],
    }


def _tenant(made: DemoSecrets) -> dict[str, Any]:
    api = {
        "clientId": API_CLIENT_ID,
        "objectId": guid("sp/api"),
        "displayName": "SAS service",
        "identifierUris": [APPLICATION_ID_URI],
        "requestedAccessTokenVersion": 2,
        "appRoles": sorted({role for roles in CLIENT_ROLES.values() for role in roles}),
        "scopes": ["Tokens.Issue", "Audit.Read", "Revocations.Manage", "Revocations.Approve"],
    }
    clients = [
        {
            "clientId": guid(f"client/{name}"),
            "objectId": guid(f"sp/{name}"),
            "displayName": name,
            "secrets": [made.clients[name]],
        }
        for name in made.clients
    ]
    assignments = [
        {
            "principalId": guid(f"sp/{name}"),
            "resource": APPLICATION_ID_URI,
            "roles": list(CLIENT_ROLES.get(name, _ONE_MORE_APPLICATION)),
        }
        for name in made.clients
    ]
    return {
        "id": TENANT_ID,
        "displayName": "Demo",
        "applications": [api, *clients],
        "appRoleAssignments": assignments,
    }


def _resource_group() -> dict[str, Any]:
    names = ["service-issuer", "service-operator", *identity_names()]
    return {
        "name": RESOURCE_GROUP,
        "location": LOCATION,
        "identities": [
            {"name": name, "clientId": guid(f"identity/{name}"), "principalId": guid(f"principal/{name}")}
            for name in names
        ],
        "mapsAccounts": [
            {
                "name": ACCOUNT,
                "location": LOCATION,
                "kind": "Gen2",
                "sku": "G2",
                "uniqueId": guid("account"),
                "identities": identity_names(),
            }
        ],
    }


def _role(name: str, description: str, actions: list[str]) -> dict[str, Any]:
    return {
        "name": guid(f"role/{name}"),
        "roleName": name,
        "description": description,
        "actions": actions,
        "assignableScopes": [f"/subscriptions/{SUBSCRIPTION_ID}"],
    }


def _assignment(scope: str, principal: str, role: str) -> dict[str, Any]:
    return {"scope": scope, "principalId": principal, "role": role, "principalType": "ServicePrincipal"}


def policy(emulator_url: str, clients: Iterable[str] = CLIENT_ROLES) -> dict[str, Any]:
    """Return the policy document (docs/policy.md); a client named after a team is one of its applications."""
    return {
        "version": 1,
        "accounts": {
            ACCOUNT: {
                "subscription": SUBSCRIPTION_ID,
                "resourceGroup": RESOURCE_GROUP,
                "hosts": [emulator_url],
                "platformCeiling": "P365D",
                "identities": {name: identity_resource_id(name) for name in identity_names()},
            }
        },
        "profiles": {
            name: {
                "account": ACCOUNT,
                "dataRole": DATA_ROLE,
                "identities": [f"{name}-a", f"{name}-b"],
                "regions": list(REGIONS),  # a copy: YAML would write the same list as an alias
                **{key: value for key, value in profile.items() if key != "team"},
            }
            for name, profile in PROFILES.items()
        },
        "teams": {
            team: {
                "members": {
                    "applications": [guid(f"client/{name}") for name in clients if name.partition("-")[0] == team]
                },
                "profiles": [name for name, profile in PROFILES.items() if profile["team"] == team],
            }
            for team in TEAMS
        },
    }


def contract(made: DemoSecrets, api_url: str, emulator_url: str) -> dict[str, Any]:
    """Return ``demo.json``: what design.md section 8 promises to outside tests."""
    return {
        "apiUrl": api_url,
        "emulatorUrl": emulator_url,
        "tenantId": TENANT_ID,
        "tokenUrl": f"{emulator_url}/{TENANT_ID}/oauth2/v2.0/token",
        "scope": f"{APPLICATION_ID_URI}/.default",
        "clients": {
            name: {"clientId": guid(f"client/{name}"), "clientSecret": secret} for name, secret in made.clients.items()
        },
        "account": ACCOUNT,
        "profiles": {name: {"account": ACCOUNT, "regions": REGIONS, **profile} for name, profile in PROFILES.items()},
    }
