"""An Azure Maps account that signs tokens of the right shape with nobody's key."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count

from sas_service.adapters.memory.failing import Failing
from sas_service.domain.errors import AzureRefused
from sas_service.domain.tokens import Grant, SasToken
from sas_service.ports import AccountFacts, Signed


class MemoryMapsAccount(Failing):
    """The port ``MapsAccount``.

    ``fail_with`` lets the next ``sign`` or ``facts`` raise; ``before_signing`` is called with each grant, so that a
    test can move the world between reserve and commit; ``claims`` replace members of the next tokens' payload;
    ``ages`` are how old the facts that were asked for might have been.
    """

    def __init__(self, facts: Mapping[str, AccountFacts]) -> None:
        super().__init__()
        self.accounts = dict(facts)
        self.signed: list[Grant] = []
        self.claims: dict[str, object] = {}
        self.ages: list[timedelta] = []
        self.before_signing: Callable[[Grant], None] = lambda _grant: None
        self._numbers = count(1)

    def facts(self, account: str, *, max_age: timedelta) -> AccountFacts:
        """Return the facts that the test gave; they are always fresh."""
        self._fail_if_told()
        self.ages.append(max_age)
        if account not in self.accounts:
            raise AzureRefused("The account does not exist.")
        return self.accounts[account]

    def sign(self, grant: Grant, *, request_id: str) -> Signed:
        """Return a token of three parts whose payload has ``exp``; no two are equal."""
        self._fail_if_told()
        self.before_signing(grant)
        self.signed.append(grant)
        number = next(self._numbers)
        payload = {
            "exp": int(grant.expiry.timestamp()),
            "nbf": int(grant.start.timestamp()),
            "maxRatePerSecond": grant.max_rate_per_second,
            "jti": str(number),
            **self.claims,
        }
        head = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(payload)}"
        token = f"{head}.{_base64(hashlib.sha256(head.encode()).digest())}"
        return Signed(SasToken(token), azure_request_id=f"azure-{request_id}", attempts=1)


def _part(members: Mapping[str, object]) -> str:
    return _base64(json.dumps(members, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
