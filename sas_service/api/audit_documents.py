"""What is told of a found token, and of exposure, as JSON."""

from collections.abc import Sequence

from sas_service.api.revocation_documents import plan_document
from sas_service.api.token_documents import Document, record_document
from sas_service.domain.exposure import Exposed, Exposure
from sas_service.domain.iso8601 import format_instant
from sas_service.services.identify import Identified


def identified_document(found: Identified, fingerprint: str, client_id: str | None, hosts: Sequence[str]) -> Document:
    """Whose a token is, and what it would cost to take it back."""
    plan = plan_document(found.plan) if found.plan else None
    return {
        "known": True,
        "fingerprint": fingerprint,
        "works": found.works,
        "because": found.because,
        "token": record_document(found.record, found.state, client_id, hosts),
        "levers": plan["levers"] if plan else None,
        "recommended": plan["recommended"] if plan else None,
        "why": plan["why"] if plan else found.no_plan,
        "target": {"tokens": [found.record.id]},
    }


def exposure_document(found: Exposure) -> Document:
    """What live tokens may cost."""
    return {
        "at": format_instant(found.at),
        "total": _exposed(found.total),
        "teams": [{"team": name, **_exposed(row)} for name, row in found.teams.items()],
        "profiles": [{"profile": name, **_exposed(row)} for name, row in found.profiles.items()],
        "locations": [{"location": name, **_exposed(row)} for name, row in found.locations.items()],
        "slots": [
            {"account": account, "signingKey": key, "identity": identity, **_exposed(row)}
            for (account, key, identity), row in found.slots.items()
        ],
    }


def _exposed(row: Exposed) -> Document:
    return {
        "tokens": row.tokens,
        "requestsPerSecond": row.requests_per_second,
        "worstCaseTransactions": row.transactions,
        "unconstrained": row.unconstrained,
    }
