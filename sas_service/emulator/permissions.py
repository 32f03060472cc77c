"""Azure RBAC: may this principal do this at this scope, by its own roles, its groups' and those of the scopes above."""

import re
from functools import cache

from sas_service.emulator.index import Index
from sas_service.emulator.scopes import ancestors, canonical
from sas_service.emulator.world import RoleDefinition


def allowed(index: Index, principal_id: str, action: str, scope: str, *, data: bool = False) -> bool:
    """Say whether a principal may perform an action (or a data action) at a scope right now."""
    question = (principal_id, action, scope, data)
    answer = index.permissions.get(question)
    if answer is None:
        answer = any(role_allows(role, action, data=data) for role in effective_roles(index, principal_id, scope))
        index.permissions[question] = answer
    return answer


def effective_roles(index: Index, principal_id: str, scope: str) -> list[RoleDefinition]:
    """Return the roles that a principal has at a scope."""
    reach = set(ancestors(scope, index.subscriptions, index.management_groups))
    holders = (principal_id, *index.groups_of.get(principal_id, ()))
    return [
        index.roles[assignment.role]
        for holder in holders
        for assignment in index.assignments.get(holder, ())
        if canonical(assignment.scope) in reach and assignment.role in index.roles
    ]


def role_allows(role: RoleDefinition, action: str, *, data: bool) -> bool:
    """Say whether one role contains an action; its exclusions take away only from its own permissions."""
    granted, excluded = (role.data_actions, role.not_data_actions) if data else (role.actions, role.not_actions)
    return _matches(granted, action) and not _matches(excluded, action)


def _matches(patterns: list[str], action: str) -> bool:
    return any(_compiled(pattern).fullmatch(action) for pattern in patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)
