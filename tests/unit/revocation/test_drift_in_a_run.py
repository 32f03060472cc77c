"""The active key made anew by hand while a run is open: the epoch stays, and yet nobody is left with a dead token."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import MemoryTokenSecrets
from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.move_orders import move_order
from sas_service.domain.policy import VaultSecret
from sas_service.domain.revocations import State
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import SigningKey
from sas_service.ports import KeyReading
from sas_service.services.sink import Sinking
from tests.unit.revocation.test_shared import SharedSimulation
from tests.unit.revocation.upkept import EVERY, Upkept
from tests.unit.revocation.world import ADMIN, MAPS, PROFILES, TICK, Simulation, application

MINUTE = timedelta(minutes=1)
PLACE = VaultSecret("https://maps-vault.vault.azure.net", "batch-token")
SERVICE = Caller("tenant", "service", "service", "application", frozenset({Role.TOKENS_ISSUE}))


class Sunk(Upkept):
    """A worker that keeps one Key Vault secret, for ``batch``; ``web`` is shared, and asked for all the time."""

    def __init__(self) -> None:
        self.shared = SharedSimulation(is_cold=False)
        super().__init__(self.shared)
        self.shared.pages.clear()
        policy = self.shared.policies.policy
        team = replace(policy.teams["logistics"], applications=frozenset({"service", "logistics-1"}))
        batch = replace(PROFILES["batch"], key_vault_secret=PLACE)
        self.shared.policies.policy = replace(
            policy, profiles={**policy.profiles, "batch": batch}, teams={**policy.teams, "logistics": team}
        )
        self.secrets = MemoryTokenSecrets(self.shared.clock)
        self.sinking = Sinking(
            policies=self.shared.policies,
            secrets=self.secrets,
            issuing=self.shared.issuing,
            replacing=self.shared.replacing,
            audit_log=self.shared.log,
            slots=self.shared.slots,
            clock=self.shared.clock,
            caller=SERVICE,
        )
        self.let_pass(5 * MINUTE)

    def let_pass(self, time: timedelta) -> None:
        end = self.world.clock.now() + time
        while self.world.clock.now() < end:
            super().let_pass(TICK)
            self.sinking.run()

    @property
    def kept(self) -> str:
        """The id of the token in the secret."""
        return self.secrets.versions[PLACE][-1].tags["tokenId"]

    def statuses(self) -> tuple[int, int]:
        """What Azure Maps says to the secret's token and to the one that is handed out."""
        token, shared = self.secrets.versions[PLACE][-1].token, self.shared.get().issued.token
        assert token is not None
        return self.world.data_plane.status(token), self.world.data_plane.status(shared)

    def until_replace(self) -> Revocation:
        """Start a run that waits in ``replace`` for one who never moves."""
        self.shared.add("logistics", 1, replaces=False)
        run = self.shared.start(deadline=timedelta(hours=6))
        for _ in range(50):
            self.let_pass(TICK)
            if self.shared.slots.read(MAPS).epoch == 2:
                break
        self.let_pass(MINUTE)
        step = self.shared.journal.read(run.id).step
        assert step is not None
        assert step.name == "replace"
        return run


@pytest.fixture
def sunk() -> Sunk:
    return Sunk()


def switched(sunk: Sunk) -> SigningKey:
    sunk.until_replace()
    return SigningKey.SECONDARY


def paused(sunk: Sunk) -> SigningKey:
    run = sunk.until_replace()
    sunk.shared.revoking.pause(run.id, ADMIN)
    return SigningKey.SECONDARY


def before_its_switch(sunk: Sunk) -> SigningKey:
    run = sunk.shared.start(deadline=timedelta(hours=6))
    sunk.shared.revoking.pause(run.id, ADMIN)
    return SigningKey.PRIMARY


@pytest.mark.parametrize("arrange", [switched, paused, before_its_switch])
def test_secrets_and_shared_tokens_are_renewed_within_a_minute_whatever_the_run_does(
    sunk: Sunk, arrange: Callable[[Sunk], SigningKey]
) -> None:
    key = arrange(sunk)
    epoch = sunk.shared.slots.read(MAPS).epoch
    assert sunk.statuses() == (200, 200)
    sunk.shared.azure.regenerate(key)
    assert sunk.statuses() == (401, 401)
    sunk.let_pass(EVERY + TICK)
    assert sunk.statuses() == (200, 200)
    assert sunk.shared.slots.read(MAPS).epoch == epoch
    # And once: what was made since is good.
    held, shared = sunk.kept, sunk.shared.get().issued.record.id
    sunk.let_pass(5 * MINUTE)
    assert (sunk.kept, sunk.shared.get().issued.record.id) == (held, shared)


def test_what_replaces_a_dead_secret_is_acknowledged_and_the_run_comes_to_its_end(sunk: Sunk) -> None:
    run = sunk.until_replace()
    dead = sunk.kept
    sunk.shared.azure.regenerate(SigningKey.SECONDARY)
    sunk.let_pass(2 * EVERY)
    fresh = sunk.shared.log.token(sunk.kept)
    assert fresh is not None
    assert fresh.id != dead
    assert fresh.replaces in sunk.shared.acknowledgements.of(MAPS)
    sunk.shared.applications[0].replaces = True
    sunk.let_pass(2 * timedelta(hours=1))
    waiting = sunk.shared.journal.read(run.id)
    assert (waiting.waiting_code or "").startswith("key-changed")
    sunk.shared.revoking.resume(run.id, ADMIN)
    sunk.let_pass(30 * MINUTE)
    assert sunk.shared.journal.read(run.id).state is State.COMPLETED
    assert sunk.statuses() == (200, 200)


class Dies(BaseException):
    """The worker ends here."""


@pytest.mark.parametrize("where", ["before the write", "before the word"])
def test_nobody_says_of_a_dead_token_that_it_is_loaded(sunk: Sunk, where: str) -> None:
    """A worker died before its word, and the key was made anew before the next one came."""
    said: list[str] = []
    acknowledge, put = sunk.shared.replacing.acknowledge, sunk.secrets.put

    def dies(*_args: object, **_options: object) -> object:
        raise Dies

    def heard(token_id: str, *args: object, **options: object) -> object:
        said.append(token_id)
        return acknowledge(token_id, *args, **options)  # type: ignore[arg-type]  # passed on as it came

    sunk.shared.replacing.acknowledge = dies  # type: ignore[method-assign, assignment]
    if where == "before the write":
        sunk.secrets.put = dies  # type: ignore[method-assign, assignment]
    with pytest.raises(Dies):
        sunk.until_replace()
    run = sunk.shared.journal.running(MAPS)
    assert run is not None
    old = next(each for each in sunk.shared.log.unexpired(MAPS, sunk.world.clock.now()) if each.replaced_by)
    sunk.secrets.put = put  # type: ignore[method-assign]
    sunk.shared.replacing.acknowledge = heard  # type: ignore[method-assign, assignment]
    sunk.shared.azure.regenerate(SigningKey.SECONDARY)
    sunk.world.clock.advance(EVERY)
    sunk.look_after.tick(MAPS)
    sunk.let_pass(MINUTE)
    assert set(said) == {sunk.kept}
    assert old.replaced_by not in said
    assert "logistics/service/batch" not in sunk.shared.revoking.consumers(run.id).names


def test_a_shared_token_on_its_way_when_the_key_is_made_anew_is_given_to_nobody(sunk: Sunk) -> None:
    """It was signed before, and put after the change was found: it dies unseen."""
    sunk.until_replace()
    sign, first = sunk.shared.signer.sign, sunk.shared.get().issued.record.id

    def overtaken(*args: object, **options: object) -> object:
        signed = sign(*args, **options)  # type: ignore[arg-type]  # passed on as it came
        sunk.shared.signer.sign = sign  # type: ignore[method-assign]
        sunk.shared.azure.regenerate(SigningKey.SECONDARY)
        sunk.look_after.tick(MAPS)
        return signed

    sunk.shared.signer.sign = overtaken  # type: ignore[method-assign, assignment]
    sunk.world.clock.advance(10 * MINUTE)
    fresh = sunk.shared.handing_out.current("web", application("storefront", 0), request_id="r", after=first)
    assert sunk.shared.signer.sign == sign
    assert sunk.shared.data_plane.status(fresh.issued.token) == 200


def test_a_store_that_is_away_when_the_shared_tokens_are_to_end_is_asked_again(sunk: Sunk) -> None:
    sunk.until_replace()
    sunk.shared.azure.regenerate(SigningKey.SECONDARY)
    end = sunk.shared.shared_tokens.end_generation
    asked: list[str] = []

    def away(account: str) -> None:
        asked.append(account)
        raise AuditLogUnavailable("away")

    sunk.shared.shared_tokens.end_generation = away  # type: ignore[method-assign]
    sunk.world.clock.advance(EVERY)
    with pytest.raises(AuditLogUnavailable):
        sunk.look_after.tick(MAPS)
    assert asked == [MAPS]
    sunk.shared.shared_tokens.end_generation = end  # type: ignore[method-assign]
    sunk.let_pass(EVERY + TICK)
    assert sunk.statuses() == (200, 200)


def test_a_standby_key_made_anew_ends_no_shared_token(sunk: Sunk) -> None:
    before = sunk.shared.get().issued.record.id
    sunk.shared.azure.regenerate(SigningKey.SECONDARY)
    sunk.let_pass(EVERY + TICK)
    assert sunk.shared.get().issued.record.id == before


def test_who_got_a_token_while_the_look_was_under_way_is_told_too() -> None:
    """The change falls between the look's beginning and its reading of the keys, and a token before the change."""
    world = Simulation(is_cold=False)
    kept = Upkept(world)
    kept.let_pass(5 * MINUTE)
    run = world.start()
    world.revoking.pause(run.id, ADMIN)
    kept.let_pass(EVERY)
    read = world.world.keys.read
    got: list[str] = []

    def slow(account: str) -> KeyReading:
        if not got:
            world.clock.advance(TICK)
            got.append(world.add(replaces=False).id)
            world.clock.advance(TICK)
            world.azure.regenerate(SigningKey.PRIMARY)
        return read(account)

    world.world.keys.read = slow  # type: ignore[method-assign]
    world.clock.advance(EVERY)
    kept.look_after.tick(MAPS)
    record = world.log.token(got[0])
    assert record is not None
    assert move_order(record, world.journal.of(MAPS)) is not None
