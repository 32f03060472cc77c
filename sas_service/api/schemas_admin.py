"""The shapes of suspensions."""

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import OneOf, Strict, Text

KINDS = ("team", "client", "profile")


class SuspensionPath(Strict):
    """Who or what is suspended."""

    kind = OneOf(*KINDS, required=True, metadata={"description": "What the id names; `client` is an application id."})
    id = Text(
        required=True, longest=200, metadata={"description": "The team, client or profile.", "examples": ["storefront"]}
    )


class SuspensionBody(Strict):
    """Why."""

    reason = Text(
        longest=500, metadata={"description": "For the audit log.", "examples": ["token found in a public repository"]}
    )


class SuspensionShown(Said):
    """Who or what gets no token for now."""

    kind = say.text("What the id names.", "team", enum=list(KINDS))
    id = say.text("The team, client or profile.", "storefront")
    reason = say.text("Why.", nullable=True)
    by = say.mapping("Who suspended it.")
    at = say.instant("When.")


class SuspensionList(Said):
    """All suspensions."""

    items = say.listed(SuspensionShown)
    next = say.text("Always null: all suspensions fit one page.", nullable=True)
