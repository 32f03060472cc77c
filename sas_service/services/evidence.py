"""The signed evidence of a revocation that has ended: from the journal, the acknowledgements and the audit log."""

import json

from sas_service.domain.audit import AuditEvent, EventKind
from sas_service.domain.consumers import Acknowledgement
from sas_service.domain.errors import ActionNotAllowed
from sas_service.domain.evidence import evidence_report, signed_text
from sas_service.domain.revocations import State
from sas_service.domain.runs import Revocation
from sas_service.domain.signed_notes import write_note
from sas_service.ports import Acknowledgements, AuditLog, Clock, EventQuery, Journal, Signing

_ENDED = frozenset({State.COMPLETED, State.ABORTED})
_PAGE, _MOST_PAGES = 500, 100


class Evidence:
    """Puts evidence together whenever it is asked for; nothing of it is stored."""

    def __init__(
        self,
        *,
        journal: Journal,
        acknowledgements: Acknowledgements,
        audit_log: AuditLog,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._acknowledgements = acknowledgements
        self._audit_log = audit_log
        self._signing = signing
        self._clock = clock

    def report(self, run_id: str) -> dict[str, object]:
        """Return ``revocation``, ``account``, ``report``, its ``signature`` (a signed note) and ``verifyingKey``.

        Raises NotFound, ActionNotAllowed for a run that has not ended, AuditLogUnavailable.
        """
        run = self._journal.read(run_id)
        if run.state not in _ENDED or run.started_at is None:
            raise ActionNotAllowed("There is evidence when a run that was started has ended.", allowedActions="")
        events, has_all = self._events(run)
        report = evidence_report(run, self._words(run), events, has_all_events=has_all, now=self._clock.now())
        key = self._signing.verifying_key
        text = signed_text(key, report)
        return {
            "revocation": run.id,
            "account": run.account,
            "report": report,
            "signature": write_note(text, key, self._signing.sign(text.encode())),
            "verifyingKey": key.text,
        }

    def _words(self, run: Revocation) -> list[Acknowledgement]:
        """Return what was acknowledged, while the run was under way, about tokens that hung on what it cuts."""
        end = run.ended_at or self._clock.now()
        words = self._acknowledgements.of(run.account).values()
        return [each for each in words if run.plan.made_at <= each.at <= end and self._is_meant(run, each)]

    def _is_meant(self, run: Revocation, word: Acknowledgement) -> bool:
        """Tell whether the replaced token hung on it; a later generation of the same name is another's."""
        record = self._audit_log.token(word.replaced)
        kill = run.plan.chosen.direction.kill
        return record is not None and kill.hits(record) and record.grant.epoch <= run.plan.epoch

    def _events(self, run: Revocation) -> tuple[list[AuditEvent], bool]:
        """Return the events that name the run, the oldest first, and whether these are all."""
        found: list[AuditEvent] = []
        query = EventQuery([run.account], revocation=run.id)
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = self._audit_log.events(query, cursor=cursor, limit=_PAGE)
            found += page.items
            cursor = page.next
            if cursor is None:
                # The oldest is its plan, unless it was removed for its age.
                return found[::-1], bool(found) and json.loads(found[-1].text)["kind"] == EventKind.REVOCATION_PLANNED
        return found[::-1], False
