"""Acknowledgements: the first word for a token stands, whoever speaks again."""

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
