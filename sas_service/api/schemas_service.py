"""The shapes of what the service says about itself, and of problems."""

from marshmallow import fields

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import Strict, Text


class Health(Said):
    """The process lives."""

    status = say.text("Always `ok`.", "ok")
    version = say.text("The release.", "0.1.0")


class Readiness(Said):
    """Whether the service can issue tokens now."""

    ready = say.flag("Whether all checks are good.")
    checks = say.mapping("Each dependency by name: `ok`, and what else it says.")


class ViolationShown(Said):
    """One way in which the request broke a rule."""

    pointer = say.text(
        "Where: a JSON Pointer into the body, or `query:`, `path:`, `header:` and a name.", "/maxRatePerSecond"
    )
    asked = fields.Raw(required=True, allow_none=True, metadata={"description": "What was asked, shortened."})
    allowed = fields.Raw(required=True, allow_none=True, metadata={"description": "What is allowed."})
    rule = say.text("Which rule says so.", "profiles.storefront-web.maxRatePerSecond")


class ProblemShown(Said):
    """A problem as RFC 9457 has it (`application/problem+json`)."""

    type = say.text("Which problem: an address with a page about it, or `about:blank`.", "/problems/outside-policy")
    title = say.text("The problem in a few words.", "The policy does not allow this")
    status = say.number("The HTTP status.", 422)
    detail = say.maybe_text("What was wrong this time.")
    instance = say.text(
        "The request id; quote it when asking for help.", "urn:uuid:6f1d5c1e-6f0b-4c0e-8f0a-1f6a7f0c9d11"
    )
    violations = fields.List(fields.Nested(ViolationShown), metadata={"description": "Every violation at once."})
    role = say.maybe_text("The app role that is missing.")
    replacement = say.maybe_text("The token that took over.")
    allowed_actions = fields.List(fields.String(), metadata={"description": "What may be done to the revocation now."})
    earliest_start = say.maybe_text("When time alone will have removed every obstacle of the plan.")
    running = say.maybe_text("The id of the revocation that has the account.")


class ProblemPath(Strict):
    """Which problem type."""

    slug = Text(
        required=True, longest=100, metadata={"description": "The last part of `type`.", "examples": ["outside-policy"]}
    )


class RenewalReasonPath(Strict):
    """Which reason."""

    reason = Text(
        required=True, longest=100, metadata={"description": "The `reason` that was told.", "examples": ["tokenLeak"]}
    )
