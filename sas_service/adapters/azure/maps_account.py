"""The port MapsAccount: Azure Maps accounts through azure-mgmt-maps, pinned to one api-version."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from sas_service.adapters.azure.account_state import AccountState, state_of
from sas_service.adapters.azure.arm_pipeline import request_headers
from sas_service.adapters.azure.attempts import Answered, Attempts, Patience, Timeouts
from sas_service.adapters.azure.errors import Failure, request_id_of, unreadable
from sas_service.adapters.azure.fresh_values import FreshValues
from sas_service.adapters.azure.maps_clients import PUBLIC_CLOUD, maps_clients
from sas_service.adapters.azure.prefetched_credential import PrefetchedCredential
from sas_service.adapters.azure.transport import Outbound
from sas_service.domain.errors import SasServiceError
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.policy import Account
from sas_service.domain.tokens import Grant, SasToken
from sas_service.ports import AccountFacts, Signed

T = TypeVar("T")

MISSING_IDENTITY_AGE = timedelta(seconds=30)
"""How old facts may be that lack an identity of the policy: it may just have been attached."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*", re.ASCII)
"""What fits into an Authorization header (RFC 6750); whether it is the right token, ``domain.token_check`` says."""


class AzureMapsAccount:
    """Signs SAS tokens and reads accounts; ``accounts`` yields the policy's definition of an account by its name."""

    def __init__(
        self,
        *,
        accounts: Callable[[str], Account],
        credential: PrefetchedCredential,
        outbound: Outbound,
        base_url: str = PUBLIC_CLOUD,
        patience: Patience | None = None,
        attempts: Attempts | None = None,
    ) -> None:
        patience = patience or Patience()
        self._accounts = accounts
        self._attempts = attempts or Attempts(patience)
        self._writes = credential.writes
        self._clients = maps_clients(credential, outbound, base_url)
        self._told: dict[str, tuple[AccountState, Account, AccountFacts]] = {}
        self._states: FreshValues[AccountState] = FreshValues(patience=patience.deadline)

    def facts(self, account: str, *, max_age: timedelta) -> AccountFacts:
        """Return facts at most ``max_age`` old."""
        definition = self._accounts(account)
        facts = self._told_of(self._state(definition, max_age), definition)
        if facts.principals.keys() == definition.identities.keys() or max_age <= MISSING_IDENTITY_AGE:
            return facts
        try:
            return self._state(definition, MISSING_IDENTITY_AGE, failure_age=MISSING_IDENTITY_AGE).facts(definition)
        except SasServiceError:
            # What is known is fresh enough for the caller; an identity left detached on purpose must not stop others.
            return facts

    def _told_of(self, state: AccountState, definition: Account) -> AccountFacts:
        """Return the facts of a state, made once: every request asks for them."""
        told = self._told.get(definition.name)
        if told is None or told[0] is not state or told[1] is not definition:
            told = self._told[definition.name] = (state, definition, state.facts(definition))
        return told[2]

    def sign(self, grant: Grant, *, request_id: str) -> Signed:
        """Call List SAS for ``grant``."""
        definition = self._accounts(grant.account)
        client = self._clients.get(definition.subscription)
        body: Any = sas_body(grant)  # the SDK takes bytes; its annotation says a file

        def send(timeouts: Timeouts) -> tuple[SasToken, str | None] | Failure:
            sent: Any = client.accounts.list_sas(
                definition.resource_group,
                definition.resource_name,
                body,
                headers=request_headers(request_id),
                cls=_with_headers,
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            answer, headers = sent
            secret = getattr(answer, "account_sas_token", None)
            if not isinstance(secret, str) or _TOKEN.fullmatch(secret) is None:
                return unreadable()
            return SasToken(secret), request_id_of(headers)

        answered = self._counted(definition.subscription, send)
        token, azure_request_id = answered.answer
        return Signed(token=token, azure_request_id=azure_request_id, attempts=answered.attempts)

    def _counted(self, subscription: str, send: Callable[[Timeouts], T | Failure]) -> Answered[T]:
        """Send; who asked for a signature has asked the budget for one write, so further ones are told to it."""
        sends = 1
        try:
            answered = self._attempts.run("List SAS", send)
            sends = answered.attempts
        except SasServiceError as error:
            sends = int(error.extra.get("attempts", "1"))
            raise
        finally:
            if sends != 1 and self._writes:
                self._writes.sent(subscription, sends - 1)
        return answered

    def _state(self, account: Account, max_age: timedelta, *, failure_age: timedelta = timedelta(0)) -> AccountState:
        return self._states.get(
            f"{account.subscription}/{account.resource_group}/{account.resource_name}".lower(),
            max_age.total_seconds(),
            lambda: self._fetch(account),
            failure_age=failure_age.total_seconds(),
        )

    def _fetch(self, account: Account) -> AccountState:
        client = self._clients.get(account.subscription)

        def send(timeouts: Timeouts) -> AccountState | Failure:
            model = client.accounts.get(
                account.resource_group,
                account.resource_name,
                connection_timeout=timeouts.connection_timeout,
                read_timeout=timeouts.read_timeout,
            )
            return state_of(model) or unreadable()

        return self._attempts.run("Get account", send).answer


def sas_body(grant: Grant) -> bytes:
    """Return List SAS's body as the SDK would make it of its model, which costs a twentieth of an issue."""
    regions = {} if grant.regions is None else {"regions": grant.regions}
    members = {
        "signingKey": grant.signing_key.value,
        "principalId": grant.principal_id,
        **regions,
        "maxRatePerSecond": grant.max_rate_per_second,
        "start": format_instant(grant.start),
        "expiry": format_instant(grant.expiry),
    }
    return json.dumps(members).encode()


def _with_headers(response: Any, answer: Any, _headers: Any) -> tuple[Any, Any]:
    return answer, response.http_response.headers
