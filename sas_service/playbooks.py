"""The playbooks: a tuple of Steps for each lever, and those of a lockdown; reading one is reading the document."""

from collections.abc import Mapping
from typing import Final

from sas_service.domain.lockdowns import SEE_KEYS
from sas_service.domain.revocations import Lever
from sas_service.steps import cutting, locking, moving, proving, releasing, sharing_keys, standby
from sas_service.steps.locking import LockStep
from sas_service.steps.step import Step

ATTACH_IDENTITY: Final = Step(
    "attach-identity",
    "Put the identity that takes over on the account, beside the old one.",
    standby.is_attached,
    standby.attach,
    undo=standby.detach_again,
)
ASSIGN_ROLE: Final = Step(
    "assign-role",
    "Give it the profile's data role at the account.",
    standby.is_assigned,
    standby.assign,
    undo=standby.remove_again,
)
PROVE_STANDBY: Final = Step(
    "prove-standby",
    "Sign a canary with the new slot and see it accepted repeatedly, on every host the profiles use.",
    standby.is_proven,
    standby.prove,
)
SWITCH: Final = Step(
    "switch",
    "Move the account's key and the profiles' identities in one step: new tokens come from the new slot from here on.",
    moving.is_switched,
    moving.switch,
    undo=moving.switch_back,
)
SETTLE: Final = Step(
    "settle",
    "Wait until no token that was begun before the switch can still be finished.",
    moving.is_settled,
)
MOVE_DAEMONS: Final = Step(
    sharing_keys.MOVE,
    "Write the other key into the secrets from which daemons read the shared key, and wait until all have read it.",
    sharing_keys.are_moved,
    sharing_keys.move,
    undo=sharing_keys.move_back,
    bounded=False,
)
REPLACE: Final = Step(
    "replace",
    "Wait until every application has loaded a new token, or its old one has expired, or it is excused by name.",
    moving.is_replaced,
    bounded=False,
)
REGENERATE_KEY: Final = Step(
    "regenerate-key",
    "Regenerate the old key: every token that it signed is dead for good.",
    cutting.is_regenerated,
    cutting.regenerate,
    reversible=False,
)
DETACH_IDENTITY: Final = Step(
    "detach-identity",
    "Take the old identity off the account, and nothing else.",
    cutting.is_detached,
    cutting.detach,
    reversible=False,
)
REMOVE_ROLE: Final = Step(
    "remove-role",
    "Remove the old identity's role: its tokens stop working, and would work again if the role came back.",
    cutting.is_removed,
    cutting.remove,
    reversible=False,
)
PROVE_REVOKED: Final = Step(
    "prove-revoked",
    "See the canaries of what was cut refused on every host, repeatedly, and the new slot still accepted.",
    proving.is_revoked,
    proving.sign_again,
)
COMPLETE: Final = Step(
    "complete",
    "Close the run: daemons' secrets hold the key that stays, what was cut is in quarantine, evidence is on record.",
    proving.is_complete,
    sharing_keys.copy_again,
)

PLAYBOOKS: Final[Mapping[Lever, tuple[Step, ...]]] = {
    Lever.BOTH: (
        ATTACH_IDENTITY,
        ASSIGN_ROLE,
        PROVE_STANDBY,
        SWITCH,
        SETTLE,
        MOVE_DAEMONS,
        REPLACE,
        REGENERATE_KEY,
        DETACH_IDENTITY,
        REMOVE_ROLE,
        PROVE_REVOKED,
        COMPLETE,
    ),
    Lever.KEY: (
        PROVE_STANDBY,
        SWITCH,
        SETTLE,
        MOVE_DAEMONS,
        REPLACE,
        REGENERATE_KEY,
        PROVE_REVOKED,
        COMPLETE,
    ),
    Lever.ROLE: (
        ATTACH_IDENTITY,
        ASSIGN_ROLE,
        PROVE_STANDBY,
        SWITCH,
        SETTLE,
        REPLACE,
        REMOVE_ROLE,
        DETACH_IDENTITY,
        PROVE_REVOKED,
        COMPLETE,
    ),
}
"""The document's three levers (design.md section 5)."""

LOCKING: Final[tuple[LockStep, ...]] = (
    LockStep(
        "end-revocation",
        "End the revocation that is under way, if there is one: whatever it was to stop is stopped.",
        locking.is_ended,
        locking.end,
    ),
    LockStep(
        SEE_KEYS,
        "Remember both keys by their fingerprints; issuing stopped when the lockdown was asked for.",
        locking.are_seen,
        locking.see,
    ),
    LockStep(
        locking.SIGN,
        "Sign a canary of each key and see it accepted; without waiting if that is not to be had.",
        locking.are_signed,
        locking.sign_once,
    ),
    LockStep(
        locking.DISABLE,
        "Switch local authentication off: Azure refuses every key and every SAS token of the account.",
        locking.is_disabled,
        locking.disable,
    ),
    LockStep(
        locking.PROVE, "See the canaries refused on every host, repeatedly, within the limit.", locking.are_refused
    ),
    LockStep(
        locking.KEYS,
        "Regenerate both keys: whatever was signed before is dead for good, also what this service never saw.",
        locking.are_regenerated,
        locking.regenerate,
    ),
)
"""What happens after ``POST /v1/accounts/{account}/lockdown``."""

RELEASING: Final[tuple[LockStep, ...]] = (
    LockStep(
        "choose-key",
        "See both keys changed, and sign with one that no late regeneration can hit.",
        releasing.is_safe,
        releasing.choose,
    ),
    LockStep(releasing.ENABLE, "Switch local authentication on again.", releasing.is_enabled, releasing.enable),
    LockStep(
        releasing.ACCEPTED,
        "See a canary of the new key accepted on every host, repeatedly, and those of the old keys refused.",
        releasing.is_accepted,
        releasing.sign_new,
    ),
    LockStep("free", "Let tokens be issued again.", releasing.is_free, releasing.free),
)
"""What happens after ``DELETE /v1/accounts/{account}/lockdown``."""
