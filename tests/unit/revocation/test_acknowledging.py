"""An application's word and its event: whatever stops in between, no word counts that is not on record."""

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

from sas_service.domain.consumers import Acknowledgement
from sas_service.domain.errors import AuditLogUnavailable
from sas_service.domain.slots import SigningKey
from sas_service.domain.tokens import TokenState
from sas_service.ports import EventQuery
from tests.unit.revocation.world import MAPS, Application, Simulation


def moved(world: Simulation) -> tuple[Application, str]:
    """Return an application that has its replacement and has not said so, and the id of what was replaced."""
    app = world.add("storefront", 0, acknowledges=False)
    old = app.id
    fence = world.leases.fence(MAPS)
    world.slots.switch(MAPS, after_epoch=1, signing_key=SigningKey.SECONDARY, identities={"web": "web-b"}, fence=fence)
    app.turn()
    return app, old


def say(world: Simulation, app: Application) -> None:
    world.replacing.acknowledge(app.id, app.caller, fingerprint=app.token.fingerprint, request_id="r")


def events(world: Simulation) -> int:
    page = world.log.events(EventQuery([MAPS]), cursor=None, limit=500)
    return sum(json.loads(each.text)["kind"] == "acknowledged" for each in page.items)


def away(*_arguments: object, **_named: object) -> bool:
    raise AuditLogUnavailable("away")


def test_a_word_that_cannot_be_told_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Simulation(is_cold=False)
    app, old = moved(world)
    with monkeypatch.context() as broken:
        broken.setattr(world.log, "append", away)
        with pytest.raises(AuditLogUnavailable):
            say(world, app)
    assert (events(world), world.acknowledgements.get(MAPS, old)) == (0, None)
    say(world, app)
    assert events(world) == 1
    assert world.acknowledgements.get(MAPS, old) is not None


def test_a_word_lost_after_its_event_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Simulation(is_cold=False)
    app, old = moved(world)
    with monkeypatch.context() as broken:
        broken.setattr(world.acknowledgements, "put", away)
        with pytest.raises(AuditLogUnavailable):
            say(world, app)
    assert (events(world), world.acknowledgements.get(MAPS, old)) == (1, None)
    say(world, app)
    say(world, app)
    assert events(world) == 2
    assert world.acknowledgements.get(MAPS, old) is not None


def test_the_word_is_kept_until_both_tokens_have_expired() -> None:
    world = Simulation(is_cold=False)
    app, old = moved(world)
    say(world, app)
    records = [world.log.token(each) for each in (old, app.id)]
    word = world.acknowledgements.get(MAPS, old)
    assert word is not None
    assert word.until == max(each.grant.expiry for each in records if each)
    assert word.until > word.at + timedelta(seconds=1)


def test_one_token_is_asked_for_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Simulation(is_cold=False)
    app, _old = moved(world)

    def everything(_account: str) -> Mapping[str, Acknowledgement]:
        pytest.fail("reads all acknowledgements for one")

    monkeypatch.setattr(world.acknowledgements, "of", everything)
    say(world, app)


def test_an_instance_that_holds_the_first_token_of_a_chain_gets_the_last_and_nothing_is_signed_in_vain() -> None:
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    first = app.id
    app._replace()
    app._replace()
    second_instance = world.replacing.replace(first, app.caller, request_id="r")
    assert second_instance.redelivered
    assert second_instance.record.id == app.id
    assert {record.state for record in world.log.unexpired(MAPS, world.clock.now())} == {TokenState.LIVE}


def test_a_chain_that_ends_in_an_earlier_epoch_is_left_for_a_token_of_the_new_slot() -> None:
    world = Simulation(is_cold=False)
    app = world.add(acknowledges=False)
    first = app.id
    app._replace()
    app._replace()
    fence = world.leases.fence(MAPS)
    world.slots.switch(MAPS, after_epoch=1, signing_key=SigningKey.SECONDARY, identities={"web": "web-b"}, fence=fence)
    anew = world.replacing.replace(first, app.caller, request_id="r")
    assert (anew.record.grant.epoch, anew.record.replaces) == (2, first)
