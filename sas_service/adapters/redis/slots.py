"""The active slots of each account: one hash, so that epoch, key and identities change together or not at all."""

from collections.abc import Mapping, Sequence
from typing import Any

from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.server import Script, Server
from sas_service.domain.errors import EpochMoved, LeaseLost, NotFound
from sas_service.domain.slots import AccountSlots, SigningKey

_INITIALISE = Script("initialise_slots")
_SWITCH = Script("switch_slots")
_IDENTITY = "identity:"


class RedisSlots:
    """The ports ``Slots`` and ``SlotSwitch``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def read(self, account: str) -> AccountSlots:
        """Return what is active. Raises AuditLogUnavailable, NotFound before ``initialise``."""
        (fields,) = self._server.read(("HGETALL", Keys(account).slots))
        if not fields:
            raise NotFound("The account has no slots yet.")
        return _slots(account, fields)

    def initialise(self, account: str, identities: Mapping[str, str]) -> AccountSlots:
        """Give profiles that have none their first identity; never changes an existing one."""
        answer: Sequence[str] = self._server.run_durably(
            _INITIALISE, (Keys(account).slots,), (SigningKey.PRIMARY.value, *_named(identities))
        )
        return _slots(account, _fields(answer))

    def switch(
        self, account: str, *, after_epoch: int, signing_key: SigningKey, identities: Mapping[str, str], fence: int
    ) -> AccountSlots:
        """Set the key and the identities named, and count the epoch up, all or nothing; repeated, the same again.

        Raises EpochMoved, LeaseLost, NotFound before ``initialise``, AuditLogUnavailable.
        """
        keys = Keys(account)
        answer: Sequence[Any] = self._server.run_durably(
            _SWITCH,
            (keys.slots, keys.lease),
            (after_epoch, after_epoch + 1, fence, "signingKey", signing_key.value, *_named(identities)),
        )
        match answer:
            case ["DONE", fields]:
                return _slots(account, _fields(fields))
            case ["EPOCH"]:
                raise EpochMoved("The account was switched by somebody else.")
            case ["LEASE"]:
                raise LeaseLost("Another runner has taken over the account.")
        raise NotFound("The account has no slots yet.")


def _named(identities: Mapping[str, str]) -> list[str]:
    return [word for profile, identity in sorted(identities.items()) for word in (_IDENTITY + profile, identity)]


def _fields(answer: Sequence[str]) -> dict[str, str]:
    return dict(zip(answer[::2], answer[1::2], strict=True))


def _slots(account: str, fields: Mapping[str, str]) -> AccountSlots:
    return AccountSlots(
        account=account,
        epoch=int(fields["epoch"]),
        signing_key=SigningKey(fields["signingKey"]),
        identities={
            name.removeprefix(_IDENTITY): identity for name, identity in fields.items() if name.startswith(_IDENTITY)
        },
    )
