"""A worker's notes about an account: kept under the newest fence, and nobody else's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.redis.server import Server
from sas_service.domain.drift import Drift, Known
from sas_service.domain.errors import AuditLogUnavailable, LeaseLost, RevisionConflict
from tests.contract.ports.revocation.world import NOW, Revoking, redis_revoking, revocation
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT
from tests.valkey_process import RunningValkey

KNOWN = Known(
    ACCOUNT,
    NOW,
    keys={"primaryKey": "ab", "secondaryKey": "cd"},
    settings={"kind": '"gen2"'},
    local_auth_disabled=True,
    keys_when_off={"primaryKey": "ab"},
    drifts=(Drift("role-lost", "web-a", NOW + timedelta(seconds=5), "why"),),
)


def test_before_the_first_look_nothing_is_known(revoking: Revoking) -> None:
    assert revoking.notes.known(ACCOUNT) is None
    assert revoking.notes.standby(ACCOUNT) is None


def test_what_is_kept_is_read_again_for_its_account_alone(revoking: Revoking) -> None:
    fence, standby = revoking.lease("a").fence, revocation()
    revoking.notes.keep_known(KNOWN, fence=fence)
    revoking.notes.keep_standby(standby, fence=fence)
    assert revoking.notes.known(ACCOUNT) == KNOWN
    assert revoking.notes.standby(ACCOUNT) == standby
    assert revoking.notes.known(OTHER_ACCOUNT) is None
    assert revoking.notes.standby(OTHER_ACCOUNT) is None
    later = replace(KNOWN, drifts=())
    revoking.notes.keep_known(later, fence=fence)
    assert revoking.notes.known(ACCOUNT) == later


def test_what_is_forgotten_is_unknown_and_the_standby_stays(revoking: Revoking) -> None:
    fence, standby = revoking.lease("a").fence, revocation()
    revoking.notes.keep_known(KNOWN, fence=fence)
    revoking.notes.keep_standby(standby, fence=fence)
    revoking.notes.forget_known(ACCOUNT)
    revoking.notes.forget_known(ACCOUNT)
    assert revoking.notes.known(ACCOUNT) is None
    assert revoking.notes.standby(ACCOUNT) == standby


def test_who_has_lost_the_account_writes_nothing(revoking: Revoking) -> None:
    old = revoking.lease("a")
    revoking.leases.release(old)
    revoking.lease("b")
    with pytest.raises(LeaseLost):
        revoking.notes.keep_known(KNOWN, fence=old.fence)
    with pytest.raises(LeaseLost):
        revoking.notes.keep_standby(revocation(), fence=old.fence)
    assert revoking.notes.known(ACCOUNT) is None
    assert revoking.notes.standby(ACCOUNT) is None


def test_a_note_of_a_newer_release_is_refused_and_not_overwritten_unread(valkey: RunningValkey, server: Server) -> None:
    revoking = redis_revoking(valkey, server)
    with valkey.client() as client:
        client.hset(
            "{maps-demo}:notes", "known", '{"account":"maps-demo","at":"2026-11-21T08:00:00+00:00","keys":{},"x":1}'
        )
    with pytest.raises(AuditLogUnavailable):
        revoking.notes.known(ACCOUNT)


def test_the_journal_names_every_account_that_ever_had_a_plan(revoking: Revoking) -> None:
    assert revoking.journal.accounts() == frozenset()
    revoking.planned()
    revoking.planned()
    assert revoking.journal.accounts() == {ACCOUNT}


def test_a_plan_of_an_id_that_is_taken_is_refused(revoking: Revoking) -> None:
    first = revoking.planned(id="the-same")
    with pytest.raises(RevisionConflict):
        revoking.planned(id="the-same", excused=frozenset({"x"}))
    assert revoking.journal.read("the-same") == first


def test_a_plan_whose_answer_was_lost_may_be_written_again(revoking: Revoking) -> None:
    plan = revocation(id="again")
    assert revoking.journal.add(plan) == revoking.journal.add(plan)
