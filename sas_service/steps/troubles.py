"""Azure's troubles: a step waits for their end, and nothing else comes to an end by them."""

from typing import Final

from sas_service.domain.errors import (
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    IdentityUnavailable,
    SasServiceError,
    WriteUnconfirmed,
)
from sas_service.steps.step import Seen

AZURE_TROUBLES: Final = (
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    IdentityUnavailable,
    WriteUnconfirmed,
)

TOO_SLOW: Final = "what must be looked at first takes longer than the lease: it is tried again"


def trouble(error: SasServiceError) -> Seen:
    """Return what to wait for; never what Azure said."""
    return Seen(missing=f"Azure: {type(error).__name__}")


def bug(error: Exception) -> str:
    """Return what to say of an error that nobody expected: its type alone, its text may hold secrets."""
    return f"an unexpected error of the service itself: {type(error).__name__}"
