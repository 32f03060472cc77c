"""The shapes of a lockdown."""

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.api.fields import OneOf, Strict, Text
from sas_service.domain.lockdowns import LockdownState
from sas_service.domain.revocations import Reason


class LockdownBody(Strict):
    """Why."""

    reason = OneOf(
        *(each.value for each in Reason),
        required=True,
        metadata={"description": "Why the account is locked down.", "examples": ["keyCompromise"]},
    )
    comment = Text(longest=500, metadata={"description": "For the audit log.", "examples": ["keys found in a log"]})


class LockdownStep(Said):
    """One thing that a worker does."""

    name = say.text("The step.", "regenerate-keys")
    state = say.text("How far it is.", "done", enum=["pending", "running", "done"])


class LockdownShown(Said):
    """A lockdown, and how far it is."""

    id = say.text("Its id.", "0JC9W7X5M1ZQ8K3T6R2Y4B5N7D")
    account = say.text("The account.", "maps-demo")
    state = say.text(
        "locking: nothing is issued, the rest is under way; locked: it may be released; releasing: under way.",
        "locked",
        enum=[each.value for each in LockdownState],
    )
    reason = say.text("Why.", "keyCompromise", enum=[each.value for each in Reason])
    comment = say.text("What was said about it.", nullable=True)
    by = say.mapping("Who locked it down.")
    since = say.instant("Since when nothing is issued.")
    missing = say.text("What the worker waits for.", nullable=True)
    breached_at = say.text(
        "When somebody switched local authentication on again; null: nobody has.", nullable=True, format="date-time"
    )
    steps = say.listed(LockdownStep)
