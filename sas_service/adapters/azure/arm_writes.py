"""Watches a principal's writes to Azure: asks the budget before each, and learns from what Azure says is left.

POST actions count as writes, DELETEs have a bucket of their own (azure-facts.md, section 4).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from sas_service.adapters.azure.errors import retry_after_of
from sas_service.ports import ArmBudget

_WRITES = frozenset({"POST", "PUT", "PATCH"})
_REMAINING = (
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-ratelimit-remaining-subscription-global-writes",
)
_WAITING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class ArmWrites(SansIOHTTPPolicy[Any, Any]):
    """A pipeline policy; ``before(subscription)`` asks for each write, where the caller has not done so itself."""

    def __init__(self, budget: ArmBudget, before: Callable[[str], object] | None = None) -> None:
        self._budget = budget
        self._before = before

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Ask for the write; raises BudgetExhausted, AzureThrottled, AuditLogUnavailable."""
        sent = request.http_request
        if self._before and sent.method in _WRITES:
            self._before(subscription_of(sent.url))

    def on_response(self, request: PipelineRequest[Any], response: Any) -> None:
        """Learn what is left, or that Azure wants us to wait."""
        sent, answer = request.http_request, response.http_response
        if sent.method not in _WRITES:
            return
        subscription = subscription_of(sent.url)
        remaining = _remaining(answer.headers)
        if remaining is not None:
            self._budget.learn(subscription, remaining)
        if answer.status_code in _WAITING:
            wait = retry_after_of(answer.headers, datetime.now(UTC))
            if wait is not None and wait > timedelta():
                self._budget.close(subscription, wait, empty=answer.status_code == HTTPStatus.TOO_MANY_REQUESTS)

    def sent(self, subscription: str, writes: int) -> None:
        """Tell of writes that were sent without asking, or asked for and not sent."""
        self._budget.sent(subscription.lower(), writes)


def subscription_of(url: str) -> str:
    """Return the subscription in the address of a resource, or a word for those without."""
    parts = url.split("/", 5)
    named = len(parts) > 4 and parts[3].lower() == "subscriptions"  # noqa: PLR2004 - https: // host / word / id
    return parts[4].partition("?")[0].lower() if named else "tenant"


def _remaining(headers: Mapping[str, str]) -> int | None:
    told = [int(text) for name in _REMAINING if (text := headers.get(name, "")).isascii() and text.isdecimal()]
    return min(told) if told else None
