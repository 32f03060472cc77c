"""Prints docs/least-privilege.md (``python -m tests.contract.emulator.least_privilege_page``; make docs writes it)."""

import json
from collections.abc import Iterable

from tests.contract.emulator.least_privilege import PLAYBOOK, ROWS, TODAY, Need, Row, refused_with

_INTRODUCTION = """\
# Least privilege

Which action each operation needs, exactly. Every line is a test (`tests/contract/emulator/test_least_privilege.py`): a
principal whose custom roles hold just these actions, assigned just there, succeeds; without any one of them it gets 403
with the code named here. The tests run against the emulator, which follows Azure's documents, not against Azure itself:
`listSas/action` is used in practice but missing from the published list of operations. If a custom role refuses it, do
not widen it to `accounts/*/action`: that would also grant `listKeys`.

The service has two identities, so that a stolen issuing process cannot regenerate keys or assign roles. Assign their
roles at the Azure Maps account (and the operator's second one at each managed identity), not at the subscription.

`listSas` may name *any* identity that is attached to the account: the issuer's real power is the strongest data role
among them. `roleAssignments/write` without a condition is the power to become anything at that scope: constrain it (a
role assignment condition, version 2.0) to the data roles and to principals of type ServicePrincipal.

The identities *behind* the tokens need the data role of their profile at the account, and nothing else; nobody logs in
as one of them. `sas-service doctor` tells what is missing and what is too much.
"""


_VAULT = """
## In a Key Vault

Only where the policy names secrets (`keyVaultSecret`, `sharedKeySecrets`). The operator reads and writes them: access
policy permissions `get` and `set` on secrets, or, in a vault with roles, the data actions
`Microsoft.KeyVault/vaults/secrets/getSecret/action` and `Microsoft.KeyVault/vaults/secrets/setSecret/action` at the
secret. It never lists, disables or deletes. `tests/contract/azure/test_vaults.py` runs with just these; the issuer, who
has none, gets 403 `Forbidden`."""


def render() -> str:
    """Return the page."""
    return "\n".join(
        [
            _INTRODUCTION,
            "## What the service does\n",
            *_table(TODAY),
            "\n## What a revocation needs as well\n",
            *_table(PLAYBOOK),
            _VAULT,
            "\n## The custom roles\n",
            "The issuer's, at the account:\n",
            _role("Maps SAS Issuer", actions_of("issuer", "account")),
            "\nThe operator's, at the account (leave out what your release or your runbook does not do):\n",
            _role("Maps SAS Operator", actions_of("operator", "account")),
            "\nThe operator's, at each managed identity of the policy:\n",
            _role("Maps SAS Operator, identities", actions_of("operator", "identity")),
            "",
        ]
    )


def actions_of(who: str, place: str) -> list[str]:
    """Return every action that ``who`` needs at ``place``, in the order of the table."""
    rows = (row for row in ROWS if who in row.who.split(", "))
    return list(dict.fromkeys(need.action for row in rows for need in row.needs if need.place == place))


def _table(rows: Iterable[Row]) -> list[str]:
    head = ["| operation | what for | who | action | assigned at | 403 without it |", "|---|---|---|---|---|---|"]
    return head + [_line(row, need) for row in rows for need in row.needs]


def _line(row: Row, need: Need) -> str:
    cells = [row.operation, row.purpose, row.who, f"`{need.action}`", need.place, f"`{refused_with(need, row)}`"]
    return f"| {' | '.join(cells)} |"


def _role(name: str, actions: list[str]) -> str:
    scopes = ["/subscriptions/<subscription>/resourceGroups/<group>"]
    role = {"Name": name, "Actions": actions, "AssignableScopes": scopes}
    return f"```json\n{json.dumps(role, indent=2)}\n```"


if __name__ == "__main__":
    print(render(), end="")
