"""The shapes of answers about revocations."""

from marshmallow import fields

from sas_service.api import answer_fields as say
from sas_service.api.answer_fields import Said
from sas_service.domain.revocations import Action, Lever, Mode, OnDeadline, Reason, State
from sas_service.domain.slots import SigningKey


class TokensOf(Said):
    """How many tokens of one team and profile."""

    team = say.text("The team.", "storefront")
    profile = say.text("The profile.", "storefront-web")
    tokens = say.number("How many.", 3)


class Radius(Said):
    """Live tokens, counted."""

    total = say.number("How many.", 3)
    by = say.listed(TokensOf)
    last_expiry = say.text("When the last of them expires by itself.", nullable=True, format="date-time")


class ObstacleShown(Said):
    """Why a lever cannot be pulled now."""

    what = say.text("What is in the way.")
    ways_out = say.texts("What helps.", ["lever key"])
    until = say.text("When time alone removes it; null: never.", nullable=True, format="date-time")


class Cuts(Said):
    """What is taken away."""

    signing_key = say.text("The key that is regenerated.", nullable=True, enum=[*map(str, SigningKey), None])
    identities = say.texts("The identities whose role is removed.", ["storefront-web-a"])


class MovesTo(Said):
    """What takes over."""

    signing_key = say.text("The key that signs then.", "secondaryKey", enum=[key.value for key in SigningKey])
    identities = say.mapping("Profile -> identity, for the profiles that change theirs.")


class LeverShown(Said):
    """What pulling one lever would do."""

    lever = say.text("The lever.", "both", enum=[lever.value for lever in Lever])
    available = say.flag("Whether nothing is in its way.")
    intended = say.nested(Radius, "The live tokens that are meant and that it kills.")
    collateral = say.nested(Radius, "The others that it kills.")
    missed = say.nested(Radius, "Those that are meant and that it does not reach.")
    reversible = say.flag("Whether it can be undone: a role can be given back, a key cannot.")
    azure_writes = say.number("How many calls to Azure change or sign something.", 9)
    azure_calls = say.mapping("Which, and how many of each.")
    expected_time = say.duration("How long it would take, roughly.", "PT14M")
    cuts = say.nested(Cuts, "What is taken away.")
    moves_to = say.nested(MovesTo, "What takes over.")
    obstacles = say.listed(ObstacleShown)


class OfferShown(Said):
    """A call that is worth sending first."""

    method = say.text("The method.", "PUT")
    path = say.text("The address.", "/v1/suspensions/team/storefront")
    body = say.mapping("The body.")
    why = say.text("Why.")


class StepShown(Said):
    """One line of the playbook."""

    name = say.text("Its name.", "switch")
    state = say.text("How far it is.", "done", enum=["pending", "running", "done"])
    purpose = say.text("What it is for.")
    begun = say.text("Since when.", nullable=True, format="date-time")
    done = say.text("When it was seen done.", nullable=True, format="date-time")
    missing = say.text("What it waits for.", nullable=True)


class ConsumerCount(Said):
    """How far the consumers are."""

    total = say.number("How many must move.", 50)
    moved = say.number("How many have.", 49)
    late = say.texts("Who has not, by name.", ["storefront/5d2c4a10-8a0e-4c39-8c0e-0f6b1d9f7e02/storefront-web"])


class RevocationShown(Said):
    """A revocation, from its plan to its end."""

    id = say.text("Its id.", "01K9Z6V7Q0M4T1C8N5R2X3Y6ZB")
    account = say.text("The account.", "maps-demo")
    state = say.text("Where it stands.", "running", enum=[state.value for state in State])
    reason = say.text("Why.", "tokenLeak", enum=[reason.value for reason in Reason])
    target = say.mapping("Whose tokens, as it was asked.")
    lever = say.text("What this plan would cut.", "both", enum=[lever.value for lever in Lever])
    mode = say.text("What happens to applications.", "expedited", enum=[mode.value for mode in Mode])
    on_deadline = say.text("What happens at the deadline.", "hold", enum=[each.value for each in OnDeadline])
    comment = say.text("What the admin wanted on record.", nullable=True)
    plan_hash = say.text("Names what was counted; also the ETag.", "9f2c" * 16)
    levers = say.listed(LeverShown)
    recommended = say.text("The lever with the least collateral, or `wait`.", "role", enum=[*map(str, Lever), "wait"])
    why = say.text("Why that one.")
    warnings = say.texts("What to know before starting.", ["suspend team storefront first"])
    offers = say.listed(OfferShown)
    obstacles = say.listed(ObstacleShown)
    earliest_start = say.text("When time alone will have removed them.", nullable=True, format="date-time")
    would_expire_by = say.text("When all that is meant would have expired.", nullable=True, format="date-time")
    planned_at = say.instant("When the plan was made.")
    expires_at = say.instant("Until when it may be started.")
    deadline = say.text(
        "Until when consumers may take; before the switch, if it switched at once.", nullable=True, format="date-time"
    )
    steps = say.listed(StepShown)
    consumers = say.nested(ConsumerCount, "How far the consumers are; in lists, as the run counted last.")
    allowed_actions = say.texts("What may be done now.", [Action.START.value])
    waiting_for = say.text("What a person is needed for.", nullable=True)
    waiting_code = say.text("The same as a code (docs/revocation.md).", nullable=True)
    remedy = say.text("What helps.", nullable=True)
    planned_by = say.mapping("Who planned it.")
    approvals_needed = say.number("How many others must approve.", 0)
    approvals_to_force = say.number("How many others must approve before anybody is left behind.", 0)
    approvals = say.texts("Who has, by object id.", [])
    started_by = say.mapping("Who started it.", nullable=True)
    forced_by = say.text("Who decided to cut whoever has not moved, by object id.", nullable=True)
    aborted_by = say.text("Who gave it up, by object id; or `deadline`.", nullable=True)
    started_at = say.text("When it began.", nullable=True, format="date-time")
    ended_at = say.text("When it ended.", nullable=True, format="date-time")
    preempted_by = say.text("The more urgent one that took over.", nullable=True)
    excused = say.texts("Who was left behind, by name.", [])
    casualties = say.number("How many tokens died before they were replaced; on record before they did.", 0)


class RevocationList(Said):
    """A page of revocations, newest plan first."""

    items = say.listed(RevocationShown)
    next = say.text("The next page, also in Link; null at the end.", nullable=True)


class ConsumerShown(Said):
    """One consumer: a team's application with a profile."""

    name = say.text("How it is called.", "storefront/5d2c4a10-8a0e-4c39-8c0e-0f6b1d9f7e02/storefront-web")
    team = say.text("The team.", "storefront")
    application = say.text("The client application.", "5d2c4a10-8a0e-4c39-8c0e-0f6b1d9f7e02")
    profile = say.text("The profile.", "storefront-web")
    moved = say.flag("Whether everything it had is replaced by something that it has loaded, or is over.")
    since = say.text(
        "When it moved, or when it was told to; null: nobody was told yet, or it never said so.",
        nullable=True,
        format="date-time",
    )
    excused = say.flag("Whether nobody waits for it.")
    live_tokens = say.number("How many unexpired tokens of it hang on what is cut.", 2)
    last_expiry = say.instant("When the last of them expires by itself.")


class ConsumerList(Said):
    """A page of consumers, by name."""

    items = say.listed(ConsumerShown)
    next = say.text("The next page, also in Link; null at the end.", nullable=True)


class EvidenceShown(Said):
    """What happened in a run, signed (docs/audit.md, "Evidence of a revocation")."""

    revocation = say.text("The revocation.", "01K9Z6V7Q0M4T1C8N5R2X3Y6ZB")
    account = say.text("The account.", "maps-demo")
    report = say.mapping("What was asked, decided, done, probed and acknowledged, and who was left behind.")
    signature = say.text("A signed note (C2SP) over the report's digest.")
    verifying_key = say.text("Who signs. Compare it with the one that you were given another way.")


class AcknowledgementShown(Said):
    """The old token counts as moved."""

    id = say.text("The new token's id.", "maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZB")
    replaces = say.text("The token that it replaces.", "maps-demo.01K9Z6V7Q0M4T1C8N5R2X3Y6ZA")
    acknowledged = fields.Boolean(required=True, metadata={"description": "Always true."})
    fingerprint = say.text("The fingerprint of what was loaded.", "5e88" * 16)
