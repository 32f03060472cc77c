"""Tokens as JSON: what is said of a grant, of a record, and once of the secret."""

from collections.abc import Sequence

from sas_service.domain.exposure import worst_case_transactions
from sas_service.domain.iso8601 import format_duration, format_instant
from sas_service.domain.renewal import RenewalInformation
from sas_service.domain.tokens import Grant, TokenRecord, TokenState
from sas_service.services.issue import Granted, Issued

Document = dict[str, object]


def token_link(token_id: str, rest: str = "") -> str:
    """Return the address of a token; ids are made of characters that need no quoting."""
    return f"/v1/tokens/{token_id}{rest}"


def granted_document(granted: Granted) -> Document:
    """What a preview answers."""
    return _grant(granted.grant, granted.facts.client_id, granted.account.hosts)


def issued_document(issued: Issued) -> Document:
    """The answer with the secret in it."""
    secret = issued.token.reveal()
    return {
        "id": issued.record.id,
        "token": secret,
        "authorization": f"jwt-sas {secret}",
        **_known(issued.record),
        "fingerprint": issued.token.fingerprint,
        **_grant(issued.record.grant, issued.facts.client_id, issued.account.hosts),
    }


def record_document(record: TokenRecord, state: TokenState, client_id: str | None, hosts: Sequence[str]) -> Document:
    """What is on record; never the secret."""
    return {
        "id": record.id,
        "state": state.value,
        "caller": dict(record.caller),
        "issuedAt": format_instant(record.issued_at),
        "requestId": record.request_id,
        "azureRequestId": record.azure_request_id,
        "replacedBy": record.replaced_by,
        **_known(record),
        **_grant(record.grant, client_id, hosts),
    }


def renewal_document(information: RenewalInformation) -> Document:
    """When to replace a token."""
    return {
        "suggestedWindow": {
            "start": format_instant(information.window.start),
            "end": format_instant(information.window.end),
        },
        "reason": information.reason,
        "explanation": information.explanation,
        "replacement": information.replacement,
    }


def acknowledgement_document(record: TokenRecord, fingerprint: str) -> Document:
    """That a replacement is loaded."""
    return {"id": record.id, "replaces": record.replaces, "acknowledged": True, "fingerprint": fingerprint}


def _known(record: TokenRecord) -> Document:
    return {
        "fingerprint": record.fingerprint,
        "replaces": record.replaces,
        "renewal": token_link(record.id, "/renewal"),
        "reason": record.reason,
        "labels": dict(record.labels),
    }


def _grant(grant: Grant, client_id: str | None, hosts: Sequence[str]) -> Document:
    return {
        "account": grant.account,
        "profile": grant.profile,
        "team": grant.team,
        "clientId": client_id,
        "hosts": list(hosts),
        "signingKey": grant.signing_key.value,
        "principalId": grant.principal_id,
        "epoch": grant.epoch,
        "regions": None if grant.regions is None else list(grant.regions),
        "maxRatePerSecond": grant.max_rate_per_second,
        "start": format_instant(grant.start),
        "expiry": format_instant(grant.expiry),
        "lifetime": format_duration(grant.expiry - grant.start),
        "worstCaseTransactions": worst_case_transactions(grant),
        "policyDigest": grant.policy_digest,
    }
