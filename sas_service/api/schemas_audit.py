"""The shapes of audit events, of what is told of a found token, and of exposure."""

from marshmallow import INCLUDE, fields

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.answers_revocations import LeverShown
from sas_service.api.fields import Secret, Strict, Text
from sas_service.api.schemas_tokens import TokenOnRecord
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


class IdentifyBody(Strict):
    """What was found: exactly one of these."""

    token = Secret(
        longest=60_000,
        metadata={"description": "The token, or an Authorization header's value. Never kept, never logged."},
    )
    fingerprint = Text(
        longest=64,
        pattern="[0-9a-f]{64}",
        wanted="a SHA-256 as 64 hexadecimal digits",
        metadata={"description": "Its SHA-256, as hexadecimal."},
    )


class IdentifiedShown(Said):
    """Whose a token is; where `known` is false there is no more than `fingerprint`."""

    known = say.flag("Whether there is a record of it.")
    fingerprint = say.text("SHA-256 of what was sent.", "5e88" * 16)
    works = fields.Boolean(
        allow_none=True, metadata={"description": "Whether it works, by record alone; null: nobody can tell."}
    )
    because = say.maybe_text("Why.")
    token = fields.Nested(TokenOnRecord, metadata={"description": "Its record."})
    levers = fields.List(
        fields.Nested(LeverShown),
        allow_none=True,
        metadata={"description": "What each lever would take away; null where there is nothing to compare."},
    )
    recommended = fields.String(allow_none=True, metadata={"description": "The lever that costs least, or `wait`."})
    why = say.maybe_text("Why that one, or why none.")
    target = fields.Dict(metadata={"description": "The `target` of a revocation of this token."})


class _Exposed(Said):
    tokens = say.number("Live tokens, replaced ones that still work included.", 3)
    requests_per_second = say.number("The most they may ask, over all locations that they name.", 60)
    worst_case_transactions = say.number("The most that they may cost until each expires, billable.", 216_000)
    unconstrained = say.number("How many of them name no location: they have no such bound, and are not in it.", 0)


class ExposureTotal(_Exposed):
    """All live tokens."""


class TeamExposure(_Exposed):
    """One team's."""

    team = say.text("The team.", "storefront")


class ProfileExposure(_Exposed):
    """One profile's."""

    profile = say.text("The profile.", "storefront-web")


class LocationExposure(_Exposed):
    """What works at one location."""

    location = say.text("The Azure location; `any`: of tokens that name none.", "eastus")


class SlotExposure(_Exposed):
    """What hangs on one key and identity."""

    account = say.text("The account.", "maps-demo")
    signing_key = say.text("The key.", "primaryKey")
    identity = say.text("The identity.", "storefront-a")


class ExposureShown(Said):
    """What live tokens may cost at worst."""

    at = say.instant("When it was added up.")
    total = say.nested(ExposureTotal, "All of it.")
    teams = say.listed(TeamExposure)
    profiles = say.listed(ProfileExposure)
    locations = say.listed(LocationExposure)
    slots = say.listed(SlotExposure)
