"""Forget plans of which nothing came: all entries of an account are read again and again, and these say nothing."""

from contextlib import suppress
from datetime import datetime

from sas_service.domain.errors import RevisionConflict
from sas_service.domain.runs import is_forgettable
from sas_service.ports import Journal

MOST = 100
"""How many are forgotten at once: who plans does not wait for all of a year."""


def forget_plans(journal: Journal, account: str, now: datetime) -> None:
    """Remove the oldest plans that expired unstarted a day ago; their audit events stay. Raises AuditLogUnavailable."""
    over = [each for each in journal.of(account) if is_forgettable(each, now)]
    for each in over[-MOST:]:
        with suppress(RevisionConflict):
            journal.forget(each)
