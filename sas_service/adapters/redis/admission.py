"""The port Admission where one server has budget and records: both scripts as one, in one round trip."""

from collections.abc import Callable, Sequence
from typing import Any

from sas_service.adapters.redis.arm_budget import RedisArmBudget
from sas_service.adapters.redis.nodes import Words
from sas_service.adapters.redis.reservations import RESERVE_KEYS, RESERVE_WORDS, Reservations
from sas_service.adapters.redis.server import Script, Server
from sas_service.ports import Allotted, Demand, NotNow, QuotaSpent, Replay, Reservation, Reserved

_ADMIT = Script("events", "budget_spend", ("ask", "arm_budget"), ("reserve", "reserve"), "admit")


class RedisAdmission:
    """Not for a cluster: there the budget lies in another slot than an account (services/admit.py asks in turn)."""

    def __init__(self, server: Server, budget: RedisArmBudget, reservations: Reservations) -> None:
        self._server = server
        self._budget = budget
        self._reservations = reservations

    def admit(
        self, demand: Demand, reservation: Reservation
    ) -> tuple[Allotted | NotNow | QuotaSpent, Callable[[], Reserved | Replay]]:
        """Ask for the write, and reserve in the same script if it may be sent at once."""
        call = self._reservations.call(reservation)
        heard: list[list[Any]] = []

        def ask(keys: Sequence[str], words: Words) -> Any:
            allotted, *reserved = self._server.run(
                _ADMIT,
                (*call.keys[:RESERVE_KEYS], *keys, *call.keys[RESERVE_KEYS:]),
                (*call.words[:RESERVE_WORDS], *words, *call.words[RESERVE_WORDS:]),
            )
            heard.extend(reserved)
            return allotted

        answer = self._budget.ask_by(demand, ask)
        if not heard:
            return answer, lambda: self._reservations.reserve(reservation)
        return answer, lambda: self._reservations.outcome(call, heard[0])
