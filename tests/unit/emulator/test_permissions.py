"""Roles, scopes and groups, without a network."""

from typing import Any

import pytest

from sas_service.emulator import shapes
from sas_service.emulator.index import build
from sas_service.emulator.permissions import allowed, role_allows
from sas_service.emulator.seeding import complete
from sas_service.emulator.world import RoleDefinition, World

SUBSCRIPTION = "/subscriptions/22222222-0000-4000-8000-000000000001"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Maps/accounts/maps"
READ = "Microsoft.Maps/accounts/read"
WHO = "55555555-0000-4000-8000-000000000001"


def may(scope: str, *, at: str = ACCOUNT, principal: str = WHO, groups: Any = (), role: str = "Reader") -> bool:
    document = {
        "tenants": [{"id": "t", "groups": list(groups)}],
        "managementGroups": [{"name": "top"}, {"name": "middle", "parent": "top"}, {"name": "aside", "parent": "top"}],
        "subscriptions": [
            {"id": SUBSCRIPTION.rpartition("/")[2], "tenant": "t", "managementGroup": "middle"},
        ],
        "roleAssignments": [{"scope": scope, "principalId": principal, "role": role}],
    }
    return allowed(build(complete(shapes.read(World, document), 0.0), 0, 0.0), WHO, READ, at)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (ACCOUNT, True),
        (ACCOUNT.upper(), True),
        (f"{SUBSCRIPTION}/resourcegroups/RG", True),
        (SUBSCRIPTION, True),
        ("/providers/Microsoft.Management/managementGroups/middle", True),
        ("/providers/Microsoft.Management/managementGroups/top", True),
        ("/", True),
        ("/providers/Microsoft.Management/managementGroups/aside", False),
        (f"{ACCOUNT}2", False),
        (f"{SUBSCRIPTION}/resourceGroups/r", False),
        (f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Maps/accounts/other", False),
        ("/subscriptions/22222222-0000-4000-8000-000000000002", False),
    ],
)
def test_roles_are_inherited_downwards_only(scope: str, *, expected: bool) -> None:
    assert may(scope) is expected


def test_groups_of_groups_even_in_circles() -> None:
    groups = [
        {"objectId": "inner", "members": [WHO, "outer"]},
        {"objectId": "outer", "members": ["inner"]},
        {"objectId": "foreign", "members": ["somebody"]},
    ]
    assert may(ACCOUNT, principal="outer", groups=groups)
    assert not may(ACCOUNT, principal="foreign", groups=groups)


def test_a_data_role_is_no_control_role() -> None:
    assert not may(ACCOUNT, role="Azure Maps Data Contributor")
    assert may(ACCOUNT, role="Azure Maps Contributor")


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("Microsoft.Maps/accounts/read", True),
        ("microsoft.maps/ACCOUNTS/read", True),
        ("Microsoft.Maps/accounts/listKeys/action", False),
        ("Microsoft.Maps/accounts/listSas/action", True),
        ("Microsoft.Mapsx/accounts/read", False),
        ("xMicrosoft.Maps/accounts/read", False),
    ],
)
def test_wildcards_and_exclusions(action: str, *, expected: bool) -> None:
    role = RoleDefinition("r", "r", actions=["Microsoft.Maps/*"], not_actions=["*/listKeys/action"])
    assert role_allows(role, action, data=False) is expected
    assert role_allows(role, action, data=True) is False


def test_ids_are_compared_without_case() -> None:
    assert may(SUBSCRIPTION.upper(), principal=WHO.upper())
    assert may(ACCOUNT, principal="OUTER", groups=[{"objectId": "Outer", "members": [WHO.upper()]}])
