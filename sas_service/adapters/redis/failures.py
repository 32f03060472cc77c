"""Turns every redis error into AuditLogUnavailable, without address, command or value in it."""

from datetime import timedelta

from redis import exceptions

from sas_service.domain.errors import AuditLogUnavailable

RETRY_AFTER = timedelta(seconds=2)

_LOSS = "LOST"
LOST = "lost events that the mirror has: run `sas-service audit repair`"


class NotAdmitted(exceptions.ConnectionError):
    """Raised while connecting, when the server behind the connection must not be used; ``why`` says it to people."""

    def __init__(self, why: str) -> None:
        super().__init__("not admitted")
        self.why = why


# The first match decides, so subclasses stand before their parents.
_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.TimeoutError, "did not answer in time"),
    (exceptions.BusyLoadingError, "is still loading its data"),
    (exceptions.AuthenticationError, "refuses our login"),
    (exceptions.AuthorizationError, "refuses our login"),
    (exceptions.MaxConnectionsError, "has no free connection"),
    (exceptions.ConnectionError, "cannot be reached"),
    (exceptions.OutOfMemoryError, "is full"),
    (exceptions.ReadOnlyError, "is read-only"),
    (exceptions.NoPermissionError, "refuses a command"),
    (exceptions.MasterDownError, "has lost its primary"),
    (exceptions.AskError, "is being moved to other servers"),
    (exceptions.TryAgainError, "is being moved to other servers"),
    (exceptions.ClusterError, "has lost a part of its cluster"),
    (exceptions.RedisClusterException, "has lost a part of its cluster"),
)
_BY_PREFIX = (
    ("This instance has cluster support disabled", "is no cluster: leave out SAS_REDIS_CLUSTER"),
    ("MISCONF", "cannot write to its disk"),
    ("NOREPLICAS", "has too few replicas"),
    (_LOSS, LOST),
)


class translated:  # noqa: N801  used as a function is
    """Raise AuditLogUnavailable in place of any error of redis-py or of the network under it.

    A class: a generator's context manager costs as much as packing a script.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Translate; what is not the network's or redis-py's passes."""
        if isinstance(error, exceptions.RedisError | exceptions.RedisClusterException | OSError):
            # ``from None``: the original may quote the address, a command or a value.
            raise unavailable(_what_happened(error)) from None


def is_loss(error: Exception) -> bool:
    """Tell whether a script refused because its stream ends too early (lua/events.lua)."""
    return str(error).startswith(_LOSS)


def unavailable(what: str, *, unfit: bool = False) -> AuditLogUnavailable:
    """Return the error that says ``what`` of the audit log; ``unfit`` marks a server that answers but will not do."""
    error = AuditLogUnavailable(f"The audit log {what}.", retry_after=RETRY_AFTER)
    if unfit:
        error.extra["unfit"] = "yes"
    return error


def _what_happened(error: Exception) -> str:
    if isinstance(error, NotAdmitted):
        return error.why
    for kind, text in _BY_TYPE:
        if isinstance(error, kind):
            return text
    for prefix, text in _BY_PREFIX:
        if str(error).startswith(prefix):
            return text
    if isinstance(error, OSError):
        return "cannot be reached"
    return f"answered with an error ({type(error).__name__})"
