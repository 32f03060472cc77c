"""Under which names a token's caller is listed."""

from dataclasses import dataclass

from sas_service.domain.tokens import TokenRecord


@dataclass(frozen=True, slots=True)
class Asker:
    """An application's list and an object id's; '' where there is none.

    An application that asks for itself (``for_itself``) has an object id, too: that leads to the application's list
    and needs none of its own, unless the object id was another application's before.
    """

    application: str
    object_id: str
    for_itself: bool

    @classmethod
    def of(cls, record: TokenRecord) -> "Asker":
        """Return what the caller of ``record`` is listed under."""
        application, object_id = record.caller.get("applicationId", ""), record.caller.get("objectId", "")
        return cls(application, object_id, bool(application) and record.caller.get("kind") == "application")
