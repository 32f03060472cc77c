"""Key Vault secrets: filled, renewed ahead, moved at once after a switch, and on record like anything else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sas_service.adapters.memory import MemoryTokenSecrets
from sas_service.adapters.memory.vault import Version
from sas_service.domain.callers import Caller, Role
from sas_service.domain.errors import AzureUnavailable, ProfileNotAllowed, SasServiceError, Suspended
from sas_service.domain.policy import VaultSecret
from sas_service.domain.tokens import SasToken, TokenRequest
from sas_service.ports import Suspension
from sas_service.services.sink import Sinking
from tests.unit.revocation.world import ADMIN, MAPS, NOW, POLICY, PROFILES, Simulation

MINUTE = timedelta(minutes=1)
PLACE = VaultSecret("https://maps-vault.vault.azure.net", "batch-token")
SERVICE = Caller("tenant", "service", "service", "application", frozenset({Role.TOKENS_ISSUE}))


class Dies(BaseException):
    """The process ends here."""


class Sunk:
    """A world with a secret for the profile ``batch``; the service is a member of the team that may use it."""

    def __init__(self) -> None:
        self.world = Simulation(is_cold=False)
        team = replace(POLICY.teams["logistics"], applications=frozenset({"service"}))
        batch = replace(PROFILES["batch"], key_vault_secret=PLACE)
        self.world.policies.policy = replace(
            POLICY, profiles={**PROFILES, "batch": batch}, teams={**POLICY.teams, "logistics": team}
        )
        self.secrets = MemoryTokenSecrets(self.world.clock)
        self.sinking = self.new()

    def new(self) -> Sinking:
        return Sinking(
            policies=self.world.policies,
            secrets=self.secrets,
            issuing=self.world.issuing,
            replacing=self.world.replacing,
            audit_log=self.world.log,
            slots=self.world.slots,
            clock=self.world.clock,
            caller=SERVICE,
        )

    @property
    def newest(self) -> Version:
        return self.secrets.versions[PLACE][-1]

    @property
    def status(self) -> int:
        assert self.newest.token is not None
        return self.world.data_plane.status(self.newest.token)

    def count(self) -> int:
        return len(self.secrets.versions.get(PLACE, ()))


def test_an_empty_secret_is_filled_once_with_what_an_auditor_finds() -> None:
    it = Sunk()
    assert [it.sinking.run() for _ in range(3)] == [1, 0, 0]
    assert it.status == 200
    record = it.world.log.token_by_fingerprint([MAPS], it.newest.kept.fingerprint)
    assert record is not None
    assert (record.grant.team, record.caller["applicationId"]) == ("logistics", "service")
    assert it.newest.tags["tokenId"] == record.id
    assert it.newest.tags["fingerprint"] == it.newest.kept.fingerprint
    assert it.newest.expiry == record.grant.expiry


def test_it_is_renewed_ahead_and_never_holds_a_dead_token() -> None:
    it = Sunk()
    it.sinking.run()
    for _ in range(24 * 6):
        it.world.clock.advance(10 * MINUTE)
        it.sinking.run()
        assert it.status == 200
    assert 24 <= it.count() <= 48


def test_a_revocation_waits_for_the_secret_and_moves_it() -> None:
    it = Sunk()
    it.sinking.run()
    run = it.world.start()
    for _ in range(200):
        it.world.tick()
        it.sinking.run()
        assert it.status == 200
        if it.world.journal.running(MAPS) is None:
            break
    assert it.world.journal.read(run.id).state.value == "completed"
    assert it.count() == 2


def test_without_the_sink_the_same_run_waits_for_it_by_name() -> None:
    it = Sunk()
    it.sinking.run()
    run = it.world.start()
    it.world.let_pass(5 * MINUTE)
    assert it.world.revoking.consumers(run.id).names == ("logistics/service/batch",)


@pytest.mark.parametrize("where", ["before the write", "after the write", "before the word"])
def test_a_crash_anywhere_is_made_good_by_the_next_round_with_the_same_token(where: str) -> None:
    it = Sunk()
    it.sinking.run()
    run = it.world.start()
    for _ in range(6):
        it.world.tick()
    put, acknowledge = it.secrets.put, it.world.replacing.acknowledge

    def dying(*args: object, **options: object) -> str:
        if where == "after the write":
            put(*args, **options)  # type: ignore[arg-type]  # passed on as it came
        raise Dies

    def silent(*_args: object, **_options: object) -> object:
        raise Dies

    if where == "before the word":
        it.world.replacing.acknowledge = silent  # type: ignore[method-assign, assignment]
    else:
        it.secrets.put = dying  # type: ignore[method-assign]
    with pytest.raises(Dies):
        it.sinking.run()
    it.secrets.put = put  # type: ignore[method-assign]
    it.world.replacing.acknowledge = acknowledge  # type: ignore[method-assign]
    issued = len(it.world.log.unexpired(MAPS, it.world.clock.now()))
    it.sinking = it.new()
    it.sinking.run()
    assert len(it.world.log.unexpired(MAPS, it.world.clock.now())) == issued
    for _ in range(30):
        it.world.tick()
    assert it.world.journal.read(run.id).state.value == "completed"
    assert it.status == 200


def test_what_somebody_else_writes_into_the_secret_is_replaced() -> None:
    it = Sunk()
    it.sinking.run()
    it.secrets.put(PLACE, SasToken("by hand"), expiry=NOW, tags={})
    assert it.sinking.run() == 1
    assert it.status == 200


def _no_member(it: Sunk) -> None:
    it.world.policies.policy = replace(it.world.policies.policy, teams=POLICY.teams)


def _suspend(it: Sunk) -> None:
    it.world.suspensions.put(Suspension("profile", "batch", None, ADMIN.document(), NOW), [MAPS])


@pytest.mark.parametrize(("arrange", "refusal"), [(_no_member, ProfileNotAllowed), (_suspend, Suspended)])
def test_the_policy_decides_as_for_any_caller(arrange: Callable[[Sunk], None], refusal: type[SasServiceError]) -> None:
    it = Sunk()
    arrange(it)
    with pytest.raises(refusal):
        it.sinking.run()
    assert it.count() == 0


def test_a_vault_that_is_away_is_told_and_tried_again() -> None:
    it = Sunk()
    it.secrets.fail_with(AzureUnavailable("away"))
    with pytest.raises(AzureUnavailable):
        it.sinking.run()
    assert it.sinking.run() == 1


def test_a_request_of_the_service_is_no_wider_than_the_profile() -> None:
    it = Sunk()
    it.sinking.run()
    record = it.world.log.token_by_fingerprint([MAPS], it.newest.kept.fingerprint)
    assert record is not None
    ordinary = it.world.issuing.preview(TokenRequest("batch"), SERVICE, request_id="r").grant
    assert record.grant.max_rate_per_second == ordinary.max_rate_per_second
    assert record.grant.expiry - record.grant.start <= PROFILES["batch"].maximum_lifetime
