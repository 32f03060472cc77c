"""The ports that a revocation pulls at: the twins and the real adapters keep the same promises."""

from datetime import timedelta

import pytest

from sas_service.domain.slots import SigningKey
from tests.contract.azure.levers import ACCOUNT, DATA_ROLE, A, B, Levers

PRIMARY, SECONDARY = SigningKey.PRIMARY, SigningKey.SECONDARY
TEN_MINUTES = timedelta(minutes=10)


@pytest.mark.parametrize("key", SigningKey)
def test_a_key_is_made_anew_and_the_other_stays(levers: Levers, key: SigningKey) -> None:
    before = levers.keys.read(ACCOUNT)
    assert levers.keys.read(ACCOUNT) == before
    levers.wait(timedelta(seconds=2))
    assert levers.keys.regenerate(ACCOUNT, key, request_id="request-1")
    after = levers.keys.read(ACCOUNT)
    assert set(after.fingerprints) == set(SigningKey)
    assert {each for each in SigningKey if after.fingerprints[each] != before.fingerprints[each]} == {key}
    assert {each for each in SigningKey if after.last_updated[each] != before.last_updated[each]} == {key}
    old, new = before.last_updated[key], after.last_updated[key]
    assert old is not None
    assert new is not None
    assert old < new
    assert all(len(fingerprint) == 64 for fingerprint in after.fingerprints.values())


def test_a_key_that_is_made_anew_kills_what_it_signed_when_the_data_plane_hears_of_it(levers: Levers) -> None:
    levers.delay("regenerate", TEN_MINUTES)
    old, other = levers.sign(PRIMARY, A), levers.sign(SECONDARY, A)
    assert (levers.status(old), levers.status(other)) == (200, 200)
    levers.keys.regenerate(ACCOUNT, PRIMARY, request_id="request-1")
    assert levers.status(old) == 200
    levers.wait(TEN_MINUTES)
    assert (levers.status(old), levers.status(other)) == (401, 200)


def test_an_identity_is_detached_and_attached_and_nothing_else_changes(levers: Levers) -> None:
    before = levers.identities.read(ACCOUNT)
    assert {A, B} <= before.attached
    assert before.others
    token = levers.sign(PRIMARY, A)
    assert levers.identities.detach(ACCOUNT, A, request_id="request-1")
    without = levers.identities.read(ACCOUNT)
    assert (without.attached, without.others) == (before.attached - {A}, before.others)
    assert levers.data_plane.probe(ACCOUNT, levers.host, token).refused
    assert levers.identities.attach(ACCOUNT, A, request_id="request-2")
    assert levers.identities.read(ACCOUNT) == before
    assert levers.data_plane.probe(ACCOUNT, levers.host, token).accepted


@pytest.mark.parametrize("operation", ["detach", "attach"])
def test_the_data_plane_hears_of_an_identity_later(levers: Levers, operation: str) -> None:
    token = levers.sign(PRIMARY, A)
    if operation == "attach":
        levers.identities.detach(ACCOUNT, A, request_id="request-0")
    levers.delay(operation, TEN_MINUTES)
    before = levers.data_plane.probe(ACCOUNT, levers.host, token).accepted
    getattr(levers.identities, operation)(ACCOUNT, A, request_id="request-1")
    assert levers.data_plane.probe(ACCOUNT, levers.host, token).accepted == before
    levers.wait(TEN_MINUTES)
    assert levers.data_plane.probe(ACCOUNT, levers.host, token).accepted != before


def test_a_role_is_removed_and_given_and_repeating_does_no_harm(levers: Levers) -> None:
    principal, token = levers.principal(A), levers.sign(PRIMARY, A)
    (own,) = levers.roles.effective(ACCOUNT, principal)
    assert (own.role_name, own.inherited, own.through_group) == (DATA_ROLE, False, False)
    for number in range(2):
        assert levers.roles.remove(ACCOUNT, own.assignment_id, request_id=f"request-{number}")
        assert levers.roles.effective(ACCOUNT, principal) == ()
    assert levers.data_plane.probe(ACCOUNT, levers.host, token).refused
    for number in range(2):
        assert levers.roles.assign(ACCOUNT, principal, DATA_ROLE, request_id=f"request-{number}")
        (again,) = levers.roles.effective(ACCOUNT, principal)
        assert (again.role_name, again.inherited, again.conditional) == (DATA_ROLE, False, False)
    assert levers.status(token) == 200


@pytest.mark.parametrize("operation", ["remove", "assign"])
def test_the_data_plane_hears_of_a_role_later(levers: Levers, operation: str) -> None:
    principal, token = levers.principal(A), levers.sign(PRIMARY, A)
    (own,) = levers.roles.effective(ACCOUNT, principal)
    if operation == "assign":
        levers.roles.remove(ACCOUNT, own.assignment_id, request_id="request-0")
        levers.delay("assign", TEN_MINUTES)
        levers.roles.assign(ACCOUNT, principal, DATA_ROLE, request_id="request-1")
    else:
        levers.delay("remove", TEN_MINUTES)
        levers.roles.remove(ACCOUNT, own.assignment_id, request_id="request-1")
    early, late = (403, 200) if operation == "assign" else (200, 403)
    assert levers.status(token) == early
    levers.wait(TEN_MINUTES)
    assert levers.status(token) == late
