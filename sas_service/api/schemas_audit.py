"""The shapes of audit events, of what is told of a found token, and of exposure."""

from marshmallow import INCLUDE, fields

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.domain.audit import EventKind


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
