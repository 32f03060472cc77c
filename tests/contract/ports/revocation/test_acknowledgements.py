"""Acknowledgements: the first word for a token stands, whoever speaks again, until its tokens have expired."""

from dataclasses import replace
from datetime import timedelta

from sas_service.domain.consumers import Acknowledgement
from tests.contract.ports.revocation.world import Revoking, acknowledgement
from tests.contract.ports.test_races import at_once
from tests.contract.ports.world import ACCOUNT, OTHER_ACCOUNT


def test_what_was_said_is_remembered(revoking: Revoking) -> None:
    words = {f"maps-demo.{number}": acknowledgement(f"maps-demo.{number}") for number in range(3)}
    assert [revoking.acknowledgements.put(ACCOUNT, word) for word in words.values()] == [True] * 3
    assert revoking.acknowledgements.of(ACCOUNT) == words
    assert revoking.acknowledgements.of(OTHER_ACCOUNT) == {}


def test_the_first_word_stands(revoking: Revoking) -> None:
    first, second = acknowledgement("maps-demo.old"), acknowledgement("maps-demo.old", "maps-demo.newer")
    assert revoking.acknowledgements.put(ACCOUNT, first)
    assert not revoking.acknowledgements.put(ACCOUNT, first)
    assert not revoking.acknowledgements.put(ACCOUNT, second)
    assert revoking.acknowledgements.of(ACCOUNT) == {"maps-demo.old": first}


def test_one_of_many_words_is_the_first(revoking: Revoking) -> None:
    words: list[Acknowledgement] = [acknowledgement("maps-demo.old", f"maps-demo.{number}") for number in range(30)]
    outcomes = at_once(lambda number: revoking.acknowledgements.put(ACCOUNT, words[number]), 30)
    assert sum(map(bool, outcomes)) == 1
    assert revoking.acknowledgements.of(ACCOUNT) == {"maps-demo.old": words[outcomes.index(True)]}


def test_one_word_can_be_asked_for(revoking: Revoking) -> None:
    word = acknowledgement("maps-demo.old")
    revoking.acknowledgements.put(ACCOUNT, word)
    assert revoking.acknowledgements.get(ACCOUNT, "maps-demo.old") == word
    assert revoking.acknowledgements.get(ACCOUNT, "maps-demo.other") is None
    assert revoking.acknowledgements.get(OTHER_ACCOUNT, "maps-demo.old") is None


def test_a_word_is_forgotten_when_its_tokens_have_expired(revoking: Revoking) -> None:
    words = revoking.acknowledgements
    forever = acknowledgement("maps-demo.forever")
    short = replace(acknowledgement("maps-demo.short"), until=forever.at + timedelta(minutes=1))
    long = replace(acknowledgement("maps-demo.long"), until=forever.at + timedelta(hours=1))
    for word in (forever, short, long):
        assert words.put(ACCOUNT, word)
    assert words.get(ACCOUNT, "maps-demo.short") == short
    later = replace(acknowledgement("maps-demo.later"), at=forever.at + timedelta(minutes=1))
    assert words.put(ACCOUNT, later)
    assert words.of(ACCOUNT) == {word.replaced: word for word in (forever, long, later)}


def test_a_repeated_word_does_not_change_when_it_is_forgotten(revoking: Revoking) -> None:
    words = revoking.acknowledgements
    first = replace(acknowledgement("maps-demo.old"), until=acknowledgement("").at + timedelta(hours=1))
    words.put(ACCOUNT, first)
    words.put(ACCOUNT, replace(first, until=first.at + timedelta(minutes=1)))
    words.put(ACCOUNT, replace(acknowledgement("maps-demo.other"), at=first.at + timedelta(minutes=2)))
    assert words.get(ACCOUNT, "maps-demo.old") == first
