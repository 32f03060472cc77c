"""Shared tokens in a run: the old window is handed out no more after the switch, and nobody's word ends it sooner."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from sas_service.adapters.memory import MemorySealing
from sas_service.domain.consumers import Acknowledgement, Consumer
from sas_service.domain.errors import InvalidRequest, NotFound
from sas_service.domain.policy import Sharing
from sas_service.domain.revocations import Mode, Reason, State, Target
from sas_service.ports import Suspension
from sas_service.services.deny import Deciding
from sas_service.services.hand_out import HandingOut, Patience, SharedToken
from sas_service.services.make_shared import Making
from tests.unit.budgets import plenty
from tests.unit.revocation.world import MAPS, NOW, POLICY, Simulation, application

MINUTE = timedelta(minutes=1)
_numbers = count(1)


class SharedSimulation(Simulation):
    """The profile ``web`` is shared; two applications of one team load what they are given, each on its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        shared = replace(POLICY.profiles["web"], sharing=Sharing.SHARED)
        self.policies.policy = replace(POLICY, profiles={**POLICY.profiles, "web": shared})
        sealing = MemorySealing()
        making = Making(
            policies=self.policies,
            issuing=self.issuing,
            shared=self.shared_tokens,
            sealing=sealing,
            clock=self.clock,
            holder="a process",
            flight_time=timedelta(seconds=20),
        )
        self.handing_out = HandingOut(
            policies=self.policies,
            deciding=Deciding(policies=self.policies, audit_log=self.log, mirror=self.mirror),
            making=making,
            shared=self.shared_tokens,
            sealing=sealing,
            clock=self.clock,
            patience=Patience(pause=self.clock.advance, jitter=lambda: 0.5),
            spending=plenty(),
            aside=lambda work: work(),
        )
        self.replacing._handing_out = self.handing_out
        self.pages = [Page(self, number) for number in range(2)]
        self.refused: list[int] = []

    def get(self, number: int = 0) -> SharedToken:
        return self.handing_out.current("web", application("storefront", number), request_id="r")

    def look(self) -> None:
        for page in getattr(self, "pages", []):
            page.work()


class Page:
    """A map that loads its token again ten minutes before the end, and looks at a tile all the time."""

    def __init__(self, world: SharedSimulation, number: int) -> None:
        self.world, self.number = world, number
        self.token: SharedToken | None = None
        self.loaded: list[int] = []

    def work(self) -> None:
        if self.token is None:
            return
        if self.token.issued.record.grant.expiry - self.world.clock.now() < 10 * MINUTE:
            self.load()
        status = self.world.data_plane.status(self.token.issued.token)
        if status != 200:
            self.world.refused.append(status)

    def load(self) -> None:
        self.token = self.world.get(self.number)
        self.loaded.append(self.token.issued.record.grant.epoch)


@pytest.fixture
def world() -> SharedSimulation:
    world = SharedSimulation(is_cold=False)
    for page in world.pages:
        page.load()
    return world


def test_the_run_waits_for_the_end_of_the_last_old_window_and_no_page_notices(world: SharedSimulation) -> None:
    old = world.get().issued.record
    run = world.start(deadline=timedelta(hours=2))
    done = world.run_until(run, ticks=600)
    cut = next(step.done for step in done.steps if step.name == "regenerate-key")
    assert cut is not None
    assert old.grant.expiry <= cut < old.grant.expiry + 5 * MINUTE
    assert world.refused == []
    assert [page.loaded[-1] for page in world.pages] == [2, 2]
    assert len({page.token.issued.record.id for page in world.pages if page.token}) == 1


def test_after_the_switch_the_old_one_is_given_to_nobody(world: SharedSimulation) -> None:
    old = world.get().issued.record
    run = world.start(deadline=timedelta(hours=2))
    for _ in range(50):
        world.tick()
        if world.slots.read(MAPS).epoch == 2:
            break
    assert world.journal.read(run.id).state is State.RUNNING
    fresh = world.get().issued.record
    assert (fresh.grant.epoch, fresh.grant.identity) == (2, "web-b")
    assert world.get(1).issued.record.id == fresh.id != old.id


def test_what_follows_a_shared_token_is_the_current_one_for_every_caller(world: SharedSimulation) -> None:
    old = world.get().issued
    world.slots.move(MAPS, epoch=2)
    by_both = [
        world.replacing.replace(old.record.id, application("storefront", number), request_id="r") for number in range(2)
    ]
    assert len({each.token.reveal() for each in by_both}) == 1
    assert by_both[0].record.grant.epoch == 2
    with pytest.raises(NotFound):
        world.replacing.replace(old.record.id, application("logistics", 0), request_id="r")


def test_an_acknowledgement_of_one_caller_ends_nothing_for_the_others(world: SharedSimulation) -> None:
    old = world.get().issued.record
    run = world.start(deadline=timedelta(hours=2))
    for _ in range(30):
        world.tick()
    fresh = world.replacing.replace(old.id, application("storefront", 0), request_id="r")
    word = world.replacing.acknowledge(
        fresh.record.id, application("storefront", 0), fingerprint=fresh.token.fingerprint, request_id="r"
    )
    assert word.id == fresh.record.id
    assert world.acknowledgements.of(MAPS) == {}
    with pytest.raises(InvalidRequest):
        world.replacing.acknowledge(
            fresh.record.id, application("storefront", 0), fingerprint="00" * 32, request_id="r"
        )
    done = world.run_until(run, ticks=600)
    cut = next(step.done for step in done.steps if step.name == "regenerate-key")
    assert cut is not None
    assert cut >= old.grant.expiry


def test_even_a_word_on_record_does_not_end_a_shared_window(world: SharedSimulation) -> None:
    """Whatever wrote it (an earlier release, a hand): a shared token is not known to be out of use by one word."""
    old = world.get().issued.record
    run = world.start(deadline=timedelta(hours=2))
    until = old.grant.expiry
    word = Acknowledgement(old.id, "maps-demo.other", "00" * 32, Consumer.of(old), world.clock.now(), until)
    world.acknowledgements.put(MAPS, word)
    done = world.run_until(run, ticks=600)
    cut = next(step.done for step in done.steps if step.name == "regenerate-key")
    assert cut is not None
    assert cut >= old.grant.expiry


def test_one_suspended_client_does_not_make_the_others_tokens_casualties(world: SharedSimulation) -> None:
    """The first who asked is stopped during the run; what the rest of his team holds is still waited for."""
    old = world.get(0).issued.record
    run = world.start(deadline=timedelta(hours=2))
    client = application("storefront", 0).application_id
    world.suspensions.put(Suspension("client", client, "thief", {}, NOW), [MAPS])
    world.pages.pop(0)
    done = world.run_until(run, ticks=600)
    cut = next(step.done for step in done.steps if step.name == "regenerate-key")
    assert cut is not None
    assert cut >= old.grant.expiry
    assert world.refused == []


def test_the_offboarded_teams_shared_token_is_not_waited_for(world: SharedSimulation) -> None:
    old = world.get().issued.record
    world.pages.clear()
    run = world.start(reason=Reason.OFFBOARDING, target=Target("team", ("storefront",)), deadline=timedelta(hours=2))
    done = world.run_until(run, ticks=200)
    assert done.state is State.COMPLETED
    assert world.clock.now() < old.grant.expiry
    assert old.id in done.casualties


def test_an_emergency_records_the_shared_token_as_a_casualty_and_cuts(world: SharedSimulation) -> None:
    old = world.get().issued.record
    world.pages.clear()
    run = world.start(mode=Mode.EMERGENCY, reason=Reason.KEY_COMPROMISE)
    done = world.run_until(run, ticks=200)
    assert done.casualties == frozenset({old.id})
    assert world.clock.now() < old.grant.expiry
    assert world.data_plane.status(world.get().issued.token) == 200


def test_its_consumer_is_the_team_and_has_a_name_to_be_excused_by(world: SharedSimulation) -> None:
    assert Consumer.of(world.get().issued.record).name == "storefront/*/web"
