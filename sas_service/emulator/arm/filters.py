"""The few OData filters that Microsoft.Authorization understands."""

import re
from dataclasses import dataclass

from sas_service.emulator.arm.errors import refuse

_CLAUSES = {
    "at_scope": r"atScope\(\)",
    "at_scope_and_below": r"atScopeAndBelow\(\)",
    "assigned_to": r"assignedTo\('(?P<value>[^']*)'\)",
    "principal_id": r"principalId\s+eq\s+'(?P<value>[^']*)'",
    "role_name": r"roleName\s+eq\s+'(?P<value>(?:[^']|'')*)'",
    "role_type": r"type\s+eq\s+'(?P<value>[^']*)'",
}


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to."""

    at_scope: bool = False
    at_scope_and_below: bool = False
    assigned_to: str | None = None
    principal_id: str | None = None
    role_name: str | None = None
    role_type: str | None = None


def parse_filter(text: str | None, known: set[str]) -> Filter:
    """Read a $filter; a clause that this list does not know is refused, never ignored."""
    found: dict[str, str | bool] = {}
    for clause in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text else ():
        name, value = _clause(clause.strip(), known)
        found[name] = value
    return Filter(**found)  # type: ignore[arg-type]  # the names are those of the fields


def _clause(clause: str, known: set[str]) -> tuple[str, str | bool]:
    for name in known:
        match = re.fullmatch(_CLAUSES[name], clause, re.IGNORECASE)
        if match:
            return name, match["value"].replace("''", "'") if "value" in match.groupdict() else True
    message = f"The filter '{clause}' is not supported. Supported filters are either 'atScope()' or 'principalId eq'."
    raise refuse(400, "UnsupportedFilter", message)
