"""What somebody else changes is found within a minute, is on record, and is mended where renewing can mend it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sas_service.adapters.memory import MemoryAuditLog
from sas_service.adapters.memory.azure_ports import own_role
from sas_service.domain import drift
from sas_service.domain.audit import EventKind
from sas_service.domain.errors import AuditLogUnavailable, IdentityDetached
from sas_service.domain.move_orders import move_order
from sas_service.domain.revocations import Lever, Mode, State, Target
from sas_service.domain.runs import past_of
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenRecord, TokenState
from sas_service.services.first_identity import FirstIdentity
from tests.unit.revocation.upkept import EVERY, Upkept
from tests.unit.revocation.world import ADMIN, MAPS, PROFILES, ROLE, TICK, Application, Simulation

MINUTE = timedelta(minutes=1)
LATE = 5 * MINUTE


@pytest.fixture
def kept() -> Upkept:
    """An account that was looked at, its standby up, with one application that holds a token of some age."""
    upkept = Upkept(Simulation(is_cold=False))
    upkept.world.add(replaces=False)
    upkept.let_pass(LATE)
    return upkept


def app_of(kept: Upkept) -> Application:
    return kept.world.applications[0]


def state(kept: Upkept, token: str) -> TokenState:
    record = kept.world.log.token(token)
    assert record is not None
    return past_of(kept.world.journal.of(MAPS)).state(record, kept.world.clock.now())


def is_told(kept: Upkept, token: str) -> bool:
    record = kept.world.log.token(token)
    assert record is not None
    return move_order(record, kept.world.journal.of(MAPS)) is not None


def test_an_untouched_account_shows_nothing(kept: Upkept) -> None:
    assert kept.codes() == []
    assert kept.events(EventKind.DRIFT_FOUND) == []


def test_what_our_own_runs_change_is_no_drift() -> None:
    kept = Upkept(Simulation())
    kept.world.add()
    kept.let_pass(LATE)
    kept.world.run_until(kept.world.start())
    kept.let_pass(kept.world.pace.quarantine + LATE)
    assert kept.events(EventKind.DRIFT_FOUND) == []


def test_an_active_key_made_anew_by_hand_is_found_within_a_minute_and_what_died_is_renewed(kept: Upkept) -> None:
    old = app_of(kept).id
    kept.world.azure.regenerate(SigningKey.PRIMARY)
    kept.let_pass(EVERY)
    (found,) = kept.events(EventKind.DRIFT_FOUND)
    assert (found["code"], found["about"]) == (drift.KEY_CHANGED, "primaryKey")
    assert kept.codes() == [(drift.KEY_CHANGED, "primaryKey")]
    assert (state(kept, old), is_told(kept, old)) == (TokenState.DEAD, True)
    slots = kept.world.slots.read(MAPS)
    assert (slots.epoch, slots.signing_key) == (2, SigningKey.PRIMARY)
    app_of(kept).replaces = True
    kept.let_pass(EVERY)
    new = app_of(kept).id
    assert new != old
    assert (state(kept, new), is_told(kept, new)) == (TokenState.LIVE, False)
    assert kept.world.data_plane.status(app_of(kept).token) == 200
    kept.let_pass(EVERY)
    assert kept.codes() == []
    assert [each["about"] for each in kept.events(EventKind.DRIFT_ENDED)] == ["primaryKey"]


def test_who_got_a_token_between_the_change_and_its_discovery_is_told_too_and_counts_as_live(kept: Upkept) -> None:
    """Nobody knows by a second on which side of the change such a token is."""
    kept.world.azure.regenerate(SigningKey.PRIMARY)
    kept.world.clock.advance(TICK)
    between = kept.world.add(number=1, replaces=False)
    kept.let_pass(EVERY)
    assert (state(kept, between.id), is_told(kept, between.id)) == (TokenState.LIVE, True)
    run = kept.world.start()
    kept.let_pass(LATE)
    assert kept.world.journal.read(run.id).step is not None
    assert ("regenerate", "primaryKey") not in kept.sent()
    assert between.name in kept.world.revoking.consumers(run.id).names


def test_a_standby_key_made_anew_by_hand_moves_no_epoch(kept: Upkept) -> None:
    kept.world.azure.regenerate(SigningKey.SECONDARY)
    kept.let_pass(EVERY)
    assert kept.codes() == [(drift.KEY_CHANGED, "secondaryKey")] or kept.events(EventKind.DRIFT_FOUND)
    assert kept.world.slots.read(MAPS).epoch == 1
    assert state(kept, app_of(kept).id) is TokenState.LIVE


def test_a_key_is_told_apart_also_while_a_run_is_open(kept: Upkept) -> None:
    """The run has planned with this epoch: it is not moved from under it."""
    run = kept.world.start()
    kept.world.revoking.pause(run.id, ADMIN)
    old = app_of(kept).id
    kept.world.azure.regenerate(SigningKey.PRIMARY)
    kept.let_pass(EVERY)
    assert (state(kept, old), is_told(kept, old)) == (TokenState.DEAD, True)
    assert kept.world.slots.read(MAPS).epoch == 1
    fresh = kept.world.add(number=2, replaces=False)
    kept.world.clock.advance(TICK)
    assert (state(kept, fresh.id), is_told(kept, fresh.id)) == (TokenState.LIVE, False)
    kept.world.revoking.resume(run.id, ADMIN)
    kept.world.revoking.commit(run.id, ADMIN)
    assert kept.world.run_until(run).state is State.COMPLETED


class Crash(Exception):
    """The process ends here."""


def crash(*_arguments: object, **_options: object) -> None:
    raise Crash


@pytest.mark.parametrize(
    ("holder", "method"),
    [("journal", "add"), ("slots", "switch"), ("log", "append"), ("mirror", "append"), ("notes", "keep_known")],
)
def test_a_crash_before_any_write_of_the_discovery_changes_nothing(
    kept: Upkept, monkeypatch: pytest.MonkeyPatch, holder: str, method: str
) -> None:
    old = app_of(kept).id
    kept.world.azure.regenerate(SigningKey.PRIMARY)
    kept.world.clock.advance(EVERY)
    with monkeypatch.context() as patched:
        patched.setattr(kept.notes if holder == "notes" else getattr(kept.world, holder), method, crash)
        with pytest.raises(Crash):
            kept.look_after.tick(MAPS)
    kept.let_pass(EVERY)
    assert len(kept.world.journal.of(MAPS)) == 1
    assert (state(kept, old), is_told(kept, old)) == (TokenState.DEAD, True)
    app_of(kept).replaces = True
    kept.let_pass(EVERY)
    assert not is_told(kept, app_of(kept).id)
    assert kept.world.data_plane.status(app_of(kept).token) == 200


def test_a_journal_that_is_away_leaves_the_discovery_to_the_next_look(kept: Upkept) -> None:
    kept.world.azure.regenerate(SigningKey.PRIMARY)
    kept.world.journal.fail_with(AuditLogUnavailable("away"))
    kept.world.clock.advance(EVERY)
    with pytest.raises(AuditLogUnavailable):
        kept.look_after.tick(MAPS)
    kept.let_pass(2 * EVERY)
    assert kept.codes() == [(drift.KEY_CHANGED, "primaryKey")]


def test_an_active_identity_that_somebody_detached_is_shown_until_it_is_back(kept: Upkept) -> None:
    kept.world.azure.attached["web-a"].set(False, kept.world.clock.now())
    kept.let_pass(EVERY)
    assert kept.codes() == [(drift.IDENTITY_DETACHED, "web-a")]
    since = kept.drifts()[0].at
    kept.let_pass(LATE)
    assert kept.drifts()[0].at == since
    assert len(kept.events(EventKind.DRIFT_FOUND)) == 1
    kept.world.azure.attached["web-a"].set(True, kept.world.clock.now())
    kept.let_pass(EVERY)
    assert kept.codes() == []
    assert ("attach", "web-a") not in kept.sent()


def test_while_an_active_identity_is_detached_issuing_is_503_and_an_emergency_moves_its_profile() -> None:
    kept = Upkept(Simulation(is_cold=False))
    app = kept.world.add(replaces=False)
    kept.let_pass(LATE)
    kept.world.azure.attached["web-a"].set(False, kept.world.clock.now())
    kept.let_pass(EVERY)
    with pytest.raises(IdentityDetached):
        app._replace()
    run = kept.world.start(lever=Lever.ROLE, mode=Mode.EMERGENCY, target=Target("identity", ("web-a",)))
    kept.let_pass(MINUTE)
    app._replace()
    assert kept.world.data_plane.status(app.token) == 200
    kept.let_pass(LATE)
    assert kept.codes() == []
    assert kept.world.journal.read(run.id).waiting_code in {None, "revocation-not-provable"}


def test_a_lost_role_of_an_active_identity_is_shown(kept: Upkept) -> None:
    kept.world.azure.roles["web-a"].set(frozenset(), kept.world.clock.now())
    kept.let_pass(EVERY)
    assert kept.codes() == [(drift.ROLE_LOST, "web-a")]


def test_an_inherited_role_is_shown_before_it_spoils_a_revocation(kept: Upkept) -> None:
    principal = "principal-web-a"
    kept.world.azure.inherited[principal] = (own_role(MAPS, principal, ROLE, inherited=True),)
    kept.let_pass(EVERY)
    assert kept.codes() == [(drift.INHERITED, "web-a")]


def test_a_cut_identity_that_gets_its_role_back_is_shown_while_its_tokens_live() -> None:
    kept = Upkept(Simulation())
    app = kept.world.add()
    until = app.expiry
    kept.let_pass(LATE)
    kept.world.run_until(kept.world.start(lever=Lever.ROLE, target=Target("profile", ("web",))))
    kept.let_pass(LATE)
    assert kept.codes() == []
    kept.world.azure.set_up("web-a", ROLE)
    kept.let_pass(EVERY)
    assert kept.codes() == [(drift.REVIVED, "web-a")]
    kept.let_pass(until - kept.world.clock.now() + LATE)
    assert kept.codes() == []


def test_local_authentication_back_on_with_old_tokens_alive_waits_for_a_person(kept: Upkept) -> None:
    kept.world.azure.set_local_auth(disabled=True)
    kept.let_pass(EVERY)
    assert kept.codes() == [(drift.LOCAL_AUTH_OFF, MAPS)]
    kept.world.azure.set_local_auth(disabled=False)
    kept.let_pass(LATE)
    assert kept.codes() == [(drift.LOCAL_AUTH_ON, MAPS)]
    kept.drift.accept(MAPS, ADMIN)
    kept.let_pass(EVERY)
    assert kept.codes() == []
    (accepted,) = kept.events(EventKind.DRIFT_ACCEPTED)
    assert accepted["caller"] == ADMIN.document()


def test_local_authentication_back_on_after_both_keys_changed_revives_nothing(kept: Upkept) -> None:
    kept.world.azure.set_local_auth(disabled=True)
    kept.let_pass(EVERY)
    for key in SigningKey:
        kept.world.azure.regenerate(key)
    kept.let_pass(EVERY)
    kept.world.azure.set_local_auth(disabled=False)
    kept.let_pass(EVERY)
    assert (drift.LOCAL_AUTH_ON, MAPS) not in kept.codes()


def test_a_setting_that_is_not_ours_stays_on_the_list_until_a_person_accepts_it(kept: Upkept) -> None:
    known = kept.notes.known(MAPS)
    lease = kept.world.leases.take(MAPS, "worker", until=kept.world.clock.now() + LATE, now=kept.world.clock.now())
    assert known is not None
    assert lease is not None
    kept.notes.keep_known(replace(known, settings={"kind": '"gen1"'}), fence=lease.fence)
    kept.let_pass(LATE)
    assert kept.codes() == [(drift.SETTING_CHANGED, "kind")]
    kept.drift.accept(MAPS, ADMIN)
    kept.let_pass(EVERY)
    assert kept.codes() == []


def test_an_open_run_whose_account_left_the_policy_is_reported_once_for_each_policy(kept: Upkept) -> None:
    run = kept.world.start()
    assert kept.look_after.missing_accounts() == ()
    kept.world.policies.policy = replace(kept.world.policies.policy, accounts={}, digest="d2" * 32)
    assert kept.look_after.missing_accounts() == (MAPS,)
    assert kept.look_after.missing_accounts() == (MAPS,)
    (told,) = kept.events(EventKind.RUN_WITHOUT_ACCOUNT)
    assert (told["revocation"], told["missingAccount"]) == (run.id, MAPS)


def test_a_profile_that_is_new_after_a_run_starts_with_an_identity_that_was_not_cut() -> None:
    world = Simulation()
    first = FirstIdentity(journal=world.journal, census=world.log, clock=world.clock, pace=world.pace)
    assert first.of(PROFILES["web"]) == "web-a"
    world.add()
    run = world.start(lever=Lever.ROLE, mode=Mode.EMERGENCY)
    assert first.of(PROFILES["web"]) == "web-b"
    world.run_until(run)
    assert first.of(PROFILES["web"]) == "web-b"
    world.let_pass(world.pace.quarantine + MINUTE)
    assert first.of(PROFILES["web"]) == "web-b"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """When the census was read."""
    read: list[datetime] = []
    unexpired = MemoryAuditLog.unexpired

    def counted(log: MemoryAuditLog, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        read.append(now)
        return unexpired(log, account, now)

    monkeypatch.setattr(MemoryAuditLog, "unexpired", counted)
    return read


def test_one_look_at_the_tokens_serves_a_whole_step_and_no_other(looks: list[datetime]) -> None:
    world = Simulation(is_cold=False)
    world.add(acknowledges=False)
    run, in_tick = world.start(), []
    while (step := world.journal.read(run.id).step) and step.name != "replace":
        looks.clear()
        world.clock.advance(TICK)
        world.runner.tick(MAPS)
        in_tick.append(len(looks))
    assert in_tick[-1] == 2  # settle and replace, each its own
    looks.clear()
    world.runner.tick(MAPS)
    assert len(looks) == 1
