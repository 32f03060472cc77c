"""Slots: which key and which identity sign right now, and the epoch that counts their changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class SigningKey(StrEnum):
    """Azure's words. ``managedIdentity`` is left out: no call can revoke what it signed (azure-facts.md, 0.9)."""

    PRIMARY = "primaryKey"
    SECONDARY = "secondaryKey"


@dataclass(frozen=True, slots=True)
class AccountSlots:
    """What is active on one account: the epoch, the account's key, and each profile's identity by name."""

    account: str
    epoch: int
    signing_key: SigningKey
    identities: Mapping[str, str]

    def document(self) -> dict[str, object]:
        """Write them as events say them: all that a repair of the audit log needs to give them back."""
        identities = dict(sorted(self.identities.items()))
        return {"epoch": self.epoch, "signingKey": self.signing_key.value, "identities": identities}


@dataclass(frozen=True, slots=True)
class Slot:
    """The active key of the account and the active identity of the profile: what a Grant is signed with."""

    account: str
    epoch: int
    signing_key: SigningKey
    identity: str
    principal_id: str
