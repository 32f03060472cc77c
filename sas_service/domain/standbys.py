"""The warm standby: what would take over if the account had to move now, and the plan of bringing it up."""

from sas_service.domain.blast_radius import BlastRadius, Kill, Radius
from sas_service.domain.directions import Direction, next_identity
from sas_service.domain.plans import Asked, LeverCost, Plan
from sas_service.domain.revocations import Lever, Mode, Reason, Target, other
from sas_service.domain.situations import Situation
from sas_service.domain.slots import SigningKey


def standby_way(situation: Situation) -> Direction:
    """Return which identity would take over from each profile's active one, and which key.

    A profile without an identity that may take over is left out: one that is unclean or in quarantine stays as it is.
    Nothing is signed with a key in quarantine, so the active one stands in for the proof.
    """
    active = situation.slots.signing_key
    spare = other(active)
    chosen = {
        name: next_identity(profile, frozenset({situation.active_identity(profile)}), situation)
        for name, profile in situation.profiles.items()
    }
    identities = {name: identity for name, identity in chosen.items() if identity}
    key = active if situation.quarantined_until(spare.value) else spare
    return Direction(Kill(), key, identities, identities)


def foreign_way(key: SigningKey) -> Direction:
    """Return what somebody else did who made ``key`` anew: it killed what the key had signed, and nobody moved."""
    return Direction(Kill(key), key, {}, {})


def bare_plan(asked: Asked, lever: Lever, way: Direction, situation: Situation, why: str) -> Plan:
    """Return a plan that nobody chose among others: of upkeep, or of what has happened already."""
    nothing = BlastRadius(Radius(), Radius(), Radius())
    return Plan(
        account=situation.account.name,
        asked=asked,
        lever=lever,
        levers=(LeverCost(lever, way, nothing, azure_writes=0),),
        recommended=lever.value,
        why=why,
        warnings=(),
        obstacles=(),
        epoch=situation.slots.epoch,
        made_at=situation.now,
        expires_at=situation.now,
        hash="",
    )


def standby_plan(situation: Situation) -> Plan:
    """Return the plan whose first three steps are the standby's upkeep."""
    asked = Asked(Reason.SCHEDULED, Target("account", (situation.account.name,)), Mode.GRACEFUL, Lever.BOTH)
    return bare_plan(asked, Lever.BOTH, standby_way(situation), situation, "so that a revocation need not wait")
