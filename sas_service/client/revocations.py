"""What an admin does to revocations, suspensions and lockdowns, as calls of the service."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from sas_service.client.connection import Connection
from sas_service.client.documents import RevocationShown, names
from sas_service.client.failures import Unreachable
from sas_service.client.reading import mapping, mappings

_REVOCATIONS = "/v1/revocations"
_PAGES = 1000
"""No list is longer; a service that pages for ever does not hold us."""


class Revocations:
    """Every method raises Refused, Unreachable and NotSignedIn."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def plan(self, asked: Mapping[str, object]) -> RevocationShown:
        """Make a plan; nothing else changes."""
        return RevocationShown.of(self._connection.call("POST", _REVOCATIONS, body=dict(asked)).document)

    def show(self, run: str) -> RevocationShown:
        """Return one revocation as it is now."""
        return RevocationShown.of(self._connection.call("GET", _at(run)).document)

    def list(self, account: str | None = None) -> Iterator[RevocationShown]:
        """Yield the revocations in the service's order, page by page."""
        path = _REVOCATIONS + (f"?account={quote(account, safe='')}" if account else "")
        for document in self._pages(path):
            yield RevocationShown.of(document)

    def act(self, run: RevocationShown, action: str, body: Mapping[str, object] | None = None) -> RevocationShown:
        """Do ``action`` to the plan that was shown, and to no other: its hash goes with it.

        If the answer is lost, the run is read: what it shows decides, not what was heard.
        """
        headers = {"If-Match": f'"{run.plan_hash}"'}
        try:
            reply = self._connection.call("POST", f"{_at(run.id)}/{action}", body=body, headers=headers)
        except Unreachable:
            now = self.show(run.id)
            if now.state == run.state and now.allowed == run.allowed:
                raise
            return now
        changed = RevocationShown.of(reply.document)
        return changed if changed.id else self.show(run.id)

    def late(self, run: str) -> tuple[str, ...]:
        """Return who has not moved, by name."""
        items = self._pages(f"{_at(run)}/consumers")
        return names([each for each in items if each.get("moved") is False or each.get("state") == "late"]) or ()

    def evidence(self, run: str) -> bytes:
        """Return the evidence as it was signed, byte for byte."""
        return self._connection.call("GET", f"{_at(run)}/evidence", accept="*/*").content

    def suspend(self, kind: str, name: str, reason: str) -> None:
        """Stop issue, hand-out and replacement for a team, client or profile at once."""
        self._connection.call(
            "PUT", f"/v1/suspensions/{quote(kind, safe='')}/{quote(name, safe='')}", body={"reason": reason}
        )

    def lock(self, account: str, said: Mapping[str, str | None]) -> Mapping[str, Any]:
        """Lock an account down; of ``said``, what is there is sent."""
        body = {name: value for name, value in said.items() if value}
        return mapping(self._connection.call("POST", _lockdown(account), body=body).document)

    def lockdown(self, account: str) -> Mapping[str, Any]:
        """Return the lockdown that holds the account; without one it is released."""
        shown = mapping(self._connection.call("GET", f"/v1/accounts/{quote(account, safe='')}").document)
        held = mapping(shown.get("lockdown"))
        return held or {"account": account, "state": "released"}

    def release(self, account: str) -> Mapping[str, Any]:
        """Release an account that is locked down, if the service finds that it may be."""
        return mapping(self._connection.call("DELETE", _lockdown(account)).document)

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        for _ in range(_PAGES):
            page = mapping(self._connection.call("GET", path).document)
            yield from mappings(page.get("items"))
            following = page.get("next")
            if not isinstance(following, str) or not following:
                return
            path = next_path(path, following)


def _at(run: str) -> str:
    return f"{_REVOCATIONS}/{quote(run, safe='')}"


def _lockdown(account: str) -> str:
    return f"/v1/accounts/{quote(account, safe='')}/lockdown"


def next_path(path: str, following: str) -> str:
    """Return where to go on: ``next`` is the path of the next page, or only the cursor in it; never another host."""
    if following.startswith("/"):
        return following
    first, _, query = path.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("cursor=")]
    cursor = quote(following, safe="")
    return f"{first}?{'&'.join([*kept, f'cursor={cursor}'])}"
