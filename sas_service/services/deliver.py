"""Deliver a reserved token: sign it, check it, commit it, mirror it; or close its record."""

from dataclasses import replace

from sas_service.domain.audit import EventKind
from sas_service.domain.errors import (
    AuditLogUnavailable,
    GrantMismatch,
    MirrorUnavailable,
    RecordConflict,
    SasServiceError,
)
from sas_service.domain.token_check import check_token
from sas_service.domain.token_events import about
from sas_service.domain.tokens import Grant, SasToken, TokenRecord, TokenState
from sas_service.ports import AuditLog, AuditMirror, Clock, MapsAccount, Reserved, Signed


class Delivering:
    """The second half of a token's way; every dependency is a port."""

    def __init__(self, *, audit_log: AuditLog, mirror: AuditMirror, maps_account: MapsAccount, clock: Clock) -> None:
        self._audit_log = audit_log
        self._mirror = mirror
        self._maps_account = maps_account
        self._clock = clock

    def first(self, record: TokenRecord, request_id: str, reserved: Reserved) -> tuple[TokenRecord, SasToken]:
        """Sign and commit what ``reserved`` is on record of; whatever fails closes the record, and is raised."""
        live = record
        try:
            signed = self._sign(record.grant, request_id)
            live = replace(
                record,
                state=TokenState.LIVE,
                fingerprints=(signed.token.fingerprint,),
                azure_request_id=signed.azure_request_id,
                attempts=signed.attempts,
            )
            told = {"replaces": live.replaces, "overdraft": reserved.overdrawn or None, **_delivery(signed)}
            issued = about(live, EventKind.ISSUED, self._clock.now(), request_id, **told)
            events = self._audit_log.commit(live, issued)
            self._mirror.append([*reserved.events, *events])
        except SasServiceError as error:
            # With its fingerprint: only who committed a token may close it again.
            self.close(live, error, request_id)
            raise
        return live, signed.token

    def again(self, record: TokenRecord, request_id: str) -> tuple[TokenRecord, SasToken]:
        """Sign the recorded grant again. The record stays live whatever happens: its first token may be in use."""
        signed = self._sign(record.grant, request_id)
        event = about(record, EventKind.REDELIVERED, self._clock.now(), request_id, **_delivery(signed))
        events = self._audit_log.redeliver(record, signed.token.fingerprint, event)
        self._mirror.append(events)
        known = (*(each for each in record.fingerprints if each != signed.token.fingerprint), signed.token.fingerprint)
        return replace(record, fingerprints=known), signed.token

    def close(self, record: TokenRecord, error: SasServiceError, request_id: str) -> None:
        """Close the record; if the audit log is away the reaper will close the reservation at its deadline.

        A conflict says that somebody (the reaper) did so before us.
        """
        # "none": Azure said no to every attempt, or never heard of it. After anything else a token may exist.
        refused = error.extra.get("effect") == "none"
        state, kind = (
            (TokenState.REFUSED, EventKind.REFUSED) if refused else (TokenState.ABANDONED, EventKind.ABANDONED)
        )
        event = about(
            record,
            kind,
            self._clock.now(),
            request_id,
            cause=type(error).__name__,
            fingerprint=record.fingerprint,
            attempts=error.extra.get("attempts"),
            azureCode=error.extra.get("code"),
            azureRequestId=error.extra.get("azureRequestId"),
        )
        try:
            events = self._audit_log.settle(record, state, event)
            self._mirror.append(events, sync=False)
        except (AuditLogUnavailable, MirrorUnavailable, RecordConflict):
            return

    def _sign(self, grant: Grant, request_id: str) -> Signed:
        signed = self._maps_account.sign(grant, request_id=request_id)
        differing = check_token(grant, signed.token)
        if differing:
            raise GrantMismatch(f"the signed token differs from what was granted in: {', '.join(differing)}")
        return signed


def _delivery(signed: Signed) -> dict[str, object]:
    """Return what is new with each delivery; what was granted stands in the token's ``reserved`` event."""
    return {
        "fingerprint": signed.token.fingerprint,
        "azureRequestId": signed.azure_request_id,
        "attempts": signed.attempts,
    }
