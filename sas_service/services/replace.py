"""Replace a token by one of the active slot, and hear from its application that the new one is loaded."""

from dataclasses import replace as copied
from datetime import timedelta
from functools import partial

from sas_service.domain.audit import EventKind
from sas_service.domain.callers import Caller
from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.errors import InvalidRequest, NotFound, ProfileNotAllowed, RecordConflict, Suspended, Violation
from sas_service.domain.limits import limits_of
from sas_service.domain.policy import team_for
from sas_service.domain.replacements import replacement_request
from sas_service.domain.token_events import about
from sas_service.domain.tokens import KEPT_FINGERPRINTS, TokenRecord, TokenState
from sas_service.ports import Acknowledgements, AuditLog, AuditMirror, Clock, Policies, Slots, Suspensions
from sas_service.services.hand_out import HandingOut
from sas_service.services.histories import Histories
from sas_service.services.issue import Issued, Issuing


class Replacing:
    """What applications do when they are told to move."""

    def __init__(
        self,
        *,
        issuing: Issuing,
        policies: Policies,
        slots: Slots,
        audit_log: AuditLog,
        mirror: AuditMirror,
        acknowledgements: Acknowledgements,
        suspensions: Suspensions,
        histories: Histories,
        clock: Clock,
        handing_out: HandingOut | None = None,
    ) -> None:
        self._issuing = issuing
        self._policies = policies
        self._slots = slots
        self._audit_log = audit_log
        self._mirror = mirror
        self._acknowledgements = acknowledgements
        self._suspensions = suspensions
        self._histories = histories
        self._clock = clock
        self._handing_out = handing_out

    def replace(self, token_id: str, caller: Caller, *, request_id: str, origin: str | None = None) -> Issued:
        """Return a token in place of one of the caller's own; asked again, the same replacement once more.

        ``origin`` is of the web page that asks, if one does. Outside the team's quota and the profile's budget is only
        what must be replaced (``is_told``); any other is one more request. Raises NotFound for a token that is not the
        caller's, or not live, and everything that issuing raises.
        """
        old = self._own(token_id, caller)
        if old.is_shared and self._handing_out is not None:
            # What follows a shared token is its team's current one, the same for all who ask.
            shared = self._handing_out.current(
                old.grant.profile, caller, request_id=request_id, origin=origin, after=old.id, told=self.is_told(old)
            )
            return copied(shared.issued, quota=shared.quota)
        replacement = self._current_replacement(old)
        if replacement is not None:
            return self._again(old, replacement, caller, request_id, origin)
        policy = self._policies.current()
        profile = policy.profiles.get(old.grant.profile)
        if profile is None:
            raise ProfileNotAllowed("There is no such profile among those of your teams.")
        request = replacement_request(old, limits_of(policy, profile), self._clock.now())
        try:
            told = partial(self.is_told, old)
            return self._issuing.issue(request, caller, request_id=request_id, origin=origin, replaces=old, told=told)
        except RecordConflict as conflict:
            # Another instance of the application was faster: one token has one replacement.
            replacement = self._current_replacement(self._own(token_id, caller))
            if replacement is None:
                raise RecordConflict(conflict.detail, retry_after=timedelta(seconds=1)) from None
            return self._again(old, replacement, caller, request_id, origin)

    def is_told(self, old: TokenRecord, epoch: int = 0) -> bool:
        """Tell whether ``old`` must be replaced (domain/move_orders.py); ``epoch`` is what the caller knows."""
        return self._histories.is_told_to_move(old, epoch)

    def acknowledge(self, token_id: str, caller: Caller, *, fingerprint: str, request_id: str) -> TokenRecord:
        """Hear that the new token ``token_id`` is loaded: the one that it replaces counts as moved.

        Only its own application can say so, and only with the fingerprint of what it loaded. Raises NotFound,
        InvalidRequest.
        """
        new = self._own(token_id, caller)
        if new.replaces is None and not new.is_shared:
            raise _wrong("path:id", token_id, "a token that replaces another")
        if fingerprint not in new.fingerprints:
            raise _wrong("/fingerprint", fingerprint, "the SHA-256 of the token that was loaded")
        # One caller's word about a shared token says nothing of the others who hold it: that only ever expires.
        if new.replaces is not None and self._acknowledgements.get(new.grant.account, new.replaces) is None:
            self._hear(new, new.replaces, fingerprint, request_id)
        return new

    def _hear(self, new: TokenRecord, replaced: str, fingerprint: str, request_id: str) -> None:
        """Put the word on record, event first: asked again after a crash in between, both are written.

        So there may be an event without effect, but never a word that nobody can account for.
        """
        now = self._clock.now()
        event = about(new, EventKind.ACKNOWLEDGED, now, request_id, replaces=replaced, fingerprint=fingerprint)
        self._mirror.append(self._audit_log.append(event))
        old = self._audit_log.token(replaced)
        # A chain of replacements is followed to its acknowledged end: the word is needed as long as either may live.
        until = max(each.grant.expiry for each in (old, new) if each)
        word = Acknowledgement(replaced, new.id, fingerprint, Consumer.of(new), now, until)
        self._acknowledgements.put(new.grant.account, word)

    def _again(
        self, old: TokenRecord, replacement: TokenRecord, caller: Caller, request_id: str, origin: str | None
    ) -> Issued:
        """Sign the replacement once more; what issuing checks while it reserves is asked here.

        Every instance of an application may ask for it, and ask again when an answer was lost: outside the quota, but
        not for ever.
        """
        consumer = Consumer.of(replacement)
        names = {("team", consumer.team), ("client", consumer.application), ("profile", consumer.profile)}
        for each in self._suspensions.list():
            if (each.kind, each.id) in names:
                raise Suspended(f"The {each.kind} is suspended.", kind=each.kind)
        told = len(replacement.fingerprints) < KEPT_FINGERPRINTS and self.is_told(old)
        return self._issuing.again(replacement, caller, request_id=request_id, origin=origin, told=told)

    def _own(self, token_id: str, caller: Caller) -> TokenRecord:
        """Return a live token of this very caller; anybody else's looks as if it did not exist."""
        record = self._audit_log.token(token_id)
        if record is None or not self._holds(record, caller):
            raise NotFound("There is no such token among yours.")
        if record.state_at(self._clock.now()) not in {TokenState.LIVE, TokenState.SUPERSEDED_LIVE}:
            raise NotFound("The token is not live.")
        return record

    def _holds(self, record: TokenRecord, caller: Caller) -> bool:
        if not record.is_shared:
            return dict(record.caller) == dict(caller.document())
        team = team_for(self._policies.current(), caller, record.grant.profile)
        return team is not None and team.name == record.grant.team

    def _current_replacement(self, old: TokenRecord) -> TokenRecord | None:
        """Return what took the token's place, if it comes from the active slot; of an earlier epoch it is made anew.

        A replacement that was replaced itself leads on: an instance that still holds the first token of a chain gets
        the last one, for one token has one replacement at a time and no other could be made.
        """
        epoch, found, seen = self._slots.read(old.grant.account).epoch, old, {old.id}
        while found.replaced_by and found.replaced_by not in seen:
            seen.add(found.replaced_by)
            following = self._audit_log.token(found.replaced_by)
            if following is None:
                return None
            found = following
        is_current = found is not old and found.grant.epoch == epoch
        return found if is_current and found.state_at(self._clock.now()) is TokenState.LIVE else None


def _wrong(pointer: str, asked: str, allowed: str) -> InvalidRequest:
    violation = Violation(pointer, asked, allowed, "acknowledgement")
    return InvalidRequest("This acknowledges nothing.", violations=(violation,))
