"""Entries of the journal as the text that Redis stores; texts of every earlier version stay readable."""

import json
from functools import lru_cache

from sas_service.adapters.redis.failures import unavailable
from sas_service.domain.run_documents import read_run_document, run_document
from sas_service.domain.runs import Revocation

READ_BEFORE = 2000
"""How many texts are remembered with what they hold; two kilobytes each, more with a list of casualties."""


def write_run(run: Revocation) -> str:
    """Return the text of ``run``; the revision comes first, where scripts look for it."""
    return json.dumps(run_document(run), separators=(",", ":"), allow_nan=False)


@lru_cache(maxsize=READ_BEFORE)
def read_run(text: str) -> Revocation:
    """Return the run that ``text`` holds; raises AuditLogUnavailable for what a newer release wrote.

    An entry is read again at every tick and for every plan, and hardly any has changed since.
    """
    try:
        return read_run_document(json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError):
        # ``from None``: the original quotes what is stored.
        raise unavailable("holds a revocation that this release cannot read") from None
