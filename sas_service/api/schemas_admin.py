"""The shapes of suspensions and of audit events."""

from marshmallow import INCLUDE, fields

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import OneOf, Strict, Text
from sas_service.api.paging import Cursor, limit
from sas_service.domain.audit import EventKind

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


class EventsQuery(Strict):
    """Which events to list."""

    account = Text(longest=100, metadata={"description": "Only this account's; `service`: those of no account."})
    team = Text(longest=100, metadata={"description": "Only this team's."})
    token = Text(longest=200, metadata={"description": "Only this token's, by its id."})
    cursor = Cursor()
    limit = limit()


class AuditEventShown(Said):
    """An audit event, exactly as stored; further members depend on its kind."""

    stream = say.text("What numbers it: the account, or `service`.", "maps-demo")
    seq = say.number("Its number in the stream, without gaps.", 4711)
    kind = say.text("What happened.", "issued", enum=[kind.value for kind in EventKind])
    at = say.instant("When.")
    account = say.maybe_text("The account that it is about.")
    team = say.maybe_text("The team that it is about.")
    token = say.maybe_text("The token that it is about, by its id.")
    caller = fields.Dict(metadata={"description": "Who asked."})
    request_id = say.maybe_text("The id of the request.")

    class Meta:
        """What else an event says depends on its kind (``domain/token_events.py``)."""

        unknown = INCLUDE


class AuditEventList(Said):
    """A page of events, newest first."""

    items = say.listed(AuditEventShown)
    next = say.text("The next page, also in Link; null at the end.", nullable=True)
