"""Subscriptions, resource groups and what the provider Microsoft.Maps says about itself."""

from typing import Any

from werkzeug import Response

from sas_service.emulator.answers import json_answer
from sas_service.emulator.arm.gate import ANY_VERSION, Call, Operation
from sas_service.emulator.scopes import group_id
from sas_service.emulator.world import ResourceGroup, Subscription

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{group}"
_RESOURCES = "Microsoft.Resources/subscriptions"
# As published for 2023-06-01; that listSas/action is not in it is no mistake of this table.
_MAPS_OPERATIONS = (
    ("Microsoft.Maps/register/action", "Register the provider"),
    ("Microsoft.Maps/accounts/write", "Create or update a Maps Account."),
    ("Microsoft.Maps/accounts/read", "Get a Maps Account."),
    ("Microsoft.Maps/accounts/delete", "Delete a Maps Account."),
    ("Microsoft.Maps/accounts/listKeys/action", "List Maps Account keys"),
    ("Microsoft.Maps/accounts/regenerateKey/action", "Generate new Maps Account primary or secondary key"),
)


def operations() -> list[Operation]:
    """Return the table of operations."""
    register = _SUBSCRIPTION + "/providers/Microsoft.Maps/register"
    return [
        Operation("getSubscription", "GET", _SUBSCRIPTION, f"{_RESOURCES}/read", ANY_VERSION, get_subscription),
        Operation(
            "listGroups",
            "GET",
            _SUBSCRIPTION + "/resourceGroups",
            f"{_RESOURCES}/resourceGroups/read",
            ANY_VERSION,
            list_groups,
            _SUBSCRIPTION,
        ),
        Operation("getGroup", "GET", _GROUP, f"{_RESOURCES}/resourceGroups/read", ANY_VERSION, get_group),
        Operation(
            "listMapsOperations", "GET", "/providers/Microsoft.Maps/operations", "", ANY_VERSION, maps_operations
        ),
        Operation(
            "registerMaps", "POST", register, "Microsoft.Maps/register/action", ANY_VERSION, registered, _SUBSCRIPTION
        ),
    ]


def get_subscription(call: Call) -> Response:
    """Return the subscription."""
    return json_answer(_subscription(call.index.subscriptions[call.parts["subscription"].lower()]))


def list_groups(call: Call) -> Response:
    """Return the resource groups."""
    subscription = call.index.subscriptions[call.parts["subscription"].lower()]
    return json_answer({"value": [_group(subscription, group) for group in subscription.resource_groups]})


def get_group(call: Call) -> Response:
    """Return one resource group."""
    return json_answer(_group(*call.place))


def maps_operations(call: Call) -> Response:
    """Return the published operations."""
    del call
    value = [
        {
            "name": name,
            "isDataAction": False,
            "display": {
                "provider": "Microsoft Azure Maps",
                "resource": "Azure Maps Account",
                "operation": text,
                "description": text,
            },
            "origin": "user",
        }
        for name, text in _MAPS_OPERATIONS
    ]
    return json_answer({"value": value, "nextLink": None})


def registered(call: Call) -> Response:
    """Say that the provider is registered: in this world it always is."""
    own_id = f"/subscriptions/{call.parts['subscription']}/providers/Microsoft.Maps"
    return json_answer({"id": own_id, "namespace": "Microsoft.Maps", "registrationState": "Registered"})


def _subscription(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{subscription.id}",
        "subscriptionId": subscription.id,
        "tenantId": subscription.tenant,
        "displayName": subscription.display_name,
        "state": "Enabled",
    }


def _group(subscription: Subscription, group: ResourceGroup) -> dict[str, Any]:
    return {
        "id": group_id(subscription, group),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "tags": group.tags,
        "properties": {"provisioningState": "Succeeded"},
    }
