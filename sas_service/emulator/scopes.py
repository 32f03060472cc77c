"""ARM resource ids: how they are written, compared without regard to case, and nested."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from sas_service.emulator.world import ManagementGroup, ResourceGroup, Subscription

R = TypeVar("R")
MANAGEMENT_GROUP_PREFIX = "/providers/microsoft.management/managementgroups/"


@dataclass(frozen=True)
class Placed(Generic[R]):
    """A resource with the place where it stands."""

    id: str
    subscription: Subscription
    group: ResourceGroup
    item: R


def group_id(subscription: Subscription, group: ResourceGroup) -> str:
    """Return the id of a resource group."""
    return f"/subscriptions/{subscription.id}/resourceGroups/{group.name}"


def resource_id(subscription: Subscription, group: ResourceGroup, resource_type: str, name: str) -> str:
    """Return the id of a resource, for example of type Microsoft.Maps/accounts."""
    return f"{group_id(subscription, group)}/providers/{resource_type}/{name}"


def canonical(scope: str) -> str:
    """Return a scope in the form in which scopes are compared."""
    return "/" + scope.strip("/").lower()


def ancestors(
    scope: str, subscriptions: dict[str, Subscription], management_groups: dict[str, ManagementGroup]
) -> list[str]:
    """Return the canonical scopes whose role assignments reach this one: itself first, the tenant root last."""
    own = canonical(scope)
    chain, above = [own], None
    parts = own.strip("/").split("/")
    if parts[0] == "subscriptions" and len(parts) > 1:
        # /subscriptions/s and /subscriptions/s/resourcegroups/g stand above whatever is longer.
        chain += ["/" + "/".join(parts[:length]) for length in (4, 2) if len(parts) > length]
        subscription = subscriptions.get(parts[1])
        above = subscription.management_group if subscription else None
    elif own.startswith(MANAGEMENT_GROUP_PREFIX):
        above = _parent(own.removeprefix(MANAGEMENT_GROUP_PREFIX), management_groups)
    while above:
        chain.append(MANAGEMENT_GROUP_PREFIX + above.lower())
        above = _parent(above, management_groups)
    return chain if own == "/" else [*chain, "/"]


def _parent(name: str, management_groups: dict[str, ManagementGroup]) -> str | None:
    group = management_groups.get(name.lower())
    return group.parent if group else None
