"""What is offered before anything is cut: to stop the thief, who could otherwise ask again."""

from collections.abc import Iterator
from dataclasses import dataclass

from sas_service.domain.consumers import Consumer
from sas_service.domain.revocations import Reason, Target
from sas_service.domain.situations import Situation

_THIEVES = frozenset({Reason.TOKEN_LEAK, Reason.OFFBOARDING, Reason.KEY_COMPROMISE})
_CLIENTS_OF = frozenset({"tokens", "fingerprints"})


@dataclass(frozen=True, slots=True)
class Offer:
    """A suspension that can be sent as it is: ``kind`` is team, client or profile."""

    kind: str
    id: str


def offers(target: Target, reason: Reason, situation: Situation) -> Iterator[Offer]:
    """Yield the suspensions that would stop who is meant; who has a key or an identity needs nobody to ask."""
    if reason not in _THIEVES:
        return
    for offer in sorted(_named(target, situation), key=lambda each: (each.kind, each.id)):
        if (offer.kind, offer.id) not in situation.suspended:
            yield offer


def _named(target: Target, situation: Situation) -> set[Offer]:
    if target.kind in {"team", "profile"}:
        return {Offer(target.kind, name) for name in target.values}
    if target.kind not in _CLIENTS_OF:
        return set()
    holders = (Consumer.of(record).application for record in situation.live if target.selects(record))
    return {Offer("client", application) for application in holders if application}
