"""Keep Key Vault secrets filled: the service as an application of its own, which renews ahead and moves at once.

It asks like any caller, so the policy decides: its client id must be a member of a team that may use the profile. What
other applications say with an acknowledgement, it says with the version that it has written.
"""

from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from sas_service.domain.arm_budget import Purpose
from sas_service.domain.callers import Caller
from sas_service.domain.errors import RecordConflict, SasServiceError
from sas_service.domain.iso8601 import format_instant
from sas_service.domain.policy import Profile, VaultSecret
from sas_service.domain.replacements import nobody_told
from sas_service.domain.tokens import TokenRecord, TokenRequest, TokenState
from sas_service.ports import AuditLog, Clock, Policies, Slots, TokenSecrets
from sas_service.services.issue import Issued, Issuing
from sas_service.services.replace import Replacing

LEFT_AT_LEAST = 3
"""A token is renewed when a third of its lifetime is left."""

REASON = "Key Vault secret"
_ALIVE = frozenset({TokenState.LIVE, TokenState.SUPERSEDED_LIVE})


class Sinking:
    """One round over all secrets; harmless to repeat, and to run in several workers at once."""

    def __init__(
        self,
        *,
        policies: Policies,
        secrets: TokenSecrets,
        issuing: Issuing,
        replacing: Replacing,
        audit_log: AuditLog,
        slots: Slots,
        clock: Clock,
        caller: Caller,
    ) -> None:
        self._policies = policies
        self._secrets = secrets
        self._issuing = issuing
        self._replacing = replacing
        self._audit_log = audit_log
        self._slots = slots
        self._clock = clock
        self._caller = caller

    def run(self) -> int:
        """Return how many secrets were written. One that fails does not hold up the others; the first is raised."""
        written, failures = 0, []
        for _, profile in sorted(self._policies.current().profiles.items()):
            if profile.key_vault_secret is None:
                continue
            try:
                written += self._keep(profile, profile.key_vault_secret)
            except SasServiceError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return written

    def _keep(self, profile: Profile, place: VaultSecret) -> bool:
        kept = self._secrets.read(place)
        found = self._audit_log.token_by_fingerprint([profile.account], kept.fingerprint) if kept else None
        held = found if found and self._is_own(found, profile) else None
        now, epoch = self._clock.now(), self._slots.read(profile.account).epoch
        # A token of this epoch may be dead all the same: of a key that somebody else made anew in the middle of a run.
        if held and held.grant.epoch == epoch and not _is_due(held, now) and not self._replacing.is_told(held, epoch):
            self._acknowledge(held)
            return False
        issued = self._issue(profile, held, epoch, kept.version if kept else "")
        record, token = issued.record, issued.token
        tags = {
            "fingerprint": token.fingerprint,
            "tokenId": record.id,
            "profile": profile.name,
            "renewAt": format_instant(_due_at(record)),
        }
        self._secrets.put(place, token, expiry=record.grant.expiry, tags=tags)
        self._acknowledge(record)
        return True

    def _is_own(self, record: TokenRecord, profile: Profile) -> bool:
        is_ours = dict(record.caller) == dict(self._caller.document()) and record.grant.profile == profile.name
        return is_ours and record.state_at(self._clock.now()) in _ALIVE

    def _issue(self, profile: Profile, held: TokenRecord | None, epoch: int, version: str) -> Issued:
        """Ask for the profile's own default; a crash before the write is followed by the same token once more."""
        request = TokenRequest(profile=profile.name, reason=REASON)
        found = f"{profile.name}\n{held.id if held else ''}\n{version}\n{epoch}"
        key = sha256(found.encode()).hexdigest()
        try:
            return self._issuing.issue(
                request,
                self._caller,
                request_id=f"sink-{key[:16]}",
                idempotency_key=key,
                body_hash=key,
                replaces=held,
                told=partial(self._replacing.is_told, held) if held else nobody_told,
                purpose=Purpose.BACKGROUND,
            )
        except RecordConflict:
            # Another worker was faster: the same replacement once more.
            if held is None:
                raise
            return self._replacing.replace(held.id, self._caller, request_id=f"sink-{key[:16]}")

    def _acknowledge(self, record: TokenRecord) -> None:
        """Say that the token is loaded; also after a crash between the write and this word. Not of a dead one."""
        is_new = record.replaces is not None and not self._replacing.is_told(record)
        if is_new and record.fingerprint is not None:
            self._replacing.acknowledge(
                record.id, self._caller, fingerprint=record.fingerprint, request_id=f"sink-{record.id[-16:]}"
            )


def _is_due(record: TokenRecord, now: datetime) -> bool:
    return now >= _due_at(record)


def _due_at(record: TokenRecord) -> datetime:
    lifetime: timedelta = record.grant.expiry - record.grant.start
    return record.grant.expiry - lifetime / LEFT_AT_LEAST
